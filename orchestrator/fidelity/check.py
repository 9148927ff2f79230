"""The finished file, held against what it should show, before it gets its name.

Every output is judged, by a few pictures. Where a report is asked for, all pictures that were taken are
compared and measured too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.errors import OutputRejected
from orchestrator.fidelity.metrics import luma, mean_square
from orchestrator.fidelity.rules import (
    Around,
    FramePair,
    alien,
    blank,
    delayed,
    displaced,
    doubtful,
    swapped_channels,
)
from orchestrator.fidelity.sampler import scaled
from orchestrator.media.write.readback import OutputReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from pathlib import Path

    from orchestrator.fidelity.sampler import FrameSampler, Sample
    from orchestrator.frames import Pixels

JUDGED = 8
"""Pictures by which an output is judged where no report is asked for."""

SEARCHED_PICTURES = 12
"""How many pictures before and after a doubtful one are looked at."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the file should hold.

    Attributes:
        frames: that were written.
        left_out: that were read, but are not meant to be in it.
        width, height: of its picture, in pixels.
        picture: width and height of what is shown in it, from its top-left corner; the rest, a row or a
            column that an encoder needs, is not compared.
    """

    frames: int
    left_out: int = 0
    width: int
    height: int
    picture: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """An output that passed.

    Attributes:
        pairs: what should be seen and what is, in order of time.
        late_by: by how many pictures the output is late, by the sample's index, where others were looked at.
        written: what the file should hold, and does.
        duration_s: from the first picture to the end of the last.
        sound_after_s: when the first sample of sound is heard, after the first picture; None without sound.
    """

    pairs: list[FramePair]
    late_by: dict[int, int]
    written: Written
    duration_s: Fraction
    sound_after_s: Fraction | None


def examine(path: Path, *, sampler: FrameSampler, written: Written, every: bool = False) -> Fidelity:
    """Read a finished file back and compare it with what was wanted.

    Args:
        path: of the file, complete.
        sampler: has seen every picture as it was wanted, before it was enlarged and encoded.
        written: what the file should hold.
        every: compare all samples instead of JUDGED.

    Raises:
        OutputRejected: the file cannot be read, has not the frames or the size, or shows something else.
    """
    with OutputReader(path) as playback:
        _refuse_numbers(playback, sampler, written)
        taken = sampler.taken()
        if not every and len(taken) > JUDGED:
            taken = [taken[place] for place in np.linspace(0, len(taken) - 1, JUDGED).round().astype(int)]
        pairs = _pairs(playback, taken, written, None if every else _sizes(taken, written))
        blanks = (fault for pair in pairs if (fault := blank(pair)))
        fault = next(blanks, None) or swapped_channels(pairs) or displaced(pairs)
        late_by: dict[int, int] = {}
        if not fault:
            searched = doubtful(pairs)
            around = _look_around(playback, searched, written)
            late_by = {pair.wanted.index: found.late_by for pair, found in zip(searched, around, strict=True)}
            aliens = (fault for pair in pairs if (fault := alien(pair)))
            fault = delayed(around) or next(aliens, None)
        if fault:
            raise _rejected(fault)
        sound_s = playback.sound_s()
        return Fidelity(
            pairs=pairs,
            late_by=late_by,
            written=written,
            duration_s=playback.end_s - playback.first_s,
            sound_after_s=None if sound_s is None else sound_s - playback.first_s,
        )


def _refuse_numbers(playback: OutputReader, sampler: FrameSampler, written: Written) -> None:
    if not playback.frames == sampler.frames == written.frames:
        raise _rejected(
            f"it shows {playback.frames} pictures, of {sampler.frames} that were read and {written.frames} "
            "that were written"
        )
    size, wanted = (f"{of.width}x{of.height}" for of in (playback, written))
    if size != wanted:
        raise _rejected(f"its picture is {size}, not {wanted}")


def _pairs(
    playback: OutputReader,
    taken: list[Sample],
    written: Written,
    sizes: list[tuple[int, int]] | None,
) -> list[FramePair]:
    """Read the output at the times of samples; of several pictures at one time, the one that fits."""
    tick_s = playback.tick_s
    moments_s = [playback.first_s + sample.time_s for sample in taken]
    seen: dict[int, FramePair] = {}
    windows = [(time_s - tick_s, time_s + tick_s) for time_s in moments_s]
    for number, _, pixels in playback.pictures(windows, sizes):
        pair = FramePair(wanted=taken[number], seen=_shown(pixels, taken[number], written))
        if number not in seen or pair.mean_square < seen[number].mean_square:
            seen[number] = pair
    for number, sample in enumerate(taken):
        if number not in seen:
            raise _rejected(f"it has no picture at {float(sample.time_s):.3f} s, where one was written")
    return [seen[number] for number in range(len(taken))]


def _look_around(playback: OutputReader, pairs: Sequence[FramePair], written: Written) -> list[Around]:
    """Compare pairs with the pictures before and after them."""
    reach_s = SEARCHED_PICTURES * (playback.end_s - playback.first_s) / playback.frames
    moments_s = [playback.first_s + pair.wanted.time_s for pair in pairs]
    errors: list[list[tuple[Fraction, float]]] = [[] for _ in pairs]
    windows = [(moment_s - reach_s, moment_s + reach_s) for moment_s in moments_s]
    sizes = _sizes([pair.wanted for pair in pairs], written)
    for number, time_s, pixels in playback.pictures(windows, sizes):
        shown = _shown(pixels, pairs[number].wanted, written)
        errors[number].append((time_s, mean_square(pairs[number].lumas[0], luma(shown))))
    return [
        _around(moment_s, found, playback.tick_s) for moment_s, found in zip(moments_s, errors, strict=True)
    ]


def _around(moment_s: Fraction, found: list[tuple[Fraction, float]], tick_s: Fraction) -> Around:
    own = [place for place, (time_s, _) in enumerate(found) if abs(time_s - moment_s) <= tick_s]
    return Around(errors=[error for _, error in found], own=range(own[0], own[-1] + 1))


def _sizes(taken: Sequence[Sample], written: Written) -> list[tuple[int, int]] | None:
    """Return the sizes of samples; None where a part of what was written has to be cut away first."""
    if written.picture != (written.width, written.height):
        return None
    return [_size(sample) for sample in taken]


def _size(sample: Sample) -> tuple[int, int]:
    rows, columns = sample.pixels.shape[:2]
    return columns, rows


def _shown(pixels: Pixels, sample: Sample, written: Written) -> Pixels:
    width, height = written.picture
    return scaled(pixels[:height, :width], _size(sample))


def _rejected(fault: str) -> OutputRejected:
    return OutputRejected(
        f"the output is not what was asked for: {fault}; nothing was kept, run it again, and report it if "
        "it stays so"
    )
