"""Measures peak memory of the command and of Triton, against the length and the size of the video.

Each command starts a Triton of its own. A peak is VmHWM of proc(5), summed over those of Triton's processes
that run at the same time. Tensors in shared memory count in each process that maps them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np
import psutil

from benchmarks.bench import commands, workloads
from tools.stand_ins.processes import COMMAND, family, high_water_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.bench.part import Plan, ReportWriter

TIMES = (1, 4, 16)
SIZES = ((320, 180), (640, 360), (960, 540), (1280, 720), (1920, 1080))
SAMPLED_EVERY_S = 0.05
MIB = 2**20
FLAT = 0.05


def measure(plan: Plan, report: ReportWriter) -> None:
    """Measure this part and add its tables, charts and notes to the report."""
    upscaler, detector = workloads.upscaler(lite=True), workloads.detector(lite=True)
    once = plan.folder / "once.mp4"
    frames, lengths = (72, TIMES[:2]) if plan.quick else (240, TIMES)
    width, height = 160, 90
    workloads.scale_clip(upscaler.video, once, width=width, height=height, frames=frames)
    jobs: dict[str, Callable[[Path], list[object]]] = {
        "upscale": lambda video: commands.upscale_arguments(upscaler, video, plan.folder / "out.mp4"),
        "track": lambda video: commands.track_arguments(detector, video, plan.folder / "out.json"),
    }
    rows = []
    for name, job in jobs.items():
        peaks = []
        for times in lengths:
            video = workloads.repeat_clip(once, plan.folder / f"times{times}.mp4", times)
            peaks.append(peaks_bytes(*job(video)))
        for part in ("framewright", "Triton"):
            values = [peak[part] for peak in peaks]
            growth = values[-1] / values[0] - 1
            rows.append(
                [
                    f"{name}, {part}",
                    *(f"{value / MIB:.0f}" for value in values),
                    f"{growth:+.1%}",
                    "yes" if growth <= FLAT else "no",
                ]
            )
    columns = ["MiB at most", *(f"{times}x as long" for times in lengths), "growth", f"within {FLAT:.0%}"]
    report.table(columns, rows)
    report.note(
        f"{workloads.SAMPLE.name} at {width}x{height}, {frames} frames played "
        f"{', '.join(map(str, lengths))} times, with lite-x4 and lite-detector. VmHWM of the "
        "command, and of tritonserver and its model's process together; "
        "what they share counts in both."
    )
    _by_size(plan, report)


def _by_size(plan: Plan, report: ReportWriter) -> None:
    workload = workloads.upscaler(lite=True)
    sizes = SIZES[:2] if plan.quick else SIZES
    points: dict[str, list[tuple[float, float]]] = {"framewright": [], "Triton": []}
    rows = []
    for width, height in sizes:
        video = plan.folder / f"{width}.mp4"
        workloads.scale_clip(workload.video, video, width=width, height=height, frames=4 if plan.quick else 8)
        peak = peaks_bytes(*commands.upscale_arguments(workload, video, plan.folder / "out.mp4"))
        output_px = 16 * width * height
        for part, line in points.items():
            line.append((output_px / 1e6, peak[part] / MIB))
        rows.append([f"{width}x{height}", *(f"{peak[part] / MIB:.0f}" for part in points)])
    slopes = [
        np.polyfit([px for px, _ in line], [mib for _, mib in line], 1)[0] * MIB / 1e6
        for line in points.values()
    ]
    rows.append(["bytes more for each output pixel", *(f"{slope:.1f}" for slope in slopes)])
    report.table(["upscaling x4, MiB at most", *points], rows)
    report.note("A few frames with lite-x4; the fit through all sizes gives the bytes for each output pixel.")
    report.lines("MiB at most", points, across="megapixels of the output picture")


def peaks_bytes(*arguments: object) -> dict[str, int]:
    """Run a command; return the peaks of its own process (`framewright`) and of its children (`Triton`)."""
    process = subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        env=os.environ | commands.ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peaks = {"framewright": 0, "Triton": 0}
    while process.poll() is None:
        alive = {}
        for member in family(process.pid):
            with contextlib.suppress(psutil.Error, OSError, KeyError):  # it ended meanwhile
                alive[member.pid] = high_water_bytes(member.pid)
        own = alive.pop(process.pid, 0)
        for part, value in (("framewright", own), ("Triton", sum(alive.values()))):
            peaks[part] = max(peaks[part], value)
        time.sleep(SAMPLED_EVERY_S)
    if process.returncode:
        raise RuntimeError(f"framewright {' '.join(map(str, arguments))} failed")
    return peaks
