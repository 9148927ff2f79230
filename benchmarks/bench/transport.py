"""Measures shared memory against gRPC bytes, and how the time of a job divides among its stages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import onnxruntime

from benchmarks.bench import commands, stages, workloads
from benchmarks.bench.contender_process import ContenderProcess
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer
from tools.fixtures.noise import noise
from tools.fixtures.upscalers import write_unchanged

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench.part import Plan, ReportWriter

HEIGHT, WIDTH = 384, 640
BATCHES = (1, 2, 4, 8)
IN_FLIGHT = (1, 2, 4, 8)


def measure(plan: Plan, report: ReportWriter) -> None:
    """Measure this part and add its tables, charts and notes to the report."""
    _sweep(plan, report)
    _stages(plan, report)


def _sweep(plan: Plan, report: ReportWriter) -> None:
    seconds = 0.2 if plan.quick else 2.0
    repository = plan.folder / "models"
    model = write_unchanged(repository) / "1" / "model.onnx"
    lines: dict[str, list[tuple[float, float]]] = {}
    rows = []
    with TritonServer(repository) as server, TritonClient(server.url, transport="shared_memory") as local:
        local.load("unchanged")
        with TritonClient(server.url, transport="grpc") as remote:
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
    report.table(columns, rows)
    report.lines("images a second", lines, across="images a request")
    report.note(
        f"A model that gives its {WIDTH}x{HEIGHT} input back: only transport and scheduling are measured; in "
        f"process, one image at a time, onnxruntime does {rate:.0f} a second."
    )


def _rate(client: TritonClient, batch: int, in_flight: int, seconds: float) -> float:
    """Return images a second."""
    contract = client.contract("unchanged", UpscaleContract)
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
    feed = noise([tensor.name for tensor in session.get_inputs()], batch=1, height=HEIGHT, width=WIDTH)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        session.run(None, feed)
        done += 1
    return done / (time.perf_counter() - started)


def _stages(plan: Plan, report: ReportWriter) -> None:
    bars: dict[str, dict[str, float]] = {}
    rows = []
    jobs = (
        ("track", workloads.detector(), 40 if plan.quick else 200),
        ("upscale", workloads.upscaler(), 2 if plan.quick else 8),
    )
    for task, workload, frames in jobs:
        many = frames if workload.real else 144
        video = workloads.cut_clip(workload.video, plan.folder / f"{task}.mp4", many)
        with (
            commands.FramewrightServer(workload.model) as served,
            ContenderProcess(stages.MODULE, task, workload.model, video, plan.folder, served.url) as child,
        ):
            child.ask()  # warm
            before, spent_s = served.statistics(), served.cpu_s()
            told_s = child.ask()
            counted, model_s = served.statistics().since(before), served.cpu_s() - spent_s
        wall_s = told_s.pop("wall_s")
        shares = {**told_s, "Triton and the model": model_s}
        shares = {name: seconds / wall_s for name, seconds in shares.items()}
        shares["idle"] = max(0.0, plan.cores - sum(shares.values()))
        bars[f"{task}, {workload.model}"] = shares
        rows.append(
            [
                f"{task}, {workload.model}",
                f"{counted.requests}",
                f"{counted.mean_batch:.2f}",
                f"{counted.queue_ms / counted.requests:.1f}",
                f"{counted.compute_ms / counted.requests:.1f}",
            ]
        )
    names = list(dict.fromkeys(name for shares in bars.values() for name in shares))
    report.table(
        ["CPU time over wall time", *bars],
        [[name, *(f"{shares.get(name, 0):.3f}" for shares in bars.values())] for name in names],
    )
    report.table(["Triton", "requests", "images an execution", "queue, ms a request", "compute, ms"], rows)
    report.stack(f"CPU time over wall time, of {plan.cores} cores", bars)
    report.note(
        "Each stage of a job is a thread (docs/architecture.md); its CPU time is set over the job's wall "
        f"time, so all together come to {plan.cores} cores, and what is missing is idle, or taken by others. "
        "Threads of FFmpeg's codecs, of swscale and of gRPC are counted together."
    )
