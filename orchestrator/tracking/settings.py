"""Defines the settings of the tracker: thresholds and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.errors import BadRequest


@dataclass(frozen=True, kw_only=True)
class TrackerSettings:
    """Thresholds and times of a tracker.

    Attributes:
        method: `bytetrack`, or `botsort`, which also follows the camera's motion.
        high_score: boxes of at least this score are paired with tracks first.
        low_score: boxes of a lower score are ignored.
        new_score: an unpaired box of at least this score starts a track.
        raised_high_score, raised_new_score: how far these two rise at most for a detector that scores what it
            is sure of close to 1 (`score_scale`); a value below them leaves them as they are.
        lost_s: how long a track without detections is kept before it ends.
        interpolate_s: gaps of at most this length are filled with interpolated boxes; 0 leaves them empty.
        end_at_cuts: whether a cut between shots ends all tracks.

    Raises:
        BadRequest: a value is out of range.
    """

    method: Literal["bytetrack", "botsort"] = "bytetrack"
    high_score: float = 0.25
    low_score: float = 0.1
    new_score: float = 0.4
    raised_high_score: float = 0.85
    raised_new_score: float = 0.97
    lost_s: float = 2.0
    interpolate_s: float = 0.0
    end_at_cuts: bool = True

    def __post_init__(self) -> None:
        if self.method not in {"bytetrack", "botsort"}:
            raise BadRequest(f"no tracker is called {self.method!r}; use bytetrack or botsort")
        if not 0 <= self.low_score <= self.high_score <= self.new_score <= 1:
            scores = f"{self.low_score}, {self.high_score}, {self.new_score}"
            raise BadRequest(f"scores low, high, new are {scores}; they must rise, from 0 to 1 at most")
        if not 0 <= self.raised_high_score <= self.raised_new_score <= 1:
            scores = f"{self.raised_high_score}, {self.raised_new_score}"
            raise BadRequest(f"raised scores high, new are {scores}; they must rise, from 0 to 1 at most")
        for name in ("lost_s", "interpolate_s"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise BadRequest(f"{name} is {getattr(self, name)}; give a number of seconds, 0 or more")
