"""The ceiling: onnxruntime in one process on tensors that are ready, with nothing before or after it.

    python -m benchmarks.bench.ceiling MODEL.onnx THREADS

Asked with the shape of the images and how many batches, it runs them. Its settings are onnxruntime's own.
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is loaded

import numpy as np
import onnxruntime

from benchmarks.bench.child import Child, serve, timed

MODULE = "benchmarks.bench.ceiling"


def best_batch(child: Child, *, shape: tuple[int, int], batches: tuple[int, ...], images: int) -> int:
    """Return the batch that gives most images a second, of two short tries each."""
    rates = dict.fromkeys(batches, 0.0)
    for _ in range(2):
        for batch in batches:
            run = child.run(shape=[batch, *shape], runs=-(-images // batch))
            rates[batch] = max(rates[batch], run.fps)
    return max(rates, key=rates.__getitem__)


def main() -> None:
    """Serve."""
    path, threads = sys.argv[1:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    ready: dict[tuple[int, ...], Any] = {}

    def answer(*, shape: list[int], runs: int) -> dict[str, Any]:
        key = (*shape, 3)
        if key not in ready:
            ready[key] = np.random.default_rng(0).integers(0, 256, key, np.uint8)
            session.run(None, {"image": ready[key]})

        def work() -> int:
            for _ in range(runs):
                session.run(None, {"image": ready[key]})
            return runs * shape[0]

        return timed(work)

    serve(answer)


if __name__ == "__main__":
    main()
