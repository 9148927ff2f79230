"""Marks a finished mp4 or mov as a 360 degree video, so that players let the viewer look around in it.

PyAV cannot pass the mark to FFmpeg's muxer. So the title of the video track is padded with spaces, and the
mark replaces them when the file is complete: no other byte of the file moves. The mark is a `uuid` box of the
track with a line of XML (Google's Spherical Video RFC, version 1), which describes whole spheres in
equirectangular projection.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from orchestrator.frames import SphericalVideo
from orchestrator.media.read.file_bytes import box_head, open_bytes

UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")

MOST_MOOV_BYTES = 1 << 30
"""A larger index of a file is not searched."""

_HEADER = 8
_NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"'
)


def room_for(sphere: SphericalVideo) -> str:
    """Return the spaces with which the title of the video track has to end."""
    return " " * (_HEADER + len(UUID) + len(_xml(sphere)))


def mark(path: Path, sphere: SphericalVideo) -> None:
    """Replace the spaces of `room_for` in the file at `path` with the mark of `sphere`.

    A file without these spaces stays as it is.

    Raises:
        OSError: the file cannot be written.
    """
    room = room_for(sphere).encode()
    with path.open("r+b") as file:
        for kind, start, size in _top_boxes(path):
            if kind != b"moov" or size > MOST_MOOV_BYTES:
                continue
            file.seek(start)
            moov = file.read(size)
            for at, replacement in _marked(moov, room, sphere):
                file.seek(start + at)
                file.write(replacement)


def _marked(moov: bytes, room: bytes, sphere: SphericalVideo) -> Iterator[tuple[int, bytes]]:
    """Yield the position of the user data of each padded track, and as many new bytes with the mark."""
    for kind, start, end in _boxes(moov, _HEADER, len(moov)):
        if kind != b"trak":
            continue
        for inner, udta, udta_end in _boxes(moov, start, end):
            if inner != b"udta":
                continue
            children = [(name, moov[first:last]) for name, first, last in _boxes(moov, udta, udta_end)]
            if not any(name == b"name" and value.endswith(room) for name, value in children):
                continue
            kept = b"".join(
                _box(name, value.removesuffix(room) if name == b"name" else value)
                for name, value in children
                if value != room
            )
            length = udta_end - udta + _HEADER
            user_data = _box(b"udta", kept) if kept else b""
            xml = _xml(sphere).encode().ljust(length - len(user_data) - _HEADER - len(UUID))
            yield udta - _HEADER, user_data + _box(b"uuid", UUID + xml)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", _HEADER + len(content)) + kind + content


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes in a part of `data`: kind, start and end of the content."""
    while start + _HEADER <= end:
        size = int.from_bytes(data[start : start + 4], "big")
        if size < _HEADER or start + size > end:
            return
        yield data[start + 4 : start + _HEADER], start + _HEADER, start + size
        start += size


def _top_boxes(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield the top-level boxes of a file: kind, position and size, including the header."""
    start = 0
    with open_bytes(path) as data:
        while start + _HEADER <= data.length:
            kind, size, _ = box_head(data, start)
            if size < _HEADER:
                return
            yield kind, start, size
            start += size


def _xml(sphere: SphericalVideo) -> str:
    facts = {
        "Spherical": "true",
        "Stitched": "true",
        "StitchingSoftware": "Framewright",
        "ProjectionType": "equirectangular",
        "StereoMode": sphere.stereo or "",
        "InitialViewHeadingDegrees": sphere.yaw or "",
        "InitialViewPitchDegrees": sphere.pitch or "",
        "InitialViewRollDegrees": sphere.roll or "",
    }
    elements = "".join(
        f"<GSpherical:{name}>{value}</GSpherical:{name}>" for name, value in facts.items() if value
    )
    return f'<?xml version="1.0"?><rdf:SphericalVideo {_NAMESPACES}>{elements}</rdf:SphericalVideo>'
