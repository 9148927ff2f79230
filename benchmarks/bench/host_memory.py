"""Measures the peak memory of `framewright upscale` with the free model, by picture size, beside FFmpeg."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from benchmarks.bench import ffmpeg_peer, workloads
from benchmarks.bench.free_model import NAME, SCALE
from benchmarks.bench.process_memory import peak_bytes
from orchestrator.media.write.encoder_selection import choose
from orchestrator.media_containers import MP4
from tools.stand_ins.processes import COMMAND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.bench.part import Plan, ReportWriter

MIB = 2**20
MOST_MIB = 1.2e9 / MIB
TIMES = 2
"""How much longer the long clip is."""


def measure(plan: Plan, report: ReportWriter, repository: Path, *, sizes: Sequence[tuple[int, int]]) -> None:
    """Add the table of peak memory.

    Args:
        plan: how much to measure.
        report: gets the table.
        repository: a model repository with the free model.
        sizes: the sizes of the sources, width and height in pixels, the largest last.
    """
    frames = 6 if plan.quick else 16
    rows = []
    for size in sizes:
        name = f"{size[0]}x{size[1]}"
        ours, theirs = _peaks_mib(plan, repository, size, frames)
        target = f"at most {MOST_MIB:.0f}" if size == (1920, 1080) else ""
        rows.append([f"{name}, {frames} frames", f"{ours:.0f}", target, f"{theirs:.0f}", _encoder(size)])
    longer, theirs = _peaks_mib(plan, repository, sizes[-1], frames * TIMES)
    growth = longer / ours - 1
    rows.append(
        [
            f"{name}, {frames * TIMES} frames",
            f"{longer:.0f} ({growth:+.0%})",
            "flat",
            f"{theirs:.0f}",
            _encoder(sizes[-1]),
        ]
    )
    report.table(["upscaling x4, MiB at most", "framewright and Triton", "target", "FFmpeg", "encoder"], rows)
    report.note(
        "Memory is the largest sum of the PSS of all processes of a command, sampled ten times a second, so "
        "that shared memory counts once. `framewright upscale` chooses the encoder by the size, and starts a "
        "Triton of its own; FFmpeg is given the same encoder with the same settings, and holds Python and "
        "its libraries, too. Encoders hold pictures themselves: what FFmpeg holds is theirs."
    )


def _peaks_mib(plan: Plan, repository: Path, size: tuple[int, int], frames: int) -> tuple[float, float]:
    """Return the peaks of our command and of FFmpeg for a clip, in MiB."""
    width, height = size
    video = workloads.scale_clip(
        workloads.SAMPLE, plan.folder / f"{width}-{frames}.mp4", width=width, height=height, frames=frames
    )
    out = plan.folder / "memory.mp4"
    ours = peak_bytes(
        [COMMAND, "upscale", video, out, "--model", NAME, "--force"],
        environment={"MODEL_REPOSITORY": str(repository)},
    )
    request = {"until": "encode", "video": str(video), "out": str(out), "scale": SCALE}
    theirs = peak_bytes(
        [sys.executable, "-m", ffmpeg_peer.MODULE], request=json.dumps(request | {"encoder": _encoder(size)})
    )
    print(f"  {width}x{height}, {frames} frames: {ours / MIB:.0f} MiB", file=sys.stderr, flush=True)
    return ours / MIB, theirs / MIB


def _encoder(size: tuple[int, int]) -> str:
    """Return the encoder that a job chooses for the output of a source of this size."""
    return choose(MP4, width=size[0] * SCALE, height=size[1] * SCALE, quality="high").encoder
