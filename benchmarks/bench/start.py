"""Start: the demo after installation, a command, Triton, models, and the time to the first frame."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.bench import first_frame, material, product
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench.part import Plan, Told


def measure(plan: Plan, told: Told) -> None:
    """Measure."""
    rounds = 1 if plan.quick else 5
    subjects = [material.upscaler(lite=True), material.detector(lite=True)]
    subjects += [subject for subject in (material.upscaler(), material.detector()) if subject.real]
    seconds: dict[str, list[float]] = {} if plan.quick else {"`make demo`, cold": [_demo()]}
    video = material.part(subjects[0].video, plan.folder / "start.mp4", 12)
    for _ in range(rounds):
        _add(seconds, "a command (`framewright --help`)", lambda: _run([product.COMMAND, "--help"]))
        started = time.perf_counter()
        with TritonServer(material.BUILT) as server, TritonClient(server.url) as client:
            seconds.setdefault("tritonserver answers", []).append(time.perf_counter() - started)
            for subject in subjects:
                _add(seconds, f"model load, {subject.model}", lambda name=subject.model: client.load(name))
            for name, url in (("no server runs", None), ("warm server", server.url)):
                for kind, seen_s in first_frame.seconds(subjects[0], video, url).items():
                    seconds.setdefault(f"{kind}, {name}", []).append(seen_s)
    order = sorted(seconds, key=lambda name: ("frame" in name, "job" in name))
    told.table(["", "s"], [[name, f"{median(seconds[name]):.2f}"] for name in order])
    told.bars("s", {name: values for name, values in seconds.items() if "demo" not in name})
    if not plan.quick:
        told.say(
            "`make demo` upscales and tracks the sample, with a Triton started and stopped for each, in an "
            "environment that is installed; once, files as they lie in the page cache."
        )
    told.say(
        "A job starts when the command begins to work on it, after Python and all imports; its first frame "
        f"is upscaled and encoded, {subjects[0].model} on the sample of 320x180. Both are counted from the "
        "start of the process."
    )


def _demo() -> float:
    """Run `make demo` without the installation: make takes its mark as done."""
    started = time.perf_counter()
    _run(["make", "-C", str(material.ROOT), "-o", ".venv/.serve", "demo"])
    return time.perf_counter() - started


def _run(command: list[object]) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr)


def _add(seconds: dict[str, list[float]], name: str, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    work()
    seconds.setdefault(name, []).append(time.perf_counter() - started)
