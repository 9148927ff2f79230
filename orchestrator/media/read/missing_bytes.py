"""Counts the missing bytes of a truncated media file from the sizes of its elements.

Containers are sequences of elements that begin with their own size; a truncated file ends inside one. The
length in the header does not count here: headers of complete files are often wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from orchestrator.media.read.file_bytes import (
    ATTACHMENTS,
    CHAPTERS,
    CLUSTER,
    EBML,
    SEEK_HEAD,
    SEGMENT,
    TAGS,
    DamagedElement,
    FileBytes,
    box_head,
    ebml_head,
    open_bytes,
)
from orchestrator.video_source import VideoSource

MAX_ELEMENTS = 5_000_000
"""Most elements that are walked, in a few seconds. Two hours of FLV have 800,000."""


def missing_bytes(path: VideoSource, format_name: str) -> int | None:
    """Return the least number of bytes that are missing; 0 if the file is complete.

    Args:
        path: the file.
        format_name: FFmpeg's name of its container.

    Returns:
        None if it is not known: the format has no sizes (MPEG-TS, MPEG-PS), or the elements cannot be
        followed to the end because the file is damaged.
    """
    walk = _WALKS.get(format_name.partition(",")[0])
    if walk is None:
        return None
    with open_bytes(path) as data:
        try:
            for number, stop in enumerate(walk(data)):
                if stop > data.length:
                    return stop - data.length
                if number > MAX_ELEMENTS:
                    return None
        except DamagedElement:
            return None
    return 0


# Each walk yields, in order, the ends of the elements that must be complete.


def _boxes(data: FileBytes) -> Iterator[int]:
    """Walk MP4 and MOV: the boxes that hold samples or their index."""
    start = 0
    while start + 8 <= data.length:
        kind, size, _ = box_head(data, start)
        if size == 0:  # the last box
            return
        if kind in {b"moov", b"moof", b"mdat"}:
            yield start + size
        if size < 8:
            raise DamagedElement
        start += size


_ELEMENTS = {
    *(EBML, SEGMENT, CLUSTER, SEEK_HEAD, TAGS, CHAPTERS, ATTACHMENTS),
    *(0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0xEC, 0xBF),  # those of a segment; then those of a cluster
    *(0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0xAF, 0x5854),
}
"""Ids of Matroska's elements at the levels that are walked (RFC 9559, 5.1)."""


def _ebml(data: FileBytes) -> Iterator[int]:
    """Walk Matroska and WebM. Segments and clusters of live recordings have no size: walk their children."""
    start, segment_end = 0, None
    while start < data.length:
        if segment_end is not None and start >= segment_end:
            segment_end = None
            if data.number(start, 4) != EBML:  # something after the end
                return
        name, size, start = ebml_head(data, start)
        yield start
        if name not in _ELEMENTS or (size is None and name not in {SEGMENT, CLUSTER}):
            raise DamagedElement
        if name == SEGMENT:
            if size is not None:
                segment_end = start + size
                yield segment_end
        elif size is not None:
            start += size
            if segment_end is not None and start > segment_end:
                raise DamagedElement
            yield start


_UNKNOWN_RIFF_SIZES = {0, 0x7FFFFFFF, 0xFFFFFFFF}
"""Sizes from programs that write into a pipe and cannot fill the size in afterwards."""


def _riff(data: FileBytes) -> Iterator[int]:
    """Walk AVI: the list of samples, or each sample if the list has no size; the index may be missing."""
    start, end = 0, None
    while start < data.length:
        kind, size = data.at(start, 4), data.number(start + 4, 4, "little")
        if end is not None and start >= end and kind != b"RIFF":  # something after the end
            return
        yield start + 8
        form = data.at(start + 8, 4) if kind == b"LIST" else b""
        if kind == b"RIFF":
            end = None if size in _UNKNOWN_RIFF_SIZES else start + 8 + size
        if kind == b"RIFF" or (form == b"movi" and size in _UNKNOWN_RIFF_SIZES):
            start += 12
            continue
        if not kind.replace(b" ", b"").isalnum():
            raise DamagedElement
        start += 8 + size + size % 2
        if kind != b"idx1":
            yield start - size % 2


def _flv(data: FileBytes) -> Iterator[int]:
    """Walk FLV: tags of audio, video and data, each followed by its size (Adobe, FLV specification, E.4)."""
    start = data.number(5, 4) + 4
    while start < data.length:
        yield start + 11
        if data.number(start, 1) & ~0x20 not in {8, 9, 18} or data.number(start + 8, 3):
            raise DamagedElement
        start += 11 + data.number(start + 1, 3)
        yield start
        start += 4


_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")


