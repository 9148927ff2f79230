"""Finds in the index of an MP4 file which entries of its tables a segment needs: see `short_index`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from orchestrator.media.read.file_bytes import FileBytes, box_head, boxes, open_bytes
from orchestrator.media.read.packet_index import PacketIndex
from orchestrator.media.read.short_index import (
    ENTRY_BYTES,
    EXTRA_BYTES,
    MOST_HEADER_BYTES,
    MOST_SAMPLES,
    OPEN_BOXES,
    SAMPLE_BYTES,
    EntryReader,
    SampleTables,
    TableEntries,
    WrongTable,
)
from orchestrator.video_source import VideoSource

LEAST_INDEX_BYTES = 32 << 10
"""A smaller index is read whole, which takes fewer requests."""

MOST_ENTRIES = 2**24
"""Most entries of a table that is read to plan a film."""

MOST_EDITS = 16
"""Most entries of an edit list."""

LATEST = 2**31
"""FFmpeg takes longer durations of a sample for negative ones."""

MOST_SHIFT = 2**28
"""FFmpeg takes longer times from decoding to presentation for damage."""

MOST_MORE_KEYFRAMES = 4096
"""Most keyframes of a segment that are not in the table of keyframes; the plan has them."""

_IN_STBL = {b"stsd", b"cslg"}
"""The boxes beside the tables that may be there. Others, such as those of encryption, say how to decode."""

_LEFT_OUT = {b"tref", b"udta", b"meta", b"free", b"skip", b"sdtp", b"sgpd", b"sbgp", b"csgp", b"stps"}
"""The boxes of a track that are left out. The last four mark more keyframes, which the plan then has."""


@dataclass(frozen=True, eq=False)
class FileTables:
    """The tables of the main video of an MP4 file.

    Attributes:
        where: where they are.
        decoded_at: int64 [samples], when each is decoded, in ticks from the first one.
        duration_ends, offset_ends: int64 [entries], before which sample each entry of `stts` or `ctts` ends.
        keyframes: int64 [entries], `stss`: the keyframes, from 1.
        more_keyframes: int64, other samples that FFmpeg takes for keyframes, from 0, rising. Groups of
            samples (`sbgp`) or QuickTime's partial sync samples (`stps`) mark them.
        chunk_samples: int64 [chunks], the first sample of each.
        chunk_runs: int64 [entries], the first chunk of each entry of `stsc`, from 1.
        changed_forms: how many entries of `stsc` have another description of samples than the one before.
        first_packet: the sample that is the first packet of FFmpeg.
    """

    where: SampleTables
    decoded_at: NDArray[np.int64]
    duration_ends: NDArray[np.int64]
    offset_ends: NDArray[np.int64]
    keyframes: NDArray[np.int64]
    more_keyframes: NDArray[np.int64]
    chunk_samples: NDArray[np.int64]
    chunk_runs: NDArray[np.int64]
    changed_forms: int
    first_packet: int

    def entries(self, first: int, last: int) -> TableEntries | None:
        """Return the entries that a segment needs; None if their index would be too long, or begins too late.

        Args:
            first, last: its first and its last packet.
        """
        begin, end = first + self.first_packet, last + 1 + self.first_packet
        header_bytes = sum(len(header) for header in self.where.headers) // 2
        least_bytes = header_bytes + EXTRA_BYTES + SAMPLE_BYTES * (end - begin)
        least_bytes += ENTRY_BYTES["stsc"] * self.changed_forms
        is_long = end - begin > MOST_SAMPLES or least_bytes > self.where.end_byte - self.where.first_byte
        if is_long or self.decoded_at[begin] >= LATEST:
            return None
        more = self.more_keyframes[slice(*np.searchsorted(self.more_keyframes, [begin, end]))] - begin
        if len(more) > MOST_MORE_KEYFRAMES:
            return None
        chunk = int(np.searchsorted(self.chunk_samples, begin, side="right")) - 1
        keyframe, after = (int(place) for place in np.searchsorted(self.keyframes, [begin + 1, end + 1]))
        return TableEntries(
            first_sample=begin,
            samples=end - begin,
            decoded_at=int(self.decoded_at[begin]),
            durations=_entry(self.duration_ends, begin),
            offsets=_entry(self.offset_ends, begin) if len(self.offset_ends) else (0, 0),
            keyframes=(keyframe, after - keyframe),
            more_keyframes=tuple(more.tolist()),
            chunk=(
                chunk,
                int(self.chunk_samples[chunk]),
                int(np.searchsorted(self.chunk_runs, chunk + 1, side="right")) - 1,
            ),
        )


def _entry(ends: NDArray[np.int64], sample: int) -> tuple[int, int]:
    """Return the entry with a sample, and how many of its samples are left from that one on."""
    entry = int(np.searchsorted(ends, sample, side="right"))
    return entry, int(ends[entry]) - sample


def read_sample_tables(source: VideoSource, index: PacketIndex) -> FileTables | None:
    """Return the tables of a video.

    Args:
        source: the file.
        index: its packets as FFmpeg lists them. The tables must give just these.

    Returns:
        The tables; None if the file is no MP4, if its index is short, or if it is of an unusual kind: several
        edits that show something, or encrypted samples.
    """
    if not index.format.startswith("mov"):
        return None
    with open_bytes(source) as file:
        for kind, start, inside, end in boxes(file, 0, file.length):
            if kind == b"moov" and end - start >= LEAST_INDEX_BYTES:
                for child, _, content, stop in boxes(file, inside, end):
                    try:
                        if child == b"trak":
                            return _Track(source, file, start, end).read(content, stop, index)
                    except WrongTable:
                        continue
    return None


class _Track:
    """Reads the tables of one track. Its methods raise WrongTable if they are of an unusual kind.

    Args:
        source: the file.
        file: the same, open.
        first_byte, end_byte: the position of the index and the one after it.
    """

    def __init__(self, source: VideoSource, file: FileBytes, first_byte: int, end_byte: int) -> None:
        self._source, self._file = source, file
        self._first_byte, self._end_byte = first_byte, end_byte
        self._tables: dict[str, tuple[int, int]] = {}
        self._sample_bytes = 0

    def read(self, content: int, stop: int, index: PacketIndex) -> FileTables:
        """Return the tables of the track between two positions, if its samples are the packets of `index`."""
        headers = [self._kept(b"moov", box_head(self._file, self._first_byte)[2], self._end_byte)]
        for kind, inner in pairwise((*OPEN_BOXES[1:], b"")):
            headers.append(self._kept(kind, content, stop))
            inside = [box[2:] for box in boxes(self._file, content, stop) if box[0] == inner]
            if inner and not inside:
                raise WrongTable
            content, stop = inside[0] if inside else (content, stop)
        reader = EntryReader(self._source, self._file, self._tables, self._sample_bytes)
        times, shifts, keyframes, runs = (
            reader.rows(kind, 0, MOST_ENTRIES, fewer=True) for kind in ("stts", "ctts", "stss", "stsc")
        )
        count, chunks = (self._tables.get(kind, (0, 0))[1] for kind in ("stsz", "stco"))
        chunks = chunks or self._tables.get("co64", (0, 0))[1]
        is_rising = all((np.diff(column) > 0).all() for column in (keyframes[:, 0], runs[:, 0]))
        has_all = all(rows[:, 0].sum() == count for rows in (times, shifts) if len(rows))
        if not (count and len(times) and len(runs) and is_rising and has_all):
            raise WrongTable
        if "stss" in self._tables and (not len(keyframes) or keyframes[0, 0] < 1):
            raise WrongTable
        sizes, positions, _ = reader.samples(0, 0, 0, count)
        durations = np.repeat(times[:, 1], times[:, 0])
        decoded_at, offsets = np.cumsum(durations) - durations, np.zeros(count, np.int64)
        if len(shifts):
            offsets = np.repeat(shifts[:, 1].astype(np.int32).astype(np.int64), shifts[:, 0])
        first = _first_packet(index, sizes, positions, decoded_at + offsets)
        first_shown = int((decoded_at + offsets)[first:][: len(index)][index.shown].min(initial=MOST_SHIFT))
        if not -MOST_SHIFT < first_shown < MOST_SHIFT:
            raise WrongTable
        more = np.setdiff1d(np.flatnonzero(index.kind) + first, keyframes[:, 0] - 1)
        lengths, _ = reader.chunks(0, 0, chunks)
        return FileTables(
            SampleTables(
                first_byte=self._first_byte,
                end_byte=self._end_byte,
                headers=tuple(headers),
                tables=self._tables,
                sample_bytes=self._sample_bytes,
                first_shown=first_shown,
                lowest_offset=min(int(offsets.min()), 0),
            ),
            decoded_at=decoded_at,
            duration_ends=np.cumsum(times[:, 0]),
            offset_ends=np.cumsum(shifts[:, 0]),
            keyframes=keyframes[:, 0],
            more_keyframes=more if "stss" in self._tables else more[:0],
            chunk_samples=np.cumsum(lengths) - lengths,
            chunk_runs=runs[:, 0],
            changed_forms=int(np.count_nonzero(np.diff(runs[:, 2]))),
            first_packet=first,
        )

    def _kept(self, parent: bytes, content: int, stop: int) -> str:
        """Return what is kept of a box, in hexadecimal digits; note the tables in it."""
        kept = b""
        for kind, start, inside, end in boxes(self._file, content, stop):
            name = kind.decode("latin-1")
            if parent == b"stbl" and name in ENTRY_BYTES:
                self._tables[name] = self._table(name, inside, end)
            elif kind not in OPEN_BOXES and self._is_kept(parent, kind, inside):
                if len(kept) + end - start > MOST_HEADER_BYTES:
                    raise WrongTable
                kept += self._file.at(start, end - start)
        return kept.hex()

    def _is_kept(self, parent: bytes, kind: bytes, inside: int) -> bool:
        if parent == b"moov":
            return kind == b"mvhd"  # not other tracks, and not tags and covers
        if parent == b"stbl" and kind not in _IN_STBL | _LEFT_OUT:
            raise WrongTable
        if kind == b"edts":
            self._check_edits(inside)
        return kind not in _LEFT_OUT

    def _check_edits(self, inside: int) -> None:
        """Refuse an edit list that has several parts of the video (ISO/IEC 14496-12, 8.6.6).

        Before the only part, it may say that the video begins late, in entries without a place in it.
        """
        head = self._file.at(inside + 4, 12)
        size, count = 8 if head[4:5] != bytes(1) else 4, int.from_bytes(head[8:])
        if head[:4] != b"elst" or not 0 < count <= MOST_EDITS:
            raise WrongTable
        empty = bytes([255]) * size
        for number in range(count):
            place = inside + 16 + number * (2 * size + 4) + size
            if (self._file.at(place, size) == empty) != (number + 1 < count):
                raise WrongTable

    def _table(self, kind: str, inside: int, end: int) -> tuple[int, int]:
        """Return the position of the first entry of a table, and how many entries it has."""
        place = inside + (12 if kind == "stsz" else 8)
        count = self._file.number(place - 4, 4)
        if kind == "stsz":
            self._sample_bytes = self._file.number(inside + 4, 4)
        entries = 0 if kind == "stsz" and self._sample_bytes else count
        if count > MOST_ENTRIES or place + entries * ENTRY_BYTES[kind] > end:
            raise WrongTable
        return place, count


def _first_packet(
    index: PacketIndex, sizes: NDArray[np.int64], positions: NDArray[np.int64], shown_at: NDArray[np.int64]
) -> int:
    """Return which sample is the first packet, if all packets are the samples from there on."""
    for first in np.flatnonzero(positions == index.position[0])[:1].tolist():
        part = slice(first, first + len(index))
        if (
            np.array_equal(positions[part], index.position)
            and np.array_equal(sizes[part], index.size)
            and (np.diff(shown_at[part] - index.pts) == 0).all()
        ):
            return int(first)
    raise WrongTable
