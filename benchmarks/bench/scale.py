"""Measures jobs side by side in one worker, and how the time of a job grows with frames and pixels."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.bench import commands, workloads
from tools.stand_ins import s3_door
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import working

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.bench.part import Plan, ReportWriter

AT_ONCE = (1, 2, 4)
"""How many jobs run at once; quick mode leaves the last out."""
LENGTHS = (1, 2, 4, 8)
WIDTHS = (320, 448, 640, 896, 1280)
SETTLED_S = 1.5
"""How long a worker needs to start the processes for its next jobs."""
AWAY_S = 0.2
"""The assumed delay of a bucket across a network, over one on this machine."""


def measure(plan: Plan, report: ReportWriter) -> None:
    """Measure this part and add its tables, charts and notes to the report."""
    upscaler, detector = workloads.upscaler(lite=True), workloads.detector(lite=True)
    _at_once(plan, report, {"upscale": upscaler, "track": detector})
    _growth(plan, report, {"upscale": upscaler, "track": detector})


def _at_once(plan: Plan, report: ReportWriter, by_task: dict[str, workloads.Workload]) -> None:
    rounds, together = (1, AT_ONCE[:-1]) if plan.quick else (5, AT_ONCE)
    frames = {"upscale": 24, "track": 144}
    rows, bars = [], {}
    folder = plan.folder / "jobs"
    with s3_door.serving(delay_s=AWAY_S) as bucket, RunPodServer().running() as runpod:
        extra = {"FRAMEWRIGHT_CONCURRENCY": max(AT_ONCE), "MODEL_REPOSITORY": workloads.BUILT}
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

            for task, workload in by_task.items():
                video = _clip(plan, workload, width=320, frames=frames[task])
                job = {
                    "task": task,
                    "input_url": bucket.put(f"{task}.mp4", video),
                    "params": {"model": workload.model},
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
    report.table(["", "time over that of one after another", "of the rounds", "jobs an hour"], rows)
    report.bars("jobs an hour", bars)
    report.note(
        f"`framewright worker` with {by_task['upscale'].model} and {by_task['track'].model}, jobs from a "
        f"job server on this machine and videos from a bucket {AWAY_S:g} s away; {workloads.SAMPLE.name}, "
        f"{frames['upscale']} and {frames['track']} frames of 320x180. {rounds} rounds. A worker starts a "
        "process for the next job when one begins: that is counted too. What fills all cores alone, as "
        "these do, can gain no more than what it leaves idle at its start, at its end and while it waits for "
        "the bucket."
    )


def _growth(plan: Plan, report: ReportWriter, by_task: dict[str, workloads.Workload]) -> None:
    rounds = 1 if plan.quick else 2
    frames = {"upscale": 6 if plan.quick else 16, "track": 72 if plan.quick else 144}
    arguments: dict[str, Callable[..., list[object]]] = {
        "upscale": commands.upscale_arguments,
        "track": commands.track_arguments,
    }
    growth: dict[str, list[tuple[float, float]]] = {}
    fits = []
    for task, workload in by_task.items():
        clip = _clip(plan, workload, width=320, frames=frames[task])
        varied = {
            "frames": {
                number * frames[task]: workloads.repeat_clip(clip, plan.folder / f"x{number}.mp4", number)
                for number in LENGTHS[: 2 if plan.quick else None]
            }
        }
        if task == "upscale":  # a detector sees all pictures in one size
            varied["pixels"] = {
                width * (width * 9 // 16): _clip(plan, workload, width=width, frames=frames[task])
                for width in WIDTHS[: 2 if plan.quick else None]
            }
        with commands.FramewrightServer(workload.model) as served:
            out = plan.folder / f"out.{'mp4' if task == 'upscale' else 'json'}"

            def seconds(video: Path) -> float:
                return served.command(*arguments[task](workload, video, out)).run.wall_s  # noqa: B023

            seconds(clip)  # warm
            for kind, videos in varied.items():
                points = [
                    (float(amount), median(seconds(video) for _ in range(rounds)))
                    for amount, video in videos.items()
                ]
                amounts, walls_s = np.log(np.array(points)).T
                exponent = np.polyfit(amounts, walls_s, 1)[0]
                growth[f"{task}, {kind}"] = [
                    (amount / points[0][0], wall_s / points[0][1]) for amount, wall_s in points
                ]
                fits.append(
                    [f"{task}, with {kind}", f"{exponent:.2f}", *(f"{wall_s:.2f}" for _, wall_s in points)]
                )
    columns = max(map(len, fits))
    report.table(
        ["time of a job", "exponent of its growth", "smallest, s", *["s"] * (columns - 4), "largest, s"],
        [row + [""] * (columns - len(row)) for row in fits],
    )
    report.lines("times as long", growth, across="times as much", logarithmic=True)
    widest = WIDTHS[1 if plan.quick else -1]
    report.note(
        f"Of commands, with a warm server; {frames['upscale']} and {frames['track']} frames, and more; "
        f"{WIDTHS[0]}x{WIDTHS[0] * 9 // 16} to {widest}x{widest * 9 // 16}. A job takes "
        "c * amount^exponent: 1 is proportional, less where what every job costs still counts."
    )


def _clip(plan: Plan, workload: workloads.Workload, *, width: int, frames: int) -> Path:
    height = width * 9 // 16 // 2 * 2
    path = plan.folder / f"{workload.model}-{width}.mp4"
    return workloads.scale_clip(workload.video, path, width=width, height=height, frames=frames)
