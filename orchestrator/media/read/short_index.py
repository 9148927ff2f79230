"""Shows FFmpeg an MP4 file with a short index: that of the samples of one segment.

FFmpeg reads the whole index (`moov`) of an MP4 file when it opens it, 15 bytes or more for each picture of
the film. Here it gets one that is made of the segment's part of each table (ISO/IEC 14496-12, 8.6 and 8.7),
so that no more of the index is fetched. `sample_tables` finds these parts when the film is planned.
"""

from __future__ import annotations

import io
import struct
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from orchestrator.errors import SourceChanged
from orchestrator.jobs.validation import Strict
from orchestrator.media.read.changed_view import ChangedView
from orchestrator.media.read.file_bytes import FileBytes, open_bytes
from orchestrator.video_source import VideoSource, expect

MOST_HEADER_BYTES = 32 << 10
"""Most bytes of an index without its tables: the description of a video has a few hundred."""

MOST_SAMPLES = 200_000
"""Most samples of a segment with a short index. They take some 100 bytes each while the index is made."""

SAMPLE_BYTES = 32
"""The most that a sample takes in a short index: entries in all tables that it may have. Only where its
description changes, it has an entry of `stsc`."""

EXTRA_BYTES = 320
"""The most that it has beside these and the headers: the heads of its boxes, and a few more entries."""

OPEN_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
"""The boxes that hold the tables, each inside the one before."""

ENTRY_BYTES = {"stts": 8, "ctts": 8, "stss": 4, "stsc": 12, "stsz": 4, "stco": 4, "co64": 8}
"""The size of an entry of each table."""

_Count = Annotated[int, Field(ge=0, lt=2**32)]
_Position = Annotated[int, Field(ge=0, lt=2**63)]
_Offset = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class WrongTable(Exception):
    """A table has fewer entries than are needed, or others."""


class SampleTables(Strict):
    """Where the index of the main video of an MP4 file is."""

    first_byte: _Position
    """The position of the index (`moov`) in the file, in bytes."""
    end_byte: _Position
    """The position after it."""
    headers: tuple[
        Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$", max_length=2 * MOST_HEADER_BYTES)], ...
    ] = Field(min_length=len(OPEN_BOXES), max_length=len(OPEN_BOXES))
    """What each of OPEN_BOXES holds beside the next one and the tables, in hexadecimal digits."""
    tables: dict[str, tuple[_Position, _Count]]
    """For each table in the file the position of its first entry, and how many entries it has."""
    sample_bytes: _Count
    """The size of each sample, in bytes, if all have the same; `stsz` then has no entries. Otherwise 0."""
    first_shown: _Offset
    """When the first picture is shown, in ticks after the first sample of the film is decoded."""
    lowest_offset: _Offset
    """The least time from decoding to presentation of any sample, at most 0. FFmpeg subtracts it from all
    decoding times."""


class TableEntries(Strict):
    """The entries of the tables that have the samples of a segment."""

    first_sample: _Count
    """The first sample, from 0: the keyframe at which decoding starts."""
    samples: int = Field(ge=1, le=MOST_SAMPLES)
    """How many there are."""
    decoded_at: int = Field(ge=0, lt=2**31)
    """When the first one is decoded, in ticks after the first sample of the film."""
    durations: tuple[_Count, _Count]
    """The entry of `stts` that has the first sample, and how many of its samples are left from it on."""
    offsets: tuple[_Count, _Count]
    """The same of `ctts`."""
    keyframes: tuple[_Count, _Count]
    """The first entry of `stss` with one of the samples, and how many such entries there are."""
    more_keyframes: tuple[_Count, ...] = Field(max_length=MOST_SAMPLES)
    """Other samples that are keyframes, counted from the first sample of the segment."""
    chunk: tuple[_Count, _Count, _Count]
    """The chunk that has the first sample, from 0; its own first sample; and the entry of `stsc` about it."""


