"""Stores the manifest of a piece at the end of the piece's file, reads it from there, and checks pieces.

A piece is one file, so that it is stored whole or not at all:

    payload | size | 'uuid' | MANIFEST_ID | manifest as JSON | size

Everything after the payload is one `uuid` box (ISO/IEC 14496-12, 4.2): players of an mp4 skip it. `size` is
the size of the box in bytes, as a big-endian uint32. It stands at the end of the box, too, so that a reader
finds the box from the end of the file.
"""

from __future__ import annotations

import hashlib
import struct
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from orchestrator.errors import DiskFull, PieceDamaged
from orchestrator.film.document import FilmPlan, PieceManifest
from orchestrator.video_source import VideoSource

MANIFEST_ID = bytes.fromhex("5f0e2a7c9d4b4f6e8a317be0c2d85f14")
"""The type of the box: a UUID that was chosen at random, which no other program uses."""

MOST_MANIFEST_BYTES = 2**20
"""Largest box that is read. A manifest with all its compared pictures has about 20 KB."""

_FIRST_READ_BYTES = 2**16
"""How much is read at first from the end of a piece: most manifests are in it, so one request is enough."""

_HEAD = struct.Struct(">I4s16s")
_TAIL = struct.Struct(">I")
_HASHED_AT_ONCE_BYTES = 2**20


class Pieces(Protocol):
    """The pieces of a film, by the numbers of their segments."""

    def manifest(self, number: int) -> PieceManifest:
        """Return the manifest of a piece, without reading the rest of it.

        Raises:
            PieceDamaged: the piece is missing, or has no manifest.
        """
        ...

    def opened(self, number: int) -> AbstractContextManager[Path]:
        """Return a context manager of a local file, the whole piece, that exists inside its block.

        Raises:
            PieceDamaged: the piece is missing.
        """
        ...


def payload_of(path: Path) -> tuple[int, str]:
    """Return the size in bytes and the SHA-256 of a payload, a file without a manifest yet."""
    size = path.stat().st_size
    return size, _sha256(path, size)


def write_manifest(path: Path, manifest: PieceManifest) -> None:
    """Append a manifest to a payload, which becomes a piece.

    Args:
        path: the payload; `manifest.payload_bytes` is its size.
        manifest: describes it.

    Raises:
        ValueError: the file is not the payload that the manifest describes, by its size.
        DiskFull: the manifest could not be written.
    """
    if path.stat().st_size != manifest.payload_bytes:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, not {manifest.payload_bytes}")
    text = manifest.model_dump_json().encode()
    size = _HEAD.size + len(text) + _TAIL.size
    try:
        with path.open("ab") as file:
            file.write(_HEAD.pack(size, b"uuid", MANIFEST_ID) + text + _TAIL.pack(size))
    except OSError as exc:
        raise DiskFull(f"{path} cannot be completed: {exc.strerror}; free some space") from exc


def read_manifest(source: VideoSource) -> PieceManifest:
    """Read the manifest of a piece. Only the end of the piece is read, most often with one request.

    Args:
        source: the piece.

    Raises:
        PieceDamaged: the piece is missing or too short, or has no manifest of this version at its end.
        WorkerError: a piece that is read over HTTP cannot be read.
    """
    try:
        length = source.stat().st_size
        with source.open("rb") as file:
            start = max(length - _FIRST_READ_BYTES, 0)
            file.seek(start)
            end = file.read(length - start)
            (size,) = _TAIL.unpack(end[-_TAIL.size :]) if len(end) >= _TAIL.size else (0,)
            if not _HEAD.size + _TAIL.size < size <= min(length, MOST_MANIFEST_BYTES):
                raise _damaged(source, "it does not end with a manifest")
            if size > len(end):
                file.seek(length - size)
                end = file.read(size)
    except OSError as exc:
        raise PieceDamaged(f"the piece {source} cannot be read: {exc.strerror}; make it again") from exc
    box = end[-size:]
    if len(box) != size or _HEAD.unpack_from(box) != (size, b"uuid", MANIFEST_ID):
        raise _damaged(source, "it does not end with a manifest")
    try:
        manifest = PieceManifest.model_validate_json(box[_HEAD.size : -_TAIL.size])
    except ValidationError as exc:
        raise _damaged(source, "its manifest is not of this version") from exc
    if manifest.payload_bytes != length - size:
        raise _damaged(source, f"it has {length - size} bytes, not {manifest.payload_bytes}")
    return manifest


def check_manifest(manifest: PieceManifest, plan: FilmPlan, plan_hash: str, number: int) -> None:
    """Check that a manifest describes one segment of a plan.

    Args:
        manifest: the manifest of the piece.
        plan: the plan.
        plan_hash: the hash of the plan.
        number: the number of the segment.

    Raises:
        PieceDamaged: it describes another segment, or a segment of another plan.
    """
    if manifest.plan_hash != plan_hash:
        message = f"piece {number} belongs to another plan, {manifest.plan_hash}: make it again"
        raise PieceDamaged(message, piece=number)
    if manifest.number != number:
        message = f"piece {number} holds segment {manifest.number}: make it again"
        raise PieceDamaged(message, piece=number)
    planned = plan.segments[number].frames
    if manifest.frames != planned:
        message = f"piece {number} has {manifest.frames} frames, not {planned}: make it again"
        raise PieceDamaged(message, piece=number)


def check_piece(path: Path, manifest: PieceManifest, plan: FilmPlan, plan_hash: str, number: int) -> None:
    """Check that a local piece is the one that its manifest describes, and one segment of a plan.

    Args:
        path: the piece. It is read once, a megabyte at a time.
        manifest: its manifest, from `read_manifest`.
        plan: the plan.
        plan_hash: the hash of the plan.
        number: the number of the segment.

    Raises:
        PieceDamaged: see `check_manifest`; or the payload has another hash.
    """
    check_manifest(manifest, plan, plan_hash, number)
    try:
        found = _sha256(path, manifest.payload_bytes)
    except OSError as exc:
        message = f"piece {number} cannot be read: {exc.strerror}; make it again"
        raise PieceDamaged(message, piece=number) from exc
    if found != manifest.payload_sha256:
        message = f"piece {number} was changed after it was made: its hash differs, make it again"
        raise PieceDamaged(message, piece=number)


def _sha256(path: Path, length: int) -> str:
    """Return the SHA-256 of the first `length` bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while length > 0 and (part := file.read(min(length, _HASHED_AT_ONCE_BYTES))):
            digest.update(part)
            length -= len(part)
    return digest.hexdigest()


def _damaged(source: VideoSource, what: str) -> PieceDamaged:
    return PieceDamaged(f"the piece {source} is damaged: {what}; make it again")
