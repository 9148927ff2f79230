"""The axis of time below a chart: where its ticks are, and what is written there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.drawing.canvas import FAINT, GRID

if TYPE_CHECKING:
    from orchestrator.drawing.canvas import Canvas

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000)
_MOST_TICKS = 12


@dataclass(frozen=True, kw_only=True)
class TimeAxis:
    """Time, from left to right.

    Attributes:
        left, right: where it starts and ends on the canvas, in pixels.
        start_s, end_s: when, in seconds; the end is later.
    """

    left: float
    right: float
    start_s: float
    end_s: float

    def across(self, second: float) -> float:
        """Return the place of a moment on the canvas; what is outside is put at an end."""
        share = (second - self.start_s) / (self.end_s - self.start_s)
        return self.left + min(max(share, 0), 1) * (self.right - self.left)

    def draw(self, canvas: Canvas, top: float, bottom: float) -> None:
        """Draw a line down the chart at each tick, its name below, and the axis."""
        start_s, end_s = self.start_s, self.end_s
        step_s = _step(end_s - start_s)
        for tick in range(math.ceil(start_s / step_s - 1e-9), math.floor(end_s / step_s + 1e-9) + 1):
            x = self.across(tick * step_s)
            canvas.bar((x - 0.5, top), (x + 0.5, bottom), GRID)
            canvas.text(clock(tick * step_s, step_s, end_s), (x, bottom + 22), 9, ink=FAINT, align=0.5)
        canvas.bar((self.left, bottom), (self.right, bottom + 1), FAINT)


def clock(second: float, step_s: float, end_s: float) -> str:
    """Return the name of a tick: seconds in a short video, else minutes, else hours too.

    Args:
        second: what is named.
        step_s: to the next one.
        end_s: of the video.
    """
    if end_s < 120:
        return f"{second:.{max(0, -math.floor(math.log10(step_s) + 1e-9))}f} s"
    minutes, seconds = divmod(round(second), 60)
    return f"{minutes}:{seconds:02d}" if end_s < 3600 else f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def _step(span_s: float) -> float:
    """Return the seconds from one tick to the next: the smallest round number that gives few enough."""
    for step in _STEPS_S:
        if 1 < span_s / step <= _MOST_TICKS and span_s > 5:
            return step
    finest = 10.0 ** math.floor(math.log10(span_s / _MOST_TICKS))
    return next(finest * factor for factor in (1, 2, 5, 10) if span_s / (finest * factor) <= _MOST_TICKS)
