"""Tests that the beeps and flashes of an upscaled video stay in sync at playback."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.jobs import FidelityReportFile, UpscaleParams
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.upscale import upscale
from orchestrator.triton.client import TritonClient
from tests.support.playback import IN_SYNC_S, beeps, flashes
from tools.fixtures.clips import make_clip, plain

SECONDS = 3


def constant(rate: int) -> list[Fraction]:
    return [Fraction(number, rate) for number in range(SECONDS * rate)]


def irregular() -> list[Fraction]:
    """Irregular times of pictures, with one at each whole second."""
    random = np.random.default_rng(3)
    gaps = [Fraction(int(gap), 1000) for gap in random.integers(7, 130, 200)]
    moments = {sum(gaps[:count], Fraction(0)) for count in range(len(gaps))}
    return sorted({moment for moment in moments if moment < SECONDS} | set(map(Fraction, range(SECONDS))))


def flashing_at(moments: list[Fraction]) -> list[NDArray[np.uint8]]:
    """Black pictures; those that start at a whole second are white."""
    return [plain((235,) * 3 if moment.denominator == 1 else (16,) * 3) for moment in moments]


def clip(path: Path, moments: list[Fraction], delay_s: Fraction = Fraction(0)) -> Path:
    tick = Fraction(1, 90_000)
    return make_clip(
        path,
        flashing_at(moments),
        pts=[round((moment + delay_s) / tick) for moment in moments],
        time_base=tick,
        audio=[{"seconds": SECONDS, "beeps": True, "codec": "libopus" if path.suffix == ".mkv" else "aac"}],
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("source", [".mp4", ".mkv"])
@pytest.mark.parametrize("times", ["25 fps", "irregular"])
def test_beeps_stay_on_their_flashes(
    tmp_path: Path, client: TritonClient, source: str, suffix: str, times: str
) -> None:
    moments = irregular() if times == "irregular" else constant(25)
    path = clip(tmp_path / f"in{source}", moments)
    out, report = tmp_path / f"out{suffix}", tmp_path / "report.json"
    upscale(
        path,
        out,
        UpscaleParams(model="nearest-x4", scale=2),
        JobContext(connect=lambda: client, default_model="nearest-x4"),
        report=report,
    )
    seen, heard = flashes(out), beeps(out)
    assert len(seen) == len(heard) == SECONDS
    assert seen == pytest.approx(range(SECONDS), abs=0.0011)
    for flash, beep in zip(seen, heard, strict=True):
        assert abs(beep - flash) <= IN_SYNC_S
    measured = FidelityReportFile.model_validate_json(report.read_text())
    assert measured.av_offset_ms is not None
    assert abs(measured.av_offset_ms) <= 1000 * IN_SYNC_S
    assert measured.frames_in_output == len(moments)


@pytest.mark.parametrize("delay_s", [Fraction(1, 2), Fraction(-1, 4)])
def test_a_picture_that_starts_late_or_early_does_so_in_the_output(
    tmp_path: Path, client: TritonClient, delay_s: Fraction
) -> None:
    moments = [moment for moment in constant(25) if moment + delay_s >= 0]
    path = clip(tmp_path / "in.mp4", moments, delay_s)
    before = flashes(path)[-1] - beeps(path)[-1]
    out = tmp_path / "out.mp4"
    upscale(
        path,
        out,
        UpscaleParams(model="identity"),
        JobContext(connect=lambda: client, default_model="identity"),
    )
    assert flashes(out)[-1] - beeps(out)[-1] == pytest.approx(before, abs=IN_SYNC_S)
    assert before == pytest.approx(float(delay_s), abs=IN_SYNC_S)
