"""Tests that a manifest is read back from the end of its piece, and that a damaged piece is refused."""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import PieceDamaged
from orchestrator.film.document import FilmPlan, FilmSegment, FilmSource, PieceManifest
from orchestrator.film.piece import (
    MOST_MANIFEST_BYTES,
    check_piece,
    payload_of,
    read_manifest,
    write_manifest,
)
from orchestrator.frames import Colour, VideoInfo
from orchestrator.jobs.film import ExportFilm
from tools.fixtures import clips

if TYPE_CHECKING:
    from pathlib import Path

PLAN_HASH = "ab" * 32
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def manifest_of(payload: bytes, **changes: Any) -> PieceManifest:
    facts: dict[str, Any] = {
        "plan_hash": PLAN_HASH,
        "number": 1,
        "frames": 5,
        "payload_bytes": len(payload),
        "payload_sha256": hashlib.sha256(payload).hexdigest(),
        "headers_sha256": None,
        "reorder": 0,
        "transport": None,
        "tile": None,
        "reused": None,
        "fidelity": (),
        "wall_sec": 1.5,
        "gpu": None,
        "notes": ("the picture is 96x64: \u00d72",),
    }
    return PieceManifest(**facts | changes)


def piece_of(path: Path, payload: bytes, **changes: Any) -> Path:
    path.write_bytes(payload)
    write_manifest(path, manifest_of(payload, **changes))
    return path


@pytest.fixture(scope="module")
def plan() -> FilmPlan:
    """A plan of two segments of five frames."""
    info = VideoInfo(
        width=96,
        height=64,
        rotation=0,
        mirrored=False,
        sample_aspect_ratio=Fraction(1),
        time_base=Fraction(1, 25),
        average_rate=Fraction(25),
        frames=10,
        duration_s=0.4,
        codec="h264",
        pixel_format="yuv420p",
        bit_depth=8,
        colour=Colour(matrix=1, primaries=1, transfer=1, full_range=False),
    )
    segments = tuple(
        FilmSegment(
            number=number,
            first_frame=5 * number,
            frames=5,
            first_pts=5 * number,
            last_pts=5 * number + 4,
            decode_pts=5 * number,
            begins_shot=False,
            first_byte=0,
            end_byte=1,
            entries=None,
            work_sec=None,
        )
        for number in range(2)
    )
    return FilmPlan(
        film=ExportFilm(task="export"),
        source=FilmSource(bytes=1, etag=None, info=info),
        model=None,
        encoder=None,
        pts=((0, 1), (1, 9)),
        last_duration=1,
        index=None,
        segments=segments,
        hardest=0,
        notes=(),
    )


@same_folder
@given(payload=st.binary(max_size=2000))
def test_a_piece_gives_its_manifest_and_its_payload_back(
    tmp_path: Path, plan: FilmPlan, payload: bytes
) -> None:
    path = tmp_path / "1.piece"
    path.write_bytes(payload)
    size, sha256 = payload_of(path)
    assert (size, sha256) == (len(payload), hashlib.sha256(payload).hexdigest())
    write_manifest(path, manifest_of(payload))
    assert path.read_bytes()[:size] == payload
    manifest = read_manifest(path)
    assert manifest == manifest_of(payload)
    check_piece(path, manifest, plan, PLAN_HASH, 1)


def test_the_end_of_a_piece_is_one_uuid_box_with_its_size_at_both_ends(tmp_path: Path) -> None:
    tail = piece_of(tmp_path / "1.piece", b"payload").read_bytes()[len(b"payload") :]
    size, kind = struct.unpack(">I4s", tail[:8])
    assert (size, kind) == (len(tail), b"uuid")
    assert struct.unpack(">I", tail[-4:]) == (len(tail),)
    assert PieceManifest.model_validate_json(tail[24:-4]) == manifest_of(b"payload")


