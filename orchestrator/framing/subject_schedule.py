"""Decides who is followed when: one subject at a time in each shot, or nobody.

The schedule maximises a sum by dynamic programming. Each second of following a subject that is in view counts
_SEEN and its weight (`appearances.py`); beginning to follow somebody costs _BEGIN, and leaving somebody who
is still in view costs _LEAVE, or little if a class follows that comes first. Each second in which somebody is
in view but nobody is followed costs _UNSEEN, after a while. So the subject changes when it leaves, or for
somebody who matters far more for a long time; a glimpse is not worth a movement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.appearances import Appearance, InView
from orchestrator.framing.class_order import ClassGroup
from orchestrator.framing.frame_durations import frame_ends_s

_SEEN = 0.5
_BEGIN = 0.35
"""Worth less than a second of anybody: whoever is alone in view for a second is followed."""
_LONG_SHOT_S = 2.0
"""In shorter shots it costs less to begin, in proportion."""
_LEAVE = 5.0
_LEAVE_FOR_CLASS = 0.5
"""What it costs to leave somebody for one whose class comes first, as an animal for a person."""
_UNSEEN = 10.0
_UNSEEN_AFTER_S = 0.5
"""The camera needs time to go from one to the next; and a glimpse, no longer than this, may be missed."""
_STEP_S = 0.2
"""Subjects may change at frames that are at least this far apart."""
_SOMEBODY_S = 1.0
"""In a shot in which nobody is in view for this long, things that may move are followed where they stand."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Turn:
    """A time in which one appearance is followed.

    Attributes:
        appearance: whom it shows.
        first, last: indices of the first and the last frame, both with a box of the appearance.
        rivals: what else was in view when it began, candidates or not.
        later: what came into view while it lasted.
        after_leaving: whether the one who was followed before in this shot had left; None if there was none.
    """

    appearance: Appearance
    first: int
    last: int
    rivals: tuple[Appearance, ...]
    later: tuple[Appearance, ...]
    after_leaving: bool | None


def schedule_subjects(
    appearances: Sequence[Appearance], *, cuts: NDArray[np.int64], times_s: NDArray[np.float64]
) -> list[Turn]:
    """Return who is followed when, in order of time.

    Args:
        appearances: all that could be followed. What never moves is a candidate only if there is nothing
            else; what may move but stands still, only in shots without people, animals or movement.
        cuts: int64 [C], the first frame of each shot but the first, rising.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
    """
    has_movers = any(appearance.group > ClassGroup.STILL for appearance in appearances)
    by_shot: dict[int, list[Appearance]] = {}
    for appearance in appearances:
        by_shot.setdefault(appearance.shot, []).append(appearance)
    edges = [0, *cuts.tolist(), len(times_s)]
    shown_to_s = frame_ends_s(times_s)
    turns: list[Turn] = []
    for shot in sorted(by_shot):
        in_view = by_shot[shot]
        candidates = [
            appearance for appearance in in_view if appearance.group > ClassGroup.STILL or not has_movers
        ]
        somebody = [appearance for appearance in candidates if appearance.is_somebody]
        shot_s = times_s[edges[shot + 1] - 1] - times_s[edges[shot]]
        if sum(_duration_s(appearance, times_s) for appearance in somebody) >= min(_SOMEBODY_S, shot_s / 2):
            candidates = somebody or candidates
        frames = slice(edges[shot], edges[shot + 1])
        turns += _turns(_schedule_shot(candidates, times_s, shown_to_s, frames), InView(in_view))
    return turns


def _duration_s(appearance: Appearance, times_s: NDArray[np.float64]) -> float:
    return float(times_s[appearance.last] - times_s[appearance.first])


@dataclass(frozen=True, eq=False)
class _Followed:
    """One followed appearance, and those before it."""

    before: _Followed | None
    appearance: Appearance
    first: int
    last: int


@dataclass(eq=False)
class _Follower:
    """The best schedule that ends with following an appearance, and its value."""

    appearance: Appearance
    value: float
    before: _Followed | None
    first: int

    @property
    def last(self) -> int:
        """The last frame with a box of the appearance."""
        return self.appearance.last

    def ended(self, last: int) -> _Followed:
        """Return the schedule with the appearance followed up to a frame."""
        return _Followed(self.before, self.appearance, self.first, last)


