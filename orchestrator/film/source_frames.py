"""Selects the frames of a film from the packets of its source: those that the ordinary job would read.

Nothing is decoded. Where only decoding tells which frames there are, the video is not split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.film.frame_pts import MOST_FRAMES
from orchestrator.frames import VideoInfo
from orchestrator.media.read.edit_list import most_parts_shown
from orchestrator.media.read.packet_index import PacketIndex
from orchestrator.media.time_range import TimedPicture, TimeRange
from orchestrator.video_source import VideoSource

SPLITTABLE = ("mov", "matroska", "mpegts")
"""FFmpeg's first names of the containers in which a worker can find any keyframe without reading the rest."""


class Unsplit(Exception):
    """The video cannot or need not be split, and is processed as one ordinary job.

    Attributes:
        reason: says why, in a sentence for the user.
    """

    def __init__(self, why: str) -> None:
        self.reason = f"{why}: it is processed as one job"
        super().__init__(self.reason)


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmFrames:
    """The frames of a film.

    Attributes:
        pts: int64 [N], when each frame is shown in the film, in ticks of the source, rising.
        source_pts: int64 [N], when the source shows it: different at most for the first frame.
        packets: int64 [N], the index of its packet.
        last_duration: how long the last frame is shown, in ticks; 0 if the source does not say.
    """

    pts: NDArray[np.int64]
    source_pts: NDArray[np.int64]
    packets: NDArray[np.int64]
    last_duration: int


def check_packets(source: VideoSource, index: PacketIndex) -> None:
    """Refuse to split a video whose frames or keyframes its packets do not tell.

    Args:
        source: the video.
        index: its packets.

    Raises:
        Unsplit: see above.
    """
    kind = index.format.split(",")[0]
    if kind not in SPLITTABLE:
        raise Unsplit(f"a file of this format ({kind}) is read from its start")
    if index.missing_time or index.codec == "vp8":
        raise Unsplit("the times of the pictures are only known when they are decoded")
    if index.damaged:
        raise Unsplit("the video is damaged in places")
    # After a seek, FFmpeg may show a picture of such a video that it hides when it reads it from its start.
    if kind == "mov" and most_parts_shown(source) > 1:
        raise Unsplit("the edit list of the video shows several parts of it")
    if len(index) > MOST_FRAMES:
        raise Unsplit(f"the video has more than {MOST_FRAMES} frames")


def presentation_order(index: PacketIndex) -> NDArray[np.int64]:
    """Return the indexes of the packets whose pictures are shown, in the order in which they are.

    Raises:
        Unsplit: two have the same time, so only decoding tells how many frames there are.
    """
    shown = np.flatnonzero(index.shown)
    order = shown[np.argsort(index.pts[shown], kind="stable")]
    if (np.diff(index.pts[order]) <= 0).any() or not len(order):
        raise Unsplit("the times of the pictures are only known when they are decoded")
    return order


def select_frames(
    index: PacketIndex, order: NDArray[np.int64], info: VideoInfo, span: TimeRange
) -> FilmFrames:
    """Return the frames of the film, as `VideoReader` would yield them.

    Raises:
        BadRequest: no picture is in the range.
    """
    pts = index.pts[order]
    last_duration = max(int(index.duration[order[-1]]), index.end_pts - int(pts[-1]))
    if span.start_s is None and span.end_s is None:
        return FilmFrames(pts=pts, source_pts=pts, packets=order, last_duration=last_duration)

    def pictures() -> Iterator[TimedPicture[int]]:
        for place, number in enumerate(order.tolist()):
            is_last = place + 1 == len(order)
            duration = last_duration if is_last else int(index.duration[number])
            yield TimedPicture(pts=int(pts[place]), duration=duration, picture=place)

    first: TimedPicture[int] | None = None
    for last in span.select_pictures(pictures(), info):
        first = first or last
    if first is None:
        raise AssertionError("a range without pictures is refused")
    packets = order[first.picture : last.picture + 1]
    source_pts = index.pts[packets]
    shown = np.append(first.pts, source_pts[1:])
    return FilmFrames(pts=shown, source_pts=source_pts, packets=packets, last_duration=last.duration)


def find_keyframes(index: PacketIndex, frames: FilmFrames) -> NDArray[np.int64]:
    """Return the frames at which a segment may begin, int64 [K], rising; the first is 0.

    A segment can begin at a keyframe if no packet before it in the file is shown after it.
    """
    highest = np.maximum.accumulate(index.pts)
    is_border = (index.kind > 0) & index.shown
    is_border[1:] &= index.pts[1:] > highest[:-1]
    keys = np.flatnonzero(is_border[frames.packets])
    return keys if len(keys) and keys[0] == 0 else np.append(0, keys)