class EntryReader:
    """Reads entries of the tables of an MP4 file. Its methods raise WrongTable if the entries are not there.

    Args:
        source: the file.
        file: the same, open.
        tables, sample_bytes: see `SampleTables`.
    """

    def __init__(
        self, source: VideoSource, file: FileBytes, tables: dict[str, tuple[int, int]], sample_bytes: int
    ) -> None:
        self._source, self._file, self._tables = source, file, tables
        self._sample_bytes = sample_bytes

    def rows(self, kind: str, first: int, count: int, *, fewer: bool = False) -> NDArray[np.int64]:
        """Return `count` entries of a table, or `fewer` where it ends; int64 [count, numbers in an entry]."""
        place, length = self._tables.get(kind, (0, 0))
        size = ENTRY_BYTES[kind]
        count = max(min(count, length - first), 0) if fewer else count
        start = place + size * first
        expect(self._source, start, start + size * count)
        data = self._file.at(start, size * count)
        if first + count > length or len(data) < size * count:
            raise WrongTable
        numbers = np.frombuffer(data, ">i8" if kind == "co64" else ">u4")
        return numbers.astype(np.int64).reshape(-1, size // numbers.itemsize)

    def values(self, kind: str, entry: int, left: int, samples: int) -> NDArray[np.int64]:
        """Return the values of samples by `stts` or `ctts`, whose entries are: how many samples, their value.

        The first sample is in an entry that has `left` samples from it on.
        """
        rows = self.rows(kind, entry, samples, fewer=True)
        rows[:1, 0] = left
        values: NDArray[np.int64] = rows[_part_with(np.cumsum(rows[:, 0]), np.arange(samples)), 1]
        return values

    def chunks(self, chunk: int, run: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many samples `count` chunks have, and the number of their description in `stsd`.

        The entry `run` of `stsc` has the first of them.
        """
        runs = self.rows("stsc", run, count, fewer=True)
        found = np.searchsorted(runs[:, 0], np.arange(chunk + 1, chunk + 1 + count), side="right") - 1
        if not len(runs) or (found < 0).any():
            raise WrongTable
        return runs[found, 1], runs[found, 2]

    def samples(
        self, chunk: int, chunk_sample: int, run: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return sizes, positions and descriptions of `count` samples from the start of a chunk on.

        Descriptions are numbered as in `chunks`.
        """
        places = self.rows("co64" if "co64" in self._tables else "stco", chunk, count, fewer=True)[:, 0]
        lengths, forms = self.chunks(chunk, run, len(places))
        found = _part_with(np.cumsum(lengths), np.arange(count))
        sizes = self._sizes(chunk_sample, count)
        starts = np.cumsum(sizes) - sizes
        positions = places[found] + starts - starts[(np.cumsum(lengths) - lengths)[found]]
        return sizes, positions, forms[found]

    def _sizes(self, first: int, count: int) -> NDArray[np.int64]:
        if not self._sample_bytes:
            return self.rows("stsz", first, count)[:, 0]
        if first + count > self._tables.get("stsz", (0, 0))[1]:
            raise WrongTable
        return np.full(count, self._sample_bytes, np.int64)


class ShortIndex(ChangedView):
    """A view of an MP4 file whose index has only the samples of a segment.

    If these are not the first of the film, one or two more samples with the data of the segment's keyframe
    precede them in the index. They take the time before the segment, and are shown when the first picture of
    the film is, which FFmpeg calls time 0. FFmpeg looks at them when it opens the file, instead of at the
    first keyframe of the film. If the segment itself has that picture, they are hidden.

    Args:
        source: the file, of which only the entries are read.
        tables: where its index is.
        entries: what the segment needs of it.

    Attributes:
        source: the file itself.

    Raises:
        SourceChanged: the file has other tables.
        WorkerError: it cannot be read, see `RangedFile.stat`.
    """

    def __init__(self, source: VideoSource, tables: SampleTables, entries: TableEntries) -> None:
        super().__init__(source)
        self.source = source
        self._first, self._end = tables.first_byte, tables.end_byte
        try:
            with open_bytes(source) as file:
                reader = EntryReader(source, file, tables.tables, tables.sample_bytes)
                index = _short_index(reader, tables, entries)
            self._index = index + _free(self._end - self._first - len(index))
        except WrongTable as exc:
            raise SourceChanged(
                f"the index of {source} is not the one that the film was planned from: plan the film again"
            ) from exc

    def bytes_at(self, file: io.BufferedReader, place: int, count: int) -> bytes:
        """Return the short index, zeros in place of the rest of it, and around it what the file has."""
        if place < self._first:
            return file.read1(min(count, self._first - place))
        if place >= self._end:
            return file.read1(count)
        count = min(count, self._end - place)
        return self._index[place - self._first :][:count] or bytes(count)

    def expect(self, first_byte: int, end_byte: int) -> None:
        """Announce that a part of the file will be read, unless it is in the index."""
        if not self._first <= first_byte < self._end:
            super().expect(first_byte, end_byte)


def whole_file(source: VideoSource) -> VideoSource:
    """Return a file with all of its index."""
    return source.source if isinstance(source, ShortIndex) else source


def _short_index(reader: EntryReader, tables: SampleTables, entries: TableEntries) -> bytes:
    """Return the `moov` box with some samples, each of which is a chunk.

    Raises:
        WrongTable: the tables do not have them.
    """
    first, count = entries.first_sample, entries.samples
    chunk, chunk_sample, run = entries.chunk
    passed = first - chunk_sample
    if not 0 <= passed <= MOST_SAMPLES:
        raise WrongTable
    samples = reader.samples(chunk, chunk_sample, run, passed + count)
    sizes, positions, forms = (found[passed:] for found in samples)
    durations = reader.values("stts", *entries.durations, count)
    durations = np.append(durations, durations[-1])  # FFmpeg may shorten the last one of a table
    # FFmpeg ends an edit at the second keyframe that ends after it, so the first one is as short as can be.
    earlier = [1, entries.decoded_at - 1] if entries.decoded_at > 1 else [entries.decoded_at]
    before = len(earlier) if first else 0
    if before:
        sizes, positions, forms = (
            np.insert(found, 0, [found[0]] * before) for found in (sizes, positions, forms)
        )
        durations = np.insert(durations, 0, earlier)
    changes = np.flatnonzero(np.diff(forms, prepend=0))
    content = (
        _table(b"stts", _pairs(durations), ">u4")
        + _table(b"stsc", np.stack((changes + 1, np.ones_like(changes), forms[changes]), axis=1), ">u4")
        + _table(b"stsz", sizes, ">u4", head=bytes(8))
        + _table(b"co64", positions, ">i8")
    )
    if "ctts" in tables.tables or tables.first_shown:
        offsets = np.zeros(count, np.int64)
        if "ctts" in tables.tables:
            offsets = reader.values("ctts", *entries.offsets, count)
        # Where the segment itself has the first picture, they are hidden: there would be two at its time.
        is_first = entries.decoded_at + int(offsets[0]) == tables.first_shown
        offsets = np.insert(offsets, 0, [0 if is_first else tables.first_shown] * before)
        # FFmpeg looks for the lowest one among all entries but the last two.
        content += _table(b"ctts", _pairs(np.append(offsets, [tables.lowest_offset, 0, 0])), ">u4")
    if "stss" in tables.tables:
        keyframes = reader.rows("stss", *entries.keyframes)[:, 0] - first
        keyframes = np.union1d(keyframes, np.array(entries.more_keyframes, np.int64) + 1)
        if ((keyframes < 1) | (keyframes > count)).any():
            raise WrongTable
        content += _table(b"stss", np.insert(keyframes + before, 0, 1) if before else keyframes, ">u4")
    for kind, header in zip(reversed(OPEN_BOXES), reversed(tables.headers), strict=True):
        content = _box(kind, bytes.fromhex(header) + content)
    return content


def _part_with(ends: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which part has each number; a part ends before the number in `ends`, where the next begins."""
    if not len(ends) or numbers[-1] >= ends[-1]:
        raise WrongTable
    return np.searchsorted(ends, numbers, side="right")


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _free(size: int) -> bytes:
    """Return the head of a box that readers pass over."""
    if not 8 <= size < 2**32:
        raise WrongTable
    return struct.pack(">I4s", size, b"free")


def _table(kind: bytes, rows: NDArray[np.int64], number: str, *, head: bytes = bytes(4)) -> bytes:
    """Return a box with a table."""
    return _box(kind, head + struct.pack(">I", len(rows)) + rows.astype(number).tobytes())


def _pairs(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the entries of `stts` or `ctts`, one for each sample."""
    return np.stack((np.ones_like(values), values & 0xFFFF_FFFF), axis=1)
