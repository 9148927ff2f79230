"""Compares the speed of `framewright track` with onnxruntime alone and with ultralytics."""

from __future__ import annotations

import json
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import ceiling, commands, ultralytics_peer, workloads
from benchmarks.bench.comparison import COLUMNS, Run, comparison_rows, take_turns
from benchmarks.bench.contender_process import ContenderProcess
from orchestrator.media.read.probe import probe
from orchestrator.tiles.letterbox import letterbox
from orchestrator.triton.contract import DetectContract

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench.part import Plan, ReportWriter

BATCHES = (1, 2, 4, 8)
TARGETS = {"ceiling": 0.90, "ultralytics, ONNX": 1.25, "ultralytics, PyTorch": 2.00}


def measure(plan: Plan, report: ReportWriter) -> None:
    """Measure this part and add its tables, charts and notes to the report."""
    frames, rounds = (60, 1) if plan.quick else (400, 3)
    workload = workloads.detector()
    video = workloads.cut_clip(workload.video, plan.folder / "track.mp4", frames, skipped=workload.skipped)
    is_yolo = workload.weights.suffix == ".pt"
    out = plan.folder / "tracks.json"
    with ExitStack() as stack:
        served = stack.enter_context(commands.FramewrightServer(workload.model))
        contract = served.client.contract(workload.model, DetectContract)
        width, height = probe(video).display_size
        box = letterbox(width=width, height=height, side=contract.side, multiple=contract.size_multiple)
        ready = stack.enter_context(ContenderProcess(ceiling.MODULE, workload.onnx, plan.cores))
        shape = (box.height, box.width)
        batch = ceiling.best_batch(ready, shape=shape, batches=BATCHES, images=8 if plan.quick else 40)
        runs = -(-frames // batch)
        arguments = commands.track_arguments(workload, video, out)
        contenders: dict[str, Callable[[], Run]] = {
            "framewright track": lambda: served.command(*arguments).run,
            "ceiling": lambda: ready.run(shape=[batch, *shape], runs=runs),
        }
        if is_yolo and find_spec("lap"):
            copy = ultralytics_peer.convert_for_ultralytics(
                workload.onnx,
                plan.folder / "ultralytics.onnx",
                classes=list(contract.classes),
                stride=contract.size_multiple,
            )
            for name, weights in (("ONNX", copy), ("PyTorch", workload.weights)):
                peer = stack.enter_context(
                    ContenderProcess(ultralytics_peer.MODULE, weights, video, plan.cores)
                )
                contenders[f"ultralytics, {name}"] = peer.run
        for warm_up in contenders.values():
            warm_up()
        measured = take_turns(contenders, rounds)
    tracks = len(json.loads(Path(out).read_text())["tracks"])
    report.table(COLUMNS, comparison_rows(measured, TARGETS))
    report.bars("frames a second", {name: [run.fps for run in runs] for name, runs in measured.items()})
    report.note(
        f"{workload.model}, {frames} frames of {width}x{height} ({workload.video.name}), seen as "
        f"{box.width}x{box.height}, {tracks} tracks. Ours: `framewright track` with a server that is warm, "
        "from the request to the tracks. Ceiling: onnxruntime in process on ready tensors, batches of "
        f"{batch}, the best of {', '.join(map(str, BATCHES))}. ultralytics: `track` with ByteTrack, one "
        "picture at a time, warm; with ONNX, of the file that we serve, in another input layout."
    )
    if not is_yolo:
        report.note(
            f"../shared/real is not there: {workload.model} stands in, which ultralytics cannot open."
        )
    elif not find_spec("lap"):
        report.note("ultralytics cannot track without lap: `make dev-env` installs it.")
