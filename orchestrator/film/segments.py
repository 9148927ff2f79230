"""Describes the segments of a film: their frames, where decoding starts, and which bytes they need."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from orchestrator.film.boundaries import MOST_EXTRA, PREVIEW_RANGE_S, begin_shots
from orchestrator.film.document import FilmPlan, FilmSegment
from orchestrator.film.source_frames import FilmFrames, Unsplit
from orchestrator.media.read.keyframe_kind import KeyframeKind
from orchestrator.media.read.packet_index import UNKNOWN, PacketIndex, read_keyframe_kinds
from orchestrator.media.read.sample_tables import FileTables
from orchestrator.video_source import VideoSource


def find_decoding_starts(
    source: VideoSource, index: PacketIndex, frames: FilmFrames, begins: tuple[int, ...]
) -> list[int] | None:
    """Return the packet at which decoding starts for each segment.

    It is the keyframe at or before the first frame, or the one before that if pictures are exact only some
    time after it: see `KeyframeKind`.

    Args:
        source: the video.
        index: its packets.
        frames: the frames of the film.
        begins: the first frame of each segment.

    Returns:
        Indexes of packets; None if the index of the file marks pictures as keyframes that are not.

    Raises:
        Unsplit: there is no keyframe at or before the first frame.
    """
    keyframes = np.flatnonzero(index.kind)
    candidates = [_keyframes_before(index, keyframes, int(frames.packets[begin])) for begin in begins]
    index = read_keyframe_kinds(source, index, (found[-1] for found in candidates))
    starts = [
        found[0] if index.kind[found[-1]] == KeyframeKind.RECOVERY else found[-1] for found in candidates
    ]
    index = read_keyframe_kinds(source, index, starts)
    if (index.kind[starts] == KeyframeKind.NONE).any():
        return None
    return starts


def need_too_much(index: PacketIndex, frames: FilmFrames, begins: tuple[int, ...], starts: list[int]) -> bool:
    """Return whether a segment needs more than MOST_EXTRA from before its first keyframe.

    Args:
        index, frames, begins, starts: as for `describe_segments`.
    """
    total = np.append(0, np.cumsum(index.size, dtype=np.int64))
    places = total[frames.packets[list(begins)]]
    extra, own = places - total[starts], np.diff(np.append(places, total[frames.packets.max() + 1]))
    return bool((extra > MOST_EXTRA * own)[1:].any())


def bytes_of_groups_before(
    index: PacketIndex, frames: FilmFrames, keys: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many bytes there are from the keyframe before each of `keys` up to it, int64 [K].

    Args:
        index, frames, keys: as for `describe_segments`.
    """
    total = np.append(0, np.cumsum(index.size, dtype=np.int64))
    keyframes, packets = np.flatnonzero(index.kind), frames.packets[keys]
    before = np.maximum(np.searchsorted(keyframes, packets) - 1, 0)
    sizes: NDArray[np.int64] = np.maximum(total[packets] - total[keyframes[before]], 0)
    return sizes


def describe_segments(
    index: PacketIndex,
    frames: FilmFrames,
    keys: NDArray[np.int64],
    begins: tuple[int, ...],
    starts: list[int],
    *,
    tables: FileTables | None,
    seconds: float | None,
    file_bytes: int,
) -> tuple[FilmSegment, ...]:
    """Describe the segments of a film.

    Args:
        index: the packets of the source.
        frames: the frames of the film.
        keys: the frames at which segments may begin.
        begins: the first frame of each segment.
        starts: the packet at which decoding starts for each segment.
        tables: the index of an MP4 file; None if its segments read all of it.
        seconds: how long one worker needs for a frame; None if it is not known.
        file_bytes: the size of the source.
    """
    shots = dict(zip(keys.tolist(), begin_shots(keys).tolist(), strict=True))
    segments = []
    for number, (begin, end) in enumerate(pairwise((*begins, len(frames.pts)))):
        last = int(frames.packets[begin:end].max())
        first_byte, end_byte = _bytes(index, starts[number], last, file_bytes)
        segments.append(
            FilmSegment(
                number=number,
                first_frame=begin,
                frames=end - begin,
                first_pts=int(frames.source_pts[begin]),
                last_pts=int(frames.source_pts[end - 1]),
                decode_pts=int(index.pts[starts[number]]),
                begins_shot=shots.get(begin, False),
                first_byte=first_byte,
                end_byte=end_byte,
                entries=None if tables is None else tables.entries(starts[number], last),
                work_sec=None if seconds is None else round((end - begin) * seconds, 3),
            )
        )
    return tuple(segments)


def fewer_segments(plan: FilmPlan) -> tuple[str, ...]:
    """Return a sentence on why a film has fewer segments than its parameters ask for, if it has."""
    asked, count = plan.film.segments, len(plan.segments)
    if asked is None or count >= asked:
        return ()
    hardest = plan.segments[plan.hardest]
    hardest_s = float((hardest.last_pts - hardest.first_pts) * plan.source.info.time_base)
    usual = median(segment.frames for segment in plan.segments)
    why = "the video has too few that fit"
    if hardest_s >= PREVIEW_RANGE_S[0] and hardest.frames >= 2 * usual:
        why = f"the hardest part, {hardest_s:.1f} s, is one of them"
    return (
        f"{asked} segments are asked for, and the film has {count}: each begins at a keyframe, and {why}",
    )


def _keyframes_before(index: PacketIndex, keyframes: NDArray[np.int64], packet: int) -> list[int]:
    """Return the last two keyframes at or before a packet, or the last one if there is no other."""
    before = keyframes[(keyframes <= packet) & (index.pts[keyframes] <= index.pts[packet])]
    if not len(before):
        raise Unsplit("the video does not begin with a keyframe")
    return [int(number) for number in before[-2:]]


def _bytes(index: PacketIndex, first: int, last: int, file_bytes: int) -> tuple[int, int]:
    """Return where packets begin and end in the file: from one to another in the order of decoding."""
    places = index.position[first : last + 1]
    if (places == UNKNOWN).any():
        return 0, file_bytes
    if index.format.startswith("mov"):
        return int(places.min()), int((places + index.size[first : last + 1]).max())
    end = file_bytes if last + 1 == len(index) else int(index.position[last + 1])
    return int(places.min()), max(end, int(places.max()) + 1)
