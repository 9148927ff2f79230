"""Tests that the fidelity check passes good outputs of hard sources, and refuses damaged outputs."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from orchestrator.drawing.canvas import Canvas
from orchestrator.errors import OutputCheckFailed
from orchestrator.fidelity.check import FrameCountAndSize, examine
from orchestrator.fidelity.fault_rules import UNRELATED
from orchestrator.fidelity.metrics import mean_square, psnr_db
from orchestrator.fidelity.report import report_on
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.frames import Frame
from orchestrator.jobs import FidelityReportFile
from orchestrator.media.colour.coded_planes import coded_format
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write import encoder_selection as encoder
from orchestrator.media.write.readback import OutputReader
from tests.support.exports import export_video
from tools.fixtures import clips
from tools.fixtures.hard_sources import HARD, WORST_CRF, WrittenVideo, clip, make

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.mp4"


def sharpened(picture: Picture) -> Picture:
    soft = cv2.GaussianBlur(picture, (0, 0), 3)
    return np.asarray(cv2.addWeighted(picture, 3.0, soft, -2.0, 0), np.uint8)


def smoothed(picture: Picture) -> Picture:
    return np.asarray(cv2.bilateralFilter(cv2.medianBlur(picture, 7), 9, 80, 9), np.uint8)


def painted(picture: Picture) -> Picture:
    return np.asarray(picture // 32 * 32 + 16, np.uint8)


def dimmed(picture: Picture) -> Picture:
    return np.asarray(255 * (picture / 255) ** 1.3, np.uint8)


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("crf", [16, WORST_CRF])
def test_hard_sources_pass_at_the_best_and_the_worst_quality(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, crf: int
) -> None:
    monkeypatch.setitem(encoder.PROFILES["libx264"], "low", {"crf": str(crf)})
    fidelity = make(clip(tmp_path, HARD[name]), tmp_path / "out.mp4").examined()
    # Not only do they pass: they stay far from what does not.
    assert max(mean_square(*pair.coarse) for pair in fidelity.pairs) < (UNRELATED / 2) ** 2


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *(("sample", change) for change in (sharpened, smoothed, painted, dimmed)),
        *((name, smoothed) for name in ("noise", "grain", "gray grain")),
        *((name, change) for name in ("fades", "dark") for change in (sharpened, painted, dimmed)),
    ],
)
def test_models_may_change_a_picture_much(
    tmp_path: Path, name: str, change: Callable[[Picture], Picture]
) -> None:
    source = SAMPLE if name == "sample" else clip(tmp_path, HARD[name])
    made = make(source, tmp_path / "out.mp4", scale=2, change=change, span=(None, "1.5"))
    assert made.examined(every=False).pairs


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (7, 5), (2, 300), (131, 3), (161, 91)])
@pytest.mark.parametrize("scale", [1, 3, 0.5])
def test_sizes_that_the_encoder_pads_pass(tmp_path: Path, width: int, height: int, scale: float) -> None:
    pictures = [clips.numbered(number, width, height) for number in range(9)]
    made = make(clip(tmp_path, pictures), tmp_path / "out.mp4", scale=scale)
    assert len(made.examined().pairs) == 9


@pytest.mark.parametrize("count", [1, 2, 3, 250])
def test_any_number_of_frames_passes(tmp_path: Path, count: int) -> None:
    pictures = [clips.numbered(number) for number in range(count)]
    made = make(clip(tmp_path, pictures), tmp_path / "out.mp4")
    assert len(made.examined(every=False).pairs) == min(count, 8)
    fidelity = made.examined()
    assert [pair.sample.index for pair in fidelity.pairs][-1] == count - 1
    for pair in fidelity.pairs:
        assert clips.number_of(pair.output) == pair.sample.index


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_irregular_and_crowded_times_pass(tmp_path: Path, suffix: str) -> None:
    pts = [10, 13, 16, 9000, 9001, 9002, 31_000, 90_000, 90_045, 900_000]
    source = clip(
        tmp_path,
        [clips.numbered(number * 97) for number in range(len(pts))],
        ".mp4",
        pts=pts,
        time_base=Fraction(1, 90_000),
    )
    fidelity = make(source, tmp_path / f"out{suffix}").examined()
    assert [clips.number_of(pair.output) for pair in fidelity.pairs] == [97 * number for number in range(10)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("span", [("1.013", "3"), ("0.5", None), (None, "2.2")])
def test_parts_of_a_video_pass(tmp_path: Path, suffix: str, span: tuple[str | None, str | None]) -> None:
    source = clip(tmp_path, [clips.numbered(number) for number in range(100)], ".mp4")
    made = make(source, tmp_path / f"out{suffix}", span=span)
    fidelity = made.examined()
    first = clips.number_of(fidelity.pairs[0].output)
    assert [clips.number_of(pair.output) - first for pair in fidelity.pairs] == [
        pair.sample.index for pair in fidelity.pairs
    ]


def test_anamorphic_and_late_videos_pass(tmp_path: Path) -> None:
    source = clip(
        tmp_path,
        [clips.numbered(number) for number in range(20)],
        ".mp4",
        pts=[number + 50 for number in range(20)],
        time_base=Fraction(1, 25),
        aspect=Fraction(4, 3),
        audio=[{"seconds": 3}],
    )
    assert make(source, tmp_path / "out.mp4").examined().pairs


def late(pictures: int) -> Callable[[list[Frame]], list[Frame]]:
    """Show the pictures later, or earlier if negative; the first or the last picture fills the gap."""

    def mended(frames: list[Frame]) -> list[Frame]:
        last = len(frames) - 1
        return [
            replace(frame, pixels=frames[min(max(place - pictures, 0), last)].pixels)
            for place, frame in enumerate(frames)
        ]

    return mended


def black_from(first: int) -> Callable[[list[Frame]], list[Frame]]:
    return lambda frames: [replace(frame, pixels=frame.pixels * (frame.index < first)) for frame in frames]


def refused(made: WrittenVideo, words: str) -> str:
    """Return the error message."""
    for every in (True, False):
        with pytest.raises(OutputCheckFailed, match=words) as caught:
            made.examined(every=every)
        assert "\n" not in str(caught.value)
        assert "nothing was kept" in str(caught.value)
    return str(caught.value)


MOVING = ("sample", "moving")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the sample, with its cut."""
    return make(SAMPLE, tmp_path_factory.mktemp("sample") / "sample.mp4", span=("2.7", "4.7")).path


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> dict[str, Path]:
    return {"sample": sample, "moving": clip(tmp_path_factory.mktemp("moving"), HARD["moving"])}


