"""Contenders in processes of their own: started and warmed up once, then asked to run again and again.

A child is a module that calls `serve` with what it does in one run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from benchmarks.bench.rounds import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Child:
    """Runs `python -m MODULE ARGUMENTS` until the context is left.

    Args:
        module: a module that calls `serve`.
        arguments: of it.
    """

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()  # the child ends when nobody asks any more
        self._process.wait()

    def ask(self, **wishes: object) -> dict[str, Any]:
        """Let it run once; return what it says."""
        self._process.stdin.write(json.dumps(wishes) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._process.args)} ended early; its error stands above")
        return json.loads(line)

    def run(self, **wishes: object) -> Run:
        """Let it run once; return what that took."""
        return Run(**self.ask(**wishes))


def cpu_s() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


def timed(work: Callable[[], int]) -> dict[str, Any]:
    """Time what returns how many frames it did; see `Run`."""
    wall_s, spent_s = time.perf_counter(), cpu_s()
    frames = work()
    return {"frames": frames, "wall_s": time.perf_counter() - wall_s, "cpu_s": cpu_s() - spent_s}


def serve(answer: Callable[..., dict[str, Any]]) -> None:
    """Answer every line of standard input, which holds wishes as JSON, with a line, until it is closed.

    What else is printed goes to standard error.
    """
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), file=out, flush=True)
