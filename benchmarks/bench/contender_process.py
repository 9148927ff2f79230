"""Runs a contender in a process of its own, which starts and warms up once and then runs as often as asked.

The module of a contender calls `serve` with a function that does one run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from benchmarks.bench.comparison import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class ContenderProcess:
    """A process `python -m MODULE ARGUMENTS`, which ends when the context ends.

    Args:
        module: a module that calls `serve`.
        arguments: its command-line arguments.
    """

    def __init__(self, module: str, *arguments: object) -> None:
        self._command = [sys.executable, "-m", module, *map(str, arguments)]
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None  # both are pipes
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._input.close()  # the process ends with its standard input
        self._process.wait()

    def ask(self, **options: object) -> dict[str, Any]:
        """Run the contender once with these options; return its answer."""
        self._input.write(json.dumps(options) + "\n")
        self._input.flush()
        line = self._output.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._command)} ended early; its error is printed above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self, **options: object) -> Run:
        """Run the contender once with these options; return the time that it took."""
        return Run(**self.ask(**options))


def cpu_s() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


def time_run(work: Callable[[], int]) -> dict[str, Any]:
    """Time a function that returns how many frames it processed; return the fields of a `Run`."""
    wall_s, spent_s = time.perf_counter(), cpu_s()
    frames = work()
    return {"frames": frames, "wall_s": time.perf_counter() - wall_s, "cpu_s": cpu_s() - spent_s}


def serve(answer: Callable[..., dict[str, Any]]) -> None:
    """Answer each line of standard input, a JSON object of options, with a line of JSON, until it is closed.

    Everything else that is printed goes to standard error.
    """
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), file=out, flush=True)
