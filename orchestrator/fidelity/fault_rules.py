"""Defines the rules that decide, from a few frames, whether an output is faulty.

Failing a good output is worse than passing a bad one. So a rule applies only to gross faults, or where a
fault explains the difference far better than any encoder or model could: docs/fidelity.md has the rules, and
how far good outputs are from them.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from orchestrator.fidelity.metrics import Floats, coarse, displacement, luma, mean_square, psnr_db
from orchestrator.fidelity.sampler import Sample
from orchestrator.frames import Pixels

DARK = 8.0
"""A source of less mean luma, in levels of 255, counts as black itself."""

CONTRAST = 8.0
"""A source whose blocks have a lower standard deviation of luma, in levels, counts as plain itself."""

GONE = 1 / 6
"""An output with less than this share of its source's luma is black, of its source's contrast plain."""

UNRELATED = 40.0
"""Source and output whose blocks differ more (root mean square, in levels) show different things."""

DOUBTFUL_DB = 30.0
"""Only frames with a lower luma PSNR are tested for shifts: above it a shift would be invisible."""

MISCOLOURED = 5.0
"""Only frames whose blocks differ more, as for UNRELATED, are tested for swapped channels."""

EXPLAINED = 1 / 4
"""A fault explains the difference if undoing it leaves this share of the squared error (6 dB less)."""

AGREEING = 3
"""Number of frames that must show the same fault, as a single one could be chance."""

SEARCHED = 4
"""Number of frames that are compared with their neighbours in time."""

SHIFT_PX = 1.5
"""Smaller displacements, in pixels of the compared frames, are not faults."""


@dataclass(frozen=True, kw_only=True)
class FramePair:
    """A frame of the source and the frame of the output at its time.

    Attributes:
        sample: the frame of the source.
        output: uint8 [h, w, 3] RGB, the frame of the output, scaled to the sample's size.
    """

    sample: Sample
    output: Pixels

    @cached_property
    def coarse(self) -> tuple[Floats, Floats]:
        """Return the blocks of source and output, float32 [rows, columns, 3]."""
        return coarse(self.sample.pixels), coarse(self.output)

    @cached_property
    def lumas(self) -> tuple[Floats, Floats]:
        """Return the luma of source and output, float32 [h, w]."""
        return luma(self.sample.pixels), luma(self.output)

    @cached_property
    def mean_square(self) -> float:
        """Return the mean squared error of luma."""
        return mean_square(*self.lumas)

    @property
    def is_doubtful(self) -> bool:
        """Whether the frames differ enough to show a fault."""
        return psnr_db(self.mean_square) < DOUBTFUL_DB

    @cached_property
    def displacement(self) -> tuple[float, float] | None:
        """Return by how many pixels, right and down, the output is displaced; None if it is unclear."""
        return displacement(*self.lumas)


def blank(pair: FramePair) -> str | None:
    """Describe the fault if the output is black or plain where the source is not."""
    source, output = (luma(part) for part in pair.coarse)
    if source.mean() >= DARK and output.mean() <= GONE * source.mean():
        return f"it is black {_at(pair)}, where the source is not"
    if source.std() >= CONTRAST and output.std() <= GONE * source.std():
        return f"it is one plain colour {_at(pair)}, where the source is not"
    return None


def unrelated(pair: FramePair) -> str | None:
    """Describe the fault if the output shows something else than the source."""
    if mean_square(*pair.coarse) >= UNRELATED**2:
        return f"it shows something else than the source {_at(pair)}"
    return None


def swapped_channels(pairs: Sequence[FramePair]) -> str | None:
    """Describe the fault if the output's channels are not in the order of the source's."""
    coloured = [pair for pair in pairs if mean_square(*pair.coarse) > MISCOLOURED**2]
    explained: dict[str, float] = {}
    for name, exchange in _EXCHANGES.items():
        shares = [_share_left(pair, exchange) for pair in coloured]
        if _are_enough([share for share in shares if share <= EXPLAINED], coloured, pairs):
            explained[name] = sum(shares)
    if not explained:
        return None
    return f"its colours are exchanged: {min(explained, key=explained.__getitem__)}"


def displaced(pairs: Sequence[FramePair]) -> str | None:
    """Describe the fault if the output's picture is displaced."""
    able = [pair for pair in pairs if pair.is_doubtful]
    shifts = []
    for pair in able:
        shift = pair.displacement
        if shift is None or max(map(abs, shift)) < SHIFT_PX:
            continue
        right, down = (round(part) for part in shift)
        source, output = pair.lumas
        height, width = source.shape
        source, output = _overlap(source, -right, -down), _overlap(output, right, down)
        if source.size and mean_square(source, output) <= EXPLAINED * pair.mean_square:
            shifts.append((100 * shift[0] / width, 100 * shift[1] / height))
    if not _are_enough(shifts, able, pairs):
        return None
    across, down_by = np.median(shifts, axis=0)
    return f"its picture is displaced by {across:.1f} % of the width and {down_by:.1f} % of the height"


