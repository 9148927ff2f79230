"""Scale: jobs side by side in one worker, and how what a job takes grows with its frames and its pixels."""

from __future__ import annotations

import logging
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.bench import material, product
from tools.stand_ins import bucket as buckets
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import working

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.bench.part import Plan, Told

AT_ONCE = (1, 2, 4)
"""The last is left out in quick mode."""
LENGTHS = (1, 2, 4, 8)
WIDTHS = (320, 448, 640, 896, 1280)
SETTLED_S = 1.5
"""Until a worker has processes for the next jobs ready."""
AWAY_S = 0.2
"""How much later than a bucket on this machine one across a network answers: taken, not measured."""


def measure(plan: Plan, told: Told) -> None:
    """Measure."""
    upscaler, detector = material.upscaler(lite=True), material.detector(lite=True)
    _at_once(plan, told, {"upscale": upscaler, "track": detector})
    _growth(plan, told, {"upscale": upscaler, "track": detector})


def _at_once(plan: Plan, told: Told, subjects: dict[str, material.Subject]) -> None:
    rounds, together = (1, AT_ONCE[:-1]) if plan.quick else (5, AT_ONCE)
    frames = {"upscale": 24, "track": 144}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the bucket's server tells every request
    rows, bars = [], {}
    folder = plan.folder / "jobs"
    with buckets.serving(away_s=AWAY_S) as bucket, RunPodServer().running() as runpod:
        extra = {"FRAMEWRIGHT_CONCURRENCY": max(AT_ONCE), "MODEL_REPOSITORY": material.BUILT}
        with working(folder, **extra, **runpod.environment) as worker:

            def together_s(job: dict[str, Any], number: int) -> float:
                outputs = [{"output_url": bucket.put_url(f"{place}.mp4")} for place in range(number)]
                started = time.perf_counter()
                sent = [runpod.submit(job | (output if job["task"] != "track" else {})) for output in outputs]
                for one in sent:
                    answer = runpod.result(one, timeout_s=600)
                    if answer.get("output", {}).get("status") != "completed":
                        raise RuntimeError(f"a job failed: {answer}")
                took_s = time.perf_counter() - started
                worker.idle()
                time.sleep(SETTLED_S)
                return took_s

            for task, subject in subjects.items():
                video = _clip(plan, subject, width=320, frames=frames[task])
                job = {
                    "task": task,
                    "input_url": bucket.put(f"{task}.mp4", video),
                    "params": {"model": subject.model},
                }
                together_s(job, 1)  # warm
                took_s = [{number: together_s(job, number) for number in together} for _ in range(rounds)]
                for number in together:
                    name = f"{task}, {number} at once"
                    shares = [taken[number] / (number * taken[1]) for taken in took_s]
                    bars[name] = [number * 3600 / taken[number] for taken in took_s]
                    rows.append(
                        [
                            name,
                            "" if number == 1 else f"{median(shares):.2f}",
                            "" if number == 1 else f"{min(shares):.2f} to {max(shares):.2f}",
                            f"{median(bars[name]):.0f}",
                        ]
                    )
    told.table(["", "time over that of one after another", "of the rounds", "jobs an hour"], rows)
    told.bars("jobs an hour", bars)
    told.say(
        f"`framewright worker` with {subjects['upscale'].model} and {subjects['track'].model}, jobs from a "
        f"job server on this machine and videos from a bucket {AWAY_S:g} s away; {material.SAMPLE.name}, "
        f"{frames['upscale']} and {frames['track']} frames of 320x180. {rounds} rounds. A worker starts a "
        "process for the next job when one begins: that is counted too. What fills all cores alone, as "
        "these do, can gain no more than what it leaves idle at its start, at its end and while it waits for "
        "the bucket."
    )


def _growth(plan: Plan, told: Told, subjects: dict[str, material.Subject]) -> None:
    rounds = 1 if plan.quick else 2
    frames = {"upscale": 6 if plan.quick else 16, "track": 72 if plan.quick else 144}
    arguments: dict[str, Callable[..., list[object]]] = {"upscale": product.upscale, "track": product.track}
    growth: dict[str, list[tuple[float, float]]] = {}
    fits = []
    for task, subject in subjects.items():
        clip = _clip(plan, subject, width=320, frames=frames[task])
        varied = {
            "frames": {
                number * frames[task]: material.repeated(clip, plan.folder / f"x{number}.mp4", number)
                for number in LENGTHS[: 2 if plan.quick else None]
            }
        }
        if task == "upscale":  # a detector sees all pictures in one size
            varied["pixels"] = {
                width * (width * 9 // 16): _clip(plan, subject, width=width, frames=frames[task])
                for width in WIDTHS[: 2 if plan.quick else None]
            }
        with product.Served(subject.model) as served:
            out = plan.folder / f"out.{'mp4' if task == 'upscale' else 'json'}"

            def seconds(video: Path) -> float:
                return served.command(*arguments[task](subject, video, out)).run.wall_s  # noqa: B023

            seconds(clip)  # warm
            for kind, videos in varied.items():
                points = [
                    (float(amount), median(seconds(video) for _ in range(rounds)))
                    for amount, video in videos.items()
                ]
                exponent = np.polyfit(*np.log(np.array(points)).T, 1)[0]
                growth[f"{task}, {kind}"] = [
                    (amount / points[0][0], wall_s / points[0][1]) for amount, wall_s in points
                ]
                fits.append(
                    [f"{task}, with {kind}", f"{exponent:.2f}", *(f"{wall_s:.2f}" for _, wall_s in points)]
                )
    columns = max(map(len, fits))
    told.table(
        ["time of a job", "exponent of its growth", "smallest, s", *["s"] * (columns - 4), "largest, s"],
        [row + [""] * (columns - len(row)) for row in fits],
    )
    told.lines("times as long", growth, across="times as much", logarithmic=True)
    widest = WIDTHS[1 if plan.quick else -1]
    told.say(
        f"Of commands, with a warm server; {frames['upscale']} and {frames['track']} frames, and more; "
        f"{WIDTHS[0]}x{WIDTHS[0] * 9 // 16} to {widest}x{widest * 9 // 16}. A job takes "
        "c * amount^exponent: 1 is proportional, less where what every job costs still counts."
    )


def _clip(plan: Plan, subject: material.Subject, *, width: int, frames: int) -> Path:
    height = width * 9 // 16 // 2 * 2
    path = plan.folder / f"{subject.model}-{width}.mp4"
    return material.scaled(subject.video, path, width=width, height=height, frames=frames)
