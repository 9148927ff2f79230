"""Interpolates a moving crop smoothly between keyframes.

Each of x, y, w and h follows a monotone piecewise cubic: at a keyframe its slope is that of the parabola
through it and its neighbours, limited as in Hyman, "Accurate monotonicity preserving cubic interpolation"
(SIAM J. Sci. Stat. Comput. 4, 1983), and 0 at the first and the last keyframe. So

- two keyframes are joined by smoothstep, 3 s^2 - 2 s^3: the crop starts and stops gently;
- the crop does not stop at a keyframe in the middle of a movement;
- between two keyframes each number stays between its values there: nothing overshoots, and a number that is
  the same in both is constant between them;
- before the first keyframe and after the last the crop rests.

A jump is a pair of keyframes that are closer in time than two pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadRequest
from orchestrator.frames import Crop
from orchestrator.framing.crop_geometry import check_crop
from orchestrator.jobs.crop import LATEST_S, MOST_KEYFRAMES, SHORTEST_STEP_S

FIELDS = ("t", "x", "y", "w", "h")
ASPECT_TOLERANCE = 0.01
"""Aspect ratios of keyframes may differ by this share, as callers round; pictures are stretched by it."""
_DECIMALS = 3
_TIME_DECIMALS = 6


class CropPath:
    """A crop at any time, interpolated between keyframes.

    Args:
        times_s: float64 [K], K >= 2, rising.
        crops: float64 [K, 4], x, y, w, h in pixels of the picture as displayed.
        width, height: size of the picture.
        clamp: move crops that leave the picture back into it; shrink crops that are larger than the picture
            around their middle first, without changing their aspect ratio.

    Attributes:
        size: greatest width and height of the crops, in the same pixels: the default size of the output, so
            that no crop loses detail; smaller crops are enlarged to it.

    Raises:
        BadRequest: there are fewer than two keyframes or more than MOST_KEYFRAMES, times do not rise by a
            microsecond or more, a number is not finite, `check_crop` refuses a crop, or the crops do not
            have one aspect ratio within ASPECT_TOLERANCE.
    """

    def __init__(
        self,
        times_s: NDArray[np.float64],
        crops: NDArray[np.float64],
        *,
        width: int,
        height: int,
        clamp: bool = False,
    ) -> None:
        if not 2 <= len(times_s) <= MOST_KEYFRAMES:
            raise BadRequest(
                f"a crop that moves has 2 to {MOST_KEYFRAMES} keyframes, not {len(times_s)}; for one that "
                "stays give an object of x, y, w and h"
            )
        _check_times(times_s)
        self._times = times_s
        self._crops = np.array(
            [_checked(number, row, width, height, clamp=clamp) for number, row in enumerate(crops.tolist())]
        )
        _check_shapes(self._crops)
        self._slopes = _slopes(times_s, self._crops)
        self._room = np.array([width, height], np.float64)
        width_px, height_px = self._crops[:, 2:].max(axis=0).tolist()
        self.size: tuple[float, float] = (width_px, height_px)

    @classmethod
    def parse(cls, keyframes: Sequence[object], *, width: int, height: int, clamp: bool = False) -> CropPath:
        """Parse a caller's keyframes: `{"t": .., "x": .., "y": .., "w": .., "h": ..}`.

        Raises:
            BadRequest: see the class; also if an entry is not an object of these five numbers.
        """
        if not isinstance(keyframes, (list, tuple)) or len(keyframes) > MOST_KEYFRAMES:
            raise BadRequest(f"keyframes are refused: give a list of 2 to {MOST_KEYFRAMES}")
        rows = np.array([_numbers(number, entry) for number, entry in enumerate(keyframes)], np.float64)
        rows = rows.reshape(-1, len(FIELDS))
        return cls(rows[:, 0], rows[:, 1:], width=width, height=height, clamp=clamp)

    @classmethod
    def rounded(
        cls, times_s: NDArray[np.float64], crops: NDArray[np.float64], *, width: int, height: int
    ) -> CropPath:
        """Return a path that is the same after `parse(path.keyframes())`."""
        return cls(
            times_s.round(_TIME_DECIMALS), crops.round(_DECIMALS), width=width, height=height, clamp=False
        )

    def __len__(self) -> int:
        """Number of keyframes."""
        return len(self._times)

    def keyframes(self) -> list[dict[str, float]]:
        """Return the keyframes for `parse`, rounded to a microsecond and a thousandth of a pixel."""
        return [
            {"t": round(t, _TIME_DECIMALS)}
            | {field: round(value, _DECIMALS) for field, value in zip(FIELDS[1:], row, strict=True)}
            for t, row in zip(self._times.tolist(), self._crops.tolist(), strict=True)
        ]

    def at(self, t_s: float) -> Crop:
        """Return the crop at a time in seconds."""
        x, y, w, h = self.rows(np.array([t_s], np.float64))[0].tolist()
        return Crop(x=x, y=y, w=w, h=h)

    def rows(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the crops at times in seconds, float64 [N], in any order, as float64 [N, 4]: x, y, w, h.

        They lie in the picture. If size and position both change over three keyframes or more, the curves of
        x and w may differ; a crop that would leave the picture because of that is moved back to its edge.
        """
        times = np.clip(times_s, self._times[0], self._times[-1])
        k = np.clip(np.searchsorted(self._times, times, side="right") - 1, 0, len(self._times) - 2)
        span = (self._times[k + 1] - self._times[k])[:, None]
        s = (times - self._times[k])[:, None] / span
        first, last = self._crops[k], self._crops[k + 1]
        eased = s * s * (3 - 2 * s)
        bend = s * (1 - s) * span * ((1 - s) * self._slopes[k] - s * self._slopes[k + 1])
        crops = first + (last - first) * eased + bend
        # Rounding may carry a curve past its ends by the last digit.
        crops = np.clip(crops, np.minimum(first, last), np.maximum(first, last))
        np.clip(crops[:, :2], 0, self._room - crops[:, 2:], out=crops[:, :2])
        return np.asarray(crops, np.float64)


