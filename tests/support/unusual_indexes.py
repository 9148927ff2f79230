"""Makes MP4 files with an unusual index of usual ones, whose index is at their end."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def changed(data: bytes, kind: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change the content of the first box of a kind, in a file whose index is at its end."""
    parents, start = [], 0
    for parent in (b"moov", b"trak", *((b"edts",) if kind == b"elst" else (b"mdia", b"minf", b"stbl"))):
        start = data.index(parent, start)
        parents.append(start - 4)
    at = start - 4 if kind == b"stbl" else data.index(kind, start) - 4
    parents = [place for place in parents if place != at]
    end = at + int.from_bytes(data[at : at + 4])
    content = change(data[at + 8 : end])
    result = bytearray(data[:at] + struct.pack(">I4s", 8 + len(content), kind) + content + data[end:])
    for parent in parents:
        longer = int.from_bytes(data[parent : parent + 4]) + len(content) + 8 - (end - at)
        result[parent : parent + 4] = longer.to_bytes(4)
    return bytes(result)


def with_edits(data: bytes, *, later: int = 0, empty: int = 0, long: bool = False) -> bytes:
    """Move the start of the video's edit list by some ticks; let the video begin late; use 64 bits."""

    def change(content: bytes) -> bytes:
        length, start, rate = struct.unpack(">IiI", content[8:20])
        edits = [(length, start + later)]
        edits = [(empty, -1), *edits] if empty else edits
        entries = b"".join(struct.pack(">QqI" if long else ">IiI", *edit, rate) for edit in edits)
        return bytes([long, 0, 0, 0]) + len(edits).to_bytes(4) + entries

    return changed(data, b"elst", change)


def with_fewer_sync_samples(data: bytes, mark: Callable[[list[int]], bytes]) -> bytes:
    """Leave every third keyframe in `stss`, and let another box mark the others."""
    others: list[int] = []

    def thin(content: bytes) -> bytes:
        keys = struct.unpack(f">{len(content) // 4 - 2}I", content[8:])
        others.extend(key for number, key in enumerate(keys) if number % 3)
        kept = keys[::3]
        return struct.pack(f">{len(kept) + 2}I", 0, len(kept), *kept)

    thinned = changed(data, b"stss", thin)
    return changed(thinned, b"stbl", lambda content: content + mark(others))


def rap_groups(samples: list[int]) -> bytes:
    """Return the boxes of groups of random access points (ISO/IEC 14496-12, 8.9 and 10.4)."""
    runs, last = [], 0
    for sample in samples:
        runs += [(sample - last - 1, 0), (1, 1)]
        last = sample
    of_samples = struct.pack(f">I4sI{2 * len(runs)}I", 0, b"rap ", len(runs), *sum(runs, ()))
    described = struct.pack(">I4sIIB", 1 << 24, b"rap ", 1, 1, 0x80)
    return box(b"sgpd", described) + box(b"sbgp", of_samples)


def partial_sync_samples(samples: list[int]) -> bytes:
    """Return QuickTime's box of partial sync samples."""
    return box(b"stps", struct.pack(f">{len(samples) + 2}I", 0, len(samples), *samples))


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def with_roll_groups(data: bytes) -> bytes:
    """Add groups of pictures that become exact after some others (ISO/IEC 14496-12, 10.1)."""
    described = struct.pack(">I4sIIh", 1 << 24, b"roll", 2, 1, 5)
    of_samples = struct.pack(">I4sI2I", 0, b"roll", 1, 12, 1)  # no group from the 13th sample on
    groups = box(b"sgpd", described) + box(b"sbgp", of_samples)
    return changed(data, b"stbl", lambda content: content + groups)


def with_two_forms(data: bytes) -> bytes:
    """Describe the samples twice; every third entry of `stsc` uses the second description."""

    def twice(content: bytes) -> bytes:
        return content[:4] + (2).to_bytes(4) + 2 * content[8:]

    def alternate(content: bytes) -> bytes:
        rows = list(struct.iter_unpack(">3I", content[8:]))
        rows = [
            (first, samples, 2 if number % 3 == 1 else 1) for number, (first, samples, _) in enumerate(rows)
        ]
        return content[:8] + b"".join(struct.pack(">3I", *row) for row in rows)

    return changed(changed(data, b"stsd", twice), b"stsc", alternate)
