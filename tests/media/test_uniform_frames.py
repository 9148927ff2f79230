"""Tests videos whose picture size or pixel shape changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.frames import Pixels
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.tiles.letterbox import letterbox
from tests.media.test_gif import run_export
from tools.fixtures import clips
from tools.fixtures.clips import make_clip

CASES = Path(__file__).parents[3] / "shared" / "cases"
GRAY = 90
# Where MPEG-2 is joined, the last picture of one part and the first of the next have the same time.
NOTE = (
    r"the source's pictures change their size or shape at 0\.(36|40) s, 0\.(76|80) s: they are fitted into "
    "those of the beginning with black bars"
)


def disc(width: int, height: int, aspect: Fraction) -> Pixels:
    """Return a white disc on gray: round where a pixel is `aspect` times as wide as high."""
    rows, columns = np.mgrid[0:height, 0:width]
    across = (columns + 0.5 - width / 2) * float(aspect)
    down = rows + 0.5 - height / 2
    picture = np.full((height, width, 3), GRAY, np.uint8)
    picture[across**2 + down**2 < (0.35 * min(height, width * float(aspect))) ** 2] = 255
    return picture


def joined(
    path: Path, parts: Sequence[tuple[int, int, Fraction]], codec: str = "libx264", **options: Any
) -> Path:
    """Make a TS of joined parts: ten pictures each, of a width, a height and a pixel aspect ratio."""
    data = b""
    for number, (width, height, aspect) in enumerate(parts):
        part = make_clip(
            path.with_name(f"part{number}.ts"),
            [disc(width, height, aspect)] * 10,
            codec=codec,
            pts=list(range(10 * number, 10 * number + 10)),
            time_base=Fraction(1, 25),
            aspect=aspect,
            options={"bf": "0", "qmax": "3"} if codec == "mpeg2video" else {"bf": "0"},
            **options,
        )
        data += part.read_bytes()
    path.write_bytes(data)
    return path


def roundness(picture: Pixels, aspect: Fraction) -> float:
    """Return how wide the disc is displayed, over how high."""
    white = picture.mean(axis=-1) > 180
    area_across = white.any(axis=0).sum() * float(aspect)
    return float(area_across / white.any(axis=1).sum())


def frames_of(path: Path, **options: Any) -> tuple[list[Any], list[str], Fraction]:
    info = probe(path)
    with VideoReader(path, info, threads=2, **options) as reader:
        return [frame.pixels for frame in reader.frames()], reader.notes, info.sample_aspect_ratio


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_disc_stays_round_when_the_shape_of_pixels_changes(tmp_path: Path, codec: str) -> None:
    """4:3 and 16:9 in PAL: the second is as wide, and 48 of 64 rows high."""
    narrow, wide = Fraction(16, 15), Fraction(64, 45)
    sizes = [(360, 288, narrow), (360, 288, wide), (360, 288, narrow)]
    path = joined(tmp_path / "in.ts", sizes, codec=codec)
    pictures, notes, aspect = frames_of(path)
    assert (len(pictures), aspect) == (30, narrow)
    for number, picture in enumerate(pictures):
        assert picture.shape == (288, 360, 3)
        assert roundness(picture, aspect) == pytest.approx(1, abs=0.03), number
        edge = picture[:34].mean(), picture[-34:].mean()
        assert edge == pytest.approx((0, 0) if number // 10 == 1 else (GRAY, GRAY), abs=4), number
        assert picture[40:-40, :8].mean() == pytest.approx(GRAY, abs=4)
    assert re.fullmatch(NOTE, notes[-1])


@pytest.mark.parametrize("first", [(96, 64, Fraction(1)), (192, 128, Fraction(1))])
@pytest.mark.parametrize("form", ["rgb", "planes"])
def test_a_size_that_changes_is_scaled_to_the_first(
    tmp_path: Path, first: tuple[int, int, Fraction], form: Any
) -> None:
    path = joined(tmp_path / "in.ts", [first, (144, 96, Fraction(1)), (128, 128, Fraction(1))])
    pictures, notes, _ = frames_of(path, form=form)
    assert len(pictures) == 30
    width, height, _ = first
    planes = [picture.y if form == "planes" else picture for picture in pictures]
    assert {picture.shape[:2] for picture in planes} == {(height, width)}
    lumas = [np.repeat(plane[..., None], 3, -1) if form == "planes" else plane for plane in planes]
    black = 16 if form == "planes" else 0
    for number, picture in enumerate(lumas):
        assert roundness(picture, Fraction(1)) == pytest.approx(1, abs=0.06), number
        bar = picture[:, : width // 8].mean()
        assert (bar == pytest.approx(black, abs=3)) == (number >= 20), number
    assert re.fullmatch(NOTE, notes[-1])


@pytest.mark.parametrize("form", ["rgb", "planes"])
@pytest.mark.parametrize(
    ("first", "second", "size"),
    [
        ((6, 1), (6, 2), (96, 64)),
        ((6, 2), (6, 1), (96, 64)),
        ((6, 1), (1, 1), (96, 64)),
        ((1, 2), (6, 1), (144, 96)),
    ],
)
def test_a_matrix_or_a_range_that_changes_is_converted_to_the_first(
    tmp_path: Path, first: tuple[int, int], second: tuple[int, int], size: tuple[int, int], form: Any
) -> None:
    colour, data = (200, 60, 30), b""
    for number, ((matrix, range_), (width, height)) in enumerate(((first, (96, 64)), (second, size))):
        part = make_clip(
            tmp_path / f"{number}.ts",
            [clips.plain(colour, width, height)] * 5,
            pts=list(range(5 * number, 5 * number + 5)),
            time_base=Fraction(1, 25),
            options={"bf": "0", "qp": "0"},
            matrix=matrix,
            range_=range_,
        )
        data += part.read_bytes()
    (tmp_path / "in.ts").write_bytes(data)
    pictures, notes, _ = frames_of(tmp_path / "in.ts", form=form)
    assert len(pictures) == 10
    if form == "rgb":
        assert max(np.abs(picture - np.array(colour)).max() for picture in pictures) <= 3
    else:
        for samples in zip(*pictures, strict=True):
            means = [plane.mean() for plane in samples]
            assert max(means) - min(means) <= 1.5
    assert re.search(r"change their colour matrix or range at 0\.\d\d s: they are converted", notes[-1])


def test_interlaced_pictures_are_fitted_too(tmp_path: Path) -> None:
    shapes = [(360, 288, Fraction(16, 15)), (360, 288, Fraction(64, 45))]
    path = joined(tmp_path / "in.ts", shapes, codec="mpeg2video", fields="tff")
    pictures, notes, aspect = frames_of(path)
    assert len(pictures) == 20
    assert all(roundness(picture, aspect) == pytest.approx(1, abs=0.03) for picture in pictures)
    assert re.search(r"change their size or shape at 0\.(36|40) s:", notes[-1])


def test_detectors_see_the_fitted_picture(tmp_path: Path) -> None:
    shapes = [(360, 288, Fraction(16, 15)), (360, 288, Fraction(64, 45))]
    path = joined(tmp_path / "in.ts", shapes)
    width, height = probe(path).display_size
    box = letterbox(width=width, height=height, side=320, multiple=32)
    for picture in frames_of(path, letterbox=box)[0]:
        assert roundness(picture, Fraction(1)) == pytest.approx(1, abs=0.04)


def test_a_part_that_begins_after_the_change_has_the_shape_of_the_whole(tmp_path: Path) -> None:
    path = joined(tmp_path / "in.ts", [(360, 288, Fraction(16, 15)), (360, 288, Fraction(64, 45))])
    pictures, notes, aspect = frames_of(path, start_s=Fraction(1, 2))
    assert all(roundness(picture, aspect) == pytest.approx(1, abs=0.03) for picture in pictures)
    assert re.search(r"change their size or shape at 0\.(48|52) s:", notes[-1])


def test_a_shape_that_the_container_states_counts_for_all(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mkv", [disc(96, 64, Fraction(4, 3))] * 5, aspect=Fraction(4, 3))
    pictures, notes, aspect = frames_of(path)
    assert (aspect, notes) == (Fraction(4, 3), [])
    assert roundness(pictures[-1], aspect) == pytest.approx(1, abs=0.05)


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_a_real_change_is_noted_with_its_time_and_exported(tmp_path: Path, suffix: str) -> None:
    result = run_export(CASES / "aspect-changes.ts", tmp_path / f"out.{suffix}")
    assert result.stats.frames == 50
    [note] = [note for note in result.notes if "size or shape" in note]
    assert note.startswith("the source's pictures change their size or shape at 0.96 s")
    pictures, _, aspect = frames_of(tmp_path / f"out.{suffix}")
    assert aspect == (1 if suffix == "webm" else Fraction(16, 15))
    assert pictures[10][:30].mean() > 20
    assert pictures[40][:30].mean() < 3  # 36 rows of bars
    assert pictures[40][42:-42].mean() > 20
