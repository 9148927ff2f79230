"""Finds the place in a file from which a moment of its video can be decoded. Decodes nothing itself."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

import av
import av.error

from orchestrator.media.read.source import main_video, open_source, packets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

MARGINS_S = (0, 1, 4, 16)
"""How much too early to aim, one after the other: FFmpeg seeks by decoding times, and in MPEG-TS
by the place in the file, so it may come out after the moment."""

LAST_PTS = 2**62
"""Later ones do not fit into FFmpeg's numbers."""

UNTIMED = {"avi", "mpeg", "gif", "apng"}
"""AVI and MPEG-PS do not store the time of every picture; FFmpeg finds it by counting from the start. The
pictures of a GIF or an APNG are parts that are put on the one before."""


def packets_before_keyframe(path: Path, time_s: Fraction) -> int:
    """Return how many packets of the video come before the last keyframe that is shown at or before a moment.

    It reads the file from its start, as a file whose clock jumps has to be, and decodes nothing.
    """
    number = found = 0
    with open_source(path) as container:
        stream = main_video(container, path)
        tick = stream.time_base or Fraction(1, 90_000)
        with contextlib.suppress(av.error.FFmpegError):  # what reads the pictures tells of the damage
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
    """Go to the last keyframe that is shown at or before a moment, or near it.

    Pictures that are shown before that keyframe but come after it (an open GOP) refer to others that are not
    read: they are not to be used.

    Args:
        container: of the video; where it is read on is undefined if there is no answer.
        stream: the video.
        time_s: on the clock of the file, in seconds.

    Returns:
        The keyframe's pts and the packets of all streams from it on; None where the file is to be read from
        its start.
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
