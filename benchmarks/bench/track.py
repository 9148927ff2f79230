"""Tracking: a video file becomes tracks, beside the ceiling and beside ultralytics."""

from __future__ import annotations

import json
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import ceiling, material, product, ultralytics_peer
from benchmarks.bench.child import Child
from benchmarks.bench.rounds import COLUMNS, interleaved, rows
from orchestrator.media.read.probe import probe
from orchestrator.tiles.letterbox import letterbox
from orchestrator.triton.contract import DetectContract

if TYPE_CHECKING:
    from benchmarks.bench.part import Plan, Told

BATCHES = (1, 2, 4, 8)
SKIPPED = 240
"""Pictures of the real clip before somebody comes."""
TARGETS = {"ceiling": 0.90, "ultralytics, ONNX": 1.25, "ultralytics, PyTorch": 2.00}


def measure(plan: Plan, told: Told) -> None:
    """Measure."""
    frames, rounds = (60, 1) if plan.quick else (400, 3)
    subject = material.detector()
    video = material.part(
        subject.video, plan.folder / "track.mp4", frames, skipped=SKIPPED if subject.real else 0
    )
    out = plan.folder / "tracks.json"
    with ExitStack() as stack:
        served = stack.enter_context(product.Served(subject.model))
        contract = served.client.contract(subject.model, DetectContract)
        width, height = probe(video).display_size
        box = letterbox(width=width, height=height, side=contract.side, multiple=contract.size_multiple)
        ready = stack.enter_context(Child(ceiling.MODULE, subject.onnx, plan.cores))
        shape = (box.height, box.width)
        batch = ceiling.best_batch(ready, shape=shape, batches=BATCHES, images=8 if plan.quick else 40)
        runs = -(-frames // batch)
        arguments = product.track(subject, video, out)
        contenders = {
            "framewright track": lambda: served.command(*arguments).run,
            "ceiling": lambda: ready.run(shape=[batch, *shape], runs=runs),
        }
        if subject.real and find_spec("lap"):
            copy = ultralytics_peer.for_ultralytics(
                subject.onnx,
                plan.folder / "ultralytics.onnx",
                classes=list(contract.classes),
                stride=contract.size_multiple,
            )
            for name, weights in (("ONNX", copy), ("PyTorch", subject.weights)):
                peer = stack.enter_context(Child(ultralytics_peer.MODULE, weights, video, plan.cores))
                contenders[f"ultralytics, {name}"] = peer.run
        for warm_up in contenders.values():
            warm_up()
        measured = interleaved(contenders, rounds)
    tracks = len(json.loads(Path(out).read_text())["tracks"])
    told.table(COLUMNS, rows(measured, TARGETS))
    told.bars("frames a second", {name: [run.fps for run in runs] for name, runs in measured.items()})
    told.say(
        f"{subject.model}, {frames} frames of {width}x{height} ({subject.video.name}), seen as "
        f"{box.width}x{box.height}, {tracks} tracks. Ours: `framewright track` with a server that is warm, "
        "from the request to the tracks. Ceiling: onnxruntime in process on ready tensors, batches of "
        f"{batch}, the best of {', '.join(map(str, BATCHES))}. ultralytics: `track` with ByteTrack, one "
        "picture at a time, warm; with ONNX, of the file that we serve, in another input layout."
    )
    if not subject.real:
        told.say("../shared/real is not there: the lite detector stands in, which ultralytics cannot open.")
    elif not find_spec("lap"):
        told.say("ultralytics cannot track without lap: `make dev-env` installs it.")