@pytest.mark.parametrize("name", MOVING)
def test_a_black_output_is_refused(tmp_path: Path, moving: dict[str, Path], name: str) -> None:
    refused(make(moving[name], tmp_path / "out.mp4", change=lambda picture: picture * 0), "black at 0.00 s")


@pytest.mark.parametrize("name", MOVING)
def test_an_output_that_turns_black_is_refused(tmp_path: Path, moving: dict[str, Path], name: str) -> None:
    refused(make(moving[name], tmp_path / "out.mp4", mend=black_from(30)), "black at [1-9]")


def black_at(*places: int) -> Callable[[list[Frame]], list[Frame]]:
    return lambda frames: [
        replace(frame, pixels=frame.pixels * (frame.index not in places)) for frame in frames
    ]


LARGE = 32
"""How much larger than the clip a picture is of which fewer than eight are compared: 5120x2880."""


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        ({}, None),
        *(({"mend": black_at(place)}, f"black at {place / 25:.2f} s") for place in (0, 4, 8)),
        ({"mend": late(1)}, "1 picture late"),
        ({"change": lambda picture: picture[..., ::-1]}, "BGR for RGB"),
        ({"change": lambda picture: np.roll(picture, 4 * LARGE, 1)}, "displaced by 2.5 %"),
    ],
)
def test_five_large_pictures_are_compared_and_show_every_fault(
    tmp_path: Path, faulty: dict[str, Any], words: str | None
) -> None:
    made = make(clip(tmp_path, HARD["moving"][:9]), tmp_path / "out.mp4", scale=LARGE, **faulty)
    assert (made.written.width, made.written.height) == (5120, 2880)
    if words is None:
        assert [pair.sample.index for pair in made.examined(every=False).pairs] == [0, 2, 4, 6, 8]
    else:
        with pytest.raises(OutputCheckFailed, match=words):
            made.examined(every=False)


def test_an_output_of_one_colour_is_refused(tmp_path: Path, sample: Path) -> None:
    for colour in ((114, 114, 114), (0, 135, 0), (255, 255, 255)):
        made = make(sample, tmp_path / "out.mp4", change=partial(_painted_over, colour))
        refused(made, "one plain colour")


def _painted_over(colour: tuple[int, int, int], picture: Picture) -> Picture:
    return np.full_like(picture, colour)


