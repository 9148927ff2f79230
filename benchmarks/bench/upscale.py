"""Compares the speed of `framewright upscale` with onnxruntime alone and with Real-ESRGAN's script."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.bench import ceiling, commands, script_peer, workloads
from benchmarks.bench.comparison import COLUMNS, Run, comparison_rows, take_turns
from benchmarks.bench.contender_process import ContenderProcess
from orchestrator.media.read.probe import probe
from orchestrator.tiles.grid import plan_grid
from orchestrator.triton.contract import UpscaleContract

if TYPE_CHECKING:
    from benchmarks.bench.part import Plan, ReportWriter

TARGETS = {"ceiling": 0.92, "script": 1.30}


def measure(plan: Plan, report: ReportWriter) -> None:
    """Measure this part and add its tables, charts and notes to the report."""
    frames, rounds = (3, 1) if plan.quick else (16, 3)
    workload = workloads.upscaler()
    if not workload.real:
        frames *= 10
    video = workloads.cut_clip(workload.video, plan.folder / "upscale.mp4", frames)
    with ExitStack() as stack:
        served = stack.enter_context(commands.FramewrightServer(workload.model))
        contract = served.client.contract(workload.model, UpscaleContract)
        width, height = probe(video).display_size
        grid = plan_grid(
            height=height,
            width=width,
            tile=contract.tile,
            halo=contract.halo,
            multiple=contract.size_multiple,
        )
        tiles = len(grid.tiles)
        ready = stack.enter_context(ContenderProcess(ceiling.MODULE, workload.onnx, plan.cores))
        shape = (grid.tile_height, grid.tile_width)
        batch = 1 if plan.quick else ceiling.best_batch(ready, shape=shape, batches=(1, 2), images=2)
        arguments = commands.upscale_arguments(workload, video, plan.folder / "ours.mp4")
        script = stack.enter_context(
            ContenderProcess(
                script_peer.MODULE, workload.weights, video, plan.folder / "script.mp4", plan.cores
            )
        )

        def at_the_ceiling() -> Run:
            run = ready.run(shape=[batch, *shape], runs=-(-frames * tiles // batch))
            return Run(frames=frames, wall_s=run.wall_s, cpu_s=run.cpu_s)

        contenders = {
            "framewright upscale": lambda: served.command(*arguments).run,
            "ceiling": at_the_ceiling,
            "script": script.run,
        }
        measured = take_turns(contenders, rounds)
    report.table(COLUMNS, comparison_rows(measured, TARGETS))
    report.bars("frames a second", {name: [run.fps for run in runs] for name, runs in measured.items()})
    report.note(
        f"{workload.model}, {frames} frames of {width}x{height} ({workload.video.name}) to "
        f"{width * contract.scale}x{height * contract.scale}. Ours: `framewright upscale` at its high "
        "quality, with a server that is warm, from the request to the finished and checked file. Ceiling: "
        f"onnxruntime in process on ready tensors, the same {tiles} tiles of "
        f"{grid.tile_width}x{grid.tile_height} for every frame, {batch} at once. Script: as Real-ESRGAN's "
        "video script goes, PyTorch frame by frame on whole frames, with a pipe from a decoder and one to "
        "an encoder; same weights, same encoder settings."
    )
