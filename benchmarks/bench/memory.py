"""Memory: the most that the command and Triton ever hold, against the length of the video and its size.

Every figure is of a command that starts a Triton of its own: its processes' own peaks (VmHWM), summed for
Triton's processes that live at the same time. The tensors that they share are counted with each.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from benchmarks.bench import material, product

if TYPE_CHECKING:
    from benchmarks.bench.part import Plan, Told

TIMES = (1, 4, 16)
SIZES = ((320, 180), (640, 360), (960, 540), (1280, 720), (1920, 1080))
SAMPLED_EVERY_S = 0.05
MIB = 2**20
FLAT = 0.05


def measure(plan: Plan, told: Told) -> None:
    """Measure."""
    upscaler, detector = material.upscaler(lite=True), material.detector(lite=True)
    once = plan.folder / "once.mp4"
    frames, lengths = (72, TIMES[:2]) if plan.quick else (240, TIMES)
    width, height = 160, 90
    material.scaled(upscaler.video, once, width=width, height=height, frames=frames)
    jobs = {
        "upscale": lambda video: product.upscale(upscaler, video, plan.folder / "out.mp4"),
        "track": lambda video: product.track(detector, video, plan.folder / "out.json"),
    }
    rows = []
    for name, job in jobs.items():
        peaks = []
        for times in lengths:
            video = material.repeated(once, plan.folder / f"times{times}.mp4", times)
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
    told.table(columns, rows)
    told.say(
        f"{material.SAMPLE.name} at {width}x{height}, {frames} frames played "
        f"{', '.join(map(str, lengths))} times, with lite-x4 and lite-detector. VmHWM of the "
        "command, and of tritonserver and its model's process together; "
        "what they share counts in both."
    )
    _by_size(plan, told)


def _by_size(plan: Plan, told: Told) -> None:
    subject = material.upscaler(lite=True)
    sizes = SIZES[:2] if plan.quick else SIZES
    points: dict[str, list[tuple[float, float]]] = {"framewright": [], "Triton": []}
    rows = []
    for width, height in sizes:
        video = plan.folder / f"{width}.mp4"
        material.scaled(subject.video, video, width=width, height=height, frames=4 if plan.quick else 8)
        peak = peaks_bytes(*product.upscale(subject, video, plan.folder / "out.mp4"))
        output_px = 16 * width * height
        for part, line in points.items():
            line.append((output_px / 1e6, peak[part] / MIB))
        rows.append([f"{width}x{height}", *(f"{peak[part] / MIB:.0f}" for part in points)])
    slopes = [np.polyfit(*zip(*line, strict=True), 1)[0] * MIB / 1e6 for line in points.values()]
    rows.append(["bytes more for each output pixel", *(f"{slope:.1f}" for slope in slopes)])
    told.table(["upscaling x4, MiB at most", *points], rows)
    told.say("A few frames with lite-x4; the fit through all sizes gives the bytes for each output pixel.")
    told.lines("MiB at most", points, across="megapixels of the output picture")


def peaks_bytes(*arguments: object) -> dict[str, int]:
    """Run a command; return the peaks of `framewright` and of what it started, `Triton`."""
    process = subprocess.Popen(
        [product.COMMAND, *map(str, arguments)],
        env=os.environ | product.ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peaks = {"framewright": 0, "Triton": 0}
    while process.poll() is None:
        alive = {}
        for member in product.family(process.pid):
            with contextlib.suppress(psutil.Error, OSError, KeyError):  # it ended meanwhile
                alive[member.pid] = _high_water_bytes(member.pid)
        own = alive.pop(process.pid, 0)
        for part, value in (("framewright", own), ("Triton", sum(alive.values()))):
            peaks[part] = max(peaks[part], value)
        time.sleep(SAMPLED_EVERY_S)
    if process.returncode:
        raise RuntimeError(f"framewright {' '.join(map(str, arguments))} failed")
    return peaks


def _high_water_bytes(pid: int) -> int:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024
