"""Tests the export job through the whole pipeline: crop, time range, format and audio."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadRequest, OutputPathRefused, UnsupportedMedia, WorkerError
from orchestrator.frames import Planes
from orchestrator.framing.track_file_reader import parse_tracks
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tests.support.exports import export_video
from tools.fixtures import clips

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orchestrator.jobs import ExportResult
    from orchestrator.triton.client import TritonClient

    Array = NDArray[Any]

LOSSLESS = {"crf": "0", "preset": "ultrafast"}
FORMATS = ["mp4", "mov", "mkv", "webm", "gif"]


def run(source: Path, output: Path, *, client: TritonClient | None = None, **params: Any) -> ExportResult:
    tracks = params.get("tracks")
    subjects = parse_tracks(tracks) if isinstance(tracks, dict) else None
    return export_video(source, output, client=client, more={"subjects": subjects}, **params)


def refused(source: Path, folder: Path, *, name: str = "out.mp4", **params: Any) -> str:
    """Run an export that must be refused; return why. Nothing is left behind."""
    before = sorted(folder.iterdir())
    with pytest.raises(WorkerError) as caught:
        run(source, folder / name, **params)
    assert caught.value.exit_code == 2, caught.value
    assert sorted(folder.iterdir()) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def frames_of(path: Path) -> list[Array]:
    if path.suffix == ".gif":  # not among what is read
        with av.open(str(path)) as container:
            return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with VideoReader(path, probe(path)) as reader:
        return [frame.pixels for frame in reader.frames()]


def planes_of(path: Path) -> list[list[Array]]:
    """Return every picture as it is coded."""
    with VideoReader[Planes](path, probe(path), form="planes") as reader:
        return [[frame.pixels.y, frame.pixels.u, frame.pixels.v] for frame in reader.frames()]


def box(x: float, y: float, w: float, h: float) -> dict[str, float]:
    return {"x": x, "y": y, "w": w, "h": h}


def gradient(number: int, width: int = 96, height: int = 64) -> Array:
    """Return a smooth picture, which resampling does not change."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    levels = np.stack((60 + columns, 40 + 2 * rows, 80 + (columns + rows) / 2 + number), -1)
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


@pytest.mark.parametrize("crop", [(0, 0, 96, 64), (10, 20, 40, 30), (32, 0, 64, 64), (56, 34, 40, 30)])
def test_a_crop_on_whole_samples_is_lossless(tmp_path: Path, crop: tuple[int, int, int, int]) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 6, options=LOSSLESS)
    result = run(source, tmp_path / "out.mp4", crop=box(*crop), quality="lossless")
    x, y, w, h = crop
    for before, after in zip(planes_of(source), planes_of(tmp_path / "out.mp4"), strict=True):
        assert np.array_equal(after[0], before[0][y : y + h, x : x + w])
        for plane in (1, 2):
            assert np.array_equal(after[plane], before[plane][y // 2 : (y + h) // 2, x // 2 : (x + w) // 2])
    assert (result.stats.width, result.stats.height) == (w, h)
    assert result.stats.model is None
    assert result.stats.frames == 6


@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"]
)
def test_lossless_is_lossless(tmp_path: Path, pix_fmt: str) -> None:
    source = clips.make_clip(tmp_path / "in.mkv", 4, codec="ffv1", pix_fmt=pix_fmt)
    run(source, tmp_path / "out.mkv", quality="lossless")
    for before, after in zip(planes_of(source), planes_of(tmp_path / "out.mkv"), strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "crop", [(0, 0, 1, 1), (95, 63, 1, 1), (3, 5, 7, 9), (3.5, 5.25, 7, 9), (10.5, 20, 33, 31)]
)
@pytest.mark.parametrize("format_", FORMATS)
def test_odd_and_tiny_crops_work(tmp_path: Path, crop: tuple[float, ...], format_: str) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [gradient(i) for i in range(4)], options=LOSSLESS)
    x, y, w, h = crop
    result = run(source, tmp_path / f"out.{format_}", crop=box(x, y, w, h))
    out = frames_of(tmp_path / f"out.{format_}")
    assert len(out) == 4
    assert result.stats.crop == crop
    width, height = round(w), round(h)
    assert out[0].shape[0] - height in {0, 1}
    assert out[0].shape[1] - width in {0, 1}
    if format_ != "gif":  # 256 colours
        wanted = gradient(0)[int(y) : int(y) + height, int(x) : int(x) + width].astype(float).mean((0, 1))
        assert np.abs(out[0][:height, :width].mean((0, 1)) - wanted).max() < 4


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_crop_shows_what_is_there(tmp_path: Path, data: st.DataObject) -> None:
    source, out = tmp_path / "in.mp4", tmp_path / "out.mkv"
    if not source.exists():
        clips.make_clip(source, [gradient(i) for i in range(2)], options=LOSSLESS)
    x, y = data.draw(st.floats(0, 80)), data.draw(st.floats(0, 50))
    w, h = data.draw(st.floats(8, 96 - x)), data.draw(st.floats(8, 64 - y))
    out.unlink(missing_ok=True)
    run(source, out, crop=box(x, y, w, h), quality="lossless")
    picture = frames_of(out)[0].astype(float)
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2]
    at_x, at_y = (
        x + w * (picture.shape[1] // 2 + 0.5) / round(w),
        y + h * (picture.shape[0] // 2 + 0.5) / round(h),
    )
    wanted = (60 + at_x - 0.5, 40 + 2 * (at_y - 0.5), 80 + (at_x + at_y - 1) / 2)
    assert np.abs(middle - wanted).max() < 4


def test_the_crop_comes_before_the_model(tmp_path: Path, client: TritonClient) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 5, options=LOSSLESS)
    result = run(
        source, tmp_path / "out.mkv", client=client, crop=box(16, 8, 32, 24), upscale=True, quality="lossless"
    )
    assert (result.stats.width, result.stats.height, result.stats.scale) == (128, 96, 4)
    assert result.stats.model == "nearest-x4"
    assert result.stats.tile is not None
    assert result.stats.tile[0] * result.stats.tile[1] < 96 * 64
    for before, after in zip(frames_of(source), frames_of(tmp_path / "out.mkv"), strict=True):
        enlarged = before[8:32, 16:48].repeat(4, 0).repeat(4, 1).astype(int)
        assert np.abs(enlarged[4:-4, 4:-4] - after[4:-4, 4:-4]).mean() < 2  # 4:2:0


@pytest.mark.parametrize(("size", "upscale"), [("200x100", False), ("48x24", False), ("200x100", True)])
def test_a_size_is_delivered(tmp_path: Path, client: TritonClient, size: str, upscale: bool) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 5)
    run(
        source,
        tmp_path / "out.mp4",
        client=client if upscale else None,
        crop=box(0, 0, 96, 48),
        size=size,
        upscale=upscale,
    )
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        assert f"{video.width}x{video.height}" == size
        assert video.sample_aspect_ratio in {None, 1}


