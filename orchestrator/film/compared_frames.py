"""Tells which frames of a film are compared with the source, and which of them the result reports."""

from __future__ import annotations

from orchestrator.fidelity.check import CHECKED_FRAMES
from orchestrator.film.document import FilmPlan
from orchestrator.pipeline.preview import evenly

COMPARED_FRAMES = 3
"""Most frames of a piece that are compared with the source. Comparing one decodes on average half the frames
between two keyframes, so more would add much to the work of a short piece."""


def compared_frames(plan: FilmPlan, number: int) -> list[int]:
    """Return the frames of a segment that are compared, counted from its first one."""
    return evenly(plan.segments[number].frames, COMPARED_FRAMES)


def reported_frames(plan: FilmPlan) -> frozenset[int]:
    """Return the compared frames of the film that the result reports: as many as of an ordinary job.

    Only these are measured. Measuring takes as long as looking for faults, which is done for all of them.
    """
    compared = [
        segment.first_frame + frame
        for segment in plan.segments
        for frame in compared_frames(plan, segment.number)
    ]
    return frozenset(compared[place] for place in evenly(len(compared), CHECKED_FRAMES))
