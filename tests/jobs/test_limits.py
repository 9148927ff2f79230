"""Tests the limits of a job, which count the packets of a file and do not trust its header."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BadRequest, LimitExceeded
from orchestrator.jobs import ExportParams, ExportResult, TrackParams, parse
from orchestrator.limits import Limits
from orchestrator.media.read.probe import probe
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.triton.client import TritonClient
from tools.fixtures.clips import make_clip

LIMITS = Limits(duration_s=4, frames=200)


class Reached(Exception):
    """Raised when the job reaches its model."""


def no_model() -> TritonClient:
    raise Reached


def run_export(source: Path, output: Path, limits: Limits | None = LIMITS, **params: Any) -> ExportResult:
    return export(source, output, parse(ExportParams, params), JobContext(connect=no_model, limits=limits))


def saying(path: Path, seconds: float, header_s: float) -> Path:
    """Make an FLV or MKV whose header claims another length than it has."""
    make_clip(path, round(seconds * 25), options={"bf": "0", "preset": "ultrafast"})
    data = path.read_bytes()
    before = b"duration\0" if path.suffix == ".flv" else b"\x44\x89\x88"
    assert data.count(before) == 1
    place = data.index(before) + len(before)
    said = struct.pack(">d", header_s if path.suffix == ".flv" else header_s * 1000)
    data = data[:place] + said + data[place + 8 :]
    path.write_bytes(data.replace(b"DURATION", b"XXXXXXXX"))  # Matroska's tags say it once more
    assert probe(path).duration_s == header_s
    return path


@pytest.mark.parametrize("suffix", ["flv", "mkv"])
def test_a_header_of_ten_hours_over_two_seconds_is_done(tmp_path: Path, suffix: str) -> None:
    source = saying(tmp_path / f"in.{suffix}", 2, 36_000)
    result = run_export(source, tmp_path / "out.mp4")
    assert result.stats.frames == 50
    assert result.stats.duration_sec == pytest.approx(2)
    assert probe(tmp_path / "out.mp4").duration_s == pytest.approx(2)


@pytest.mark.parametrize("limits", [Limits(duration_s=4), Limits(frames=100)])
@pytest.mark.parametrize("suffix", ["flv", "mkv"])
def test_a_header_that_says_less_does_not_let_more_through(
    tmp_path: Path, suffix: str, limits: Limits
) -> None:
    source = saying(tmp_path / f"in.{suffix}", 6, 1)
    with pytest.raises(LimitExceeded, match=r"more than the 4 s|more than 100 frames"):
        run_export(source, tmp_path / "out.mp4", limits)
    assert not (tmp_path / "out.mp4").exists()
    assert run_export(source, tmp_path / "part.mp4", limits, end=3).stats.frames == 75


def test_a_true_header_is_refused_before_the_work(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 150)
    with pytest.raises(LimitExceeded, match="lasts 6 s, and at most 4 s are taken"):
        run_export(source, tmp_path / "out.mp4", upscale=True, upscale_model="none")
    with pytest.raises(LimitExceeded, match="more than 100 frames"):
        run_export(source, tmp_path / "out.mp4", Limits(frames=100))


def test_a_part_that_is_short_enough_is_done(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 300)
    assert run_export(source, tmp_path / "out.mp4", start=8, end=11.5).stats.frames == 88
    with pytest.raises(LimitExceeded):
        run_export(source, tmp_path / "long.mp4", start=7)


def test_a_gif_is_as_long_as_its_packets(tmp_path: Path) -> None:
    source = saying(tmp_path / "in.flv", 2, 36_000)
    assert run_export(source, tmp_path / "out.gif", None).stats.duration_sec == pytest.approx(2)
    long = make_clip(tmp_path / "long.mp4", 62, rate=1)
    with pytest.raises(BadRequest, match="too long: at most 60 s"):
        run_export(long, tmp_path / "long.gif", None)


def test_tracking_counts_what_is_read_too(tmp_path: Path, reach: Callable[[Path], None]) -> None:
    reach(saying(tmp_path / "a.flv", 2, 36_000))
    with pytest.raises(LimitExceeded, match="lasts 6 s"):
        reach(make_clip(tmp_path / "b.mp4", 150))


@pytest.fixture
def reach() -> Callable[[Path], None]:
    """Return a function that runs a track job up to its model."""

    def run(source: Path) -> None:
        with pytest.raises(Reached):
            track(source, parse(TrackParams, {}), TrackOutputs(), JobContext(connect=no_model, limits=LIMITS))

    return run
