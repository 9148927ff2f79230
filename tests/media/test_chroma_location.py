"""Tests that the chroma location is read from the source, kept in the output, and tagged for players."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.frames import Pixels
from orchestrator.media.colour.chroma_location import POSITIONS
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tests.media.test_formats import through
from tools.fixtures.clips import coded, make_clip

BITS_8: dict[str, Any] = {"codec": "libx264", "pix_fmt": "yuv420p", "options": {"qp": "0"}}
BITS_10: dict[str, Any] = {
    "codec": "libx265",
    "pix_fmt": "yuv420p10le",
    "options": {"x265-params": "log-level=none:lossless=1"},
}


def clip(path: Path, location: str | None, coding: dict[str, Any], **options: Any) -> Path:
    """Write pictures whose chroma alone has edges, across and down, tagged."""
    bits = 10 if "10" in coding["pix_fmt"] else 8
    down = 1 if "422" in coding["pix_fmt"] else 2
    kind = np.uint16 if bits == 10 else np.uint8
    y = np.full((64, 96), 128 << (bits - 8), kind)
    u = np.full((64 // down, 48), 90 << (bits - 8), kind)
    v = u.copy()
    u[:, 21:], v[64 // down // 3 :] = 160 << (bits - 8), 170 << (bits - 8)
    location_tag = {"chroma_sample_location": location} if location else {}
    picture = coded([y, u, v], coding["pix_fmt"])
    tagged = coding | {"options": coding["options"] | location_tag}
    return make_clip(path, [picture] * 4, matrix=1, range_=1, **tagged, **options)


def shown(path: Path) -> Pixels:
    with VideoReader(path, probe(path), threads=1) as reader:
        return next(reader.frames()).pixels


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("coding", [BITS_8, BITS_10])
@pytest.mark.parametrize("location", [None, *(name for name in POSITIONS if "right" not in name)])
def test_planes_keep_where_their_chroma_lies(
    tmp_path: Path, location: str | None, coding: dict[str, Any], suffix: str
) -> None:
    source = clip(tmp_path / "in.mp4", location, coding)
    assert probe(source).chroma_location == (location or "left")
    through(source, tmp_path / f"out.{suffix}", "planes", quality="lossless")
    if suffix != "webm" or location not in {"bottomleft", "bottom"}:  # WebM has no names for these
        assert probe(tmp_path / f"out.{suffix}").chroma_location == (location or "left")
        assert np.array_equal(shown(tmp_path / f"out.{suffix}"), shown(source))


@pytest.mark.parametrize("form", ["rgb", "deep_rgb"])
def test_chroma_that_is_made_lies_in_the_center(tmp_path: Path, form: Any) -> None:
    source = clip(tmp_path / "in.mp4", "topleft", BITS_10)
    for suffix in ("mp4", "mkv", "webm"):
        through(source, tmp_path / f"out.{suffix}", form)
        assert probe(tmp_path / f"out.{suffix}").chroma_location == "center"
        off = shown(tmp_path / f"out.{suffix}").astype(int) - shown(source)
        assert np.abs(off).mean() < 1.5


@pytest.mark.parametrize(
    ("rotation", "expected"), [(0, "left"), (90, "bottom"), (180, "right"), (270, "top")]
)
def test_chroma_turns_with_the_picture(tmp_path: Path, rotation: int, expected: str) -> None:
    source = clip(tmp_path / "in.mp4", "left", BITS_8, rotation=rotation)
    assert probe(source).chroma_location == expected
    through(source, tmp_path / "out.mp4", "planes", quality="lossless")
    off = np.abs(shown(tmp_path / "out.mp4").astype(int) - shown(source))
    if rotation != 180:  # no codec has chroma at the right: half a pixel off, not a whole one
        assert off.max() <= 2


@pytest.mark.parametrize(("flip", "expected"), [("hflip", "top"), ("vflip", "bottom")])
def test_chroma_is_mirrored_with_the_picture(tmp_path: Path, flip: str, expected: str) -> None:
    source = clip(tmp_path / "in.mp4", "top", BITS_8, **{flip: True})
    assert probe(source).chroma_location == expected
    through(source, tmp_path / "out.mp4", "planes", quality="lossless")
    assert np.abs(shown(tmp_path / "out.mp4").astype(int) - shown(source)).max() <= 2


def test_4_2_2_keeps_its_columns_where_rows_are_shared(tmp_path: Path) -> None:
    coding = BITS_8 | {"pix_fmt": "yuv422p"}
    source = clip(tmp_path / "in.mkv", "left", coding)
    through(source, tmp_path / "out.mkv", "planes")
    assert probe(tmp_path / "out.mkv").chroma_location == probe(source).chroma_location
    off = shown(tmp_path / "out.mkv").astype(int) - shown(source)
    assert np.abs(off[:18]).max() <= 3


def test_4_4_4_and_gray_have_no_place(tmp_path: Path) -> None:
    for pix_fmt in ("yuv444p", "gray", "bgr0"):
        path = make_clip(tmp_path / "a.mkv", 1, codec="ffv1", pix_fmt=pix_fmt)
        assert probe(path).chroma_location is None