def _asf(data: FileBytes) -> Iterator[int]:
    """Walk WMV: objects at the top level (ASF specification, 2.1). A live recording has no size."""
    start = 0
    while start + 24 <= data.length:
        name, size = data.at(start, 16), data.number(start + 16, 8, "little")
        if name == _ASF_DATA and size <= 50:
            return
        if size < 24:
            raise DamagedElement
        start += size
        if name == _ASF_DATA:
            yield start


def _ogg(data: FileBytes) -> Iterator[int]:
    """Walk Ogg: pages (RFC 3533, 6)."""
    start = 0
    while start < data.length:
        head = data.at(start, 27 + 255)
        if head[:4] != b"OggS"[: len(head)]:
            raise DamagedElement
        yield start + 27
        segments = head[26]
        yield start + 27 + segments
        start += 27 + segments + sum(head[27 : 27 + segments])
        yield start


_MXF_KEY = bytes.fromhex("060e2b34")
_MXF_HEADER = bytes.fromhex("060e2b34020501010d01020101")


def _klv(data: FileBytes) -> Iterator[int]:
    """Walk MXF: keys, lengths and values (SMPTE 336M), and the position of the footer (SMPTE 377-1, 7.1)."""
    start = 0
    while start < data.length:
        head = data.at(start, 25)
        if head[:4] != _MXF_KEY[: len(head)]:
            raise DamagedElement
        yield start + 17
        bytes_of_length = head[16] & 0x7F if head[16] & 0x80 else 0
        if bytes_of_length > 8:
            raise DamagedElement
        inside = start + 17 + bytes_of_length
        yield inside
        if start == 0 and head.startswith(_MXF_HEADER):
            yield data.number(inside + 24, 8) + 1
        start = inside + (int.from_bytes(head[17 : inside - start]) if bytes_of_length else head[16])
        yield start


def _gif(data: FileBytes) -> Iterator[int]:
    """Walk GIF: blocks (GIF89a, appendix A); the last byte, which marks the end, may be missing."""
    start = 13 + _gif_palette(data.number(10, 1))
    while start < data.length:
        kind = data.number(start, 1)
        if kind == 0x3B:
            return
        if kind == 0x2C:
            start += 11 + _gif_palette(data.number(start + 9, 1))
        elif kind == 0x21:
            start += 2
        else:
            raise DamagedElement
        size = -1
        while size:
            yield start + 1
            size = data.number(start, 1)
            start += 1 + size
        yield start


def _gif_palette(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _png(data: FileBytes) -> Iterator[int]:
    """Walk APNG: chunks up to IEND (PNG specification, 5.3)."""
    start = 8
    kind = b""
    while kind != b"IEND":
        yield start + 12
        kind = data.at(start + 4, 4)
        start += 12 + data.number(start, 4)
        yield start


def _dv(data: FileBytes) -> Iterator[int]:
    """Walk raw DV: frames of 12 or 10 sequences of 12,000 bytes, by the fourth byte (IEC 61834-2)."""
    size = 144_000 if data.number(3, 1) & 0x80 else 120_000
    yield -(-data.length // size) * size


def _y4m(data: FileBytes) -> Iterator[int]:
    """Walk YUV4MPEG2: a header line, and frames of one size, each with a line of its own."""
    words = re.fullmatch(rb"YUV4MPEG2((?: [^ \n]*)*)\n.*", data.at(0, 4096), re.DOTALL)
    if not words:
        raise DamagedElement
    fields = {word[:1]: word[1:] for word in words[1].split()}
    layout = re.fullmatch(rb"(420|422|411|444|mono)(?:p?(9|1\d))?[a-z]*\d*", fields.get(b"C", b"420"))
    width, height = (int(fields.get(side, b"0")) for side in (b"W", b"H"))
    if not layout:
        raise DamagedElement
    across, down = {b"420": (2, 2), b"422": (2, 1), b"411": (4, 1)}.get(layout[1], (1, 1))
    chroma = 0 if layout[1] == b"mono" else 2 * -(-width // across) * -(-height // down)
    size = (width * height + chroma) * (2 if layout[2] else 1)
    start = words.end(1) + 1
    while start < data.length:
        start += data.at(start, 256).find(b"\n") + 1 + size
        yield start


_WALKS: dict[str, Callable[[FileBytes], Iterator[int]]] = {
    "mov": _boxes,
    "matroska": _ebml,
    "avi": _riff,
    "flv": _flv,
    "asf": _asf,
    "ogg": _ogg,
    "mxf": _klv,
    "gif": _gif,
    "apng": _png,
    "dv": _dv,
    "yuv4mpegpipe": _y4m,
}
"""The walks by FFmpeg's names of the demuxers."""