def doubtful(pairs: Sequence[FramePair]) -> list[FramePair]:
    """Return the SEARCHED worst pairs in order of time, to compare with neighbours, if enough are bad."""
    worst = sorted((pair for pair in pairs if pair.is_doubtful), key=lambda pair: -pair.mean_square)
    return sorted(worst[:SEARCHED], key=lambda pair: pair.sample.time_s) if len(worst) >= AGREEING else []


def delayed(neighbours: Iterable[NeighbourErrors]) -> str | None:
    """Describe the fault if the output is some pictures late or early."""
    late_by = Counter(found.late_by for found in neighbours if found.late_by)
    for pictures, agreeing in late_by.most_common(1):
        if agreeing >= AGREEING:
            count = "1 picture" if abs(pictures) == 1 else f"{abs(pictures)} pictures"
            return f"it is {count} {'late' if pictures > 0 else 'early'}"
    return None


@dataclass(frozen=True, kw_only=True)
class NeighbourErrors:
    """How well the output's frames around a time, in order, fit the source's frame at that time.

    Attributes:
        errors: mean squared errors of their luma.
        own: indices of the frames at that time.
    """

    errors: list[float]
    own: range

    @property
    def late_by(self) -> int:
        """By how many frames the best fit is late; 0 if none fits far better than the frame at that time."""
        best = min(range(len(self.errors)), key=self.errors.__getitem__)
        least = min(self.errors[index] for index in self.own)
        if best in self.own or self.errors[best] > EXPLAINED * least:
            return 0
        return best - (self.own[-1] if best > self.own[-1] else self.own[0])


def _share_left(pair: FramePair, exchange: NDArray[np.float32]) -> float:
    """Return the share of the squared error that is left if the source's channels are exchanged."""
    source, output = pair.coarse
    return mean_square(source @ exchange.T, output) / mean_square(source, output)


def _at(pair: FramePair) -> str:
    return f"at {float(pair.sample.time_s):.2f} s"


def _are_enough(agreeing: Sequence[object], able: Sequence[object], pairs: Sequence[object]) -> bool:
    """Whether enough frames show the fault: AGREEING, and half of those that could show it."""
    return len(agreeing) >= min(AGREEING, len(pairs)) and 2 * len(agreeing) >= len(able)


def _overlap(picture: Floats, right: int, down: int) -> Floats:
    """Remove that many columns and rows at the beginning of a picture, or at its end if negative."""
    height, width = picture.shape
    rows = slice(max(0, down), max(0, min(height, height + down)))
    columns = slice(max(0, right), max(0, min(width, width + right)))
    return picture[rows, columns]


def _exchanges() -> dict[str, NDArray[np.float32]]:
    """Return the matrices that exchange channels of RGB, [3, 3] for column vectors, by name."""
    exchanges = {}
    unit = np.eye(3, dtype=np.float32)
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            exchanges["".join("RGB"[channel] for channel in order) + " for RGB"] = unit[list(order)]
    ycbcr = np.array([[0.2126, 0.7152, 0.0722], [-0.1146, -0.3854, 0.5], [0.5, -0.4542, -0.0458]])
    exchanges["Cr for Cb"] = (np.linalg.inv(ycbcr) @ ycbcr[[0, 2, 1]]).astype(np.float32)
    return exchanges


_EXCHANGES = _exchanges()
