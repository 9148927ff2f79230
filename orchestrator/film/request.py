"""Derives from a film's parameters its container, its time range, its output, and the work of a frame."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from orchestrator.cost.estimate import Workload, find_speed, work_seconds
from orchestrator.cost.price_table import PriceTable
from orchestrator.frames import Crop, VideoInfo
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.track_file_reader import SubjectTracks
from orchestrator.jobs import Keyframe
from orchestrator.jobs.film import ExportFilm, FilmParams, TrackFilm, UpscaleFilm
from orchestrator.media.read.frame_times import in_seconds
from orchestrator.media_containers import MediaContainer, by_suffix
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export_request, time_range
from orchestrator.pipeline.plan import DeliveryRequest
from orchestrator.pipeline.upscale import upscale_request


def film_container(params: FilmParams) -> MediaContainer | None:
    """Return the container of the film; None for tracking."""
    if isinstance(params, TrackFilm):
        return None
    name = params.format if isinstance(params, UpscaleFilm) else params.params.format
    return by_suffix(f".{name or 'mp4'}")


def film_range(params: FilmParams) -> tuple[Fraction | None, Fraction | None]:
    """Return the start and the end of the film, in seconds from the start of the source."""
    return time_range(params.params) if isinstance(params, ExportFilm) else (None, None)


def requested_output(
    info: VideoInfo,
    params: FilmParams,
    context: JobContext,
    *,
    subjects: SubjectTracks | None,
    pts: NDArray[np.int64],
) -> DeliveryRequest | None:
    """Return the output that the parameters of a film request; None for tracking.

    Args:
        info: describes the video.
        params: what to make of it.
        context: names the model if the parameters name none.
        subjects: the tracks that a crop follows.
        pts: int64 [N], those of all frames of the video, rising.

    Raises:
        BadRequest: the crop is refused.
    """
    container = film_container(params)
    if container is None or isinstance(params, TrackFilm):
        return None
    if isinstance(params, UpscaleFilm):
        return upscale_request(info, params.params, context, container=container)
    return export_request(
        info,
        params.params,
        context,
        container=container,
        subjects=subjects,
        times_s=lambda: in_seconds(pts, info),
    )


def named_params(params: FilmParams, request: DeliveryRequest | None, context: JobContext) -> FilmParams:
    """Return the parameters with the model named, and a crop that follows a track as keyframes."""
    if isinstance(params, TrackFilm):
        detector = context.resolve(params.params.model or context.default_detector)
        named = params.params.model_copy(update={"model": detector})
        return params.model_copy(update={"params": named})
    if request is None:
        raise AssertionError("only tracking requests no output")
    if isinstance(params, UpscaleFilm):
        enlarged = params.params.model_copy(update={"model": request.model})
        return params.model_copy(update={"params": enlarged})
    changes: dict[str, object] = {"format": request.container.name}
    if request.model is not None:
        changes["upscale_model"] = request.model
    if params.params.follow is not None and isinstance(request.crop, CropPath):
        keyframes = tuple(Keyframe(**frame) for frame in request.crop.keyframes())
        changes |= {"crop": keyframes, "follow": None, "tracks": None}
    return params.model_copy(update={"params": params.params.model_copy(update=changes)})


def seconds_per_frame(
    info: VideoInfo,
    params: FilmParams,
    request: DeliveryRequest | None,
    context: JobContext,
    *,
    speeds: tuple[PriceTable, str] | None,
) -> float | None:
    """Return how long one worker needs for a frame, in seconds; None if it is not known.

    Args:
        info: describes the video.
        params: what to make of it.
        request: its output; None for tracking.
        context: resolves the name of the detector.
        speeds: the table of speeds, and the GPU of the workers as the table names it; None if it has none.
    """
    if speeds is None:
        return None
    table, gpu = speeds
    if isinstance(params, TrackFilm):
        model = context.resolve(params.params.model or context.default_detector)
        size = info.width, info.height
    else:
        model, size = _model_and_size(request)
    work = Workload(task=params.task, model=model, frames=1, width=size[0], height=size[1])
    speed, relations = find_speed(table, work, gpu)
    return None if speed is None else work_seconds(work, speed, relations)


def _model_and_size(request: DeliveryRequest | None) -> tuple[str, tuple[int, int]]:
    """Return the model of an output, or an empty name, and the size of its largest crop in pixels."""
    if request is None:
        raise AssertionError("only tracking requests no output")
    crop = request.crop
    width, height = (crop.w, crop.h) if isinstance(crop, Crop) else crop.size
    return request.model or "", (max(1, round(width)), max(1, round(height)))
