"""Estimates the time and the cost of a job from the video's metadata and the price table."""

from __future__ import annotations

import math

from orchestrator.cost.encoder_limit import EncodedPictures
from orchestrator.cost.estimate import Estimate, Workload
from orchestrator.cost.estimate import estimate as estimate_work
from orchestrator.cost.price_table import PriceTable
from orchestrator.errors import BadMedia, BadRequest
from orchestrator.frames import VideoInfo
from orchestrator.jobs.task_table import USER_TASKS, TaskName
from orchestrator.media.read.probe import probe
from orchestrator.media.write.encoder_selection import nvenc_for
from orchestrator.video_source import VideoSource

_MODEL_SCALE = 4.0
_NVENC_BITS = 8


def estimate(
    source: VideoSource,
    *,
    task: TaskName,
    model: str,
    gpu: str,
    table: PriceTable,
    crop: tuple[float, float, float, float] | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    scale: float | None = None,
) -> Estimate:
    """Estimate a job on a video; only its header is read.

    Args:
        source: a local video file.
        task: the job's task.
        model: name of the model; empty for an export without one.
        gpu: the name of a GPU, or `cpu`.
        table: prices and speeds.
        crop: left, top, width and height of the exported part, in pixels; None is the whole picture.
        start_s, end_s: the exported time range, in seconds; None is the start or the end.
        scale: size of the output over size of the input, for the time that the GPU's encoder takes; None is
            that of most models, 4, and 1 without a model.

    Raises:
        CallerError: the video or the part is refused, the length of the video is not known, or the table
            does not have the GPU.
    """
    info = probe(source)
    if info.frames is None:
        raise BadMedia(f"{source}: the file does not state its duration, so nothing can be estimated")
    if not USER_TASKS[task].takes_part and (crop, start_s, end_s) != (None, None, None):
        raise BadRequest(f"a crop or a time range is for exports only; leave it out of {task}")
    width, height = _pixels(info, crop)
    work = Workload(task=task, model=model, frames=_frames(info, start_s, end_s), width=width, height=height)
    return estimate_work(table, work, gpu, pictures=_encoded(info, work, scale))


def _encoded(info: VideoInfo, work: Workload, scale: float | None) -> EncodedPictures | None:
    """Return the pictures that NVENC encodes; None if the job writes none, or none that NVENC takes."""
    if not USER_TASKS[work.task].time_per_pixel or info.bit_depth > _NVENC_BITS:
        return None
    scale = scale or (_MODEL_SCALE if work.model else 1.0)
    width, height = (max(1, round(side * scale)) for side in (work.width, work.height))
    encoder = nvenc_for(width, height)
    return None if encoder is None else EncodedPictures(encoder=encoder, width=width, height=height)


def _pixels(info: VideoInfo, crop: tuple[float, float, float, float] | None) -> tuple[int, int]:
    """Return the size of the exported part, rounded up to whole pixels."""
    if crop is None:
        return info.width, info.height
    x, y, width, height = crop
    if not (0 <= x < x + width <= info.width and 0 <= y < y + height <= info.height):
        raise BadRequest(
            f"crop {x:g},{y:g},{width:g},{height:g} is not inside the picture of {info.width}x{info.height}"
        )
    return math.ceil(width), math.ceil(height)


def _frames(info: VideoInfo, start_s: float | None, end_s: float | None) -> int:
    """Return how many frames a time range would have if all were evenly spaced."""
    frames = info.frames or 0
    if start_s is None and end_s is None:
        return frames
    duration_s = info.duration_s or 0.0
    start, end = start_s or 0.0, duration_s if end_s is None else min(end_s, duration_s)
    if not 0 <= start < end:
        raise BadRequest(f"the video lasts {duration_s:g} s, so nothing is from {start:g} s to {end:g} s")
    return max(1, round(frames * (end - start) / duration_s))
