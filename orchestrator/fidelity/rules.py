"""Whether a finished video shows what it should, by a few of its pictures.

A job that fails although its output is good is worse than one that passes although it is not. So what is
looked for is gross, or is explained far better by a fault than by any coding or model: the rules and how far
good outputs stay from them are in docs/fidelity.md. It knows nothing of files.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.fidelity.metrics import coarse, displacement, luma, mean_square, psnr_db

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from orchestrator.fidelity.metrics import Floats
    from orchestrator.fidelity.sampler import Sample
    from orchestrator.frames import Pixels

DARK = 8.0
"""A source of less mean luma, in levels of 255, is not told from black."""

CONTRAST = 8.0
"""A source whose blocks differ less in luma, by their standard deviation in levels, may be plain."""

GONE = 1 / 6
"""An output that has less than this of its source's luma is black, of its source's contrast plain."""

ALIEN = 40.0
"""Blocks of source and output that differ more, by their root mean square in levels, show other things."""

DOUBTFUL_DB = 30.0
"""Only pictures whose luma has a lower PSNR may be shifted: above it a shift could not be seen."""

MISCOLOURED = 5.0
"""Only pictures whose blocks differ more, as for ALIEN, may have their channels in the wrong order."""

EXPLAINED = 1 / 4
"""What is left of the squared error if a fault explains it: 6 dB less."""

AGREEING = 3
"""Pictures that must show the same fault, where a single one could be chance."""

SEARCHED = 4
"""Pictures for which others at other times are looked at."""

SHIFT_PX = 1.5
"""Smaller displacements, in pixels of the compared pictures, are not faults."""


@dataclass(frozen=True, kw_only=True)
class FramePair:
    """What should be seen, and what is.

    Attributes:
        wanted: a sample of the source.
        seen: uint8 [h, w, 3] RGB, the output at its time, scaled to the sample's size.
    """

    wanted: Sample
    seen: Pixels

    @cached_property
    def coarse(self) -> tuple[Floats, Floats]:
        """Return the blocks of both, float32 [rows, columns, 3]."""
        return coarse(self.wanted.pixels), coarse(self.seen)

    @cached_property
    def lumas(self) -> tuple[Floats, Floats]:
        """Return the luma of both, float32 [h, w]."""
        return luma(self.wanted.pixels), luma(self.seen)

    @cached_property
    def mean_square(self) -> float:
        """Return the mean squared error of luma."""
        return mean_square(*self.lumas)

    @property
    def is_doubtful(self) -> bool:
        """Whether it may show a fault at all."""
        return psnr_db(self.mean_square) < DOUBTFUL_DB

    @cached_property
    def displacement(self) -> tuple[float, float] | None:
        """Return by how many pixels, right and down, the output is displaced; None where it does not tell."""
        return displacement(*self.lumas)


def blank(pair: FramePair) -> str | None:
    """Say that nothing is seen, where something should be."""
    wanted, seen = (luma(part) for part in pair.coarse)
    if wanted.mean() >= DARK and seen.mean() <= GONE * wanted.mean():
        return f"it is black {_at(pair)}, where the source is not"
    if wanted.std() >= CONTRAST and seen.std() <= GONE * wanted.std():
        return f"it is one plain colour {_at(pair)}, where the source is not"
    return None


def alien(pair: FramePair) -> str | None:
    """Say that something else is seen."""
    if mean_square(*pair.coarse) >= ALIEN**2:
        return f"it shows something else than the source {_at(pair)}"
    return None


def swapped_channels(pairs: Sequence[FramePair]) -> str | None:
    """Say in which order the channels are, where it is not that of the source."""
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
    """Say by how much the picture is displaced, where it is."""
    able = [pair for pair in pairs if pair.is_doubtful]
    shifts = []
    for pair in able:
        shift = pair.displacement
        if shift is None or max(map(abs, shift)) < SHIFT_PX:
            continue
        right, down = (round(part) for part in shift)
        wanted, seen = pair.lumas
        height, width = wanted.shape
        wanted, seen = _overlap(wanted, -right, -down), _overlap(seen, right, down)
        if wanted.size and mean_square(wanted, seen) <= EXPLAINED * pair.mean_square:
            shifts.append((100 * shift[0] / width, 100 * shift[1] / height))
    if not _are_enough(shifts, able, pairs):
        return None
    across, down_by = np.median(shifts, axis=0)
    return f"its picture is displaced by {across:.1f} % of the width and {down_by:.1f} % of the height"


def doubtful(pairs: Sequence[FramePair]) -> list[FramePair]:
    """Return the pairs around which to look, in order of time: the SEARCHED that fit worst, if enough do."""
    worst = sorted((pair for pair in pairs if pair.is_doubtful), key=lambda pair: -pair.mean_square)
    return sorted(worst[:SEARCHED], key=lambda pair: pair.wanted.time_s) if len(worst) >= AGREEING else []


def delayed(around: Iterable[Around]) -> str | None:
    """Say by how many pictures the video is late or early, where it is."""
    late_by = Counter(found.late_by for found in around if found.late_by)
    for pictures, agreeing in late_by.most_common(1):
        if agreeing >= AGREEING:
            count = "1 picture" if abs(pictures) == 1 else f"{abs(pictures)} pictures"
            return f"it is {count} {'late' if pictures > 0 else 'early'}"
    return None


@dataclass(frozen=True, kw_only=True)
class Around:
    """How well the pictures around a time, in order, fit the one that is wanted there.

    Attributes:
        errors: mean squared errors of their luma.
        own: indices of those that may be the one meant.
    """

    errors: list[float]
    own: range

    @property
    def late_by(self) -> int:
        """By how many pictures the right one comes late; 0 if none fits far better than the one in place."""
        best = min(range(len(self.errors)), key=self.errors.__getitem__)
        least = min(self.errors[index] for index in self.own)
        if best in self.own or self.errors[best] > EXPLAINED * least:
            return 0
        return best - (self.own[-1] if best > self.own[-1] else self.own[0])


def _share_left(pair: FramePair, exchange: NDArray[np.float32]) -> float:
    """Return how much of the squared error is left if the source's channels are exchanged."""
    wanted, seen = pair.coarse
    return mean_square(wanted @ exchange.T, seen) / mean_square(wanted, seen)