def test_a_size_of_another_shape_squeezes_nothing(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 5)
    run(source, tmp_path / "out.mp4", size="64x64")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(3, 2)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("start", "end", "first", "count"), [(0.4, 1.2, 10, 20), (None, 0.2, 0, 5), (1.0, None, 25, 25)]
)
def test_start_and_end_are_exact_to_the_frame(
    tmp_path: Path, format_: str, start: float | None, end: float | None, first: int, count: int
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 50, options={"g": "250", "bf": "2"})
    result = run(source, tmp_path / f"out.{format_}", start=start, end=end)
    out = frames_of(tmp_path / f"out.{format_}")
    assert [clips.number_of(picture) for picture in out] == list(range(first, first + count))
    assert result.stats.frames == count
    assert result.stats.duration_sec == pytest.approx(count / 25)


def test_the_format_is_that_of_the_name(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 3)
    run(source, tmp_path / "a.webm", format="webm")
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.streams.video[0].codec_context.name == "vp9"
    assert "end the name in .gif" in refused(source, tmp_path, name="b.mp4", format="gif")


def keyframes(*rows: Sequence[float]) -> list[dict[str, float]]:
    return [dict(zip("txywh", row, strict=True)) for row in rows]


def test_a_crop_moves_between_its_keyframes_smoothly(tmp_path: Path) -> None:
    pictures = [gradient(0) for _ in range(50)]
    source = clips.make_clip(tmp_path / "in.mp4", pictures, options=LOSSLESS)
    result = run(
        source,
        tmp_path / "out.mkv",
        crop=keyframes((0, 0, 0, 48, 32), (2, 48, 32, 48, 32)),
        quality="lossless",
    )
    assert (result.stats.width, result.stats.height) == (48, 32)
    assert result.keyframes is not None
    assert [frame.t for frame in result.keyframes] == [0, 2]
    # The gradient's red tells x: at rest at both ends, half way in the middle, never back.
    places = [
        picture[:, :, 0].astype(float).mean() - 60 - 23.5 for picture in frames_of(tmp_path / "out.mkv")
    ]
    assert places[0] == pytest.approx(0, abs=1)
    assert places[25] == pytest.approx(24, abs=1)
    assert places[-1] == pytest.approx(48, abs=1)
    assert np.diff(places).min() > -0.35
    assert np.diff(places).max() < 2.2


