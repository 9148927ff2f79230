"""Tells whether a keyframe in a file can be found without reading everything before it."""

from __future__ import annotations

import av
import av.error

from orchestrator.media.read.demux import main_video, open_source
from orchestrator.media.read.file_bytes import FileBytes, box_head, open_bytes
from orchestrator.video_source import VideoSource

INDEXED_SHARE = 0.75
"""An index that ends before this share of the film is none: FFmpeg indexes whatever it has read."""

MOST_BOXES = 1000
"""Most boxes before the first fragment of an MP4 file that are walked; usual files have four."""


def has_usable_index(source: VideoSource, format_name: str, *, last_s: float) -> bool:
    """Return whether FFmpeg finds any keyframe of a file by an index, or by bisection.

    Args:
        source: the file.
        format_name: FFmpeg's names of its container.
        last_s: when its last keyframe is shown, in seconds on the file's clock.
    """
    kind = format_name.split(",", maxsplit=1)[0]
    if kind == "matroska":
        return _has_cues(source, last_s)
    if kind == "mov":
        with open_bytes(source) as file:
            return _has_index(file)
    return kind == "mpegts"  # FFmpeg bisects it by its times


def _has_cues(source: VideoSource, last_s: float) -> bool:
    """Return whether a Matroska file has an index (Cues), which FFmpeg reads when it seeks."""
    with open_source(source) as container:
        stream = main_video(container, source)
        try:
            container.seek(0, stream=stream)
        except av.error.FFmpegError:
            return False
        latest = max((entry.timestamp for entry in stream.index_entries), default=0)
        return float(latest * (stream.time_base or 0)) >= INDEXED_SHARE * last_s


def _has_index(file: FileBytes) -> bool:
    """Return whether an MP4 file has one index: in its moov box, or a sidx box about all fragments.

    Fragments without such a box have an index each, and FFmpeg goes from one to the next.
    """
    place = 0
    for _ in range(MOST_BOXES):
        if place >= file.length:
            break
        kind, size, content = box_head(file, place)
        end = place + size if size else file.length
        if kind == b"moof":
            return False
        if kind == b"sidx":
            return _indexed_end(file, content, end) >= INDEXED_SHARE * file.length
        if end <= place:
            return False
        place = end
    return True


def _indexed_end(file: FileBytes, content: int, end: int) -> int:
    """Return where the fragments that a sidx box lists end (ISO/IEC 14496-12, 8.16.3)."""
    is_long = file.number(content, 1) >= 1
    offset = file.number(content + (20 if is_long else 16), 8 if is_long else 4)
    place = content + (28 if is_long else 20)
    count = file.number(place + 2, 2)
    sizes = (file.number(place + 4 + 12 * entry, 4) & 0x7FFF_FFFF for entry in range(count))
    return end + offset + sum(sizes)
