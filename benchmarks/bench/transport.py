"""Transport: what travels how fast, and where the time of a job goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from benchmarks.bench import material, product, stages
from benchmarks.bench.child import Child
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer
from tools.fixtures.models import write_identity

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench.part import Plan, Told

HEIGHT, WIDTH = 384, 640
BATCHES = (1, 2, 4, 8)
IN_FLIGHT = (1, 2, 4, 8)


def measure(plan: Plan, told: Told) -> None:
    """Measure."""
    _sweep(plan, told)
    _stages(plan, told)


def _sweep(plan: Plan, told: Told) -> None:
    seconds = 0.2 if plan.quick else 2.0
    repository = plan.folder / "models"
    model = write_identity(repository) / "1" / "model.onnx"
    lines: dict[str, list[tuple[float, float]]] = {}
    rows = []
    with TritonServer(repository) as server, TritonClient(server.url) as local:
        local.load("identity")
        with TritonClient(server.url, shared_memory=False) as remote:
            for batch in BATCHES:
                for in_flight in IN_FLIGHT:
                    shared, sent = (_rate(client, batch, in_flight, seconds) for client in (local, remote))
                    rows.append(
                        [
                            f"{batch} images a request, {in_flight} in flight",
                            f"{shared / sent:.1f}",
                            f"{shared:.0f}",
                            f"{sent:.0f}",
                        ]
                    )
                    lines.setdefault(f"shared memory, {in_flight} in flight", []).append((batch, shared))
                    lines.setdefault(f"gRPC bytes, {in_flight} in flight", []).append((batch, sent))
        rate = _in_process(model, seconds)
    columns = ["images a second", "shared memory over gRPC bytes", "shared memory", "gRPC bytes"]
    told.table(columns, rows)
    told.lines("images a second", lines, across="images a request")
    told.say(
        f"A model that gives its {WIDTH}x{HEIGHT} input back: only transport and scheduling are measured; in "
        f"process, one image at a time, onnxruntime does {rate:.0f} a second."
    )


def _rate(client: TritonClient, batch: int, in_flight: int, seconds: float) -> float:
    """Return images a second."""
    contract = client.contract("identity", UpscaleContract)
    with client.request_pool(contract, batch=batch, height=HEIGHT, width=WIDTH, slots=in_flight) as pool:
        requests = [pool.acquire() for _ in range(in_flight)]
        for request in requests:
            request.submit(batch)
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            for request in requests:
                request.result()
                request.submit(batch)
                done += batch
        rate = done / (time.perf_counter() - started)
        for request in requests:
            request.result()
    return rate


def _in_process(model: Path, seconds: float) -> float:
    session = onnxruntime.InferenceSession(model)
    image = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        session.run(None, {"image": image})
        done += 1
    return done / (time.perf_counter() - started)


def _stages(plan: Plan, told: Told) -> None:
    bars: dict[str, dict[str, float]] = {}
    rows = []
    jobs = (
        ("track", material.detector(), 40 if plan.quick else 200),
        ("upscale", material.upscaler(), 2 if plan.quick else 8),
    )
    for task, subject, frames in jobs:
        many = frames if subject.real else 144
        video = material.part(subject.video, plan.folder / f"{task}.mp4", many)
        with (
            product.Served(subject.model) as served,
            Child(stages.MODULE, task, subject.model, video, plan.folder, served.url) as child,
        ):
            child.ask()  # warm
            before, spent_s = served.statistics(), served.cpu_s()
            told_s = child.ask()
            counted, model_s = served.statistics().since(before), served.cpu_s() - spent_s
        wall_s = told_s.pop("wall_s")
        shares = {**told_s, "Triton and the model": model_s}
        shares = {name: seconds / wall_s for name, seconds in shares.items()}
        shares["idle"] = max(0.0, plan.cores - sum(shares.values()))
        bars[f"{task}, {subject.model}"] = shares
        rows.append(
            [
                f"{task}, {subject.model}",
                f"{counted.requests}",
                f"{counted.mean_batch:.2f}",
                f"{counted.queue_ms / counted.requests:.1f}",
                f"{counted.compute_ms / counted.requests:.1f}",
            ]
        )
    names = list(dict.fromkeys(name for shares in bars.values() for name in shares))
    told.table(
        ["CPU time over wall time", *bars],
        [[name, *(f"{shares.get(name, 0):.3f}" for shares in bars.values())] for name in names],
    )
    told.table(["Triton", "requests", "images an execution", "queue, ms a request", "compute, ms"], rows)
    told.stack(f"CPU time over wall time, of {plan.cores} cores", bars)
    told.say(
        "Each stage of a job is a thread (docs/architecture.md); its CPU time is set over the job's wall "
        f"time, so all together come to {plan.cores} cores, and what is missing is idle, or taken by others. "
        "Threads of FFmpeg's codecs, of swscale and of gRPC are counted together."
    )