def test_keyframes_are_on_the_clock_of_the_source(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [gradient(0) for _ in range(50)], options=LOSSLESS)
    path = keyframes((1, 0, 0, 48, 32), (1.5, 48, 0, 48, 32))
    run(source, tmp_path / "out.mkv", crop=path, start=1.48, quality="lossless")
    assert frames_of(tmp_path / "out.mkv")[0][:, :, 0].mean() == pytest.approx(60 + 48 + 23.5, abs=2)


def test_a_crop_may_zoom(tmp_path: Path, client: TritonClient) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [gradient(0) for _ in range(30)], options=LOSSLESS)
    path = keyframes((0, 0, 0, 96, 64), (1, 36, 24, 24, 16))
    for name, connected in (("plain.mkv", None), ("enlarged.mkv", client)):
        result = run(
            source, tmp_path / name, client=connected, crop=path, upscale=connected is not None, size="96x64"
        )
        assert (result.stats.width, result.stats.height) == (96, 64)
        out = frames_of(tmp_path / name)
        assert np.ptp(out[0][32, :, 0].astype(int)) == pytest.approx(95, abs=4)
        assert np.ptp(out[-1][32, :, 0].astype(int)) == pytest.approx(24, abs=4)


def tracks(*tracked: dict[str, Any], frames: int = 50, width: int = 96, height: int = 64) -> dict[str, Any]:
    video = {"width": width, "height": height, "frames": frames, "fps": "25/1", "duration_sec": frames / 25}
    return {"status": "completed", "tracks": list(tracked), "video": video}


def walker(number: int = 1, frames: int = 50) -> dict[str, Any]:
    boxes = [{"frame": i, "bbox": [10 + i, 20, 16, 30], "confidence": 0.9} for i in range(frames)]
    return {"id": number, "class_name": "person", "first_sec": 0, "last_sec": 2, "frames": boxes}


@pytest.mark.parametrize("who", [1, "main"])
def test_a_crop_follows(tmp_path: Path, who: int | str) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [gradient(0) for _ in range(50)], options=LOSSLESS)
    follow = {"track": who, "aspect": "9:16"}
    result = run(source, tmp_path / "out.mkv", follow=follow, tracks=tracks(walker()), quality="lossless")
    assert (result.stats.width, result.stats.height) == (36, 64)
    assert result.keyframes is not None
    assert result.followed is not None
    (stretch,) = result.followed
    assert (stretch.start, stretch.track, stretch.class_name) == (0, 1, "person")
    assert stretch.end == pytest.approx(2.0)
    assert stretch.reason
    out = frames_of(tmp_path / "out.mkv")
    places = [picture[:, :, 0].astype(float).mean() - 60 - 17.5 for picture in out]
    assert places[-1] - places[0] > 20
    again = [frame.model_dump() for frame in result.keyframes]
    resent = run(source, tmp_path / "again.mkv", crop=again, quality="lossless")
    assert resent.followed is None
    assert np.array_equal(frames_of(tmp_path / "again.mkv"), out)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"crop": box(0, 0, 0, 5)}, ["at least 1 pixel"]),
        ({"crop": box(0, 0, -3, 5)}, ["at least 1 pixel"]),
        ({"crop": box(90, 0, 20, 5)}, ["20x5 at (90, 0)", "96x64 at (0, 0)"]),
        ({"crop": box(-1, 0, 20, 5)}, ["(-1, 0)", "96x64"]),
        ({"crop": box(0, 0, 97, 64)}, ["97x64", "96x64"]),
        ({"crop": keyframes((0, 0, 0, 48, 32))}, ["2"]),
        ({"crop": keyframes((1, 0, 0, 48, 32), (0, 4, 0, 48, 32))}, ["times that rise"]),
        ({"crop": keyframes((0, 0, 0, 48, 32), (1, 80, 0, 48, 32))}, ["keyframe 1", "leaves the picture"]),
        ({"follow": {"track": 7}, "tracks": tracks(walker(), walker(2))}, ["7", "1 (person), 2 (person)"]),
        ({"follow": {"track": "main"}, "tracks": tracks()}, ["nobody to follow"]),
        ({"follow": {"track": 1}, "tracks": tracks(walker(), frames=60)}, ["another video", "60", "50"]),
        (
            {"follow": {"track": 1}, "tracks": tracks(walker(), width=192)},
            ["another video", "192x64", "96x64"],
        ),
        ({"follow": {"track": 1}, "tracks": {"tracks": 5}}, ["refused"]),
        ({"follow": {"track": 1, "aspect": "wide"}, "tracks": tracks(walker())}, ["aspect", "9:16"]),
        ({"follow": {"track": 1, "safe": {"bottom": 0.5}}, "tracks": tracks(walker())}, ["bottom", "0.4"]),
        ({"follow": {"track": 1, "safe": {"bottom": -0.1}}, "tracks": tracks(walker())}, ["bottom", "0"]),
        ({"follow": {"track": 1, "safe": {"middle": 0.1}}, "tracks": tracks(walker())}, ["middle"]),
        ({"start": 1.5, "end": 1.0}, ["end is 1 s, not after start"]),
        ({"start": -1.0}, ["negative"]),
        ({"start": 5.0}, ["start is 5 s", "ends at 2 s"]),
        ({"start": 1e300}, ["start is 1e+300 s", "ends at 2 s"]),
        ({"size": "20000x20"}, ["16384"]),
        ({"tonemap": True}, ["not HDR"]),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    tmp_path: Path, params: dict[str, Any], words: list[str]
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 50)
    message = refused(source, tmp_path, **params)
    for word in words:
        assert word in message, message


