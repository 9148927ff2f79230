"""Seeks to the keyframe from which the picture at a given time can be decoded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from orchestrator.media.read.demux import main_video, open_source, packets
from orchestrator.video_source import VideoSource

MARGINS_S = (0, 1, 4, 16)
"""Seeks aim earlier by these times, one after the other: FFmpeg seeks by decoding times, and in MPEG-TS by
the position in the file, so it may end up too late."""

LAST_PTS = 2**62
"""Later times do not fit into FFmpeg's numbers."""

UNTIMED = {"avi", "mpeg", "gif", "apng"}
"""Formats that must be read from their start. AVI and MPEG-PS do not store the time of every picture: FFmpeg
counts from the start. Pictures of a GIF or an APNG change parts of the picture before."""


def packets_before_keyframe(path: VideoSource, time_s: Fraction) -> int:
    """Return the number of video packets before the last keyframe at or before a time.

    It reads the file from its start, which is necessary if its clock jumps, and decodes nothing.
    """
    number = found = 0
    with open_source(path) as container:
        stream = main_video(container, path)
        tick = stream.time_base or Fraction(1, 90_000)
        with contextlib.suppress(av.error.FFmpegError):  # the reader of the pictures reports the damage
            for packet in packets(container, stream):
                if packet.is_keyframe and packet.pts is not None:
                    if packet.pts * tick > time_s:
                        break
                    found = number
                number += bool(packet.size)
    return found


def packets_from(
    container: InputContainer, stream: VideoStream, time_s: Fraction
) -> tuple[int, Iterator[Packet[Stream]]] | None:
    """Seek to the last keyframe at or before a time, or to one near it.

    Pictures that follow this keyframe in the file but precede it in time (an open GOP) refer to pictures that
    are not read; they must not be used.

    Args:
        container: container of the video; its position is undefined if the result is None.
        stream: the video.
        time_s: time on the clock of the file, in seconds.

    Returns:
        The keyframe's pts and the packets of all streams from it on; None if the file must be read from its
        start.
    """
    tick = stream.time_base or Fraction(1, 90_000)
    start_s = Fraction(container.start_time or 0, av.time_base)
    if container.format.name in UNTIMED:
        return None
    for margin_s in MARGINS_S:
        if time_s - margin_s <= start_s:
            break
        try:
            container.seek(min(int((time_s - margin_s) / tick), LAST_PTS), stream=stream)
            rest = packets(container)
            key = next((packet for packet in rest if packet.stream is stream and packet.is_keyframe), None)
        except av.error.FFmpegError:
            continue
        if key is not None and key.pts is not None and key.pts * tick <= time_s:
            return key.pts, chain([key], rest)
    return None


def packets_from_keyframe(
    container: InputContainer, stream: VideoStream, pts: int
) -> Iterator[Packet[Stream]] | None:
    """Seek to the keyframe with a given pts.

    Args:
        container: container of the video, just opened; its position is undefined if the result is None.
        stream: the video.
        pts: pts of the keyframe, in ticks of the stream's time_base.

    Returns:
        The packets from the keyframe on, of all streams that are not discarded; None if it was not found by
        seeking.
    """
    if container.format.name in UNTIMED:
        return None
    for margin_s in MARGINS_S:
        aim = pts - int(margin_s / (stream.time_base or Fraction(1, 90_000)))
        try:
            container.seek(aim, stream=stream)
            rest = packets(container)
            for packet in rest:
                if packet.stream is stream and packet.is_keyframe and packet.pts is not None:
                    if packet.pts == pts:
                        return chain([packet], rest)
                    if packet.pts > pts:
                        break
        except av.error.FFmpegError:
            continue
    return None