def test_a_player_shows_an_mp4_with_a_manifest(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "clip.mp4", 5)
    piece = piece_of(tmp_path / "piece.mp4", clip.read_bytes())
    with av.open(str(piece)) as container:
        shown = [
            clips.number_of(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for frame in container.decode(video=0)
        ]
    assert shown == [0, 1, 2, 3, 4]


@same_folder
@given(data=st.data(), payload=st.binary(min_size=1, max_size=300))
def test_a_piece_with_any_changed_byte_is_refused(
    tmp_path: Path, plan: FilmPlan, data: st.DataObject, payload: bytes
) -> None:
    path = piece_of(tmp_path / "1.piece", payload)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(payload) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    manifest = read_manifest(path)  # the manifest itself is whole
    with pytest.raises(PieceDamaged, match="hash differs"):
        check_piece(path, manifest, plan, PLAN_HASH, 1)


@same_folder
@given(data=st.data(), payload=st.binary(max_size=300))
def test_a_piece_that_is_cut_anywhere_is_refused(tmp_path: Path, data: st.DataObject, payload: bytes) -> None:
    path = piece_of(tmp_path / "1.piece", payload)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(PieceDamaged):
        read_manifest(path)


@same_folder
@given(garbage=st.binary(max_size=200), size=st.integers(0, 2**32 - 1))
def test_garbage_is_refused_whatever_size_it_claims(tmp_path: Path, garbage: bytes, size: int) -> None:
    path = tmp_path / "1.piece"
    path.write_bytes(garbage + struct.pack(">I", size))
    with pytest.raises(PieceDamaged):
        read_manifest(path)


def test_a_piece_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PieceDamaged, match="cannot be read"):
        read_manifest(tmp_path / "1.piece")


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    path = piece_of(tmp_path / "1.piece", b"payload")
    path.write_bytes(path.read_bytes().replace(b'"version":4', b'"version":1'))
    with pytest.raises(PieceDamaged, match="version"):
        read_manifest(path)


def test_a_manifest_that_claims_another_payload_is_refused(tmp_path: Path) -> None:
    path = piece_of(tmp_path / "1.piece", b"payload")
    path.write_bytes(b"more" + path.read_bytes())
    with pytest.raises(PieceDamaged, match="11 bytes, not 7"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plan_hash": "cd" * 32}, "another plan"),
        ({"number": 0}, "piece 1 holds segment 0"),
        ({"frames": 4}, "4 frames, not 5"),
    ],
)
def test_a_piece_of_another_segment_is_refused(
    tmp_path: Path, plan: FilmPlan, changes: dict[str, Any], message: str
) -> None:
    path = piece_of(tmp_path / "1.piece", b"payload", **changes)
    with pytest.raises(PieceDamaged, match=message):
        check_piece(path, read_manifest(path), plan, PLAN_HASH, 1)


def test_a_manifest_is_not_written_to_another_payload(tmp_path: Path) -> None:
    path = tmp_path / "1.piece"
    path.write_bytes(b"payload and more")
    with pytest.raises(ValueError, match="16 bytes, not 7"):
        write_manifest(path, manifest_of(b"payload"))


@dataclass
class CountedSource:
    """A piece whose reads are counted, as each may be a request."""

    data: bytes
    name: str = "1.piece"
    bytes_read: int = 0

    def exists(self) -> bool:
        return True

    def is_file(self) -> bool:
        return True

    @property
    def st_size(self) -> int:
        return len(self.data)

    def stat(self) -> CountedSource:
        return self

    def open(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        source = self

        class Counted(io.BytesIO):
            def readinto(self, buffer: Any) -> int:
                count = super().readinto(buffer)
                source.bytes_read += count
                return count

        return io.BufferedReader(cast("io.RawIOBase", Counted(self.data)), buffer_size=1)


@pytest.mark.parametrize("notes", [(), ("a long note " * 100,) * 99])
def test_only_the_end_of_a_piece_is_read(tmp_path: Path, notes: tuple[str, ...]) -> None:
    payload = bytes(3_000_000)
    path = piece_of(tmp_path / "1.piece", payload, notes=notes)
    source = CountedSource(path.read_bytes())
    assert read_manifest(source).notes == notes
    box = len(source.data) - len(payload)
    assert source.bytes_read <= max(box, 2**16) + 2**16


def test_a_manifest_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.piece"
    path.write_bytes(b"payload")
    long = {"notes": ("n" * MOST_MANIFEST_BYTES,)}
    write_manifest(path, manifest_of(b"payload").model_copy(update=long))
    with pytest.raises(PieceDamaged, match="does not end"):
        read_manifest(path)