def test_a_crop_that_leaves_the_picture_may_be_moved_back(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 3)
    result = run(source, tmp_path / "out.mp4", crop=box(90, -5, 20, 300), clamp=True)
    assert result.stats.crop == (76, 0, 20, 64)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_video_comes_out_upright_and_is_cropped_as_displayed(tmp_path: Path, rotation: int) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [gradient(0)] * 4, rotation=rotation, options=LOSSLESS)
    shown = frames_of(source)[0]
    height, width = shown.shape[:2]
    run(source, tmp_path / "out.mkv", crop=box(4, 6, width - 8, height - 10), quality="lossless")
    after = frames_of(tmp_path / "out.mkv")[0].astype(int)
    assert np.abs(after - shown[6 : height - 4, 4 : width - 4]).max() <= 6
    assert probe(tmp_path / "out.mkv").rotation == 0


def test_wide_pixels_are_cropped_as_displayed_and_keep_their_shape(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [gradient(0)] * 4, aspect=Fraction(2), options=LOSSLESS)
    run(source, tmp_path / "out.mkv", crop=box(96, 16, 64, 32), quality="lossless")  # displayed: 192x64
    info = probe(tmp_path / "out.mkv")
    assert (info.width, info.height, info.sample_aspect_ratio) == (32, 32, Fraction(2))
    after = frames_of(tmp_path / "out.mkv")[0].astype(int)
    assert np.abs(after - frames_of(source)[0][16:48, 48:80]).max() <= 6
    assert "128x64 at (100, 0)" in refused(source, tmp_path, crop=box(100, 0, 128, 64))


def test_variable_frame_rates_keep_each_time(tmp_path: Path) -> None:
    pts = [0, 3000, 3001, 9000, 12345, 30000, 31000, 90000]
    source = clips.make_clip(tmp_path / "in.mp4", len(pts), pts=pts, time_base=Fraction(1, 90_000))
    run(source, tmp_path / "out.mp4", crop=box(0, 0, 50, 50))
    with VideoReader(tmp_path / "out.mp4", probe(tmp_path / "out.mp4")) as reader:
        times = [frame.pts * probe(tmp_path / "out.mp4").time_base for frame in reader.frames()]
    assert times == [Fraction(tick, 90_000) for tick in pts]


HDR: dict[str, Any] = {
    "codec": "libx265",
    "pix_fmt": "yuv420p10le",
    "matrix": 9,
    "primaries": 9,
    "transfer": 16,
    "range_": 1,
    "options": {
        "x265-params": "log-level=none:hdr10=1:max-cll=1000,400:master-display="
        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    },
}


def test_hdr_stays_hdr_with_its_metadata(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 5, **HDR)
    run(source, tmp_path / "out.mp4", crop=box(0, 0, 64, 64))
    before, after = probe(source), probe(tmp_path / "out.mp4")
    assert after.colour == before.colour
    assert after.bit_depth == 10
    assert after.hdr is not None
    assert after.hdr == before.hdr


def test_hdr_is_never_washed_out(tmp_path: Path, client: TritonClient) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 5, **HDR)
    assert "tonemap" in refused(source, tmp_path, upscale=True)
    assert "tonemap" in refused(source, tmp_path, name="out.gif")
    run(source, tmp_path / "out.mp4", client=client, upscale=True, tonemap=True)
    after = probe(tmp_path / "out.mp4")
    assert not after.colour.is_hdr
    assert after.colour.matrix == 1


