"""Chooses whom the crop follows: the track with a given id, or at each moment whoever matters most.

It says whom it chose when and why, so that a person can judge the choice, and change it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadRequest
from orchestrator.framing.appearances import CENTRAL, MOVING, Appearance, InView, find_appearances
from orchestrator.framing.camera_drift import CameraDrift
from orchestrator.framing.class_order import ClassGroup
from orchestrator.framing.followed_stretches import Part, stretches_of, without_holes
from orchestrator.framing.frame_durations import frame_ends_s
from orchestrator.framing.subject_schedule import Turn, schedule_subjects
from orchestrator.framing.target import Target, joined, target_of, target_of_nobody, target_of_turn
from orchestrator.framing.target_path import HOLD_AFTER_S
from orchestrator.framing.track_file_reader import SubjectTracks
from orchestrator.framing.widening import WIDEN_AFTER_S, WideTime, is_long_enough, widest_factor
from orchestrator.jobs.crop import FollowedStretch

NOBODY_AFTER_S = 2.0
"""In longer times without anybody to follow the crop goes to the middle of the picture, and becomes as large
as its shape allows if there is time for that (`widening.py`)."""
_GRACE_S = WIDEN_AFTER_S
"""For this time after somebody left, and before somebody enters, the crop need not be in the middle."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """Whom a crop follows.

    Attributes:
        target: what it shows at each frame.
        hold_after_s: see `plan_crop_path`.
        stretches: whom it follows when, and why, in order of time.
        wide: when the crop is as large as its shape allows, because nobody is in view.
    """

    target: Target
    hold_after_s: float
    stretches: tuple[FollowedStretch, ...]
    wide: tuple[WideTime, ...] = ()


class SubjectChooser:
    """Chooses whom to follow in a video, for crops of any size.

    Args:
        subjects: the tracks of the video.
        track: the id of a track; or `main` for whoever matters most at each moment (`subject_schedule.py`)
            and whoever fits into the crop beside them (`target.py`).
        class_name: the class of the tracks that may be followed; None allows all classes.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
        width, height: size of the picture as displayed, in pixels.

    Raises:
        BadRequest: there is no track with that id, no track of that class, or no track at all.
    """

    def __init__(
        self,
        subjects: SubjectTracks,
        track: int | Literal["main"],
        *,
        class_name: str | None = None,
        times_s: NDArray[np.float64],
        width: int,
        height: int,
    ) -> None:
        self._times_s, self._ends_s = times_s, frame_ends_s(times_s)
        self._width, self._height, self._cuts = width, height, subjects.cuts
        chosen = subjects if class_name is None else subjects.of_class(class_name)
        self._by_id: Choice | None = None
        if track != "main":
            self._by_id = _by_id(chosen, track, times_s, height=height)
            return
        if not chosen.by_id:
            raise BadRequest("there is nobody to follow: the tracks are empty")
        drift = CameraDrift(subjects, times_s=times_s, width=width, height=height)
        found = find_appearances(chosen, drift=drift, times_s=times_s, width=width, height=height)
        self._turns = schedule_subjects(found, cuts=subjects.cuts, times_s=times_s)
        self._near = _in_view(self._turns, found)
        self._somebody = InView([appearance for appearance in found if appearance.is_somebody])
        has_people = any(appearance.group is ClassGroup.PERSON for appearance in found)
        self._absent = "nobody" if has_people else "nothing to follow"

    def choose(self, size: tuple[float, float]) -> Choice:
        """Return whom a crop follows whose width and height are `size`, in pixels."""
        if self._by_id is not None:
            return self._by_id
        times_s, ends_s = self._times_s, self._ends_s
        parts: list[tuple[Target, Part]] = []
        for turn, near in zip(self._turns, self._near, strict=True):
            target, beside = target_of_turn(turn, near, sides=size, times_s=times_s, height=self._height)
            part = Part(
                first=turn.first,
                after=turn.last + 1,
                track=turn.appearance.track,
                class_name=turn.appearance.class_name,
                beside=tuple(beside),
                reason=_reason(turn),
            )
            parts.append((target, part))
        factor = widest_factor(size, width=self._width, height=self._height)
        widest = "as much of the picture as the shape allows"
        if abs(size[0] * self._height - size[1] * self._width) <= self._height:
            widest = "the whole picture"
        cuts, wide = set(self._cuts.tolist()), list[WideTime]()
        for begin, end in _empty_parts(self._turns, self._cuts, times_s, ends_s):
            wide_time = _wide_time(begin, end, cuts, times_s)
            is_wide = is_long_enough(wide_time, factor)
            if is_wide:
                wide.append(wide_time)
            shows = widest if is_wide else "the middle of the picture"
            at_rest = _frames_at_rest(begin, end, wide_time, times_s)
            nobody = target_of_nobody(at_rest, width=self._width, height=self._height)
            parts.append(
                (nobody, Part(first=begin, after=end, reason=f"{self._absence(begin, end)}: {shows}"))
            )
        parts.sort(key=lambda part: part[1].first)
        complete = without_holes(
            [part for _, part in parts],
            cuts=self._cuts,
            times_s=times_s,
            shortest_s=HOLD_AFTER_S,
            describe=self._pause,
        )
        return Choice(
            target=joined([target for target, _ in parts]),
            hold_after_s=np.inf,
            stretches=stretches_of(complete, times_s),
            wide=tuple(wide),
        )

    def _absence(self, begin: int, end: int) -> str:
        """Return why nobody is followed from frame `begin` to before `end`."""
        others = self._somebody.between(begin, end - 1)
        if any(other.first <= begin and end - 1 <= other.last for other in others):
            return "whoever is in view matters less"
        if others:
            return "whoever is in view is there too briefly to be followed"
        return f"{self._absent} is in view"

    def _pause(self, begin: int, end: int, before: Part | None, after: Part | None) -> str:
        """Return why nobody is followed in a shorter time, and what the camera does; see `Describe`."""
        if before is None or before.track is None:
            does = "the camera waits for the next one"
        elif after is None or after.track is None:
            does = "the camera stays"
        elif after.track == before.track:
            does = "the camera waits for the same one"
        else:
            does = "the camera goes on to the next one"
        return f"{self._absence(begin, end)}: {does}"


def _in_view(turns: Sequence[Turn], appearances: Iterable[Appearance]) -> list[list[Appearance]]:
    """Return for each turn the appearances that are in view during it."""
    by_shot: dict[int, list[Appearance]] = {}
    for appearance in appearances:
        by_shot.setdefault(appearance.shot, []).append(appearance)
    shots = {turn.appearance.shot for turn in turns}
    in_view = {shot: InView(by_shot[shot]) for shot in shots}
    return [in_view[turn.appearance.shot].between(turn.first, turn.last) for turn in turns]


def _by_id(subjects: SubjectTracks, track: int, times_s: NDArray[np.float64], *, height: int) -> Choice:
    subject = subjects.get(track)
    shots = np.searchsorted(subjects.cuts, subject.frames, side="right")
    gaps = (np.diff(subject.frames) > 1) & (np.diff(times_s[subject.frames]) > HOLD_AFTER_S)
    ends = np.flatnonzero(np.append(gaps | (np.diff(shots) > 0), True))
    begins = np.append(0, ends[:-1] + 1)
    parts = [
        Part(
            first=first,
            after=last + 1,
            track=track,
            class_name=subject.class_name,
            reason="the request names this track",
        )
        for first, last in zip(subject.frames[begins].tolist(), subject.frames[ends].tolist(), strict=True)
    ]
    complete = without_holes(
        parts,
        cuts=subjects.cuts,
        times_s=times_s,
        shortest_s=HOLD_AFTER_S,
        describe=lambda *_: f"track {track} is not in view: the camera stays",
    )
    return Choice(
        target=target_of(subject.frames, subject.boxes, subject.class_name, height=height),
        hold_after_s=HOLD_AFTER_S,
        stretches=stretches_of(complete, times_s),
    )


def _empty_parts(
    turns: Sequence[Turn],
    cuts: NDArray[np.int64],
    times_s: NDArray[np.float64],
    ends_s: NDArray[np.float64],
) -> list[tuple[int, int]]:
    """Return the first frame, and that after the last, of each shot or long part of a shot without a turn."""
    edges = [0, *cuts.tolist(), len(times_s)]
    taken = sorted((turn.first, turn.last + 1) for turn in turns)
    found, next_turn = [], 0
    for shot_begin, shot_end in pairwise(edges):
        begin, has_turn = shot_begin, False
        while next_turn < len(taken) and taken[next_turn][0] < shot_end:
            first, after = taken[next_turn]
            if times_s[first] - times_s[begin] > NOBODY_AFTER_S:
                found.append((begin, first))
            begin, has_turn = after, True
            next_turn += 1
        is_long = ends_s[shot_end - 1] - times_s[min(begin, shot_end - 1)] > NOBODY_AFTER_S
        if begin < shot_end and (is_long or not has_turn):
            found.append((begin, shot_end))
    return found


def _frames_at_rest(begin: int, end: int, wide: WideTime, times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the frames in which the crop should be in the middle, of those from `begin` to before `end`."""
    frames = np.arange(begin, end)
    near_s = np.full(len(frames), np.inf)
    if wide.opens:
        near_s = np.minimum(near_s, times_s[frames] - times_s[begin])
    if wide.closes:
        near_s = np.minimum(near_s, times_s[end - 1] - times_s[frames])
    return np.asarray(frames[near_s >= min(_GRACE_S, float(near_s.max()))], np.int64)


