"""Copies a stream of the source into the output, or converts text subtitles.

A converter turns the packets of one source stream into packets to be muxed; `AudioTranscoder` is the third
one.
"""

from __future__ import annotations

import io
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import av.error
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from orchestrator.media.read.tag_filter import mov_language, track_tags, writable
from orchestrator.media.write.trim import MILLISECOND, TrimWindow, decoder_delay_s, earliest_pts
from orchestrator.media_containers import MediaContainer


@dataclass(frozen=True, kw_only=True)
class MuxTarget:
    """Where converted streams go.

    Attributes:
        output: open output file.
        container: its container.
        window: the time range that is written.
    """

    output: OutputContainer
    container: MediaContainer
    window: TrimWindow


class StreamConverter(ABC):
    """Converts the packets of one stream."""

    @abstractmethod
    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Return the output packets for a source packet."""

    def flush(self) -> list[Packet[Stream]]:
        """Return the packets that are left at the end; here none are held back."""
        return []


def is_copyable(stream: Stream, sample: Packet[Stream] | None, container: MediaContainer) -> bool:
    """Return whether the packets of `stream` can be copied into a container.

    Audio must have a codec that players support there (`MediaContainer.copied_audio`). FFmpeg lists more
    codecs than its muxers accept (Opus in MOV, PCM of unnamed channels in MP4), so a file is written to
    memory, with the packet `sample` if there is one.
    """
    played = container.copied_audio if stream.type == "audio" else None
    if played is not None and stream.codec_context.codec.canonical_name not in played:
        return False
    try:
        with av.open(io.BytesIO(), "w", format=container.muxer) as trial:
            if stream.codec_context.name not in trial.supported_codecs:
                return False
            copy = trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
            if sample is not None:
                sample.stream = copy
                sample.pts = sample.dts = 0
                trial.mux(sample)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


class StreamCopier(StreamConverter):
    """Copies packets; those of audio and subtitles only if they are in the window.

    Raises:
        ValueError: the container does not accept the codec.
    """

    def __init__(self, target: MuxTarget, source: Stream) -> None:
        self._window = target.window
        self._type = source.type
        self._has_edit_lists = target.container.has_edit_lists
        self._delay_s = decoder_delay_s(source) if isinstance(source, AudioStream) else Fraction(0)
        self.stream = target.output.add_stream_from_template(source, opaque=True)
        copy_metadata(source, self.stream, target.container)
        self._last_dts: int | None = None
        self._starts_at_zero = target.container.starts_at_zero

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Return the packet with the times that the output gives it.

        If the container has no time before zero, its muxer would delay all streams to make room for the
        priming samples of an encoder, except for those that the stream itself states (`decoder_delay_s`). So
        a packet that ends before zero, or before these, is dropped, and a later one begins there.
        """
        if not self._is_inside(packet):
            return []
        if packet.pts is not None and self._starts_at_zero:
            least = earliest_pts(self._delay_s, packet.time_base)
            if packet.pts < least:
                if packet.pts + (packet.duration or 0) <= least:
                    return []
                packet.pts = packet.dts = least
        packet.stream = self.stream
        # Muxers refuse a packet that is not later than the one before; damaged and joined sources have such.
        dts = packet.dts if packet.dts is not None else packet.pts
        if self._last_dts is not None and (dts is None or dts <= self._last_dts):
            dts = self._last_dts + math.ceil(MILLISECOND / packet.time_base)
        packet.dts = self._last_dts = dts
        if packet.pts is None or (dts is not None and packet.pts < dts):
            packet.pts = dts
        return [packet]

    def _is_inside(self, packet: Packet[Stream]) -> bool:
        if self._type == "audio":
            if self._has_edit_lists:
                return self._window.includes(packet)
            return self._window.fit_packet(packet, self._delay_s)
        if self._type == "subtitle":
            return self._window.fit_caption(packet)
        packet.pts = packet.dts = 0  # a cover picture
        return True


class SubtitleConverter(StreamConverter):
    """Converts text subtitles to the container's text format; styling that it does not support is lost."""

    def __init__(self, target: MuxTarget, source: SubtitleStream, codec: str) -> None:
        self._source = source
        self._window = target.window
        source.codec_context.open(strict=False)
        self.stream = cast("SubtitleStream", target.output.add_stream(codec))
        copy_metadata(source, self.stream, target.container)
        self.stream.time_base = MILLISECOND
        self.stream.codec_context.time_base = MILLISECOND
        self.stream.codec_context.subtitle_header = source.codec_context.subtitle_header

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Decode and encode one caption; empty ones, which MP4 puts between captions, are dropped."""
        try:
            captions = self._source.decode2(packet)
        except av.error.FFmpegError:
            return []
        if captions is None or not len(captions) or packet.pts is None:
            return []
        if not self._window.fit_caption(packet):
            return []
        converted = self.stream.codec_context.encode_subtitle(captions)
        converted.stream = self.stream
        converted.time_base = packet.time_base
        converted.pts = converted.dts = packet.pts
        converted.duration = packet.duration
        return [converted]


def copy_metadata(source: Stream, output: Stream, container: MediaContainer) -> None:
    """Copy language, title, other metadata and disposition of a stream.

    Tags that describe the coding of the source are left out: see `track_tags`.
    """
    output.metadata.update(writable(track_tags(source.metadata)))
    if container.quicktime_languages and "language" in output.metadata:
        output.metadata["language"] = mov_language(output.metadata["language"])
    output.disposition = source.disposition
