"""Measures the length of a video from its packets, for files whose header claims more than a job may have."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av.error

from orchestrator.errors import BadMedia
from orchestrator.frames import VideoInfo
from orchestrator.media.read.demux import main_video, open_source, packets
from orchestrator.video_source import VideoSource


def with_measured_length(path: VideoSource, info: VideoInfo, *, most_s: float, most_frames: int) -> VideoInfo:
    """Return `info` with the length that the packets of the video have. Nothing is decoded.

    Reading stops once the limit is exceeded, and the length is at least that in the header. So it takes no
    longer than reading as much as a job may have.

    Args:
        path: the video that `info` describes.
        info: its description from `probe`.
        most_s: limit of its length from the first picture, in seconds.
        most_frames: limit of its number of pictures.

    Raises:
        BadMedia: the file cannot be read.
    """
    frames = 0
    first: Fraction | None = None
    length_s = 0.0
    with open_source(path) as container:
        try:
            for packet in packets(container, main_video(container, path)):
                moment = packet.pts if packet.pts is not None else packet.dts
                if not packet.size or packet.is_discard or moment is None:
                    continue
                begin_s = moment * packet.time_base
                first = begin_s if first is None else min(first, begin_s)
                end_s = begin_s + (packet.duration or 0) * packet.time_base
                length_s = max(length_s, float(end_s - first))
                frames += 1
                if length_s > most_s or frames > most_frames:
                    length_s, frames = max(length_s, info.duration_s or 0), max(frames, info.frames or 0)
                    break
        except av.error.FFmpegError as exc:
            raise BadMedia(
                f"{path} cannot be read to its end: it is damaged, copy it or export it again"
            ) from exc
    return replace(info, duration_s=length_s, frames=frames)
