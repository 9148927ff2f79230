"""Measures the progress of a job: its stage, frames, speed and remaining time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal[
    "starting", "planning", "upscaling", "exporting", "tracking", "assembling", "drawing", "finishing"
]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of a job at one time.

    Attributes:
        stage: what the job is doing.
        frames: frames done so far.
        total: expected frames, or None if the container does not state them.
        fps: frames per second over the last seconds, 0 before the first frame.
        eta_s: remaining seconds at this speed, or None if they are not known.
    """

    stage: Stage
    frames: int = 0
    total: int | None = None
    fps: float = 0.0
    eta_s: float | None = None


OnProgress = Callable[[Progress], None]
"""Called from the thread that runs the job; it must return quickly."""


class FrameRateMeter:
    """Measures speed over the last 100 frames, so that the estimate follows changes.

    Args:
        total: expected frames, or None.
        stage: what the job is doing.
    """

    def __init__(self, total: int | None, stage: Stage) -> None:
        self._stage = stage
        self._total = total
        self._ticks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=100)

    def tick(self, frames: int) -> Progress:
        """Return the progress after `frames` frames."""
        self._ticks.append((time.monotonic(), frames))
        (first_s, first_frames), (last_s, last_frames) = self._ticks[0], self._ticks[-1]
        fps = (last_frames - first_frames) / max(last_s - first_s, 1e-6)
        left = None if self._total is None else max(self._total - frames, 0)
        return Progress(
            stage=self._stage,
            frames=frames,
            total=self._total,
            fps=fps,
            eta_s=left / fps if left is not None and fps > 0 else None,
        )
