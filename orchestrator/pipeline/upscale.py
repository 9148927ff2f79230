"""The upscale job: one video in, the same video larger out."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from orchestrator.containers import container_for
from orchestrator.drawing.files import check_picture_format
from orchestrator.fidelity.report import report_files
from orchestrator.frames import Crop
from orchestrator.jobs import UpscaleParams, UpscaleResult, UpscaleStats
from orchestrator.pipeline.comparison import Comparison
from orchestrator.pipeline.deliver import deliver
from orchestrator.pipeline.plan import DeliveryRequest
from orchestrator.pipeline.prepare import prepare, probe_source
from orchestrator.pipeline.progress import Progress
from orchestrator.storage.staged import check_outputs

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.pipeline.context import JobContext
    from orchestrator.pipeline.deliver import Inference


def upscale(
    source: Path,
    output: Path,
    params: UpscaleParams,
    context: JobContext,
    *,
    overwrite: bool = False,
    comparison: Path | None = None,
    report: Path | None = None,
) -> UpscaleResult:
    """Upscale a video.

    Args:
        source: a local video file.
        output: where the result goes; it appears only when it is complete. Its suffix chooses the container.
        params: model, scale and quality.
        context: the job's surroundings.
        overwrite: replace `output` and the other files that are asked for if they exist.
        comparison: also write a PNG there: bicubic left, ours right.
        report: also write there, as JSON, how true the output is to the source, and a PNG beside it.

    Raises:
        CallerError: the request or the source is wrong.
        ServiceError: Triton, the encoder or the disk failed.
    """
    started_s = time.monotonic()
    container = container_for(output)
    if comparison is not None:
        check_picture_format(comparison)
    beside = [comparison] if comparison else []
    beside += report_files(report) if report else []
    check_outputs(source, [output, *beside], overwrite=overwrite, kind="pictures")
    info = probe_source(source, context.limits, container=container)
    context.on_progress(Progress(stage="starting", total=info.frames))
    width, height = info.display_size
    request = DeliveryRequest(
        crop=Crop(x=0, y=0, w=width, h=height),
        model=params.model or context.default_model,
        scale=params.scale,
        quality=params.quality,
        container=container,
        tonemap=params.tonemap,
        reuse_tolerance=params.reuse_tolerance,
    )
    plan, client = prepare(info, request, context)
    side_by_side = None if comparison is None else Comparison(info.frames)
    with deliver(
        plan,
        source,
        output,
        client=client,
        overwrite=overwrite,
        report=report,
        watchers=[] if side_by_side is None else [side_by_side],
        on_progress=context.on_progress,
    ) as done:
        # Before the video gets its name: a job that fails here leaves nothing.
        if comparison is not None and side_by_side is not None:
            side_by_side.write(comparison, overwrite=overwrite)
    wall_s = time.monotonic() - started_s
    return UpscaleResult(
        output_url=output.resolve().as_uri(),
        stats=UpscaleStats(
            frames=done.frames,
            duration_sec=round(done.duration_s, 6),
            model=params.model or context.default_model,
            width=done.width,
            height=done.height,
            scale=done.scale,
            wall_sec=round(wall_s, 3),
            fps=round(done.frames / wall_s, 3),
            encoder=done.encoder,
            **asdict(cast("Inference", done.inference)),
            cost=context.cost_of(wall_s),
        ),
        notes=done.notes,
    )
