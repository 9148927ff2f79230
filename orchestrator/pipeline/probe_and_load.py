"""Probes a job's source, loads its model, and stops reading the source at the job's limits."""

from __future__ import annotations

import math
import sys
from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction

from orchestrator.frames import AnyPicture, Frame, VideoInfo
from orchestrator.limits import Limits
from orchestrator.media.read.measured_length import with_measured_length
from orchestrator.media.read.probe import probe
from orchestrator.media_containers import MediaContainer
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.plan import DeliveryRequest, Plan, check_request, part_frames, part_length_s, plan
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.video_source import VideoSource


def probe_source(
    source: VideoSource,
    limits: Limits | None,
    *,
    container: MediaContainer | None = None,
    start_s: Fraction | None = None,
    end_s: Fraction | None = None,
) -> VideoInfo:
    """Probe the source of a job, and measure its length if its header claims more than a job may have.

    Args:
        source: a local video file.
        limits: what a job may ask for; None sets no limits.
        container: the container of the output, which may have a limit of its own; None without an output.
        start_s, end_s: the requested time range, in seconds from the start of the source; None is its start
            or its end. Without an end, a source that breaks off is refused.

    Raises:
        CallerError: the source cannot be read, or its pictures are too large; see `probe`.
    """
    info = probe(source, to_end=end_s is None, limits=limits)
    limits = limits or Limits(duration_s=math.inf, frames=sys.maxsize)
    if container is not None and container.max_duration_s is not None:
        limits = replace(limits, duration_s=min(limits.duration_s, container.max_duration_s))
    length_s, frames = part_length_s(info, start_s, end_s), part_frames(info, start_s, end_s)
    if not limits.exceeds(duration_s=length_s, frames=frames):
        return info
    skipped_s = float(start_s or 0)
    skipped_frames = math.ceil(skipped_s * (info.average_rate or 0))
    return with_measured_length(
        source, info, most_s=limits.duration_s + skipped_s, most_frames=limits.frames + skipped_frames
    )


def prepare(
    info: VideoInfo, request: DeliveryRequest, context: JobContext
) -> tuple[Plan, TritonClient | None]:
    """Plan an output, and load the model that the request names.

    Returns:
        The plan, and the client of the Triton that has the model loaded; None without a model.

    Raises:
        CallerError: see `plan`.
        ServiceError: Triton or the model does not start.
    """
    check_request(info, request, context.limits)
    if request.model is None:
        return plan(info, request, limits=context.limits), None
    client = context.connect()
    client.load(request.model)
    contract = client.contract(request.model, UpscaleContract)
    return plan(info, request, contract, context.limits), client


def within_limits(
    frames: Generator[Frame[AnyPicture], None, None], time_base: Fraction, limits: Limits | None
) -> Generator[Frame[AnyPicture], None, None]:
    """Yield frames as long as they are not too many, and not too long after the first.

    Args:
        frames: the frames of a source, in order.
        time_base: unit of their pts, in seconds.
        limits: what a job may ask for; None sets no limits.

    Raises:
        LimitExceeded: there is more.
    """
    first: int | None = None
    for number, frame in enumerate(frames, 1):
        if limits is not None:
            first = frame.pts if first is None else first
            limits.check_read(duration_s=float((frame.pts - first) * time_base), frames=number)
        yield frame
