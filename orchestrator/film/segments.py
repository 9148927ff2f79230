"""Describes the segments of a film: their frames, where decoding starts, and which bytes they need."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from orchestrator.film.boundaries import begin_shots
from orchestrator.film.document import FilmSegment
from orchestrator.film.source_frames import FilmFrames
from orchestrator.media.read.packet_index import UNKNOWN, PacketIndex


def describe_segments(
    index: PacketIndex,
    frames: FilmFrames,
    keys: NDArray[np.int64],
    begins: tuple[int, ...],
    *,
    seconds: float | None,
    file_bytes: int,
) -> tuple[FilmSegment, ...]:
    """Describe the segments that begin at these frames."""
    shots = dict(zip(keys.tolist(), begin_shots(keys).tolist(), strict=True))
    keyframes = np.flatnonzero(index.keyframe)
    segments = []
    for number, (begin, end) in enumerate(pairwise((*begins, len(frames.pts)))):
        start = _decoding_start(index, keyframes, int(frames.packets[begin]))
        last = int(frames.packets[begin:end].max())
        first_byte, end_byte = _bytes(index, start, last, file_bytes)
        first_pts = int(frames.source_pts[begin])
        segments.append(
            FilmSegment(
                number=number,
                first_frame=begin,
                frames=end - begin,
                first_pts=first_pts,
                last_pts=int(frames.source_pts[end - 1]),
                decode_pts=min(int(index.pts[start]), first_pts),
                begins_shot=shots.get(begin, False),
                first_byte=first_byte,
                end_byte=end_byte,
                work_sec=None if seconds is None else round((end - begin) * seconds, 3),
            )
        )
    return tuple(segments)


def _decoding_start(index: PacketIndex, keyframes: NDArray[np.int64], packet: int) -> int:
    """Return the packet at which decoding starts for the frame of another packet and those after it."""
    pts = index.pts[packet]
    before = keyframes[(keyframes <= packet) & (index.pts[keyframes] <= pts)]
    if not len(before):
        return 0
    if index.clean[before[-1]] or len(before) == 1:
        return int(before[-1])
    return int(before[-2])


def _bytes(index: PacketIndex, first: int, last: int, file_bytes: int) -> tuple[int, int]:
    """Return where packets begin and end in the file: from one to another in the order of decoding."""
    places = index.position[first : last + 1]
    if (places == UNKNOWN).any():
        return 0, file_bytes
    if index.format.startswith("mov"):
        return int(places.min()), int((places + index.size[first : last + 1]).max())
    end = file_bytes if last + 1 == len(index) else int(index.position[last + 1])
    return int(places.min()), max(end, int(places.max()) + 1)
