"""Collects the corners of a crop along its path, widens it where nobody is, and thins it to keyframes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.keyframe_thinning import thin_keyframes
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.steady_camera import KNOT_S
from orchestrator.framing.widening import WideTime, widened, widening_knots, widest_factor

JUMP_S = 0.001
"""Duration of a jump, which ends at the cut; less than the time between two pictures."""
_EDGE_S = 0.01
"""A path of keyframes starts and ends at rest. A camera that moves at the edge of a shot gets one more
keyframe at this distance from the edge, less than the duration of a picture."""


class CropPathBuilder:
    """Collects the crop's corners at rising times; a corner too soon after the last is left out."""

    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._corners: list[NDArray[np.float64]] = []
        self._kept: list[bool] = []

    @property
    def last(self) -> NDArray[np.float64]:
        """The last corner, float64 [2]."""
        return self._corners[-1]

    def add(self, time_s: float, corner: NDArray[np.float64], *, kept: bool = True) -> None:
        """Add a corner, float64 [2], at a time. Thinning never removes it if `kept`."""
        if not self._times_s or time_s - self._times_s[-1] > JUMP_S / 2:
            self._times_s.append(float(time_s))
            self._corners.append(corner)
            self._kept.append(kept)

    def add_run(
        self, times_s: NDArray[np.float64], corners: NDArray[np.float64], *, edges: tuple[bool, bool]
    ) -> None:
        """Add corners, float64 [N, 2], at times [N].

        `edges` says whether the crop is moving, not resting, at the first and the last corner.
        """
        for number, (time_s, corner) in enumerate(zip(times_s, corners, strict=True)):
            last = number + 1 == len(times_s)
            if last and edges[1] and number:
                self._add_between(times_s[-2:], corners[-2:], time_s - _EDGE_S)
            self.add(time_s, corner, kept=last or not number)
            if not number and edges[0] and not last:
                self._add_between(times_s[:2], corners[:2], time_s + _EDGE_S)

    def _add_between(self, times_s: NDArray[np.float64], corners: NDArray[np.float64], time_s: float) -> None:
        share = (time_s - times_s[0]) / (times_s[1] - times_s[0])
        if 0 < share < 1 and (corners[0] != corners[1]).any():
            self.add(time_s, corners[0] + share * (corners[1] - corners[0]))

    def path(
        self, sides: NDArray[np.float64], *, width: int, height: int, wide: Sequence[WideTime] = ()
    ) -> CropPath:
        """Return the path of a crop whose width and height are `sides`, but larger at the `wide` times."""
        if len(self._times_s) == 1:
            self.add(self._times_s[0] + KNOT_S, self.last)
        times_s, kept = np.array(self._times_s), np.array(self._kept)
        crops = np.array([(*corner, *sides) for corner in self._corners])
        factor = widest_factor((float(sides[0]), float(sides[1])), width=width, height=height)
        if wide and factor > 1:
            narrow = CropPath(times_s, crops, width=width, height=height)
            jumps_s = [jump_s for time in wide for jump_s in time.jumps_s]
            knots_s = np.union1d(widening_knots(wide, factor), [*jumps_s, *(s - JUMP_S for s in jumps_s)])
            places = np.searchsorted(times_s, knots_s)
            before = knots_s - np.append(-np.inf, times_s)[places]
            after = np.append(times_s, np.inf)[places] - knots_s
            knots_s, places = (values[np.minimum(before, after) > JUMP_S / 2] for values in (knots_s, places))
            times_s, kept = np.insert(times_s, places, knots_s), np.insert(kept, places, False)
            crops = widened(narrow.rows(times_s), times_s, wide, width=width, height=height)
        return thin_keyframes(times_s, crops, kept, width=width, height=height)