def _wide_time(begin: int, end: int, cuts: Collection[int], times_s: NDArray[np.float64]) -> WideTime:
    """Return when the crop may be wide, if nobody is in view from frame `begin` to before `end`."""
    is_first, is_last = begin == 0, end == len(times_s)
    opens, closes = not (is_first or begin in cuts), not (is_last or end in cuts)
    return WideTime(
        begin_s=-np.inf if is_first else float(times_s[begin]) + WIDEN_AFTER_S * opens,
        end_s=np.inf if is_last else float(times_s[end]),
        opens=opens,
        closes=closes,
    )


def _reason(turn: Turn) -> str:
    """Return in words why an appearance is followed and not its rivals."""
    before = {None: "", True: "the one before has left; ", False: "the one before matters less; "}[
        turn.after_leaving
    ]
    ours = turn.appearance
    equals = [rival for rival in turn.rivals if rival.group >= ours.group]
    if not equals and any(other.group >= ours.group for other in turn.later):
        return before + "it is in view first"
    if not equals:
        noun = "nobody" if ours.group is ClassGroup.PERSON else "nothing"
        alone = f"{noun} else is in view" if not turn.rivals else "its class comes before all others in view"
        return before + alone
    others = "the other one in view" if len(equals) == 1 else f"the {len(equals)} others in view"
    best = max(equals, key=lambda rival: rival.weight)
    gains = {
        "moves more than": MOVING * (ours.motion - best.motion),
        "is nearer the middle than": CENTRAL * (ours.centrality - best.centrality),
    }
    gain = max(gains, key=gains.__getitem__)
    if ours.weight > best.weight and gains[gain] > 0:
        return f"{before}it {gain} {others}"
    return f"{before}it is in view for longer, or larger or surer, than {others}"