def test_ten_bits_stay_ten_with_a_model_and_without(tmp_path: Path, client: TritonClient) -> None:
    pictures = [clips.numbered(i, 160, 120) for i in range(4)]
    source = clips.make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="yuv420p10le")
    for name, crop in (("plain.mp4", box(0, 0, 96, 64)), ("between.webm", box(0.5, 0.5, 96, 80))):
        result = run(source, tmp_path / name, crop=crop)
        assert probe(tmp_path / name).bit_depth == 10
        assert not any("8 bits" in note for note in result.notes)
    for name in ("model.mp4", "model.webm"):
        result = run(source, tmp_path / name, client=client, upscale=True)
        assert probe(tmp_path / name).bit_depth == 10
        assert not any("8 bits" in note for note in result.notes)
    result = run(source, tmp_path / "model.gif", client=client, upscale=True)
    assert any("8 bits" in note for note in result.notes)


@pytest.mark.parametrize("format_", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_pictures_of_ten_bits_are_a_video_too(tmp_path: Path, format_: str, count: int) -> None:
    pictures = [clips.numbered(i, 160, 120) for i in range(count)]
    source = clips.make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="yuv420p10le")
    for number in range(2):
        result = run(source, tmp_path / f"{number}.{format_}")
        assert result.stats.frames == len(frames_of(tmp_path / f"{number}.{format_}")) == count


def chart(matrix: int, full: bool, pix_fmt: str, path: Path) -> Path:
    """Write a chart of 24 patches, 48x48 pixels each."""
    levels = np.array([[16, 64, 128, 200, 235], [30, 90, 140, 180, 220], [200, 30, 90, 60, 120]]).T
    random = np.random.default_rng(4)
    patches = np.vstack((levels, random.integers(8, 248, (19, 3)))).astype(np.uint8).reshape(4, 6, 3)
    picture = patches.repeat(48, 0).repeat(48, 1)
    return clips.make_clip(
        path,
        [picture] * 3,
        codec="ffv1",
        pix_fmt=pix_fmt,
        matrix=matrix,
        primaries=matrix,
        transfer=14 if matrix == 9 else matrix,
        range_=2 if full else 1,
    )


@pytest.mark.parametrize("matrix", [6, 1, 9])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    "pix_fmt", [f"yuv{chroma}p{bits}" for chroma in (420, 422, 444) for bits in ("", "10le")]
)
@pytest.mark.parametrize("name", ["out.mp4", "out.webm"])
def test_a_colour_chart_comes_back(tmp_path: Path, matrix: int, full: bool, pix_fmt: str, name: str) -> None:
    source = chart(matrix, full, pix_fmt, tmp_path / "in.mkv")
    run(source, tmp_path / name)
    before, after = probe(source), probe(tmp_path / name)
    assert after.colour == before.colour
    assert after.bit_depth == before.bit_depth
    was, came = frames_of(source), frames_of(tmp_path / name)
    for one, other in zip(was, came, strict=True):
        for row in range(4):
            for column in range(6):
                patch = slice(row * 48 + 12, row * 48 + 36), slice(column * 48 + 12, column * 48 + 36)
                off = one[patch].astype(int) - other[patch]
                assert np.abs(off.mean((0, 1))).max() <= 1.5
                assert np.abs(off).max() <= (3 if name.endswith("webm") else 2)


def test_interlaced_video_is_deinterlaced(tmp_path: Path) -> None:
    source = clips.make_clip(
        tmp_path / "in.mp4", 12, options={"flags": "+ildct+ilme", "x264-params": "tff=1:crf=10"}
    )
    result = run(source, tmp_path / "out.mp4")
    assert any("deinterlaced" in note for note in result.notes)
    assert result.stats.frames == 12
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not any(frame.interlaced_frame for frame in container.decode(video=0))


def test_a_long_gif_is_refused(tmp_path: Path) -> None:
    pts = [0, 25, 600 * 25]
    source = clips.make_clip(tmp_path / "in.mp4", 3, pts=pts, time_base=Fraction(1, 25))
    assert "gif" in refused(source, tmp_path, name="out.gif").lower()
    run(source, tmp_path / "short.gif", end=2)


def test_the_input_is_never_replaced(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 3)
    before = source.read_bytes()
    with pytest.raises(OutputPathRefused):
        run(source, source)
    assert source.read_bytes() == before


def test_unknown_models_leave_nothing(tmp_path: Path, client: TritonClient) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 3)
    with pytest.raises((BadRequest, UnsupportedMedia, WorkerError), match="no model 'nope'"):
        run(source, tmp_path / "out.mp4", client=client, upscale_model="nope")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