def _schedule_shot(
    candidates: Sequence[Appearance],
    times_s: NDArray[np.float64],
    shown_to_s: NDArray[np.float64],
    frames: slice,
) -> _Followed | None:
    """Return the best schedule of a shot of these frames; None if nobody is followed."""
    waiting = sorted(candidates, key=lambda appearance: appearance.first, reverse=True)
    steps = _steps(times_s, frames)
    ends_s = np.append(times_s[steps[1:]], shown_to_s[frames.stop - 1])
    begin_cost = _BEGIN * min(1.0, float(ends_s[-1] - times_s[frames.start]) / _LONG_SHOT_S)
    value, done, unseen_from_s = 0.0, None, float(times_s[frames.start])
    active: list[_Follower] = []
    for step, step_end_s in zip(steps.tolist(), ends_s.tolist(), strict=True):
        for follower in active:
            worth = follower.value if follower.last < step else follower.value - _LEAVE
            if worth > value:
                value, done = worth, follower.ended(min(follower.last, step - 1))
                unseen_from_s = float(shown_to_s[done.last])
        entries = _entries(active, step, value, done)
        still = [follower for follower in active if follower.last >= step]
        while waiting and waiting[-1].first <= step:
            appearance = waiting.pop()
            if appearance.last >= step:
                worth, before = entries[appearance.group]
                still.append(_Follower(appearance, worth - begin_cost, before, appearance.first))
        for follower in still:
            worth, before = entries[follower.appearance.group]
            if worth - begin_cost > follower.value:
                follower.value, follower.before, follower.first = worth - begin_cost, before, step
            present_s = min(step_end_s, float(shown_to_s[follower.last])) - times_s[step]
            follower.value += max(float(present_s), 0.0) * (_SEEN + follower.appearance.weight)
        if any(_duration_s(follower.appearance, times_s) > _UNSEEN_AFTER_S for follower in still):
            unseen_s = step_end_s - max(float(times_s[step]), unseen_from_s + _UNSEEN_AFTER_S)
            value -= _UNSEEN * max(unseen_s, 0.0)
        else:
            unseen_from_s = step_end_s
        active = still
    finals = [follower for follower in active if follower.value > value]
    if finals:
        last = max(finals, key=lambda follower: follower.value)
        done = last.ended(last.last)
    return done


def _entries(
    active: Sequence[_Follower], step: int, value: float, done: _Followed | None
) -> dict[ClassGroup, tuple[float, _Followed | None]]:
    """Return the best schedule after which somebody of a group may be followed from a step on, and its value.

    Args:
        active: those who may be followed up to the step.
        step: the frame at which the next one would be followed.
        value, done: the best schedule at whose end nobody is followed, and its value.
    """
    entries: dict[ClassGroup, tuple[float, _Followed | None]] = {}
    for group in ClassGroup:  # in rising order
        entries[group] = value, done
        below = [follower for follower in active if follower.appearance.group < group]
        best = max(below, key=lambda follower: follower.value, default=None)
        if best is not None and best.value - _LEAVE_FOR_CLASS > value:
            entries[group] = best.value - _LEAVE_FOR_CLASS, best.ended(min(best.last, step - 1))
    return entries


def _steps(times_s: NDArray[np.float64], frames: slice) -> NDArray[np.int64]:
    """Return frames of a shot that are at least _STEP_S apart, the first one included, int64 [K]."""
    slots = np.floor((times_s[frames] - times_s[frames.start]) / _STEP_S)
    return np.asarray(np.flatnonzero(np.diff(slots, prepend=-1)) + frames.start, np.int64)


def _turns(done: _Followed | None, in_view: InView) -> list[Turn]:
    """Return a schedule in order of time, each turn with its rivals among those in view in the shot."""
    listed: list[_Followed] = []
    while done is not None:
        listed.append(done)
        done = done.before
    turns: list[Turn] = []
    for followed in reversed(listed):
        frames = followed.appearance.frames
        earliest = turns[-1].last + 1 if turns else 0
        inside = frames[(frames >= max(followed.first, earliest)) & (frames <= followed.last)]
        if not inside.size:
            continue
        first, last = int(inside[0]), int(inside[-1])
        rivals = tuple(other for other in in_view.between(first, first) if other is not followed.appearance)
        later = tuple(other for other in in_view.between(first, last) if other.first > first)
        turns.append(
            Turn(
                appearance=followed.appearance,
                first=first,
                last=last,
                rivals=rivals,
                later=later,
                after_leaving=turns[-1].last == turns[-1].appearance.last if turns else None,
            )
        )
    return turns