def test_a_dark_source_that_comes_out_black_is_refused(tmp_path: Path) -> None:
    source = clip(tmp_path, [clips.plain((20, 20, 20), 160, 90)] * 9)
    refused(make(source, tmp_path / "out.mp4", change=lambda picture: picture * 0), "black")


@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize(
    ("order", "words"), [((2, 1, 0), "BGR for RGB"), ((1, 0, 2), "GRB for RGB"), ((1, 2, 0), "GBR for RGB")]
)
def test_channels_in_the_wrong_order_are_refused(
    tmp_path: Path, moving: dict[str, Path], name: str, order: tuple[int, ...], words: str
) -> None:
    made = make(moving[name], tmp_path / "out.mp4", change=lambda picture: picture[..., order])
    refused(made, words)


def test_chroma_in_the_wrong_order_is_refused(tmp_path: Path, sample: Path) -> None:
    def exchanged(picture: Picture) -> Picture:
        coded = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
        return np.asarray(cv2.cvtColor(coded[..., [0, 2, 1]], cv2.COLOR_YCrCb2RGB), np.uint8)

    refused(make(sample, tmp_path / "out.mp4", change=exchanged), "Cr for Cb")


@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize("pictures", [1, 3, -2])
def test_an_output_that_is_late_or_early_is_refused(
    tmp_path: Path, moving: dict[str, Path], name: str, pictures: int
) -> None:
    word = "late" if pictures > 0 else "early"
    refused(
        make(moving[name], tmp_path / "out.mp4", mend=late(pictures)), f"{abs(pictures)} pictures? {word}"
    )


def test_an_output_that_is_far_too_late_is_refused(tmp_path: Path, sample: Path) -> None:
    refused(make(sample, tmp_path / "out.mp4", mend=late(10)), "late|something else")


@pytest.mark.parametrize(("right", "down"), [(6, 0), (-4, 3), (0, 9)])
def test_a_displaced_picture_is_refused(tmp_path: Path, sample: Path, right: int, down: int) -> None:
    made = make(sample, tmp_path / "out.mp4", change=lambda picture: np.roll(picture, (down, right), (0, 1)))
    said = refused(made, "its picture is displaced by")
    across, down_by = (float(number) for number in re.findall(r"(-?[\d.]+) %", said))
    assert (across, down_by) == pytest.approx((right / 3.2, down / 1.8), abs=0.2)


def test_another_video_is_refused(tmp_path: Path, moving: dict[str, Path]) -> None:
    def flipped(picture: Picture) -> Picture:
        return picture[::-1]

    refused(make(moving["moving"], tmp_path / "out.mp4", change=flipped), "something else")


def test_an_output_with_half_of_the_frames_is_refused(tmp_path: Path, sample: Path) -> None:
    refused(make(sample, tmp_path / "out.mp4", mend=lambda frames: frames[::2]), "25 pictures, of 49")


def test_an_output_that_ends_early_is_refused(tmp_path: Path, sample: Path) -> None:
    refused(make(sample, tmp_path / "out.mp4", mend=lambda frames: frames[:-1]), "48 pictures, of 49")


