"""The ways in which one stream of a source gets into the output: copied, transcoded or converted.

A track takes the packets of its source stream and returns those to be muxed. Knows nothing of other streams,
or of when packets are due.
"""

from __future__ import annotations

import io
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Protocol, cast

import av
import av.error

from orchestrator.media.tags import track_tags

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.layout import AudioLayout
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.subtitles.stream import SubtitleStream

    from orchestrator.media.window import Window

AAC_BITS_PER_CHANNEL = 96_000
"""192 kbit/s for stereo: FFmpeg's AAC encoder is transparent to most ears there (FFmpeg wiki, Encode/AAC)."""

AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
"""Sampling rates of AAC (ISO/IEC 14496-3, table 1.18); others are resampled to 48 kHz."""

OPUS_BITS_PER_CHANNEL = 64_000
"""128 kbit/s for stereo: music is transparent there (Xiph wiki, Opus Recommended Settings)."""

OPUS_RATE = 48_000
"""What Opus is decoded at, whatever went in (RFC 6716, 2.1.3)."""

USUAL_LAYOUTS = {
    "1 channels": "mono",
    "2 channels": "stereo",
    "3 channels": "2.1",
    "4 channels": "4.0",
    "5 channels": "5.0",
    "6 channels": "5.1",
    "8 channels": "7.1",
}
"""What so many channels are when a source does not name them (FFmpeg's av_channel_layout_default)."""

MILLISECOND = Fraction(1, 1000)


def is_copyable(stream: Stream, sample: Packet[Stream] | None, container: str) -> bool:
    """Whether a container, by FFmpeg's name, takes the packets of `stream` as they are.

    FFmpeg's table of codecs says more than its muxers do (Opus in MOV, PCM of unnamed channels in MP4), so
    the stream is written to memory, with the packet `sample` if there is one.
    """
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            if stream.codec_context.name not in trial.supported_codecs:
                return False
            made = trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
            if sample is not None:
                sample.stream = made
                sample.pts = sample.dts = 0
                trial.mux(sample)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


class Track(Protocol):
    """One stream on its way into the output."""

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Return the output packets that a source packet makes."""

    def flush(self) -> list[Packet[Stream]]:
        """Return what is left at the end."""


class CopiedTrack:
    """Packets as they are; those of sound and captions that are in a window.

    Raises:
        ValueError: the output's container does not take the codec.
    """

    def __init__(self, output: OutputContainer, source: Stream, window: Window) -> None:
        self._window = window
        self._type = source.type
        self._has_edits = output.format.name in {"mp4", "mov"}
        self._is_opus = source.codec_context.name == "opus"
        self.stream = output.add_stream_from_template(source, opaque=True)
        describe(self.stream, source)
        self._last_dts: int | None = None
        # Opus says itself how much of it is run-in, and Matroska stores that.
        is_matroska = output.format.name in {"matroska", "webm"}
        self._starts_at_zero = is_matroska and source.codec_context.name != "opus"

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Hand the packet on.

        Matroska has no time before zero, and would move all streams later to make room for an encoder's
        run-in there: a packet that is over by then is left out, one that goes on starts at zero.
        """
        if not self._is_held(packet):
            return []
        if packet.pts is not None and packet.pts < 0 and self._starts_at_zero:
            if packet.pts + (packet.duration or 0) <= 0:
                return []
            packet.pts = packet.dts = 0
        packet.stream = self.stream
        # Muxers refuse a packet that is not later than the last; a damaged or joined source holds such.
        dts = packet.dts if packet.dts is not None else packet.pts
        if self._last_dts is not None and (dts is None or dts <= self._last_dts):
            dts = self._last_dts + math.ceil(MILLISECOND / packet.time_base)
        packet.dts = self._last_dts = dts
        if packet.pts is None or (dts is not None and packet.pts < dts):
            packet.pts = dts
        return [packet]

    def _is_held(self, packet: Packet[Stream]) -> bool:
        if self._type == "audio":
            if self._has_edits:
                return self._window.holds_for_edit(packet)
            return self._window.holds_whole(packet, is_opus=self._is_opus)
        if self._type == "subtitle":
            return self._window.holds_caption(packet)
        packet.pts = packet.dts = 0  # a cover picture
        return True

    def flush(self) -> list[Packet[Stream]]:
        """Nothing is kept back."""
        return []