def _at(pair: FramePair) -> str:
    return f"at {float(pair.wanted.time_s):.2f} s"


def _are_enough(agreeing: Sequence[object], able: Sequence[object], pairs: Sequence[object]) -> bool:
    """Whether as many pictures show a fault as are needed, and half of those that could."""
    return len(agreeing) >= min(AGREEING, len(pairs)) and 2 * len(agreeing) >= len(able)


def _overlap(picture: Floats, right: int, down: int) -> Floats:
    """Return a picture without so many columns and rows at its beginning, or at its end if negative."""
    height, width = picture.shape
    rows = slice(max(0, down), max(0, min(height, height + down)))
    columns = slice(max(0, right), max(0, min(width, width + right)))
    return picture[rows, columns]


def _exchanges() -> dict[str, NDArray[np.float32]]:
    """Return matrices that exchange channels of RGB, [3, 3] for column vectors, by name."""
    made = {}
    unit = np.eye(3, dtype=np.float32)
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            made["".join("RGB"[channel] for channel in order) + " for RGB"] = unit[list(order)]
    ycbcr = np.array([[0.2126, 0.7152, 0.0722], [-0.1146, -0.3854, 0.5], [0.5, -0.4542, -0.0458]])
    made["Cr for Cb"] = (np.linalg.inv(ycbcr) @ ycbcr[[0, 2, 1]]).astype(np.float32)
    return made


_EXCHANGES = _exchanges()
