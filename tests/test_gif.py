"""GIF: its times, its colours, and what it cannot hold."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from orchestrator.errors import BadRequest
from orchestrator.frames import Frame
from orchestrator.media.containers import GIF_MAX_PIXELS, GIF_MAX_S, check_limits
from orchestrator.media.probe import probe
from orchestrator.media.writer import VideoWriter
from tests.clips import make_clip, number_of, numbered, plain
from tests.test_colour import PATCHES
from tests.test_formats import through

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.frames import Pixels

MICROSECOND = Fraction(1, 90_000)


def shown(path: Path) -> tuple[list[Pixels], list[int]]:
    """Return the pictures as a browser puts them together, and how many ms each is shown."""
    with Image.open(path) as image:
        frames = [
            (np.array(frame.convert("RGB")), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    return [pixels for pixels, _ in frames], [round(duration) for _, duration in frames]


@pytest.mark.parametrize("rate", [25, 30, 50, 12, Fraction(24_000, 1001), Fraction(30_000, 1001)])
def test_times_are_to_the_hundredth_and_do_not_drift(tmp_path: Path, rate: Fraction) -> None:
    writer = through(make_clip(tmp_path / "in.mp4", 30, rate=rate), tmp_path / "out.gif")
    pictures, delays = shown(tmp_path / "out.gif")
    assert [number_of(picture) for picture in pictures] == list(range(30))
    ends = np.cumsum(delays) / 1000
    assert np.abs(ends - [float((n + 1) / Fraction(rate)) for n in range(30)]).max() <= 0.005
    assert writer.duration_s == pytest.approx(30 / float(rate), abs=0.005)
    assert writer.notes == []


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    gaps=st.lists(st.integers(1800, 90_000), min_size=1, max_size=20),
    first=st.integers(0, 100_000),
    last=st.integers(1800, 90_000),
)
def test_any_variable_frame_rate_is_kept_to_the_hundredth(
    tmp_path: Path, gaps: list[int], first: int, last: int
) -> None:
    pts = [first + sum(gaps[:n]) for n in range(len(gaps) + 1)]
    source = make_clip(
        tmp_path / "in.mp4",
        len(pts),
        pts=pts,
        time_base=MICROSECOND,
        last_duration=last,
        options={"bf": "0", "preset": "ultrafast"},
    )
    through(source, tmp_path / "out.gif")
    ends = np.cumsum(shown(tmp_path / "out.gif")[1]) / 1000
    expected = [float((p - first) * MICROSECOND) for p in [*pts[1:], pts[-1] + last]]
    assert np.abs(ends - expected).max() <= 0.01


def test_pictures_that_browsers_show_for_longer_are_kept_and_noted(tmp_path: Path) -> None:
    writer = through(make_clip(tmp_path / "in.mp4", 30, rate=60), tmp_path / "out.gif")
    pictures, delays = shown(tmp_path / "out.gif")
    assert [number_of(picture) for picture in pictures] == list(range(30))
    assert set(delays) == {10, 20}
    assert sum(delays) == 500
    assert writer.notes == [
        "some pictures are 1/100 s apart, for which browsers take 10/100 s: mp4 or webm is shown in time"
    ]


def test_pictures_that_are_closer_than_a_hundredth_are_put_later_and_noted(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        6,
        pts=[0, 100, 200, 9000, 18_000, 27_000],
        time_base=MICROSECOND,
        options={"bf": "0"},
    )
    writer = through(source, tmp_path / "out.gif")
    assert shown(tmp_path / "out.gif")[1][:5] == [10, 10, 80, 100, 100]
    assert "2 pictures less than 1/100 s apart are shown later: a gif counts in it" in writer.notes


def test_a_gif_is_played_for_ever(tmp_path: Path) -> None:
    through(make_clip(tmp_path / "in.mp4", 3), tmp_path / "out.gif")
    with Image.open(tmp_path / "out.gif") as image:
        assert image.info["loop"] == 0


@pytest.mark.parametrize("quality", ["high", "medium", "low"])
def test_colours_come_out_as_they_are(tmp_path: Path, quality: str) -> None:
    """A chart of few colours, then one colour a picture."""
    chart = np.concatenate([plain(rgb, 16, 32) for rgb in PATCHES], axis=1)
    pictures = [chart, *(plain(rgb, 16 * len(PATCHES), 32) for rgb in PATCHES), chart]
    source = make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="bgr0", matrix=0)
    through(source, tmp_path / "out.gif", quality=quality)
    for got, expected in zip(shown(tmp_path / "out.gif")[0], pictures, strict=True):
        assert np.abs(got.astype(int) - expected).max() <= 1


def test_gradients_that_move_are_close(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:90, 0:160]
    pictures = [
        np.stack([(columns + 3 * n) % 256, rows * 2 + n, 200 - columns // 2], axis=-1).astype(np.uint8)
        for n in range(8)
    ]
    source = make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="bgr0", matrix=0)
    sizes = []
    for quality, worst in (("high", 34), ("medium", 33), ("low", 28)):
        through(source, tmp_path / "out.gif", quality=quality)
        sizes.append((tmp_path / "out.gif").stat().st_size)
        for got, expected in zip(shown(tmp_path / "out.gif")[0], pictures, strict=True):
            assert 10 * np.log10(255**2 / np.mean((got.astype(float) - expected) ** 2)) > worst
    assert sizes[0] > sizes[2]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (7, 5), (97, 65)])
def test_any_size_is_kept(tmp_path: Path, width: int, height: int) -> None:
    picture = np.full((height, width, 3), (180, 90, 60), np.uint8)
    source = make_clip(tmp_path / "in.mkv", [picture, 255 - picture, picture], codec="ffv1", pix_fmt="bgr0")
    assert through(source, tmp_path / "out.gif").notes == []
    for got, expected in zip(shown(tmp_path / "out.gif")[0], [picture, 255 - picture, picture], strict=True):
        assert got.shape == expected.shape
        assert np.abs(got.astype(int) - expected).max() <= 1


def test_pictures_that_do_not_change_are_all_kept(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", [numbered(7)] * 10)
    through(source, tmp_path / "out.gif")
    pictures, delays = shown(tmp_path / "out.gif")
    assert delays == [40] * 10
    assert [number_of(picture) for picture in pictures] == [7] * 10


def test_a_part_of_a_video_with_a_single_picture(tmp_path: Path) -> None:
    through(make_clip(tmp_path / "in.mp4", 1), tmp_path / "out.gif")
    with Image.open(tmp_path / "out.gif") as image:
        assert number_of(np.array(image.convert("RGB"))) == 0


def test_what_a_gif_does_not_hold_is_noted(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mkv",
        25,
        audio=[{"seconds": 1}],
        subtitles=[{"codec": "subrip", "lines": [(0.1, 0.5, "a")]}],
        metadata={"title": "A film"},
        chapters=[{"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000), "metadata": {}}],
    )
    notes = through(source, tmp_path / "out.gif").notes
    assert notes[:2] == [
        "sound 1 (aac) was dropped: gif holds pictures only",
        "subtitles 1 (subrip) was dropped: gif holds pictures only",
    ]
    assert "metadata that gif does not keep: title" in notes[2].lower()
    assert notes[3] == "1 chapter was lost"


def test_limits_are_told_before_any_work() -> None:
    size: Any = {"width": 320, "height": 240}
    check_limits("gif", quality="high", duration_s=GIF_MAX_S, **size)
    check_limits("mp4", quality="lossless", duration_s=36_000, **size)
    with pytest.raises(BadRequest, match=r"a gif of 600 s is too long: at most 60 s .* or mp4 or webm"):
        check_limits("gif", quality="high", duration_s=600, **size)
    with pytest.raises(BadRequest, match=r"lossless is not for gif.*choose high, medium or low"):
        check_limits("gif", quality="lossless", **size)
    check_limits("gif", quality="high", width=1080, height=GIF_MAX_PIXELS // 1080)
    with pytest.raises(BadRequest, match="2160x1080 is too large: at most 2073600 pixels"):
        check_limits("gif", quality="high", width=2160, height=1080)


def write_for(source: Path, output: Path, seconds: int) -> VideoWriter:
    """Write one picture a second."""
    info = probe(source)
    with VideoWriter(output, source=source, info=info, width=96, height=64) as writer:
        for n in range(seconds):
            writer.write(Frame(index=n, pts=round(n / info.time_base), pixels=plain((n, 0, 0))))
        writer.finish()
    return writer


def test_a_long_gif_is_noted_and_one_that_is_too_long_stops(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 2, rate=1)
    assert write_for(source, tmp_path / "out.gif", 15).notes == []
    [note] = write_for(source, tmp_path / "out.gif", 60).notes
    assert note == "a gif of 60 s is large: as mp4 or webm it would be a small part of that"
    with pytest.raises(BadRequest, match="too long: at most 60 s"):
        write_for(source, tmp_path / "out.gif", 100)
