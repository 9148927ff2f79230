"""Measures start-up: the demo, `--help`, Triton, loading models, and the time to the first frame."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.bench import first_frame, workloads
from orchestrator.child_environment import child_environment
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tools.stand_ins.processes import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.bench.part import Plan, ReportWriter


def measure(plan: Plan, report: ReportWriter) -> None:
    """Measure this part and add its tables, charts and notes to the report."""
    rounds = 1 if plan.quick else 5
    chosen = [workloads.upscaler(lite=True), workloads.detector(lite=True)]
    chosen += [workload for workload in (workloads.upscaler(), workloads.detector()) if workload.real]
    cpu = {
        "`framewright --help`": [_cpu_s([COMMAND, "--help"]) for _ in range(rounds + 1)][1:],
        "the process of a job, until it can take one": [_cpu_s(_JOB) for _ in range(rounds + 1)][1:],
    }
    seconds: dict[str, list[float]] = {} if plan.quick else {"`make demo`, cold": [_demo()]}
    video = workloads.cut_clip(chosen[0].video, plan.folder / "start.mp4", 12)
    for _ in range(rounds):
        _add(seconds, "a command (`framewright --help`)", lambda: _run([COMMAND, "--help"]))
        started = time.perf_counter()
        with TritonServer(workloads.BUILT) as server, TritonClient(server.url) as client:
            seconds.setdefault("tritonserver answers", []).append(time.perf_counter() - started)
            for workload in chosen:
                _add(seconds, f"model load, {workload.model}", partial(client.load, workload.model))
            for name, url in (("no server runs", None), ("warm server", server.url)):
                for kind, seen_s in first_frame.measure(chosen[0], video, url).items():
                    seconds.setdefault(f"{kind}, {name}", []).append(seen_s)
    order = sorted(seconds, key=lambda name: ("frame" in name, "job" in name))
    report.table(["", "s"], [[name, f"{median(seconds[name]):.2f}"] for name in order])
    report.table(["", "s of CPU"], [[name, f"{median(values):.2f}"] for name, values in cpu.items()])
    report.bars("s", {name: values for name, values in seconds.items() if "demo" not in name})
    if not plan.quick:
        report.note(
            "`make demo` upscales and tracks the sample, with a Triton started and stopped for each, in an "
            "environment that is installed; once, files as they lie in the page cache."
        )
    report.note(
        "A job starts when the command begins to work on it, after Python and all imports; its first frame "
        f"is upscaled and encoded, {chosen[0].model} on the sample of 320x180. Both are counted from the "
        "start of the process."
    )


_JOB = [sys.executable, "-P", "-m", "orchestrator.executor.job_main", str(os.getpid())]
"""It exits where its standard input is empty."""


def _cpu_s(command: Sequence[object]) -> float:
    """Run a command; return the seconds of CPU, user and system, that it took. Bytecode is cached."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(command, env=child_environment(storage=True) | {"PYTHONDONTWRITEBYTECODE": ""})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _demo() -> float:
    """Run `make demo` without the installation: make finds its marker file."""
    started = time.perf_counter()
    _run(["make", "-C", str(workloads.ROOT), "-o", ".venv/.serve", "demo"])
    return time.perf_counter() - started


def _run(command: Sequence[object], env: dict[str, str] | None = None) -> None:
    subprocess.run(
        [str(part) for part in command],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=sys.stderr,
        env=env,
    )


def _add(seconds: dict[str, list[float]], name: str, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    work()
    seconds.setdefault(name, []).append(time.perf_counter() - started)
