"""Keeps the presentation times of frames until tracks have all their boxes, and measures the video."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import TrackBoxes, VideoInfo
from orchestrator.inference.detector import DetectedFrame
from orchestrator.jobs import TrackedVideo
from orchestrator.pipeline.preview import MOST_STILLS


class TrackedFrameTimes:
    """Holds the times of frames that may still get boxes, and the length of the whole video.

    Attributes:
        frames: number of frames so far.
    """

    def __init__(self) -> None:
        self._pts: deque[int] = deque()
        self._first_index = 0
        self._first_pts = self._last_pts = self._last_duration = 0
        self.frames = 0

    def add(self, item: DetectedFrame) -> None:
        """Add the next frame."""
        if not self.frames:
            self._first_pts = item.pts
        self._pts.append(item.pts)
        self._last_pts, self._last_duration = item.pts, item.duration
        self.frames += 1

    def of(self, boxes: TrackBoxes) -> NDArray[np.int64]:
        """Return the pts of the frame that each box is in, int64 [N]."""
        return np.array(self._pts, np.int64)[boxes.frames - self._first_index]

    def forget(self, *, before: int) -> None:
        """Forget the frames before this index: they get no more boxes."""
        while self._first_index < before:
            self._pts.popleft()
            self._first_index += 1

    def start_s(self, info: VideoInfo) -> float:
        """Return the time of the first frame, in seconds."""
        return float(self._first_pts * info.time_base)

    def evenly_s(self, info: VideoInfo) -> list[Fraction]:
        """Return evenly spread times from the first frame to the last, in seconds from the video's start."""
        count = min(self.frames, MOST_STILLS)
        step = Fraction(self._last_pts - self._first_pts, max(count - 1, 1))
        return [(self._first_pts + number * step) * info.time_base - info.start_s for number in range(count)]

    def video(self, info: VideoInfo, *, cuts: Sequence[int]) -> TrackedVideo:
        """Describe the video. A last frame without a duration counts as long as an average one."""
        shown = self._last_pts - self._first_pts
        gaps = self.frames - 1
        duration = self._last_duration or (shown / gaps if gaps else 0)
        duration_s = Fraction(shown + duration) * info.time_base
        rate = info.average_rate or (self.frames / duration_s if duration_s else Fraction(0))
        width, height = info.display_size
        return TrackedVideo(
            width=width,
            height=height,
            frames=self.frames,
            fps=f"{rate.numerator}/{rate.denominator}",
            duration_sec=round(float(duration_s), 6),
            cuts=tuple(cuts),
        )
