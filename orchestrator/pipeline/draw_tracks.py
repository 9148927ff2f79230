"""Draws tracks on their video, and takes the thumbnails of a timeline from it.

Ids are known only after the whole video was tracked, so this reads the video a second time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.errors import EncodeFailed
from orchestrator.frames import Crop, Frame, VideoInfo
from orchestrator.jobs import Quality
from orchestrator.media.colour.resize import resize
from orchestrator.media.read.reader import VideoReader
from orchestrator.media_containers import container_for
from orchestrator.pipeline.deliver import OutputSummary, deliver
from orchestrator.pipeline.plan import DeliveryRequest, Plan, plan
from orchestrator.pipeline.progress import FrameRateMeter, OnProgress
from orchestrator.track_output.overlay import Overlay
from orchestrator.track_output.reported_tracks import ReportedTracks
from orchestrator.track_output.timeline import Thumbnails
from orchestrator.video_source import VideoSource

OVERLAY_QUALITY: Quality = "medium"
"""The drawn video is for viewing, not for further editing."""


def plan_overlay(info: VideoInfo, output: Path) -> Plan:
    """Plan the video that tracks are drawn on: all of the source, as SDR.

    Args:
        info: describes the source.
        output: the drawn video; its suffix chooses the container.

    Raises:
        BadRequest: the container cannot hold a video as large or as long.
    """
    width, height = info.display_size
    request = DeliveryRequest(
        crop=Crop(x=0, y=0, w=width, h=height),
        quality=OVERLAY_QUALITY,
        container=container_for(output),
        tonemap=info.colour.is_hdr,
        annotated=True,
    )
    return plan(info, request)


@contextmanager
def draw_tracks(
    planned: Plan,
    source: VideoSource,
    output: Path,
    *,
    tracks: ReportedTracks,
    classes: tuple[str, ...],
    frames: int,
    thumbnails: Thumbnails | None,
    overwrite: bool,
    on_progress: OnProgress,
) -> Iterator[OutputSummary]:
    """Write the video with its tracks drawn on it; see `deliver` for when it gets its name.

    Args:
        planned: made by `plan_overlay`.
        source: the video that was tracked.
        output: the drawn video.
        tracks: the tracks of the video.
        classes: names by class number.
        frames: how many frames were tracked.
        thumbnails: cuts its pictures from the frames; None without a timeline.
        overwrite: whether to replace the output if it exists.
        on_progress: is called with the progress.

    Raises:
        EncodeFailed, DiskFull: the drawn video could not be written.
        OutputCheckFailed: it does not show what it should.
    """
    info = planned.source_info
    overlay = Overlay(
        tracks,
        classes=classes,
        width=info.width,
        height=info.height,
        shown_width=info.display_size[0],
        time_base=info.time_base,
    )

    def edit(decoded: Iterator[Frame[Any]]) -> Generator[Frame[Any], None, None]:
        for frame in decoded:
            if thumbnails is not None:
                _take(thumbnails, frame, info)
            pixels = frame.pixels.copy()  # the reader may yield its own again
            overlay.draw(pixels, frame.index)
            yield replace(frame, pixels=pixels)

    if not planned.container.is_paced:
        planned = replace(planned, expected_frames=frames)
    with deliver(planned, source, output, overwrite=overwrite, edit=edit, on_progress=on_progress) as done:
        if done.frames + done.left_out != frames:
            raise EncodeFailed(
                f"{frames} frames were tracked but {done.frames + done.left_out} drawn; nothing was kept"
            )
        yield done


def take_thumbnails(
    source: VideoSource, info: VideoInfo, thumbnails: Thumbnails, *, frames: int, on_progress: OnProgress
) -> None:
    """Read a video for its thumbnails alone; see `draw_tracks`."""
    meter = FrameRateMeter(frames, "drawing")
    with VideoReader(source, info, tonemap=True) as reader:
        for frame in reader.frames():
            _take(thumbnails, frame, info)
            on_progress(meter.tick(frame.index + 1))


def _take(thumbnails: Thumbnails, frame: Frame, info: VideoInfo) -> None:
    if frame.index in thumbnails.frames:
        width, height = info.display_size
        thumbnails.take(frame.index, resize(frame.pixels, width=width, height=height))
