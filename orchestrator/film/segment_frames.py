"""Reads the frames of one segment, and checks that they are those of the plan."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from orchestrator.errors import BadMedia, PlanRefused, SourceChanged, WorkerError
from orchestrator.film.document import FilmPlan
from orchestrator.film.frame_pts import segment_pts
from orchestrator.frames import AnyPicture, Frame
from orchestrator.media.read.frame_selection import FrameSelection


def selection_of(plan: FilmPlan, number: int) -> FrameSelection:
    """Return the selection with which `VideoReader` reads one segment.

    Raises:
        PlanRefused: the plan has no such segment, or one that is impossible.
    """
    pts = segment_pts(plan, number)
    segment = plan.segments[number]
    if not len(pts) or not segment.decode_pts <= segment.first_pts <= segment.last_pts:
        raise PlanRefused(f"segment {number} of the plan is impossible: plan the film again")
    return FrameSelection(
        decode_pts=segment.decode_pts,
        first_pts=segment.first_pts,
        last_pts=segment.last_pts,
        first_frame=segment.first_frame,
        frames=segment.frames,
    )


def planned_frames(
    frames: Generator[Frame[AnyPicture], None, None], plan: FilmPlan, number: int
) -> Generator[Frame[AnyPicture], None, None]:
    """Yield the frames of a segment, as long as they are those of the plan.

    Each is shown until the next one of the film, and the last one of the film as long as the plan says.

    Args:
        frames: the frames that `VideoReader` reads with `selection_of`.
        plan: the plan.
        number: the number of the segment.

    Raises:
        SourceChanged: there are other frames, or frames at other times, and the source has no ETag.
        BadMedia: the same, but by its ETag the source is the one of the plan: it is damaged.
    """
    planned = segment_pts(plan, number).tolist()
    ends = [*planned[1:], _end(plan, number)]
    count = 0
    for frame in frames:
        if count == len(planned) or frame.pts != planned[count]:
            raise _wrong(plan, number, f"its frame {count} is shown at {frame.pts} ticks")
        yield replace(frame, duration=max(ends[count] - frame.pts, 0))
        count += 1
    if count < len(planned):
        raise _wrong(plan, number, f"it has {count} frames, not {len(planned)}")


def _end(plan: FilmPlan, number: int) -> int:
    """Return when the last frame of a segment ends, in ticks of the source."""
    if number + 1 < len(plan.segments):
        return int(segment_pts(plan, number + 1)[0])
    return int(segment_pts(plan, number)[-1]) + plan.last_duration


def _wrong(plan: FilmPlan, number: int, what: str) -> WorkerError:
    message = f"segment {number} of the source is not the one of the plan: {what}"
    if plan.source.etag is None:
        return SourceChanged(f"{message}; the source has changed, plan the film again")
    return BadMedia(f"{message}; the source is damaged there, process it as one ordinary job")
