"""Reads a finished output back and compares sampled frames with the source, before it gets its final name.

A few frames are compared for every output, and all sampled frames if a report is requested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from orchestrator.errors import OutputCheckFailed
from orchestrator.fidelity.fault_rules import (
    FramePair,
    NeighbourErrors,
    blank,
    delayed,
    displaced,
    doubtful,
    swapped_channels,
    unrelated,
)
from orchestrator.fidelity.metrics import luma, mean_square
from orchestrator.fidelity.sampler import FrameSampler, Sample, scaled
from orchestrator.frames import Pixels
from orchestrator.media.write.readback import OutputReader

CHECKED_FRAMES = 8
"""Most frames that are compared if no report is requested."""

CHECKED_PX = CHECKED_FRAMES * 4096 * 2304
"""Most pixels of the output of these frames, except that LEAST_CHECKED are compared in any case."""

LEAST_CHECKED = 5
"""The first, the middle and the last frame, and one in between each: where three have to agree on a fault,
two may be too dark or too plain to show it."""

SEARCHED_FRAMES = 12
"""Number of frames before and after a doubtful one with which it is compared."""


@dataclass(frozen=True, kw_only=True)
class FrameCountAndSize:
    """Describes what was written into the file.

    Attributes:
        frames: number of frames written.
        left_out: number of frames read but intentionally not written.
        width, height: size of the video, in pixels.
        picture: width and height of the part to compare, from the top-left corner, without the row or column
            that may be added for the encoder.
    """

    frames: int
    left_out: int = 0
    width: int
    height: int
    picture: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """The measurements of an output that passed the check.

    Attributes:
        pairs: the compared frames, in order of time.
        late_by: delay of the output in frames, by the index of the sample; doubtful frames only.
        written: what the file contains.
        first_s: time of the first picture, on the file's clock.
        duration_s: from the first picture to the end of the last.
        sound_after_s: time from the first picture to the first audio sample; None without audio.
    """

    pairs: list[FramePair]
    late_by: dict[int, int]
    written: FrameCountAndSize
    first_s: Fraction
    duration_s: Fraction
    sound_after_s: Fraction | None


def examine(
    path: Path,
    *,
    sampler: FrameSampler,
    written: FrameCountAndSize,
    every: bool = False,
) -> Fidelity:
    """Read a finished file back and compare it with samples of its source.

    Args:
        path: the complete file.
        sampler: the samples of the source, taken before frames were enlarged and encoded.
        written: what the file should contain.
        every: compare all samples. Otherwise at most CHECKED_FRAMES are compared, and fewer of large pictures
            (CHECKED_PX), evenly spread, with the first and the last.

    Raises:
        OutputCheckFailed: the file cannot be read, has another number of frames or size, or shows a fault.
    """
    with OutputReader(path) as reader:
        _check_count_and_size(reader, sampler, written)
        samples = sampler.samples()
        checked = _most_checked(written)
        if not every and len(samples) > checked:
            places = np.linspace(0, len(samples) - 1, checked).round().astype(int)
            samples = [samples[place] for place in places]
        pairs = _pairs(reader, samples, written, None if every else _sizes(samples, written))
        blanks = (fault for pair in pairs if (fault := blank(pair)))
        fault = next(blanks, None) or swapped_channels(pairs) or displaced(pairs)
        late_by: dict[int, int] = {}
        if not fault:
            searched = doubtful(pairs)
            neighbours = _compare_neighbours(reader, searched, written)
            late_by = {
                pair.sample.index: found.late_by for pair, found in zip(searched, neighbours, strict=True)
            }
            unrelated_faults = (fault for pair in pairs if (fault := unrelated(pair)))
            fault = delayed(neighbours) or next(unrelated_faults, None)
        if fault:
            raise _rejected(fault)
        sound_s = reader.sound_s()
        return Fidelity(
            pairs=pairs,
            late_by=late_by,
            written=written,
            first_s=reader.first_s,
            duration_s=reader.end_s - reader.first_s,
            sound_after_s=None if sound_s is None else sound_s - reader.first_s,
        )


def _most_checked(written: FrameCountAndSize) -> int:
    return min(CHECKED_FRAMES, max(LEAST_CHECKED, CHECKED_PX // (written.width * written.height)))


def _check_count_and_size(reader: OutputReader, sampler: FrameSampler, written: FrameCountAndSize) -> None:
    if not reader.frames == sampler.frames == written.frames:
        raise _rejected(
            f"it shows {reader.frames} pictures, of {sampler.frames} that were read and {written.frames} "
            "that were written"
        )
    size, expected = (f"{video.width}x{video.height}" for video in (reader, written))
    if size != expected:
        raise _rejected(f"its picture is {size}, not {expected}")


def _pairs(
    reader: OutputReader,
    samples: list[Sample],
    written: FrameCountAndSize,
    sizes: list[tuple[int, int]] | None,
) -> list[FramePair]:
    """Read the output at the times of the samples; of several frames at one time, take the best fit."""
    tick_s = reader.tick_s
    times_s = [reader.first_s + sample.time_s for sample in samples]
    best: dict[int, FramePair] = {}
    windows = [(time_s - tick_s, time_s + tick_s) for time_s in times_s]
    for number, _, pixels in reader.pictures(windows, sizes):
        pair = FramePair(sample=samples[number], output=_scaled_like(pixels, samples[number], written))
        if number not in best or pair.mean_square < best[number].mean_square:
            best[number] = pair
    for number, sample in enumerate(samples):
        if number not in best:
            raise _rejected(f"it has no picture at {float(sample.time_s):.3f} s, where one was written")
    return [best[number] for number in range(len(samples))]


def _compare_neighbours(
    reader: OutputReader, pairs: Sequence[FramePair], written: FrameCountAndSize
) -> list[NeighbourErrors]:
    """Compare the samples of pairs with the output's frames before and after them."""
    reach_s = SEARCHED_FRAMES * (reader.end_s - reader.first_s) / reader.frames
    times_s = [reader.first_s + pair.sample.time_s for pair in pairs]
    errors: list[list[tuple[Fraction, float]]] = [[] for _ in pairs]
    windows = [(at_s - reach_s, at_s + reach_s) for at_s in times_s]
    sizes = _sizes([pair.sample for pair in pairs], written)
    for number, time_s, pixels in reader.pictures(windows, sizes):
        shown = _scaled_like(pixels, pairs[number].sample, written)
        errors[number].append((time_s, mean_square(pairs[number].lumas[0], luma(shown))))
    return [_neighbours(at_s, frames, reader.tick_s) for at_s, frames in zip(times_s, errors, strict=True)]


def _neighbours(at_s: Fraction, frames: list[tuple[Fraction, float]], tick_s: Fraction) -> NeighbourErrors:
    own = [place for place, (time_s, _) in enumerate(frames) if abs(time_s - at_s) <= tick_s]
    return NeighbourErrors(errors=[error for _, error in frames], own=range(own[0], own[-1] + 1))


def _sizes(samples: Sequence[Sample], written: FrameCountAndSize) -> list[tuple[int, int]] | None:
    """Return the sizes of the samples; None if a part of the output's picture must be cut off first."""
    if written.picture != (written.width, written.height):
        return None
    return [_size(sample) for sample in samples]


def _size(sample: Sample) -> tuple[int, int]:
    rows, columns = sample.pixels.shape[:2]
    return columns, rows


def _scaled_like(pixels: Pixels, sample: Sample, written: FrameCountAndSize) -> Pixels:
    width, height = written.picture
    return scaled(pixels[:height, :width], _size(sample))


def _rejected(fault: str) -> OutputCheckFailed:
    return OutputCheckFailed(
        f"the output is not what was asked for: {fault}; nothing was kept, run it again, and report it if "
        "it stays so"
    )