def _slopes(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slopes at keyframes, float64 [K, C] of [K, C]: 0 at both ends and at each extremum."""
    spans = np.diff(times_s)[:, None]
    steps = np.diff(values, axis=0) / spans
    slopes = np.zeros_like(values)
    before, after = steps[:-1], steps[1:]
    parabola = (before * spans[1:] + after * spans[:-1]) / (spans[1:] + spans[:-1])
    most = 3 * np.minimum(np.abs(before), np.abs(after))
    np.copyto(slopes[1:-1], np.clip(parabola, -most, most), where=before * after > 0)
    return slopes


def _check_times(times_s: NDArray[np.float64]) -> None:
    wild = np.flatnonzero(~(np.abs(times_s) <= LATEST_S))
    if wild.size:
        number = int(wild[0])
        raise BadRequest(f"keyframe {number} has t {times_s[number]:g}: give a time in seconds")
    late = np.flatnonzero(np.diff(times_s) < SHORTEST_STEP_S)
    if late.size:
        number = int(late[0]) + 1
        before, after = times_s[number - 1 : number + 1].tolist()
        raise BadRequest(f"keyframe {number} has t {after!r}, after {before!r}: give times that rise")


def _check_shapes(crops: NDArray[np.float64]) -> None:
    shapes = crops[:, 2] / crops[:, 3]
    other = np.flatnonzero(np.abs(shapes / shapes[0] - 1) > ASPECT_TOLERANCE)
    if other.size:
        number = int(other[0])
        sizes = [f"{crops[row, 2]:g}x{crops[row, 3]:g}" for row in (number, 0)]
        raise BadRequest(
            f"keyframe {number} is {sizes[0]} and keyframe 0 {sizes[1]}: all must have one shape within "
            f"{ASPECT_TOLERANCE:.0%}, else the picture is squeezed; change w or h"
        )


def _checked(number: int, row: list[float], width: int, height: int, *, clamp: bool) -> tuple[float, ...]:
    x, y, w, h = row
    if clamp and math.inf > max(w / width, h / height) > 1:
        share = min(width / w, height / h)
        x, y, w, h = x + w * (1 - share) / 2, y + h * (1 - share) / 2, w * share, h * share
    try:
        crop = check_crop(Crop(x=x, y=y, w=w, h=h), width=width, height=height, clamp=clamp)
    except BadRequest as exc:
        raise BadRequest(f"keyframe {number}: {exc}") from exc
    return crop.x, crop.y, crop.w, crop.h


def _numbers(number: int, entry: object) -> list[float]:
    fields = ", ".join(FIELDS)
    if not isinstance(entry, dict) or set(entry) != set(FIELDS):
        raise BadRequest(f"keyframe {number} is refused: give an object of {fields} and nothing else")
    values = [entry[name] for name in FIELDS]
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        raise BadRequest(f"keyframe {number} is refused: {fields} must be numbers")
    try:
        return [float(value) for value in values]
    except OverflowError as exc:
        raise BadRequest(f"keyframe {number} is refused: a number is too large") from exc