def test_an_output_whose_pictures_are_at_other_times_is_refused(tmp_path: Path, sample: Path) -> None:
    def faster(frames: list[Frame]) -> list[Frame]:
        return [replace(frame, pts=frame.pts * 9 // 10) for frame in frames]

    refused(make(sample, tmp_path / "out.mp4", mend=faster), "no picture at")


def test_an_output_of_the_wrong_size_is_refused(tmp_path: Path, sample: Path) -> None:
    made = make(sample, tmp_path / "out.mp4")
    made.written = replace(made.written, width=640, height=360, picture=(640, 360))
    refused(made, "320x180, not 640x360")


def test_a_file_that_cannot_be_played_is_refused(tmp_path: Path, sample: Path) -> None:
    made = make(sample, tmp_path / "out.mkv")
    for data in (b"", b"nothing" * 500, made.path.read_bytes()[:2000]):
        made.path.write_bytes(data)
        refused(made, "cannot be played back|holds no picture")


def test_a_file_whose_pictures_are_damaged_is_refused(tmp_path: Path, sample: Path) -> None:
    made = make(sample, tmp_path / "out.mp4")
    clips.damage(made.path, range(10, 49))
    refused(made, "cannot be played back|something else|plain")


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [(".gif", "gif", "rgb8"), (".webm", "libvpx-vp9", "yuv420p"), (".mp4", "libx265", "yuv420p10le")],
)
def test_other_formats_are_played_back_too(tmp_path: Path, suffix: str, codec: str, pix_fmt: str) -> None:
    pictures = [clips.numbered(number, 160, 96) for number in range(45)]
    path = clips.make_clip(tmp_path / f"out{suffix}", pictures, codec=codec, pix_fmt=pix_fmt, rate=30)
    sampler = FrameSampler(width=160, height=96, time_base=Fraction(1, 30))
    for index, picture in enumerate(pictures):
        sampler.see(Frame(index=index, pts=index, pixels=picture))
    written = FrameCountAndSize(frames=45, width=160, height=96, picture=(160, 96))
    fidelity = examine(path, sampler=sampler, written=written, every=True)
    for pair in fidelity.pairs:
        assert clips.number_of(pair.output) == pair.sample.index
        assert psnr_db(pair.mean_square) > 25
    backwards = FrameSampler(width=160, height=96, time_base=Fraction(1, 30))
    for index, picture in enumerate(reversed(pictures)):
        backwards.see(Frame(index=index, pts=index, pixels=picture))
    with pytest.raises(OutputCheckFailed):
        examine(path, sampler=backwards, written=written)


def exported(source: Path, out: Path, **params: Any) -> FidelityReportFile:
    """Export without a model; return the report."""
    report = out.with_name("report.json")
    export_video(source, out, more={"report": report}, **params)
    return FidelityReportFile.model_validate_json(report.read_text())


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "gif"])
@pytest.mark.parametrize("times", ["25 fps", "400 fps", "crowded"])
def test_every_format_passes_at_any_rate_and_keeps_its_length(
    tmp_path: Path, suffix: str, times: str
) -> None:
    pictures = HARD["moving"][:30]
    crowded = [0, 3, 6, 9000, 9001, 9002, *range(31_000, 90_000, 2500)]
    options: dict[str, Any] = {"rate": 400 if times == "400 fps" else 25}
    if times == "crowded":
        options = {"pts": crowded, "time_base": Fraction(1, 90_000)}
    report = exported(clip(tmp_path, pictures, ".mp4", **options), tmp_path / f"out.{suffix}")
    assert report.frames_read == 30
    seen = {"25 fps": 30, "400 fps": 4, "crowded": 26}[times] if suffix == "gif" else 30
    assert report.frames_written == report.frames_in_output == seen
    assert report.psnr_luma_db.worst > 35
    assert report.duration_sec == pytest.approx(report.source_duration_sec, abs=0.011)


@pytest.mark.parametrize("codec", ["aac", "flac", "pcm_s16le"])
@pytest.mark.parametrize("start", [0.04, 0.513, 1.3])
def test_sound_of_a_part_begins_with_its_first_picture(tmp_path: Path, codec: str, start: float) -> None:
    sound = [{"seconds": 2.4, "codec": codec}]
    source = clip(tmp_path, HARD["moving"], ".mkv", audio=sound)
    report = exported(source, tmp_path / "out.mp4", start=start, end=2)
    assert report.av_offset_ms == pytest.approx(0, abs=1)


def test_a_video_that_begins_after_the_start_waits_for_it_in_the_output(tmp_path: Path) -> None:
    late = {"pts": [number + 25 for number in range(60)], "time_base": Fraction(1, 25)}
    source = clip(tmp_path, HARD["moving"], ".mp4", audio=[{"seconds": 3}], **late)
    assert exported(source, tmp_path / "out.mp4", start=0.5, end=2).av_offset_ms == pytest.approx(0, abs=1)


def test_pictures_are_found_wherever_keyframes_are(tmp_path: Path) -> None:
    path = clips.make_clip(
        tmp_path / "out.mp4", 300, options={"g": "40", "x264-params": "open-gop=1:b-pyramid=normal"}
    )
    wanted = [3, 39, 40, 41, 118, 121, 299]
    with OutputReader(path) as playback:
        windows = [(Fraction(number - 2, 25), Fraction(number, 25)) for number in wanted]
        found = [(number, clips.number_of(pixels)) for number, _, pixels in playback.pictures(windows)]
        assert found == [(n, of) for n, number in enumerate(wanted) for of in range(number - 2, number + 1)]
        assert (playback.frames, float(playback.first_s), float(playback.end_s)) == (300, 0, 12)