class TranscodedAudio:
    """Sound as AAC, or Opus in WebM, with the source's times: gaps in it become silence.

    Attributes:
        failures: packets that could not be decoded.
        codec: that is written.
        layout: of the channels that are written.
    """

    def __init__(self, output: OutputContainer, source: AudioStream, window: Window) -> None:
        self.failures = 0
        self._window = window
        self._source = source
        context = source.codec_context
        name: Literal["aac", "libopus"] = "libopus" if output.format.name == "webm" else "aac"
        self.codec = name.removeprefix("lib")
        rate, bits = OPUS_RATE, OPUS_BITS_PER_CHANNEL
        if name == "aac":
            rate = context.sample_rate if context.sample_rate in AAC_RATES else 48_000
            bits = AAC_BITS_PER_CHANNEL
        self.layout = layout = _layout(name, context.layout, rate)
        self.stream = output.add_stream(name, rate=rate, layout=layout)
        describe(self.stream, source)
        encoder = self.stream.codec_context
        encoder.bit_rate = bits * encoder.channels
        encoder.time_base = Fraction(1, rate)
        encoder.open()
        self._resampler = av.AudioResampler(
            encoder.format, layout, rate, frame_size=encoder.frame_size, options={"async": "1"}
        )

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Decode and encode; a packet that cannot be decoded is counted and becomes silence."""
        if not self._window.holds_for_edit(packet):
            return []
        try:
            frames = self._source.codec_context.decode(packet)
        except av.error.FFmpegError:
            self.failures += 1
            return []
        return [made for frame in frames for made in self._encode(frame)]

    def flush(self) -> list[Packet[Stream]]:
        """Empty the decoder, the resampler and the encoder."""
        try:
            frames = self._source.codec_context.decode(None)
        except av.error.FFmpegError:
            frames = []
        packets = [made for frame in frames for made in self._encode(frame)]
        return [*packets, *self._encode(None), *self.stream.encode(None)]

    def _encode(self, frame: AudioFrame | None) -> list[Packet[Stream]]:
        if frame is not None:
            if frame.time_base is None:
                frame.time_base = self._source.time_base
            frame = self._window.trimmed(frame, frame.time_base or Fraction(1, frame.sample_rate))
            if frame is None:
                return []
        return [made for part in self._resampler.resample(frame) for made in self.stream.encode(part)]


class ConvertedSubtitles:
    """Text subtitles in another text format; styling that the format lacks is lost."""

    def __init__(self, output: OutputContainer, source: SubtitleStream, codec: str, window: Window) -> None:
        self._source = source
        self._window = window
        source.codec_context.open(strict=False)
        self.stream = cast("SubtitleStream", output.add_stream(codec))
        describe(self.stream, source)
        self.stream.time_base = MILLISECOND
        self.stream.codec_context.time_base = MILLISECOND
        self.stream.codec_context.subtitle_header = source.codec_context.subtitle_header

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Decode and encode one caption; empty ones, which MP4 puts between captions, are left out."""
        try:
            captions = self._source.decode2(packet)
        except av.error.FFmpegError:
            return []
        if captions is None or not len(captions) or packet.pts is None:
            return []
        if not self._window.holds_caption(packet):
            return []
        made = self.stream.codec_context.encode_subtitle(captions)
        made.stream = self.stream
        made.time_base = packet.time_base
        made.pts = made.dts = packet.pts
        made.duration = packet.duration
        return [made]

    def flush(self) -> list[Packet[Stream]]:
        """Nothing is kept back."""
        return []


def describe(made: Stream, source: Stream) -> None:
    """Give an output stream the language, title, other metadata and disposition of its source.

    Left out is what describes the source's own coding: see `track_tags`.
    """
    made.metadata.update(track_tags(source.metadata))
    made.disposition = source.disposition


def _layout(encoder: Literal["aac", "libopus"], layout: AudioLayout, rate: int) -> str:
    """Return the name of `layout`, or of the usual one of so many channels, that FFmpeg's `encoder` takes.

    Else return stereo.
    """
    usual = USUAL_LAYOUTS.get(f"{layout.nb_channels} channels", layout.name)
    names = [usual if layout.name.endswith(" channels") else layout.name, usual]
    for name in names:
        trial = av.CodecContext.create(encoder, "w")
        trial.sample_rate = rate
        trial.format = "flt" if encoder == "libopus" else "fltp"
        try:
            trial.layout = name
            trial.open()
        except (av.error.FFmpegError, ValueError):
            continue
        return name
    return "stereo"
