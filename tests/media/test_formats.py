"""Tests what is encoded for each container, quality and pixel format."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.errors import BadRequest
from orchestrator.frames import Colour, Form, Pixels
from orchestrator.jobs import Quality
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.encoder_selection import choose
from orchestrator.media.write.gif import GifFrameSelector, paced
from orchestrator.media.write.writer import VideoWriter
from orchestrator.media_containers import CONTAINERS, MP4, WEBM, MediaContainer
from tests.media.test_frame_to_rgb import COEFFICIENTS, PATCHES, to_yuv
from tools.fixtures.clips import coded, make_clip, number_of, numbered

VIDEOS = ["mp4", "mov", "mkv", "webm"]
LOSSLESS_X265 = {"x265-params": "log-level=none:lossless=1", "preset": "ultrafast"}
CHROMA = {"420": (2, 2), "422": (2, 1), "440": (1, 2), "444": (1, 1)}


def through(source: Path, output: Path, form: Form = "rgb", **options: Any) -> VideoWriter:
    """Read a video and write it unchanged."""
    info = read = probe(source)
    selector = GifFrameSelector(info) if output.suffix == ".gif" else None
    if selector is not None:
        info = paced(info)
    with (
        VideoReader(source, read, form=form, threads=1) as reader,
        VideoWriter(
            output,
            source=source,
            info=info,
            width=info.width,
            height=info.height,
            form=form,
            **options,
        ) as writer,
    ):
        for frame in reader.frames() if selector is None else selector.run(reader.frames()):
            writer.write(frame)
        writer.finish()
    return writer


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def stored(frame: av.VideoFrame) -> list[NDArray[Any]]:
    """Return the samples of each plane, by PyAV alone."""
    kind = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    return [
        np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)[:, : plane.width].copy()
        for plane in frame.planes
    ]


def rgb(frame: av.VideoFrame) -> Pixels:
    return np.asarray(frame.to_ndarray(format="rgb24")).astype(np.uint8)


def noise(chroma: str, bits: int, width: int, height: int, seed: int) -> list[NDArray[Any]]:
    """Return smooth planes that contain all values, with noise in the lowest bits."""
    random = np.random.default_rng(seed)
    across, down = CHROMA[chroma]
    kind = np.uint8 if bits == 8 else np.uint16
    planes = []
    for size in ((height, width), *[(-(-height // down), -(-width // across))] * 2):
        ramp = np.add.outer(np.arange(size[0]) * 5, np.arange(size[1]) * 3)
        planes.append(((ramp + random.integers(0, 9, size)) % 2**bits).astype(kind))
    return planes


def clip_of_planes(path: Path, chroma: str, bits: int, width: int, height: int, **options: Any) -> Path:
    """Write three pictures of `noise`, losslessly."""
    pix_fmt = f"yuv{chroma}p" + (f"{bits}le" if bits > 8 else "")
    pictures = [coded(noise(chroma, bits, width, height, seed), pix_fmt) for seed in range(3)]
    return make_clip(path, pictures, codec="ffv1", pix_fmt=pix_fmt, options={"level": "1"}, **options)


@pytest.fixture(scope="module")
def deep_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(
        tmp_path_factory.mktemp("deep") / "in.mp4",
        4,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options=LOSSLESS_X265,
        matrix=9,
        primaries=9,
        transfer=14,
        range_=1,
        audio=[{"seconds": 0.2}],
    )


CODECS = {"mp4": ("h264", "hevc"), "mov": ("h264", "hevc"), "mkv": ("h264", "hevc"), "webm": ("vp9", "av1")}


@pytest.mark.parametrize("quality", ["high", "medium", "low", "lossless"])
@pytest.mark.parametrize("suffix", VIDEOS)
@pytest.mark.parametrize("form", ["rgb", "deep_rgb", "planes"])
def test_every_format_quality_and_form_is_written(
    tmp_path: Path, deep_clip: Path, suffix: str, quality: Quality, form: Form
) -> None:
    writer = through(deep_clip, tmp_path / f"out.{suffix}", form, quality=quality)
    bits = 8 if form == "rgb" else 10
    info = probe(tmp_path / f"out.{suffix}")
    assert info.codec.removeprefix("lib").replace("dav1d", "av1") == CODECS[suffix][bits > 8]
    assert (info.width, info.height, info.bit_depth) == (96, 64, bits)
    assert info.pixel_format == writer.pixel_format == ("yuv420p" if bits == 8 else "yuv420p10le")
    assert info.colour == Colour(matrix=9, primaries=9, transfer=14, full_range=False)
    assert [number_of(rgb(frame)) for frame in decoded(tmp_path / f"out.{suffix}")] == [0, 1, 2, 3]
    lost = [] if bits == 10 else ["the source has 10 bits per component; the output has 8 bits"]
    assert [note for note in writer.notes if "bits" in note] == lost


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_hevc_is_named_as_apples_players_want_it(tmp_path: Path, deep_clip: Path, suffix: str) -> None:
    through(deep_clip, tmp_path / f"out.{suffix}", "planes")
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        context = container.streams.video[0].codec_context
        assert (context.codec_tag, context.profile) == ("hvc1", "Main 10")


# --- lossless


@pytest.mark.parametrize("suffix", VIDEOS)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("chroma", "bits"),
    [("420", 8), ("422", 8), ("444", 8), ("420", 10), ("422", 10), ("444", 10), ("420", 12)],
)
def test_lossless_planes_come_back_to_the_sample(
    tmp_path: Path, suffix: str, chroma: str, bits: int, *, full: bool
) -> None:
    source = clip_of_planes(tmp_path / "in.mkv", chroma, bits, 98, 66, matrix=1, range_=2 if full else 1)
    output = tmp_path / f"out.{suffix}"
    writer = through(source, output, "planes", quality="lossless")
    if suffix == "webm" and bits > 8:
        if bits == 12:
            assert writer.notes == ["the source has 12 bits per component; the output has 10 bits"]
            return
        if chroma != "420":
            was = ":".join(chroma)
            assert writer.notes == [f"the chroma of the source is {was}; that of the output is 4:2:0"]
            for number, frame in enumerate(decoded(output)):
                assert np.array_equal(stored(frame)[0], noise(chroma, bits, 98, 66, number)[0])
            return
    assert writer.notes == []
    frames = decoded(output)
    assert len(frames) == 3
    for number, frame in enumerate(frames):
        assert frame.color_range == (2 if full else 1)
        for got, expected in zip(stored(frame), noise(chroma, bits, 98, 66, number), strict=True):
            assert np.array_equal(got, expected)


@pytest.mark.parametrize("suffix", VIDEOS)
@pytest.mark.parametrize(("chroma", "bits"), [("420", 8), ("444", 8), ("444", 10), ("422", 10)])
def test_lossless_pictures_of_odd_and_of_one_pixel(
    tmp_path: Path, suffix: str, chroma: str, bits: int
) -> None:
    for width, height in ((99, 67), (67, 64), (33, 32), (5, 3), (1, 1)):
        source = clip_of_planes(tmp_path / "in.mkv", chroma, bits, width, height, matrix=1, range_=1)
        output = tmp_path / f"out.{suffix}"
        writer = through(source, output, "planes", quality="lossless")
        step = CHROMA["420" if "420" in writer.pixel_format else chroma]
        assert (writer.width % step[0], writer.height % step[1]) == (0, 0)
        assert 0 <= writer.width - width < step[0]
        assert 0 <= writer.height - height < step[1]
        if writer.pixel_format != probe(source).pixel_format:
            assert suffix == "webm"
            assert bits > 8
            continue
        for number, frame in enumerate(decoded(output)):
            for got, expected in zip(stored(frame), noise(chroma, bits, width, height, number), strict=True):
                assert np.array_equal(got[: expected.shape[0], : expected.shape[1]], expected)


def test_4_4_0_is_lossless_where_the_codec_has_it(tmp_path: Path) -> None:
    source = clip_of_planes(tmp_path / "in.mkv", "440", 8, 98, 66, matrix=1, range_=1)
    assert through(source, tmp_path / "out.webm", "planes", quality="lossless").notes == []
    for number, frame in enumerate(decoded(tmp_path / "out.webm")):
        for got, expected in zip(stored(frame), noise("440", 8, 98, 66, number), strict=True):
            assert np.array_equal(got, expected)
    writer = through(source, tmp_path / "out.mp4", "planes", quality="lossless")
    assert writer.pixel_format == "yuv444p"
    assert writer.notes == ["the chroma of the source is 4:4:0; that of the output is 4:4:4"]


def test_planes_of_9_bits_are_moved_to_10(tmp_path: Path) -> None:
    source = clip_of_planes(tmp_path / "in.mkv", "422", 9, 98, 66, matrix=1, range_=1)
    assert through(source, tmp_path / "out.mkv", "planes", quality="lossless").pixel_format == "yuv422p10le"
    for number, frame in enumerate(decoded(tmp_path / "out.mkv")):
        for got, expected in zip(stored(frame), noise("422", 9, 98, 66, number), strict=True):
            assert np.array_equal(got, expected * 2)


def test_a_turned_4_2_2_source_of_9_bits_is_written(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        [coded(noise("422", 10, 98, 66, 0), "yuv422p10le")],
        pix_fmt="yuv422p10le",
        options={"qp": "0"},
        rotation=90,
    )
    writer = through(source, tmp_path / "out.mp4", "planes")
    assert (writer.width, writer.height, writer.pixel_format) == (66, 98, "yuv420p10le")


def test_the_other_qualities_keep_chroma_of_4_2_0_and_at_most_10_bits(tmp_path: Path) -> None:
    for chroma, bits in (("444", 12), ("422", 8)):
        source = clip_of_planes(tmp_path / "in.mkv", chroma, bits, 98, 66, matrix=1, range_=1)
        writer = through(source, tmp_path / "out.mkv", "planes")
        assert writer.pixel_format == ("yuv420p10le" if bits == 12 else "yuv420p")
        fewer = ["the source has 12 bits per component; the output has 10 bits"] if bits == 12 else []
        coarser = f"the chroma of the source is {':'.join(chroma)}; that of the output is 4:2:0"
        assert writer.notes == [*fewer, coarser]
        [frame, *_] = decoded(tmp_path / "out.mkv")
        shift = 2 if bits == 12 else 0
        for got, expected in zip(stored(frame), noise(chroma, bits, 98, 66, 0), strict=True):
            assert abs(got.mean() - (expected >> shift).mean()) < 1


def test_a_tiny_picture_of_10_bits_is_h264_and_says_so(tmp_path: Path) -> None:
    source = clip_of_planes(tmp_path / "in.mkv", "420", 10, 48, 80, matrix=1, range_=1)
    writer = through(source, tmp_path / "out.mp4", "deep_rgb")
    assert (writer.encoder, writer.pixel_format) == ("libx264", "yuv420p10le")
    assert "too small for HEVC" in writer.notes[0]


# --- what is chosen


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.name)
def test_an_unknown_quality_lists_those_that_exist(container: MediaContainer) -> None:
    nonsense: Any = "best"
    with pytest.raises(BadRequest, match=r"quality 'best' is unknown: choose high, medium(, low)? or lo"):
        choose(container, width=64, height=64, quality=nonsense)


def test_lossless_and_more_bits_never_go_to_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.media.write.encoder_selection.probe_nvenc", lambda _: True)
    of_8_bits: dict[str, Any] = {"width": 1920, "height": 1080}
    assert choose(MP4, quality="high", **of_8_bits).encoder == "h264_nvenc"
    assert choose(MP4, quality="lossless", **of_8_bits).encoder == "libx264"
    assert choose(MP4, quality="high", bits=10, **of_8_bits).encoder == "libx265"
    assert choose(WEBM, quality="high", **of_8_bits).encoder == "libvpx-vp9"


def test_a_picture_that_av1_does_not_take_is_written_with_8_bits() -> None:
    encoding = choose(WEBM, width=4320, height=9000, quality="high", bits=10)
    assert (encoding.encoder, encoding.pixel_format) == ("libvpx-vp9", "yuv420p")


# --- the shape of pixels


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_another_shape_of_pixels_than_the_sources_can_be_told(tmp_path: Path, suffix: str) -> None:
    source = make_clip(tmp_path / "in.mp4", 2, aspect=Fraction(4, 3))
    through(source, tmp_path / f"out.{suffix}", sample_aspect_ratio=Fraction(1))
    assert probe(tmp_path / f"out.{suffix}").sample_aspect_ratio == 1
    through(source, tmp_path / f"out.{suffix}", sample_aspect_ratio=Fraction(16, 11))
    assert probe(tmp_path / f"out.{suffix}").sample_aspect_ratio == Fraction(16, 11)


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(10, 11)])
@pytest.mark.parametrize(
    ("suffix", "form"), [("webm", "rgb"), ("webm", "deep_rgb"), ("webm", "planes"), ("gif", "rgb")]
)
def test_where_pixels_can_only_be_square_pictures_are_stretched(
    tmp_path: Path, suffix: str, form: Form, aspect: Fraction
) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        [numbered(n, 96, 65) for n in range(3)],
        codec="libx265",
        pix_fmt="yuv444p10le",
        options=LOSSLESS_X265,
        aspect=aspect,
    )
    writer = through(source, tmp_path / f"out.{suffix}", form)
    shown = round(96 * aspect)
    assert writer.width - shown in (range(2) if suffix == "webm" else range(1))
    assert "the source has 10 bits per component; the output has 8 bits" in writer.notes or form != "rgb"
    assert f"the picture is stretched to {shown}x65: {suffix} has square pixels" in writer.notes
    frames = decoded(tmp_path / f"out.{suffix}")
    assert (frames[0].width, frames[0].height) == (writer.width, writer.height)
    assert [number_of(rgb(frame)) for frame in frames] == [0, 1, 2]
    assert np.abs(rgb(frames[0])[2, :, 0].astype(int) - np.linspace(64, 159, writer.width)).max() < 12


# --- colour


@pytest.mark.parametrize("suffix", VIDEOS)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", COEFFICIENTS)
@pytest.mark.parametrize(("form", "bits"), [("rgb", 8), ("deep_rgb", 10), ("planes", 10)])
def test_written_colours_are_those_of_the_equations_and_tagged(
    tmp_path: Path, suffix: str, matrix: int, form: Form, bits: int, *, full: bool
) -> None:
    pix_fmt = "yuv444p" if bits == 8 else "yuv444p10le"
    kind = np.uint8 if bits == 8 else np.uint16
    pictures = []
    for colours in PATCHES:
        yuv = np.rint(to_yuv(colours, matrix, full=full, bits=bits))
        pictures.append(coded([np.full((64, 96), value, kind) for value in yuv], pix_fmt))
    source = make_clip(
        tmp_path / "in.mkv",
        pictures,
        codec="ffv1",
        pix_fmt=pix_fmt,
        matrix=matrix,
        primaries=matrix if matrix != 7 else 6,
        transfer=1,
        range_=2 if full else 1,
    )
    output = tmp_path / f"out.{suffix}"
    through(source, output, form, quality="high")
    colour = probe(output).colour
    assert colour == probe(source).colour
    assert (colour.matrix, colour.full_range) == (matrix, full)
    for colours, frame in zip(PATCHES, decoded(output), strict=True):
        expected = to_yuv(colours, matrix, full=full, bits=bits)
        got = np.array([samples.mean() for samples in stored(frame)])
        assert np.abs(got - expected).max() <= 2 * 2 ** (bits - 8)
