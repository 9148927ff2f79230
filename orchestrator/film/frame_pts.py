"""Expands the times of a film's frames from the short form in which a plan stores them, and compresses them.

At a constant frame rate the short form of any number of frames is two pairs: see `FilmPlan.pts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import PlanRefused
from orchestrator.film.document import LARGEST_TICKS, FilmPlan

MOST_FRAMES = 2**23
"""Most frames of a film, 38 hours at 60 frames a second. Their times take 64 MiB of memory."""


def compress(pts: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """Return rising times in the form of `FilmPlan.pts`.

    Args:
        pts: int64 [N], N >= 1, the pts of each frame, rising.
    """
    steps = np.diff(pts)
    starts = np.flatnonzero(np.diff(steps, prepend=0))  # steps are at least 1, so the first one counts
    counts = np.diff(starts, append=len(steps))
    return ((int(pts[0]), 1), *zip(steps[starts].tolist(), counts.tolist(), strict=True))


def expand(pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Return the pts of each frame, int64 [N], rising, from the form of `FilmPlan.pts`.

    Raises:
        PlanRefused: the pairs are not such a form, or have more than MOST_FRAMES frames.
    """
    if not pairs or pairs[0][1] != 1 or abs(pairs[0][0]) >= LARGEST_TICKS:
        raise PlanRefused("the plan has no time of a first frame; plan the film again")
    if any(step < 1 or count < 1 for step, count in pairs[1:]):
        raise PlanRefused("the plan has times of frames that do not rise; plan the film again")
    frames = sum(count for _, count in pairs)
    if frames > MOST_FRAMES:
        raise PlanRefused(f"the plan has {frames} frames, and a film has at most {MOST_FRAMES}")
    if pairs[0][0] + sum(step * count for step, count in pairs[1:]) >= LARGEST_TICKS:
        raise PlanRefused("the plan has a time that is too large; plan the film again")
    values, counts = zip(*pairs, strict=True)
    return np.cumsum(np.repeat(np.array(values, np.int64), np.array(counts, np.int64)))


def segment_pts(plan: FilmPlan, number: int) -> NDArray[np.int64]:
    """Return the times of the frames of one segment, int64 [N], as the film has them.

    They are the source's, but for the first frame of an export that begins in the middle of a still: see
    `TimeRange.select_pictures`.

    Raises:
        PlanRefused: the plan has no such segment, or fewer frames than its segments need.
    """
    if not 0 <= number < len(plan.segments):
        raise PlanRefused(f"the plan has {len(plan.segments)} segments, and no segment {number}")
    segment, pts = plan.segments[number], expand(plan.pts)
    part = pts[segment.first_frame : segment.first_frame + segment.frames]
    if segment.first_frame < 0 or len(part) != segment.frames:
        raise PlanRefused(f"segment {number} of the plan has frames that the film does not have")
    return part
