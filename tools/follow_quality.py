"""Measures whether a crop shows those whom it should show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.track_file_reader import SubjectTracks

Truth = Mapping[int, tuple[NDArray[np.int64], NDArray[np.float64]]]
"""For each subject, by the id of its track, the frames in which it should be shown, int64 [N], and its boxes
there, float64 [N, 4], x1, y1, x2, y2."""

_TOLERANCE_PX = 1.0
"""Keyframes are thinned within a quarter of a pixel, and edges of boxes are rounded."""


@dataclass(frozen=True, kw_only=True)
class FollowQuality:
    """How well a crop shows the subjects of a video.

    Attributes:
        visible: number of boxes of subjects that are small enough for the crop.
        inside: number of these that lie wholly in the crop.
        seen: number of frames with a subject.
        longest_empty_s: the longest time in seconds in which a subject is in view but the crop is empty: no
            middle of one is in it, and none covers a quarter of it.
        jerk: sum of the absolute third differences of the crop's middle, in pixels.
        raw_jerk: the same sum for the middles of the subjects' boxes as they were detected.
    """

    visible: int
    inside: int
    seen: int
    longest_empty_s: float
    jerk: float
    raw_jerk: float

    def __add__(self, other: FollowQuality) -> FollowQuality:
        """Join the measures of two videos."""
        return FollowQuality(
            visible=self.visible + other.visible,
            inside=self.inside + other.inside,
            seen=self.seen + other.seen,
            longest_empty_s=max(self.longest_empty_s, other.longest_empty_s),
            jerk=self.jerk + other.jerk,
            raw_jerk=self.raw_jerk + other.raw_jerk,
        )

    @property
    def share(self) -> float:
        """The share of the boxes that lie wholly in the crop."""
        return self.inside / self.visible if self.visible else 1.0

    def __str__(self) -> str:
        """Return the measures as cells of a Markdown table."""
        jerk = self.jerk / self.raw_jerk if self.raw_jerk else 0.0
        return f"{self.visible} | {self.share:.1%} | {self.longest_empty_s:.2f} s | {jerk:.3f}"


def measure_follow(
    truth: Truth,
    crops: NDArray[np.float64],
    *,
    tracks: SubjectTracks,
    times_s: NDArray[np.float64],
) -> FollowQuality:
    """Measure a crop.

    Args:
        truth: who should be shown when, and where they are.
        crops: float64 [F, 4], the crop at each frame of the video, x, y, w, h.
        tracks: the tracks that the crop was planned from, with boxes of the subjects as they were detected,
            and the cuts; jerk is measured within shots.
        times_s: float64 [F], the times of the frames, in seconds.
    """
    visible = inside = 0
    seen, shown = (np.zeros(len(crops), np.bool_) for _ in range(2))
    raw_jerk = 0.0
    for frames, boxes in truth.values():
        near, sides = crops[frames, :2], crops[frames, 2:]
        fits = (boxes[:, 2:] - boxes[:, :2] <= sides).all(axis=1)
        within = (boxes[:, :2] >= near - _TOLERANCE_PX) & (boxes[:, 2:] <= near + sides + _TOLERANCE_PX)
        visible += int(fits.sum())
        inside += int((fits & within.all(axis=1)).sum())
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        seen[frames] = True
        shown[frames] |= ((middles >= near) & (middles <= near + sides)).all(axis=1)
        shared = np.minimum(boxes[:, 2:], near + sides) - np.maximum(boxes[:, :2], near)
        shown[frames] |= np.maximum(shared, 0).prod(axis=1) >= sides.prod(axis=1) / 4
    for number in truth:
        detected = tracks.by_id[number].boxes
        raw_jerk += _jerk((detected[:, :2] + detected[:, 2:]) / 2)
    jerk = sum(_jerk(part[:, :2] + part[:, 2:] / 2) for part in np.split(crops, tracks.cuts))
    return FollowQuality(
        visible=visible,
        inside=inside,
        seen=int(seen.sum()),
        longest_empty_s=_longest_s(seen & ~shown, times_s),
        jerk=jerk,
        raw_jerk=raw_jerk,
    )


def _longest_s(where: NDArray[np.bool_], times_s: NDArray[np.float64]) -> float:
    """Return the longest time in which a condition holds at all frames."""
    edges = np.flatnonzero(np.diff(where, prepend=False, append=False))
    ends_s = np.append(times_s, times_s[-1])
    spans = [float(ends_s[end] - ends_s[begin]) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    return max(spans, default=0.0)


def _jerk(places: NDArray[np.float64]) -> float:
    return float(np.abs(np.diff(places, 3, axis=0)).sum()) if len(places) > 3 else 0.0
