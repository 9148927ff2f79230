"""Checks an assembled film before it gets its name: its packets, their times, its length, and its pieces.

The pictures were compared with the source when the pieces were made, the last one of each piece, too. The
check proves that the file holds just these pictures, so only the first one of each piece is decoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import OutputCheckFailed
from orchestrator.media.write.packet_readback import WrittenPackets, read_written_packets
from orchestrator.media.write.readback import OutputReader

_DECODED_PX = 64
"""Longest side to which decoded pictures are scaled: whether they can be decoded is all that counts."""


@dataclass(frozen=True, kw_only=True)
class ExpectedFilm:
    """What an assembled file should hold.

    Attributes:
        pts: int64 [N], when its pictures are shown, rising, in ticks.
        tick_s: unit of these times, in seconds.
        duration_s: from the first picture to the end of the last; None if the container does not store it.
        width, height: size of the video, in pixels.
        digest: the SHA-256 of all packets of the pieces, one after the other.
        begins: index of the first picture of each piece.
    """

    pts: NDArray[np.int64]
    tick_s: Fraction
    duration_s: Fraction | None
    width: int
    height: int
    digest: str
    begins: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class CheckedFilm:
    """The times of a film that passed the check, in seconds.

    Attributes:
        first_s: when the first picture is shown, on the file's clock.
        duration_s: from the first picture to the end of the last.
        sound_after_s: from the first picture to the first audio sample; None without audio.
    """

    first_s: Fraction
    duration_s: Fraction
    sound_after_s: Fraction | None


def check_film(path: Path, expected: ExpectedFilm) -> CheckedFilm:
    """Check an assembled file.

    Args:
        path: the complete file.
        expected: what it should hold.

    Raises:
        OutputCheckFailed: it cannot be read, or holds something else.
    """
    written = read_written_packets(path)
    _check_packets(written, expected)
    with OutputReader(path) as reader:
        if (reader.width, reader.height) != (expected.width, expected.height):
            raise _rejected(
                f"its picture is {reader.width}x{reader.height}, not {expected.width}x{expected.height}"
            )
        duration_s = reader.end_s - reader.first_s
        if expected.duration_s is not None and abs(duration_s - expected.duration_s) > written.tick_s:
            raise _rejected(f"it takes {float(duration_s):.6f} s, not {float(expected.duration_s):.6f} s")
        _check_decoding(reader, written, expected)
        sound_s = reader.sound_s()
        return CheckedFilm(
            first_s=reader.first_s,
            duration_s=duration_s,
            sound_after_s=None if sound_s is None else sound_s - reader.first_s,
        )


def _check_packets(written: WrittenPackets, expected: ExpectedFilm) -> None:
    """Check the number of the packets, their times and their bytes."""
    if len(written.pts) != len(expected.pts):
        raise _rejected(f"it shows {len(written.pts)} pictures, not {len(expected.pts)}")
    late = _first_late(written, expected)
    if late is not None:
        raise _rejected(f"picture {late} is shown at another time than in the source")
    if written.digest != expected.digest:
        raise _rejected("its pictures are not those of the pieces")


def _first_late(written: WrittenPackets, expected: ExpectedFilm) -> int | None:
    """Return the index of the first picture that is not shown when it should be; None if all are.

    Times may differ by the rounding to the file's ticks. Where a source calls a time zero that is later than
    its first picture, muxers move all times so that none is negative.
    """
    # In units of one over the product of both denominators, so that nothing is rounded.
    ours, theirs = written.tick_s, expected.tick_s
    unit, other = ours.numerator * theirs.denominator, theirs.numerator * ours.denominator
    shown, wanted = written.pts.tolist(), expected.pts.tolist()
    moved, most = 0, unit
    if wanted[0] < 0:
        moved, most = shown[0] * unit - wanted[0] * other, 2 * unit
    pairs = zip(shown, wanted, strict=True)
    return next((n for n, (a, b) in enumerate(pairs) if 2 * abs(a * unit - b * other - moved) > most), None)


def _check_decoding(reader: OutputReader, written: WrittenPackets, expected: ExpectedFilm) -> None:
    """Decode the first picture of every piece."""
    times_s = [int(written.pts[index]) * written.tick_s for index in expected.begins]
    shrink = min(1.0, _DECODED_PX / max(reader.width, reader.height))
    size = max(1, round(reader.width * shrink)), max(1, round(reader.height * shrink))
    windows = [(time_s, time_s) for time_s in times_s]
    found = {number for number, _, _ in reader.pictures(windows, [size] * len(windows))}
    missing = next((index for number, index in enumerate(expected.begins) if number not in found), None)
    if missing is not None:
        raise _rejected(f"picture {missing} cannot be decoded")


def _rejected(fault: str) -> OutputCheckFailed:
    return OutputCheckFailed(
        f"the assembled film differs from its pieces: {fault}; nothing was kept, assemble it again, and "
        "report it if that fails, too"
    )
