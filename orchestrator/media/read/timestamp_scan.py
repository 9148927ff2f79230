"""Measures the start and the end of MPEG-TS, MPEG-PS and Ogg files from all of their packets.

FFmpeg takes the length of these formats from the first and the last time in the file, which is wrong if the
clock jumps in between: half an hour instead of four seconds. Nothing is decoded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av.error

from orchestrator.media.read.audio_packet_header import BYTES, AudioChangeDetector
from orchestrator.media.read.clock_segments import ClockJump
from orchestrator.media.read.demux import main_video, open_source, packets, timestamp_fixer
from orchestrator.video_source import VideoSource


@dataclass(frozen=True, kw_only=True)
class TimestampScan:
    """Times on the continuous clock of a file, in seconds.

    Attributes:
        start_s: start of the first audio or picture.
        video_s: time of the first picture.
        duration_s: time from the first picture to the end of the last.
        clock_jumps: places where the file's own clock jumps.
        changing_audio_streams: indexes of audio streams whose codec changes, or the channels or rate of AAC.
        has_late_streams: whether there are streams that FFmpeg did not find at the start of the file.
    """

    start_s: Fraction
    video_s: Fraction
    duration_s: Fraction
    clock_jumps: tuple[ClockJump, ...]
    changing_audio_streams: frozenset[int]
    has_late_streams: bool


def scan_timestamps(path: VideoSource) -> TimestampScan:
    """Read a file as far as possible and measure it.

    Raises:
        InputNotFound, BadMedia: see `open_source` and `main_video`.
    """
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    headers = AudioChangeDetector()
    with open_source(path) as container:
        video = main_video(container, path)
        clock = timestamp_fixer(container)
        tick = video.time_base or Fraction(1, 90_000)
        rate = video.average_rate or video.guessed_rate
        usual = {video.index: round(1 / (rate * tick)) if rate else 0}
        try:
            for packet in packets(container, clock=clock):
                ticks = packet.pts if packet.pts is not None else packet.dts
                if packet.size and packet.stream.type == "audio":
                    headers.take(packet.stream.index, bytes(memoryview(packet)[:BYTES]))
                if packet.size and ticks is not None and packet.stream.type in {"audio", "video"}:
                    index = packet.stream.index
                    starts[index] = min(ticks, starts.get(index, ticks))
                    end = ticks + (packet.duration or usual.get(index, 0))
                    ends[index] = max(end, ends.get(index, end))
        except av.error.FFmpegError:
            pass  # the reader says what cannot be read
        starts_s = {
            index: start * (container.streams[index].time_base or Fraction(1, 90_000))
            for index, start in starts.items()
        }
        return TimestampScan(
            start_s=min(starts_s.values(), default=Fraction(0)),
            video_s=starts.get(video.index, 0) * tick,
            duration_s=(ends.get(video.index, 0) - starts.get(video.index, 0)) * tick,
            clock_jumps=tuple(clock.clock_jumps),
            changing_audio_streams=headers.changing,
            has_late_streams=clock.has_late_streams,
        )
