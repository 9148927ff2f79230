"""How far a job is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["starting", "upscaling", "exporting", "tracking", "drawing", "finishing"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A moment of a job.

    Attributes:
        stage: what is being done.
        frames: frames done so far.
        total: frames expected, or None where the container does not tell.
        fps: frames per second over the last seconds, 0 before the first.
        eta_s: seconds that are left at this speed, or None.
    """

    stage: Stage
    frames: int = 0
    total: int | None = None
    fps: float = 0.0
    eta_s: float | None = None


OnProgress = Callable[[Progress], None]
"""Called from the thread that runs the job; it must return quickly."""


class FrameClock:
    """Speed over a sliding window, so that the estimate follows changes.

    Args:
        total: frames expected, or None.
        stage: what is being done.
    """

    def __init__(self, total: int | None, stage: Stage) -> None:
        self._stage = stage
        self._total = total
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=100)

    def tick(self, frames: int) -> Progress:
        """Say how far the job is after `frames` frames."""
        self._marks.append((time.monotonic(), frames))
        (first_s, first_frames), (last_s, last_frames) = self._marks[0], self._marks[-1]
        fps = (last_frames - first_frames) / max(last_s - first_s, 1e-6)
        left = None if self._total is None else max(self._total - frames, 0)
        return Progress(
            stage=self._stage,
            frames=frames,
            total=self._total,
            fps=fps,
            eta_s=left / fps if left is not None and fps > 0 else None,
        )
