"""Upscales a whole video, with an optional side-by-side picture of one frame."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from orchestrator.drawing.pen import Pen, to_ascii
from orchestrator.drawing.picture_files import check_picture_format, write_picture
from orchestrator.fidelity.report import report_files
from orchestrator.fidelity.sampler import shown_pixels, whole_or
from orchestrator.frames import Crop, Frame, Picture, Pixels, VideoInfo
from orchestrator.jobs import UpscaleParams, UpscaleResult, UpscaleStats
from orchestrator.media_containers import MediaContainer, container_for
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.deliver import deliver
from orchestrator.pipeline.plan import DeliveryRequest, Plan
from orchestrator.pipeline.preview import write_preview
from orchestrator.pipeline.probe_and_load import prepare, probe_source
from orchestrator.pipeline.progress import Progress
from orchestrator.plane_format import PlaneFormat
from orchestrator.storage.staged import check_outputs
from orchestrator.video_source import VideoSource

_WIDEST_PX = 1920
_GAP_PX = 4


def upscale(
    source: VideoSource,
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
        output: the upscaled file; it appears only when it is complete. Its suffix chooses the container.
        params: model, scale and quality.
        context: see `JobContext`.
        overwrite: whether to replace the output, the comparison and the report if they exist.
        comparison: a PNG that shows a frame upscaled bicubically on the left, by the model on the right.
        report: a JSON file for a comparison of the output with the source, with a PNG beside it.

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
    request = upscale_request(info, params, context, container=container)
    plan, client = prepare(info, request, context)
    side_by_side = None if comparison is None else _SideBySide(plan)
    with deliver(
        plan,
        source,
        output,
        client=client,
        overwrite=overwrite,
        report=report,
        on_frame=None if side_by_side is None else side_by_side.see,
        on_progress=context.on_progress,
    ) as done:
        # The video has no name yet: if the comparison cannot be written, nothing is left.
        if comparison is not None and side_by_side is not None:
            side_by_side.write(comparison, model=request.model or "output", overwrite=overwrite)
    missing = write_preview(context.preview, source=source, info=info, moments=done.moments, output=output)
    return UpscaleResult(
        output_url=output.resolve().as_uri(),
        stats=UpscaleStats(
            model=params.model or context.default_model, **done.stats(context, started_s=started_s)
        ),
        fidelity=done.fidelity,
        notes=(*done.notes, *missing),
    )


def upscale_request(
    info: VideoInfo, params: UpscaleParams, context: JobContext, *, container: MediaContainer
) -> DeliveryRequest:
    """Return the output that an upscale of a video requests.

    Args:
        info: describes the video.
        params: the parameters of the job.
        context: names the model if the parameters name none.
        container: the container of the output.
    """
    width, height = info.display_size
    return DeliveryRequest(
        crop=Crop(x=0, y=0, w=width, h=height),
        model=params.model or context.default_model,
        scale=params.scale,
        quality=params.quality,
        container=container,
        tonemap=params.tonemap,
        reuse_tolerance=params.reuse_tolerance,
        stabilize=params.stabilize,
    )


class _SideBySide:
    """Keeps the middle frame of a video, source and output, and draws them side by side.

    Args:
        plan: the plan of the output. If it does not know how many frames there will be, the first is kept.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._middle = (plan.source_info.frames or 1) // 2
        self._source: Picture | None = None
        self._ours: Picture | None = None

    def see(self, wanted: Frame[Any], delivered: Picture) -> None:
        """Look at a frame."""
        if wanted.index <= self._middle:
            self._source, self._ours = wanted.pixels, delivered

    def write(self, path: Path, *, model: str, overwrite: bool) -> None:
        """Write a picture: bicubic upscaling on the left, the output on the right.

        Both halves show the middle of the frame at output resolution, each at most 960 pixels wide, with
        captions.

        Args:
            path: the picture file.
            model: name of the model, the caption on the right.
            overwrite: whether to replace a file that exists.

        Raises:
            DiskFull: the picture could not be written.
        """
        if self._source is None or self._ours is None:
            return
        source, ours = (
            _shown(picture, planes)
            for picture, planes in (
                (self._source, self._plan.planes),
                (self._ours, self._plan.output_planes),
            )
        )
        height, width = ours.shape[:2]
        bicubic = cv2.resize(source, (width, height), interpolation=cv2.INTER_CUBIC)
        shown = min(width, _WIDEST_PX // 2)
        left = (width - shown) // 2
        gap = np.full((height, _GAP_PX, 3), 255, np.uint8)
        both = np.hstack([bicubic[:, left : left + shown], gap, ours[:, left : left + shown]])
        pen = Pen(width=both.shape[1], height=height)
        pen.caption(both[:, :shown], "bicubic")
        pen.caption(both[:, -shown:], to_ascii(model))
        write_picture(path, both, overwrite=overwrite)


def _shown(picture: Picture, planes: PlaneFormat | None) -> Pixels:
    """Return a picture as uint8 RGB [H, W, 3]."""
    whole = whole_or(None, picture)
    return shown_pixels(picture, whole, (round(whole.w), round(whole.h)), planes)
