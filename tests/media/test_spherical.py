"""Tests that a 360 degree video stays one where the container can say so, unless it is cropped."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import av
import pytest

from orchestrator.frames import SphericalVideo
from orchestrator.media.read.probe import probe
from orchestrator.media.write.spherical import mark, room_for
from tests.media.test_comparison import case, metadata, notes_of
from tools.fixtures.clips import make_clip

LOST = "the 360 degree marking of the source was left out"

SPHERES = [SphericalVideo(), SphericalVideo(stereo="top-bottom"), SphericalVideo(stereo="left-right")]


def spherical(path: Path, sphere: SphericalVideo, title: str = "", **options: Any) -> Path:
    """Write a clip with the mark."""
    room = {"title": title + room_for(sphere)}
    make_clip(path, 5, video_metadata=room, audio=[{"seconds": 0.2}], **options)
    mark(path, sphere)
    return path


def sphere_tags(path: Path) -> tuple[tuple[int, ...], int] | None:
    """Projection and angles, and the kind of 3D, as FFmpeg's own reader has them."""
    with av.open(str(path)) as container:
        data: Any = next(container.decode(video=0)).side_data
        kinds = {item.type.name: bytes(item) for item in data}
    if "SPHERICAL" not in kinds:
        return None
    mapping = struct.unpack_from("=4i", kinds["SPHERICAL"])
    return mapping, struct.unpack_from("=i", kinds.get("STEREO3D", bytes(4)))[0]


@pytest.mark.parametrize("sphere", SPHERES)
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_the_mark_is_kept(tmp_path: Path, suffix: str, sphere: SphericalVideo) -> None:
    source = spherical(tmp_path / "in.mp4", sphere)
    assert probe(source).sphere == sphere
    assert notes_of(source, tmp_path / f"out.{suffix}") == []
    stereo = {None: 0, "left-right": 1, "top-bottom": 2}[sphere.stereo]
    assert sphere_tags(tmp_path / f"out.{suffix}") == ((0, 0, 0, 0), stereo)
    with av.open(str(tmp_path / f"out.{suffix}")) as container:  # and nothing else has moved
        assert len(list(container.decode(video=0))) == 5
        assert "name" not in container.streams.video[0].metadata
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 9000


def test_where_the_viewer_looks_at_first_is_written(tmp_path: Path) -> None:
    """FFmpeg's reader ignores it, players do not."""
    data = spherical(tmp_path / "in.mp4", SphericalVideo(yaw=90, pitch=-30, roll=5)).read_bytes()
    at = data.index(bytes.fromhex("ffcc8263f8554a938814587a02521fdd"))
    size = int.from_bytes(data[at - 8 : at - 4], "big")
    document = data[at + 16 : at - 8 + size].decode()
    assert document.startswith("<?xml")
    assert document.rstrip().endswith("</rdf:SphericalVideo>")
    sphere_tags = dict(re.findall(r"<GSpherical:(\w+)>([^<]*)</GSpherical:\1>", document))
    assert sphere_tags["ProjectionType"] == "equirectangular"
    assert (sphere_tags["InitialViewHeadingDegrees"], sphere_tags["InitialViewPitchDegrees"]) == ("90", "-30")
    assert sphere_tags["InitialViewRollDegrees"] == "5"


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_the_title_of_the_track_stays(tmp_path: Path, suffix: str) -> None:
    source = spherical(tmp_path / "in.mp4", SphericalVideo(), title="Round about")
    assert notes_of(source, tmp_path / f"out.{suffix}") == []
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        assert container.streams.video[0].metadata["name"] == "Round about"
    assert sphere_tags(tmp_path / f"out.{suffix}") is not None


def test_a_real_one_keeps_it(tmp_path: Path) -> None:
    for suffix in ("mp4", "mov"):
        assert notes_of(case("spherical.mp4"), tmp_path / f"out.{suffix}") == []
        assert sphere_tags(tmp_path / f"out.{suffix}") == ((0, 0, 0, 0), 0)
    assert notes_of(case("spherical.mp4"), tmp_path / "out.mkv") == [LOST]


@pytest.mark.parametrize("suffix", ["mkv", "webm", "gif"])
def test_elsewhere_it_is_noted(tmp_path: Path, suffix: str) -> None:
    assert LOST in notes_of(spherical(tmp_path / "in.mp4", SphericalVideo()), tmp_path / f"out.{suffix}")


def test_a_part_of_a_sphere_is_none(tmp_path: Path) -> None:
    source = spherical(tmp_path / "in.mp4", SphericalVideo())
    assert notes_of(source, tmp_path / "out.mp4", crop={"x": 0, "y": 0, "w": 48, "h": 64}) == [LOST]
    assert sphere_tags(tmp_path / "out.mp4") is None
    assert notes_of(source, tmp_path / "large.mp4", size="192x128") == []
    assert sphere_tags(tmp_path / "large.mp4") is not None


def test_a_turned_sphere_is_noted(tmp_path: Path) -> None:
    source = spherical(tmp_path / "in.mp4", SphericalVideo(), rotation=90)
    assert LOST in notes_of(source, tmp_path / "out.mp4")
    assert metadata(tmp_path / "out.mp4")
