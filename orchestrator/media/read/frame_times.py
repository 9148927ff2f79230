"""Lists the presentation times of all frames of a video, if possible without decoding it.

If every packet holds one picture with a time, the packets give the times. If not (see `_demuxed`), the video
is decoded as the reader does it, and its pictures are dropped. Either way the times are those of the
reader's frames, by their index.
"""

from __future__ import annotations

from array import array
from contextlib import closing

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadMedia
from orchestrator.frames import VideoInfo
from orchestrator.media.read.decoded_pictures import DecodedPictures
from orchestrator.media.read.demux import main_video, open_source, packets
from orchestrator.media.read.seek import UNTIMED
from orchestrator.media.time_range import TimeRange
from orchestrator.video_source import VideoSource


def frame_times(path: VideoSource, info: VideoInfo) -> NDArray[np.float64]:
    """Return the presentation time of each frame, in seconds from the start of the file, by its index.

    It takes 8 bytes a frame, and reads the whole file.

    Args:
        path: the video that `info` describes.
        info: its description from `probe`.

    Returns:
        float64 [N], rising: `pts * time_base - start_s` of each frame that `VideoReader` yields.

    Raises:
        BadMedia: it cannot be read; where it has to be decoded, see `DecodedPictures`.
    """
    pts = _demuxed(path)
    if info.interlaced or pts is None:
        pts = _decoded(path, info)
    return in_seconds(pts, info)


def in_seconds(pts: NDArray[np.int64], info: VideoInfo) -> NDArray[np.float64]:
    """Return the result of `frame_times` from the pts of all frames, int64 [N], rising.

    Pictures at the start that cannot be decoded are left out.
    """
    tick = info.time_base
    if info.skipped_frames:
        pts = pts[pts >= round(info.start_s / tick)]
    return pts.astype(np.float64) * tick.numerator / tick.denominator - float(info.start_s)


def _demuxed(path: VideoSource) -> NDArray[np.int64] | None:
    """Return the pts of the frames, int64 [N], from the packets; None if the video must be decoded for them.

    That is so for AVI and MPEG-PS, which do not store all presentation times; for VP8, whose packets may hold
    hidden pictures; and if a time is missing or occurs twice, as with two fields in two packets.
    """
    pts = array("q")
    with open_source(path) as container:
        stream = main_video(container, path)
        if container.format.name in UNTIMED or stream.codec_context.name == "vp8":
            return None
        try:
            for packet in packets(container, stream):
                if packet.size and not packet.is_discard:
                    if packet.pts is None:
                        return None
                    pts.append(packet.pts)
        except av.error.FFmpegError as exc:
            raise BadMedia(
                f"{path} cannot be read to its end: it is damaged, copy it or export it again"
            ) from exc
    times = np.sort(np.frombuffer(pts, np.int64))
    return None if (np.diff(times) <= 0).any() else times


def _decoded(path: VideoSource, info: VideoInfo) -> NDArray[np.int64]:
    """Return the pts of the frames, int64 [N], by decoding the video."""
    with closing(
        DecodedPictures(path, info, threads=0, span=TimeRange(start_s=None, end_s=None))
    ) as pictures:
        return np.array(array("q", (moment.pts for moment in pictures)), np.int64)
