"""Draws the time axis below a chart, with ticks at round times."""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchestrator.drawing.canvas import FAINT, GRID, Canvas

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000)
_MOST_TICKS = 12


@dataclass(frozen=True, kw_only=True)
class TimeAxis:
    """A time axis from left to right.

    Attributes:
        left, right: ends of the axis on the canvas, in pixels.
        start_s, end_s: times at its ends, in seconds; the end is later.
    """

    left: float
    right: float
    start_s: float
    end_s: float

    def across(self, second: float) -> float:
        """Return the x of a time on the canvas, in pixels; times outside the axis are put at its ends."""
        share = (second - self.start_s) / (self.end_s - self.start_s)
        return self.left + min(max(share, 0), 1) * (self.right - self.left)

    def draw(self, canvas: Canvas, top: float, bottom: float) -> None:
        """Draw the axis, and at each tick a line down the chart with the time below it."""
        start_s, end_s = self.start_s, self.end_s
        step_s = _step(end_s - start_s)
        for tick in range(math.ceil(start_s / step_s - 1e-9), math.floor(end_s / step_s + 1e-9) + 1):
            x = self.across(tick * step_s)
            canvas.bar((x - 0.5, top), (x + 0.5, bottom), GRID)
            canvas.text(format_time(tick * step_s, step_s, end_s), (x, bottom + 22), 9, ink=FAINT, align=0.5)
        canvas.bar((self.left, bottom), (self.right, bottom + 1), FAINT)


def format_time(second: float, step_s: float, end_s: float) -> str:
    """Format the time at a tick: in seconds for a short video, else with minutes, else with hours too.

    Args:
        second: the time.
        step_s: time from one tick to the next.
        end_s: end of the video.
    """
    if end_s < 120:
        return f"{second:.{max(0, -math.floor(math.log10(step_s) + 1e-9))}f} s"
    minutes, seconds = divmod(round(second), 60)
    return f"{minutes}:{seconds:02d}" if end_s < 3600 else f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def _step(span_s: float) -> float:
    """Return the time between ticks, in seconds: the smallest round number with few enough ticks."""
    for step in _STEPS_S:
        if 1 < span_s / step <= _MOST_TICKS and span_s > 5:
            return step
    finest = 10.0 ** math.floor(math.log10(span_s / _MOST_TICKS))
    return next(finest * factor for factor in (1, 2, 5, 10) if span_s / (finest * factor) <= _MOST_TICKS)