def test_curves_that_coincide_are_both_visible() -> None:
    """The wide curve below is seen on both sides of the one over it."""
    canvas, points = Canvas(200, 60), [(10.0, 30.0), (190.0, 30.0)]
    below, above = (200, 96, 32), (32, 92, 168)
    canvas.line(points, below, wide=True)
    canvas.line(points, above)
    column = canvas.finished()[:, 100].astype(int)
    near = [np.abs(column - ink).sum(axis=1) < 60 for ink in (below, above)]
    assert near[1][30]
    assert near[0][:29].any()
    assert near[0][31:].any()


def test_a_report_measures_what_was_compared(tmp_path: Path) -> None:
    source = clip(tmp_path, HARD["moving"], ".mp4", audio=[{"seconds": 2.4}])
    made = make(source, tmp_path / "out.mp4", scale=2, change=lambda picture: np.minimum(picture, 250) + 5)
    report = report_on(made.examined(), sampler=made.sampler, source=source)
    assert (report.width, report.height) == (320, 180)
    assert report.frames_read == report.frames_written == report.frames_in_output == 60
    assert report.source_duration_sec == report.duration_sec == pytest.approx(2.4)
    assert report.av_offset_ms == pytest.approx(0, abs=1)
    assert report.colour_error == pytest.approx((5, 5, 5), abs=1.5)
    assert 28 < report.psnr_luma_db.worst <= report.psnr_luma_db.mean < 36
    assert 0.9 < report.ssim.worst <= report.ssim.mean < 1
    assert report.colour_distance.worst >= report.colour_distance.mean > 1
    assert [picture.frame for picture in report.pictures] == [*range(0, 60, 2), 59]
    assert report.pictures[3].time_sec == 0.24
    assert report.pictures[3].size == (160, 90)
    assert report.pictures[3].displacement_px == pytest.approx((0, 0), abs=0.3)


@pytest.mark.parametrize("delay_ms", [-200, 0, 55])
def test_a_report_says_by_how_much_sound_has_moved(tmp_path: Path, delay_ms: int) -> None:
    pictures = HARD["moving"][:30]
    source = clip(tmp_path, pictures, ".mp4", audio=[{"seconds": 1.2, "start": 0.3}])
    made = make(source, tmp_path / "out.mp4")
    moved = clips.make_clip(
        tmp_path / "moved.mp4", pictures, audio=[{"seconds": 1.2, "start": 0.3 + delay_ms / 1000}]
    )
    report = report_on(replace(made, path=moved).examined(), sampler=made.sampler, source=source)
    assert report.av_offset_ms == pytest.approx(delay_ms, abs=1)


def test_a_report_of_a_silent_video_mentions_no_sound(tmp_path: Path) -> None:
    source = clip(tmp_path, HARD["moving"][:5])
    made = make(source, tmp_path / "out.mp4")
    report = report_on(made.examined(), sampler=made.sampler, source=source)
    assert report.av_offset_ms is None


@pytest.mark.parametrize("form", ["rgb", "deep_rgb", "planes"])
@pytest.mark.parametrize(
    ("codec", "pix_fmt", "tags"),
    [
        ("libx265", "yuv420p10le", {"matrix": 9, "primaries": 9, "transfer": 16, "range_": 1}),
        ("libx265", "yuv422p10le", {"matrix": 1, "primaries": 1, "transfer": 1, "range_": 2}),
        ("libx264", "yuv444p", {"matrix": 6, "primaries": 6, "transfer": 6, "range_": 2}),
        ("libx264", "yuv420p", {"matrix": 6, "primaries": 6, "transfer": 6, "range_": 1}),
    ],
)
def test_pictures_of_any_form_are_compared_as_they_are_shown(
    tmp_path: Path, form: Any, codec: str, pix_fmt: str, tags: dict[str, Any]
) -> None:
    pictures = HARD["moving"][:8]
    path = clips.make_clip(tmp_path / "out.mp4", pictures, codec=codec, pix_fmt=pix_fmt, **tags)
    info = probe(path)
    sampler = FrameSampler(width=160, height=90, time_base=info.time_base, planes=coded_format(info))
    with VideoReader(path, info, form=form) as reader:
        assert len(list(sampler.watch(reader.frames()))) == 8
    written = FrameCountAndSize(frames=8, width=160, height=90, picture=(160, 90))
    for pair in examine(path, sampler=sampler, written=written).pairs:
        assert psnr_db(mean_square(pair.sample.pixels, pair.output)) > 42
        assert abs(np.mean(pair.output.astype(float) - pair.sample.pixels)) < 0.6
