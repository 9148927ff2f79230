"""Measures the ceiling: onnxruntime alone in one process, on input tensors that are already in memory.

    python -m benchmarks.bench.ceiling MODEL.onnx THREADS

Each request names the shape of a batch and how many batches to run. The session keeps onnxruntime's defaults
but for the number of threads.
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is loaded

import onnxruntime

from benchmarks.bench.contender_process import ContenderProcess, serve, time_run
from tools.fixtures.noise import noise

MODULE = "benchmarks.bench.ceiling"


def best_batch(
    child: ContenderProcess, *, shape: tuple[int, int], batches: tuple[int, ...], images: int
) -> int:
    """Return the batch size with the most images a second, the better of two short runs for each."""
    rates = dict.fromkeys(batches, 0.0)
    for _ in range(2):
        for batch in batches:
            run = child.run(shape=[batch, *shape], runs=-(-images // batch))
            rates[batch] = max(rates[batch], run.fps)
    return max(rates, key=rates.__getitem__)


def main() -> None:
    """Answer requests on standard input."""
    path, threads = sys.argv[1:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = [tensor.name for tensor in session.get_inputs()]
    ready: dict[tuple[int, ...], Any] = {}

    def answer(*, shape: list[int], runs: int) -> dict[str, Any]:
        key = tuple(shape)
        if key not in ready:
            batch, height, width = shape
            ready[key] = noise(inputs, batch=batch, height=height, width=width)
            session.run(None, ready[key])

        def work() -> int:
            for _ in range(runs):
                session.run(None, ready[key])
            return runs * shape[0]

        return time_run(work)

    serve(answer)


if __name__ == "__main__":
    main()
