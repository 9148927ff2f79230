"""Scale: jobs side by side, and how what a job takes grows with its frames and with its pixels."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.bench import material, product

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench.part import Plan, Told

AT_ONCE = (1, 2, 4)
LENGTHS = (1, 2, 4, 8)
WIDTHS = (320, 448, 640, 896, 1280)


def measure(plan: Plan, told: Told) -> None:
    """Measure."""
    rounds = 1 if plan.quick else 3
    subjects = {"upscale": material.upscaler(lite=True), "track": material.detector(lite=True)}
    frames = {"upscale": 4 if plan.quick else 48, "track": 36 if plan.quick else 144}
    growth: dict[str, list[tuple[float, float]]] = {}
    rows, fits = [], []
    for task, subject in subjects.items():
        arguments = {"upscale": product.upscale, "track": product.track}[task]
        with product.Served(subject.model) as served:

            def seconds(video: Path, number: int = 0) -> float:
                out = plan.folder / f"{number}.{'mp4' if task == 'upscale' else 'json'}"  # noqa: B023
                job = served.command(*arguments(subject, video, out))  # noqa: B023
                return job.result["stats"]["wall_sec"]

            clip = _clip(plan, subject, width=320, frames=frames[task])
            seconds(clip)  # warm
            for at_once in AT_ONCE:
                rates = []
                jobs = at_once if plan.quick else 2 * at_once
                for _ in range(rounds):
                    started = time.perf_counter()
                    with ThreadPoolExecutor(at_once) as together:
                        list(together.map(lambda n: seconds(clip, n), range(jobs)))  # noqa: B023
                    rates.append(jobs / (time.perf_counter() - started) * 3600)
                rows.append([f"{task}, {at_once} at once", f"{median(rates):.0f}"])
            for kind, clips in {
                "frames": {
                    n * frames[task]: material.repeated(clip, plan.folder / f"x{n}.mp4", n)
                    for n in LENGTHS[: 3 if plan.quick else None]
                },
                "pixels": {
                    width * (width * 9 // 16): _clip(plan, subject, width=width, frames=frames[task])
                    for width in (WIDTHS[:3] if plan.quick else WIDTHS)
                },
            }.items():
                if (task, kind) == ("track", "pixels"):
                    continue  # a detector sees all pictures in one size
                points = [
                    (float(amount), median(seconds(video) for _ in range(rounds)))
                    for amount, video in clips.items()
                ]
                exponent = np.polyfit(*np.log(np.array(points)).T, 1)[0]
                growth[f"{task}, {kind}"] = [
                    (amount / points[0][0], wall_s / points[0][1]) for amount, wall_s in points
                ]
                fits.append(
                    [f"{task}, with {kind}", f"{exponent:.2f}", *(f"{wall_s:.2f}" for _, wall_s in points)]
                )
    told.table(["exponent of growth", "fit", "smallest, s", "s", "s", "largest, s", "s"], _even(fits, 7))
    told.table(["jobs an hour", "median"], rows)
    told.lines("times as long", growth, across="times as much", logarithmic=True)
    told.say(
        f"lite-x4 and lite-detector on {material.SAMPLE.name}, 320x180, {frames['upscale']} and "
        f"{frames['track']} frames, with a warm server. At once: whole commands side by side, their start "
        "counted. Growth: the job takes c * amount^fit; 1 is proportional, less where what a job costs once "
        "still counts."
    )


def _even(rows: list[list[str]], length: int) -> list[list[str]]:
    return [row + [""] * (length - len(row)) for row in rows]


def _clip(plan: Plan, subject: material.Subject, *, width: int, frames: int) -> Path:
    height = width * 9 // 16 // 2 * 2
    path = plan.folder / f"{subject.model}-{width}.mp4"
    return material.scaled(subject.video, path, width=width, height=height, frames=frames)
