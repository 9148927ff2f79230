"""A crop that moves: keyframes, and the smooth way between them.

Each of x, y, w and h follows a monotone piecewise cubic: at a keyframe its slope is that of the parabola
through it and its neighbours, limited as in Hyman, "Accurate monotonicity preserving cubic interpolation"
(SIAM J. Sci. Stat. Comput. 4, 1983), and 0 at the first and the last keyframe. So

- two keyframes are joined by smoothstep, 3 s^2 - 2 s^3: the crop sets off and arrives gently;
- at a keyframe in the middle of a movement the crop does not stop;
- between two keyframes each number stays between its values there: nothing overshoots, and what is the same
  in two keyframes stands still between them;
- before the first keyframe and after the last the crop rests.

A jump is two keyframes that are nearer in time than two pictures.

It does not know why the crop moves.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.errors import BadRequest
from orchestrator.frames import Crop
from orchestrator.framing.crop_geometry import inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FIELDS = ("t", "x", "y", "w", "h")
MOST_KEYFRAMES = 100_000
"""More are refused. The path of an hour of restless walking has a few thousand."""
ASPECT_TOLERANCE = 0.01
"""Shapes of keyframes may differ by this share, for callers who round; pictures are stretched by it."""
LATEST_S = 1e8
"""Three years; times further from 0 are refused."""
_DECIMALS = 3
_TIME_DECIMALS = 6
_SHORTEST_S = 1e-6


class CropPath:
    """Where the crop is at any time.

    Args:
        times_s: float64 [K], K >= 2, rising.
        crops: float64 [K, 4], x, y, w, h in pixels of the picture as displayed.
        width, height: of the picture.
        clamp: move crops that leave the picture back into it; first make those that are larger smaller, in
            their shape, around their middle.

    Attributes:
        size: greatest width and height of the crops, in the same pixels: what is delivered where no size is
            asked for, so that no crop loses detail; smaller crops are enlarged to it.

    Raises:
        BadRequest: there are fewer than two keyframes or more than MOST_KEYFRAMES, times do not rise by a
            microsecond or more, a number is not finite, a crop is refused by `inside`, or the crops are not
            of one shape within ASPECT_TOLERANCE.
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
        """Make a path of keyframes as a caller gives them: `{"t": .., "x": .., "y": .., "w": .., "h": ..}`.

        Raises:
            BadRequest: see the class; also where an entry is no object, or has other fields or no numbers.
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
        """Make a path whose numbers are those of `keyframes`: parsed again, it is the same path."""
        return cls(
            times_s.round(_TIME_DECIMALS), crops.round(_DECIMALS), width=width, height=height, clamp=False
        )

    def __len__(self) -> int:
        """How many keyframes there are."""
        return len(self._times)

    def keyframes(self) -> list[dict[str, float]]:
        """Return the keyframes as `parse` takes them: to a microsecond and a thousandth of a pixel."""
        return [
            dict(
                zip(
                    FIELDS,
                    (round(t, _TIME_DECIMALS), *(round(value, _DECIMALS) for value in row)),
                    strict=True,
                )
            )
            for t, row in zip(self._times.tolist(), self._crops.tolist(), strict=True)
        ]

    def at(self, t_s: float) -> Crop:
        """Return the crop at a time in seconds."""
        x, y, w, h = self.rows(np.array([t_s], np.float64))[0].tolist()
        return Crop(x=x, y=y, w=w, h=h)

    def rows(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the crops at times in seconds, float64 [N], in any order, as float64 [N, 4]: x, y, w, h.

        They lie in the picture. Where size and place change at once over three keyframes or more, x and w may
        take their ways at different paces; a crop that would leave the picture so is moved back to its edge.
        """
        times = np.clip(times_s, self._times[0], self._times[-1])
        k = np.clip(np.searchsorted(self._times, times, side="right") - 1, 0, len(self._times) - 2)
        span = (self._times[k + 1] - self._times[k])[:, None]
        s = (times - self._times[k])[:, None] / span
        first, last = self._crops[k], self._crops[k + 1]
        eased = s * s * (3 - 2 * s)
        bend = s * (1 - s) * span * ((1 - s) * self._slopes[k] - s * self._slopes[k + 1])
        crops = first + (last - first) * eased + bend
        # Rounding may carry a curve past its ends by a last digit.
        crops = np.clip(crops, np.minimum(first, last), np.maximum(first, last))
        np.clip(crops[:, :2], 0, self._room - crops[:, 2:], out=crops[:, :2])
        return np.asarray(crops, np.float64)


def _slopes(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slopes at keyframes, float64 [K, C] of [K, C]: 0 at both ends and wherever the way turns."""
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
    late = np.flatnonzero(np.diff(times_s) < 0.9 * _SHORTEST_S)
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
        crop = inside(Crop(x=x, y=y, w=w, h=h), width=width, height=height, clamp=clamp)
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
