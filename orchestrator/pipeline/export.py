"""Exports a part of a video: crops, trims, upscales or resizes it, in a chosen format."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadRequest, OutputPathRefused
from orchestrator.fidelity.report import report_files
from orchestrator.frames import Crop, VideoInfo
from orchestrator.framing.aspect_ratio import parse_aspect
from orchestrator.framing.crop_geometry import check_crop
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.safe_zones import NO_SAFE_ZONES, SafeZones
from orchestrator.framing.track_file_reader import SubjectTracks
from orchestrator.jobs import CropBox, ExportParams, ExportResult, ExportStats, FollowedStretch, Keyframe
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media_containers import MediaContainer, container_for
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.deliver import deliver
from orchestrator.pipeline.plan import DeliveryRequest
from orchestrator.pipeline.preview import write_preview
from orchestrator.pipeline.probe_and_load import prepare, probe_source
from orchestrator.pipeline.progress import Progress
from orchestrator.storage.staged import check_outputs
from orchestrator.video_source import VideoSource


def export(
    source: VideoSource,
    output: Path,
    params: ExportParams,
    context: JobContext,
    *,
    subjects: SubjectTracks | None = None,
    overwrite: bool = False,
    report: Path | None = None,
) -> ExportResult:
    """Export a part of a video.

    Args:
        source: a local video file.
        output: the exported file; it appears only when it is complete.
        params: which part, and how.
        context: see `JobContext`.
        subjects: the tracks that a crop can follow, read from `params.tracks`.
        overwrite: whether to replace the output and the report if they exist.
        report: a JSON file for a comparison of the output with the source, with a PNG beside it.

    Raises:
        CallerError: the request or the source is wrong.
        ServiceError: Triton, the encoder or the disk failed.
    """
    started_s = time.monotonic()
    container = _container(params, output)
    check_outputs(source, [output, *(report_files(report) if report else ())], overwrite=overwrite)
    start_s, end_s = time_range(params)
    info = probe_source(source, context.limits, container=container, start_s=start_s, end_s=end_s)
    context.on_progress(Progress(stage="starting", total=info.frames))
    request = export_request(
        info,
        params,
        context,
        container=container,
        subjects=subjects,
        times_s=lambda: frame_times(source, info),
    )
    crop = request.crop
    plan, client = prepare(info, request, context)
    with deliver(
        plan,
        source,
        output,
        client=client,
        overwrite=overwrite,
        report=report,
        on_progress=context.on_progress,
    ) as done:
        pass  # nothing else is written beside the output
    missing = write_preview(context.preview, source=source, info=info, moments=done.moments, output=output)
    stats = done.stats(context, started_s=started_s)
    first = crop.at(float(start_s or 0)) if isinstance(crop, CropPath) else crop
    return ExportResult(
        output_url=output.resolve().as_uri(),
        stats=ExportStats(
            model=request.model,
            crop=(first.x, first.y, first.w, first.h),
            pixel_format=done.pixel_format,
            **stats,
        ),
        fidelity=done.fidelity,
        keyframes=tuple(Keyframe(**frame) for frame in crop.keyframes())
        if isinstance(crop, CropPath)
        else None,
        followed=request.followed,
        notes=(*done.notes, *missing),
    )


def export_request(
    info: VideoInfo,
    params: ExportParams,
    context: JobContext,
    *,
    container: MediaContainer,
    subjects: SubjectTracks | None,
    times_s: Callable[[], NDArray[np.float64]],
) -> DeliveryRequest:
    """Return the output that an export of a video requests.

    Args:
        info: describes the video.
        params: the parameters of the job.
        context: names the model if the parameters name none.
        container: the container of the output.
        subjects: the tracks that a crop can follow.
        times_s: returns what `frame_times` returns; called only if the crop follows a track.

    Raises:
        BadRequest: the crop is refused.
    """
    start_s, end_s = time_range(params)
    crop, followed = _crop(info, params, subjects, times_s)
    return DeliveryRequest(
        crop=crop,
        followed=followed,
        model=(params.upscale_model or context.default_model) if params.wants_model else None,
        size=params.delivered_px,
        quality=params.quality,
        container=container,
        start_s=start_s,
        end_s=end_s,
        tonemap=params.tonemap,
        reuse_tolerance=params.reuse_tolerance,
    )


def time_range(params: ExportParams) -> tuple[Fraction | None, Fraction | None]:
    """Return the start and the end of the exported part, in seconds from the start of the source."""
    return _seconds(params.start), _seconds(params.end)


def _container(params: ExportParams, output: Path) -> MediaContainer:
    """Return the container that the name of the output chooses.

    Raises:
        OutputPathRefused: it chooses none, or another than the request.
    """
    named = container_for(output)
    if params.format is not None and params.format != named.name:
        raise OutputPathRefused(
            f"output {output} is not named as {params.format}: end the name in .{params.format}, or leave "
            "the format out"
        )
    return named


def _crop(
    info: VideoInfo,
    params: ExportParams,
    subjects: SubjectTracks | None,
    times_s: Callable[[], NDArray[np.float64]],
) -> tuple[Crop | CropPath, tuple[FollowedStretch, ...] | None]:
    """Return the crop that the request asks for, in pixels as displayed, and whom it follows."""
    width, height = info.display_size
    if isinstance(params.crop, CropBox):
        box = Crop(**params.crop.model_dump())
        return check_crop(box, width=width, height=height, clamp=params.clamp), None
    if params.crop is not None:
        keyframes = [keyframe.model_dump() for keyframe in params.crop]
        return CropPath.parse(keyframes, width=width, height=height, clamp=params.clamp), None
    if params.follow is not None:
        if subjects is None:
            raise BadRequest("following needs subjects: read them from the tracks first")
        # Imported here: its solver takes a second to import, and few exports follow anything.
        from orchestrator.framing.follow import follow_subject  # noqa: PLC0415

        safe = params.follow.safe
        following = follow_subject(
            subjects,
            track=params.follow.track,
            class_name=params.follow.class_name,
            aspect=None if params.follow.aspect is None else parse_aspect(params.follow.aspect),
            zoom=params.follow.zoom,
            safe=NO_SAFE_ZONES if safe is None else SafeZones(**safe.model_dump()),
            times_s=times_s(),
            width=width,
            height=height,
        )
        return following.path, _ended_by(following.stretches, info.duration_s)
    return Crop(x=0, y=0, w=width, h=height), None


def _ended_by(
    stretches: tuple[FollowedStretch, ...], duration_s: float | None
) -> tuple[FollowedStretch, ...]:
    """Return stretches of which the last one ends no later than the video, in seconds; None if unknown."""
    *before, last = stretches
    if duration_s is None or not last.start < duration_s < last.end:
        return stretches
    return (*before, last.model_copy(update={"end": round(duration_s, 6)}))


def _seconds(value: float | None) -> Fraction | None:
    """Return seconds as the decimal number that was written: 2.1 is 21/10, not the nearest binary number."""
    return None if value is None else Fraction(str(value))
