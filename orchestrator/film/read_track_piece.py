"""Reads the payload of a piece of a tracked film, which `track_piece` describes, without trusting it.

Others may write to the store that a piece comes from. The shape and the type of every array follow from the
plan and from the arrays before it, and are compared before anything is allocated.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from typing_extensions import Buffer

from orchestrator.errors import PieceDamaged
from orchestrator.film.track_piece import BLOCK_FRAMES, MOST_BYTES, TrackPieceFacts, npy_header
from orchestrator.frames import Detections

_MOST_ABOUT_BYTES = 2**20
_MOST_ENTRY_BYTES = 200
"""A member's entry in the directory of the zip file takes 46 bytes and its name."""
_END = struct.Struct("<4s4H2LH")
"""The end of a zip file without a comment: signature, two disk numbers, members here and in all, size and
position of the directory, length of the comment (APPNOTE.TXT 4.3.16)."""
_ZIP64_LOCATOR_BYTES = 20


@dataclass(frozen=True, kw_only=True)
class TrackPieceShape:
    """What a plan says about the payload of a piece.

    Attributes:
        number: the number of the piece.
        payload_bytes: size of the payload, which begins the file.
        first_frame: index of the piece's first frame in the film.
        frames: number of its frames.
        stride: the detector sees each frame whose index in the film is a multiple of it.
        gray_size: (height, width) of the gray pictures, in pixels; None if only the piece says it.
    """

    number: int
    payload_bytes: int
    first_frame: int
    frames: int
    stride: int
    gray_size: tuple[int, int] | None


class TrackPieceReader:
    """Reads the payload of a piece, a block at a time. Made by `open_track_piece`.

    Attributes:
        facts: describes the detections.
    """

    def __init__(self, archive: zipfile.ZipFile, shape: TrackPieceShape) -> None:
        self._archive = archive
        self._shape = shape
        self.facts = self._read_facts()

    def frames(self) -> Generator[tuple[Detections | None, NDArray[np.uint8]], None, None]:
        """Yield the detections and the gray picture of each frame, as they were added to the writer.

        Raises:
            PieceDamaged: the piece does not hold what it should.
        """
        shape = self._shape
        for number, start in enumerate(range(0, shape.frames, BLOCK_FRAMES)):
            indexes = shape.first_frame + np.arange(start, min(start + BLOCK_FRAMES, shape.frames))
            seen = indexes % shape.stride == 0
            counts = self._counts(number, seen)
            ends = np.cumsum(counts)
            rows = self._detections(number, int(ends[-1]))
            grays = self._read(f"grays_{number:05d}", (len(indexes), *self.facts.gray_size), np.uint8)
            np.cumsum(grays, axis=0, dtype=np.uint8, out=grays)
            for row, is_seen in enumerate(seen.tolist()):
                yield rows[ends[row] - counts[row] : ends[row]] if is_seen else None, grays[row]

    def _read_facts(self) -> TrackPieceFacts:
        with _damage_reported(self._shape.number):
            length = self._archive.getinfo("about.npy").file_size - len(npy_header((1,), np.dtype(np.uint8)))
        if not 0 < length <= _MOST_ABOUT_BYTES:
            raise self._damaged("its description is too long")
        about = self._read("about", (length,), np.uint8)
        try:
            facts = TrackPieceFacts.model_validate_json(about.tobytes())
        except ValidationError as exc:
            raise self._damaged("its description is not of this version") from exc
        if self._shape.gray_size not in {None, facts.gray_size}:
            raise self._damaged(f"its pictures are of {facts.gray_size} pixels, not {self._shape.gray_size}")
        if facts.reused_frames > self._shape.frames:
            raise self._damaged("more frames were reused than it has")
        return facts

    def _counts(self, number: int, seen: NDArray[np.bool_]) -> NDArray[np.int64]:
        counts = self._read(f"counts_{number:05d}", seen.shape, np.int32).astype(np.int64)
        if counts.min() < 0 or counts.max() > self.facts.max_detections:
            raise self._damaged(
                f"it claims {counts.min()} to {counts.max()} boxes in a frame, not 0 to "
                f"{self.facts.max_detections}"
            )
        if counts[~seen].any():
            raise self._damaged("it has boxes in frames that the detector did not see")
        return counts

    def _detections(self, number: int, count: int) -> Detections:
        rows = self._read(f"detections_{number:05d}", (count, 6), np.float32)
        if not np.isfinite(rows).all():
            raise self._damaged("it has boxes that are no numbers")
        classes = rows[:, 5]
        if count and (classes.min() < 0 or classes.max() >= len(self.facts.classes)):
            raise self._damaged("it has boxes of a class that its detector does not have")
        return rows

    def _read(self, name: str, shape: tuple[int, ...], kind: type[np.generic]) -> NDArray[Any]:
        """Return an array, if it has exactly this shape and type; nothing larger is decompressed."""
        dtype = np.dtype(kind)
        header = npy_header(shape, dtype)
        size = math.prod(shape) * dtype.itemsize
        with _damage_reported(self._shape.number):
            member = self._archive.getinfo(f"{name}.npy")
            if member.compress_type != zipfile.ZIP_DEFLATED or member.file_size != len(header) + size:
                raise self._damaged(f"its array {name!r} is not {dtype} {list(shape)}")
            with self._archive.open(member) as file:
                if file.read(len(header)) != header:
                    raise self._damaged(f"its array {name!r} is not {dtype} {list(shape)}")
                # Reading the last byte compares the checksum of the array.
                return np.frombuffer(bytearray(file.read(size)), dtype).reshape(shape)

    def _damaged(self, what: str) -> PieceDamaged:
        return _damaged(self._shape.number, what)


