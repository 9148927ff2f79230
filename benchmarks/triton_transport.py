"""What Triton costs: its start, a model's load, and images a second by shared memory and as gRPC bytes.

    python -m benchmarks.triton_transport

The model gives its input back, so that all that is measured is transport and scheduling; beside each rate
stands that of the same model in this process, in onnxruntime. Needs the development environment.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer
from tests import models

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.triton.requests import RequestPool

SECONDS = 3.0
IN_FLIGHT = 8
SHAPES = ((1, 256, 256), (8, 256, 256), (1, 384, 640), (8, 384, 640))


def served(pool: RequestPool[NDArray[np.uint8]], images: int) -> float:
    """Return images a second with `IN_FLIGHT` requests under way."""
    done = 0
    requests = [pool.acquire() for _ in range(IN_FLIGHT)]
    for request in requests:
        request.submit(images)
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        for request in requests:
            request.result()
            request.submit(images)
            done += images
    return done / (time.perf_counter() - started)


def in_process(model: Path, shape: tuple[int, int, int]) -> float:
    """Return images a second of onnxruntime alone, one request at a time."""
    session = onnxruntime.InferenceSession(model)
    images = np.zeros((*shape, 3), np.uint8)
    done = 0
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        session.run(None, {"image": images})
        done += shape[0]
    return done / (time.perf_counter() - started)


def main() -> None:
    """Measure and print a table."""
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        model = models.write_identity(Path(folder)) / "1" / "model.onnx"
        started = time.perf_counter()
        with TritonServer(Path(folder)) as server, TritonClient(server.url) as local:
            print(f"tritonserver answers after {time.perf_counter() - started:.2f} s")
            started = time.perf_counter()
            local.load("identity")
            print(f"the model is loaded in     {time.perf_counter() - started:.2f} s")
            remote = TritonClient(server.url, shared_memory=False)
            contract = local.contract("identity", UpscaleContract)
            print("images a second         shared memory   gRPC bytes   in process")
            for shape in SHAPES:
                batch, height, width = shape
                rates = []
                for client in (local, remote):
                    with client.request_pool(
                        contract, batch=batch, height=height, width=width, slots=IN_FLIGHT
                    ) as pool:
                        rates.append(served(pool, batch))
                rates.append(in_process(model, shape))
                print(f"{batch} x {width}x{height}".ljust(20), *(f"{rate:12.0f}" for rate in rates))
            remote.close()


if __name__ == "__main__":
    main()
