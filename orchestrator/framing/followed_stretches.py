"""Lists whom a crop follows at every moment of a video, and adds the times in which it follows nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.frame_durations import frame_ends_s
from orchestrator.jobs.crop import FollowedStretch


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some frames of a shot in which the crop follows one subject, or none.

    Attributes:
        first, after: the first frame, and the one after the last.
        track, class_name: whom it follows; None for nobody.
        beside: the ids of those that are kept in the crop as well.
        reason: why, in words.
    """

    first: int
    after: int
    track: int | None = None
    class_name: str | None = None
    beside: tuple[int, ...] = ()
    reason: str


Describe = Callable[[int, int, Part | None, Part | None], str]
"""Returns why nobody is followed from the first frame to before the second, given the parts of the same shot
before and after that."""


def without_holes(
    parts: Sequence[Part],
    *,
    cuts: NDArray[np.int64],
    times_s: NDArray[np.float64],
    shortest_s: float,
    describe: Describe,
) -> list[Part]:
    """Return parts that cover all frames, in order.

    A hole of at most `shortest_s` belongs to the part before it in the same shot, or else to that after it.

    Args:
        parts: in order, without overlap; none goes over a cut.
        cuts: int64 [C], the first frame of each shot but the first, rising.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
        shortest_s: the longest time without a part that is not worth one of its own.
        describe: says why nobody is followed.
    """
    ends_s, shot_begins = frame_ends_s(times_s), {0, *cuts.tolist()}
    found: list[Part] = []
    at = 0
    for part in [*parts, None]:
        upcoming, first = part, len(times_s) if part is None else part.first
        for begin, end in _pieces(at, first, cuts):
            before = found[-1] if found and begin not in shot_begins else None
            after = upcoming if end == first and end not in shot_begins else None
            is_short = ends_s[end - 1] - times_s[begin] <= shortest_s
            if is_short and before is not None:
                found[-1] = replace(before, after=end)
            elif is_short and after is not None:
                upcoming = replace(after, first=begin)
            else:
                _add(found, Part(first=begin, after=end, reason=describe(begin, end, before, after)))
        if upcoming is not None:
            _add(found, upcoming)
            at = upcoming.after
    return found


def stretches_of(parts: Sequence[Part], times_s: NDArray[np.float64]) -> tuple[FollowedStretch, ...]:
    """Return parts as stretches of time, for the result of a job."""
    ends_s = frame_ends_s(times_s)
    return tuple(
        FollowedStretch(
            start=_seconds(times_s[part.first]),
            end=_seconds(ends_s[part.after - 1]),
            track=part.track,
            class_name=part.class_name,
            beside=part.beside,
            reason=part.reason,
        )
        for part in parts
    )


def _add(parts: list[Part], part: Part) -> None:
    """Add a part; times without a subject that follow each other for the same reason become one."""
    if (
        parts
        and part.track is None
        and replace(part, first=parts[-1].first, after=parts[-1].after) == parts[-1]
    ):
        parts[-1] = replace(parts[-1], after=part.after)
    else:
        parts.append(part)


def _pieces(begin: int, end: int, cuts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Divide the frames from `begin` to before `end` at the cuts."""
    if begin < end:
        first, last = np.searchsorted(cuts, (begin + 1, end)).tolist()
        yield from pairwise([begin, *cuts[first:last].tolist(), end])


def _seconds(time_s: float) -> float:
    return round(float(time_s), 6)
