"""Tests which file formats are accepted as sources, and the error messages for others."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from PIL import Image, ImageSequence

from orchestrator.errors import BadMedia
from orchestrator.frames import Frame
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tests.media.test_formats import through
from tools.fixtures.clips import make_clip, number_of, numbered, plain

CASES = Path(__file__).parents[3] / "shared" / "cases"


def read(path: Path) -> tuple[list[Frame], list[str]]:
    info = probe(path)
    with VideoReader(path, info, threads=1) as reader:
        frames = list(reader.frames())
        return frames, [*info.notes, *reader.notes]


def times_s(path: Path, frames: Sequence[Frame]) -> list[float]:
    """Return when each picture begins, and when the last one ends, in seconds."""
    tick = probe(path).time_base
    ends = [frame.pts for frame in frames] + [frames[-1].pts + frames[-1].duration]
    return [float(end * tick) for end in ends]


def animation(path: Path, delays_ms: Sequence[int], **options: Any) -> Path:
    """Write numbered pictures as a GIF, APNG, WebP or AVIF with Pillow."""
    first, *rest = [Image.fromarray(numbered(n)) for n in range(len(delays_ms))]
    first.save(path, save_all=True, append_images=rest, duration=list(delays_ms), **options)
    return path


@pytest.mark.parametrize(
    ("system", "rate", "width", "height", "pix_fmt"),
    [
        ("PAL", Fraction(25), 720, 576, "yuv420p"),
        ("NTSC", Fraction(30_000, 1001), 720, 480, "yuv411p"),
    ],
)
def test_raw_dv_is_taken_at_the_rate_of_its_system(
    tmp_path: Path, system: str, rate: Fraction, width: int, height: int, pix_fmt: str
) -> None:
    path = make_clip(
        tmp_path / f"{system}.dv",
        [numbered(n, width, height) for n in range(6)],
        codec="dvvideo",
        pix_fmt=pix_fmt,
        rate=rate,
    )
    info = probe(path)
    assert (info.average_rate, info.frames, info.interlaced) == (rate, 6, True)
    frames, notes = read(path)
    assert [number_of(frame.pixels) for frame in frames] == list(range(6))
    assert times_s(path, frames) == pytest.approx([n / float(rate) for n in range(7)])
    assert notes == ["the source is interlaced: it was deinterlaced (bwdif)"]
    assert through(path, tmp_path / "out.mp4").duration_s == pytest.approx(6 / float(rate))


def test_a_gif_is_shown_as_browsers_show_it(tmp_path: Path) -> None:
    """A delay of less than 2/100 s becomes 10/100 s, also that of the last picture."""
    path = animation(tmp_path / "in.gif", [0, 10, 20, 30, 500, 10], loop=3)
    frames, notes = read(path)
    assert [number_of(frame.pixels) for frame in frames] == list(range(6))
    assert times_s(path, frames) == pytest.approx([0, 0.1, 0.2, 0.22, 0.25, 0.75, 0.85])
    assert notes == []
    writer = through(path, tmp_path / "out.mp4")
    assert writer.duration_s == pytest.approx(0.85)


def test_the_pictures_of_a_gif_are_put_together_as_others_do_it(tmp_path: Path) -> None:
    """The GIF has partial pictures, transparent pixels, and all three disposal methods."""
    pictures = []
    for n in range(8):
        picture = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
        picture.paste((255, 40 * n % 256, 0, 255), (5 * n, 4 * n, 5 * n + 12, 4 * n + 9))
        pictures.append(picture)
    for disposal in (0, 1, 2, 3):
        path = tmp_path / f"{disposal}.gif"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100, disposal=disposal)
        with Image.open(path) as image:
            expected = [np.array(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]
        frames, notes = read(path)
        assert len(frames) == len(expected) == 8
        for frame, other in zip(frames, expected, strict=True):
            seen = other[..., 3] > 0
            assert seen.any()
            assert np.abs(frame.pixels[seen].astype(int) - other[seen][:, :3]).max() <= 1
        assert notes == []
        assert "the source's transparency was dropped" in through(path, tmp_path / "out.mp4").notes


def test_an_apng_is_taken_with_its_delays(tmp_path: Path) -> None:
    path = animation(tmp_path / "in.png", [100, 200, 50, 0, 20])
    frames, notes = read(path)
    assert [number_of(frame.pixels) for frame in frames] == list(range(5))
    for n, frame in enumerate(frames):
        assert np.abs(frame.pixels.astype(int) - numbered(n)).max() <= 1
    assert times_s(path, frames) == pytest.approx([0, 0.1, 0.3, 0.35, 0.45, 0.47])
    assert notes == []


def test_y4m_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "in.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W96 H64 F30000:1001 Ip A16:15 C420jpeg\n")
        for n in range(4):
            picture = av.VideoFrame.from_ndarray(numbered(n), "rgb24").reformat(format="yuv420p")
            file.write(b"FRAME\n" + picture.to_ndarray().tobytes())
    frames, notes = read(path)
    assert [number_of(frame.pixels) for frame in frames] == list(range(4))
    assert times_s(path, frames) == pytest.approx([n * 1001 / 30_000 for n in range(5)])
    assert probe(path).sample_aspect_ratio == Fraction(16, 15)
    assert notes == []


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tif", "avif"])
def test_a_single_picture_is_refused_with_what_takes_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in.{suffix}"
    Image.fromarray(plain((200, 100, 50))).save(path)
    path = path.rename(tmp_path / "in.mp4")  # the name does not count
    with pytest.raises(BadMedia, match=r"is a single picture .* use `framewright infer`"):
        probe(path)


@pytest.mark.parametrize(
    ("suffix", "advice"),
    [
        ("webp", r"animated WebP, .* convert it to gif, png \(APNG\) or mp4"),
        ("avif", "convert it to mp4 or gif"),
    ],
)
def test_an_animation_that_cannot_be_decoded_is_refused_with_what_to_do(
    tmp_path: Path, suffix: str, advice: str
) -> None:
    with pytest.raises(BadMedia, match=advice):
        probe(animation(tmp_path / f"in.{suffix}", [100, 100, 100]))


@pytest.mark.parametrize(
    ("container", "codec", "name"),
    [("h264", "libx264", "H.264"), ("hevc", "libx265", "HEVC"), ("mpeg2video", "mpeg2video", "MPEG video")],
)
def test_a_raw_stream_is_refused_as_it_has_no_times(
    tmp_path: Path, container: str, codec: str, name: str
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = make_clip(tmp_path / "in.raw", 5, codec=codec, container=container, options=options)
    with pytest.raises(BadMedia, match=rf"raw {name} stream, .* put it into a container with its frame rate"):
        probe(path)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp3", "mp3"), ("wav", "pcm_s16le"), ("flac", "flac"), ("aac", "aac"), ("ac3", "ac3"), ("m4a", "aac")],
)
def test_sound_alone_is_refused_for_what_it_is(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"in.{suffix}"
    with av.open(str(path), "w", format="ipod" if suffix == "m4a" else None) as output:
        stream = cast("AudioStream", output.add_stream(codec, rate=48_000, layout="stereo"))
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 9600), np.float32), "fltp", "stereo")
        frame.sample_rate = 48_000
        output.mux([packet for part in (frame, None) for packet in stream.encode(part)])
    with pytest.raises(BadMedia, match="holds sound but no video: name a video file"):
        probe(path)


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
@pytest.mark.parametrize(
    ("name", "pictures", "end_s", "size"),
    [("camcorder.dv", 10, 0.4, (720, 576)), ("input.gif", 20, 2.0, (160, 120))],
)
def test_real_dv_and_gif_are_taken(name: str, pictures: int, end_s: float, size: tuple[int, int]) -> None:
    frames, _ = read(CASES / name)
    assert len(frames) == pictures
    assert times_s(CASES / name, frames)[-1] == pytest.approx(end_s)
    assert frames[0].pixels.shape == (size[1], size[0], 3)