@contextmanager
def open_track_piece(path: Path, shape: TrackPieceShape) -> Iterator[TrackPieceReader]:
    """Open the payload of a piece.

    Args:
        path: the piece.
        shape: what the plan says about it.

    Raises:
        PieceDamaged: the piece does not hold what it should.
    """
    blocks = -(-shape.frames // BLOCK_FRAMES)
    with ExitStack() as stack:
        with _damage_reported(shape.number):
            payload = _Payload(stack.enter_context(path.open("rb")), shape.payload_bytes)
            _check_directory(payload, shape, members=3 * blocks + 1)
            archive = stack.enter_context(zipfile.ZipFile(payload))
        yield TrackPieceReader(archive, shape)


def _check_directory(payload: _Payload, shape: TrackPieceShape, *, members: int) -> None:
    """Check the end of a zip file before `zipfile` reads the whole directory, whatever its size."""
    size = shape.payload_bytes
    payload.seek(max(size - _END.size - _ZIP64_LOCATOR_BYTES, 0))
    end = payload.read(_ZIP64_LOCATOR_BYTES + _END.size)
    *facts, directory_bytes, _, comment = _END.unpack(end[-_END.size :])
    plain = facts == [b"PK\5\6", 0, 0, members, members] and not comment and not end.startswith(b"PK\6\7")
    if not plain or directory_bytes > members * _MOST_ENTRY_BYTES or size > MOST_BYTES:
        raise _damaged(shape.number, f"it is not a .npz of {members} arrays")


@contextmanager
def _damage_reported(number: int) -> Iterator[None]:
    """Translate what `zipfile` and numpy raise for a damaged piece."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        KeyError,
        NotImplementedError,
        OSError,
        OverflowError,
        RuntimeError,
        ValueError,
    ) as exc:
        raise _damaged(number, "its arrays cannot be read") from exc


def _damaged(number: int, what: str) -> PieceDamaged:
    return PieceDamaged(f"piece {number} is damaged: {what}; make it again", piece=number)


class _Payload(io.RawIOBase):
    """The first bytes of a file, as a file of its own: the manifest after them is no part of the zip file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:
            return self._file.seek(self._size + offset)
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._file.read(min(len(view), max(self._size - self._file.tell(), 0)))
        view[: len(data)] = data
        return len(data)
