"""The ways in which one stream of a source gets into the output: copied, transcoded or converted.

A track takes the packets of its source stream and returns those to be muxed. Knows nothing of other streams,
or of when packets are due.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Protocol, cast

import av
import av.error

from orchestrator.media.read.audio_packet_header import BYTES, CODINGS, DECODERS, NAMES, sound_header
from orchestrator.media.read.tags import mov_language, track_tags, writable

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.frame import AudioFrame
    from av.audio.layout import AudioLayout
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.subtitles.stream import SubtitleStream

    from orchestrator.containers import Container
    from orchestrator.media.write.trim import Window

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


def is_copyable(stream: Stream, sample: Packet[Stream] | None, container: Container) -> bool:
    """Return whether a container takes the packets of `stream` as they are.

    Audio must have a codec that players support there (`Container.copied_audio`). FFmpeg's list of codecs
    contains more than its muxers accept (Opus in MOV, PCM of unnamed channels in MP4), so the stream is
    written to memory, with the packet `sample` if there is one.
    """
    played = container.copied_audio if stream.type == "audio" else None
    if played is not None and stream.codec_context.codec.canonical_name not in played:
        return False
    try:
        with av.open(io.BytesIO(), "w", format=container.muxer) as trial:
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

    def __init__(self, output: OutputContainer, source: Stream, window: Window, container: Container) -> None:
        self._window = window
        self._type = source.type
        self._has_edits = container.has_edit_lists
        self._is_opus = source.codec_context.name == "opus"
        self.stream = output.add_stream_from_template(source, opaque=True)
        describe(self.stream, source, container)
        self._last_dts: int | None = None
        # Opus says itself how much of it is run-in, and Matroska stores that.
        self._starts_at_zero = container.starts_at_zero and source.codec_context.name != "opus"

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

    The output has one rate and one layout of channels. Where those of the source change, its sound is
    converted to what it was at the start.

    Args:
        is_changing: whether the packets of the source are not all of one kind (see `sound_header`).

    Attributes:
        failures: packets that could not be decoded.
        changes: when the sound of the source changed, in seconds of the output, and to what.
    """

    def __init__(
        self,
        output: OutputContainer,
        source: AudioStream,
        window: Window,
        container: Container,
        *,
        is_changing: bool = False,
    ) -> None:
        self.failures = 0
        self.changes: list[tuple[float, str]] = []
        self._window = window
        self._source = source
        self._first: _Setup | None = None
        self._setup: _Setup | None = None
        self._to_first: av.AudioResampler | None = None
        self._decoder = context = source.codec_context
        self.is_changing = is_changing
        self._coding = CODINGS.get(context.codec.canonical_name) if is_changing else None
        name = container.audio_encoder or "aac"
        rate, bits = OPUS_RATE, OPUS_BITS_PER_CHANNEL
        if name == "aac":
            rate = context.sample_rate if context.sample_rate in AAC_RATES else 48_000
            bits = AAC_BITS_PER_CHANNEL
        layout = _layout(name, context.layout, rate)
        self.stream = output.add_stream(name, rate=rate, layout=layout)
        describe(self.stream, source, container)
        encoder = self.stream.codec_context
        encoder.bit_rate = bits * encoder.channels
        encoder.time_base = Fraction(1, rate)
        encoder.open()
        self._resampler = av.AudioResampler(
            encoder.format,
            layout,
            rate,
            frame_size=encoder.frame_size,
            options={"async": "1"},
        )

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Decode and encode; a packet that cannot be decoded is counted and becomes silence."""
        if not self._window.holds_for_edit(packet):
            return []
        frames = self._begin_coding(packet)
        try:
            frames += self._decoder.decode(packet)
        except av.error.FFmpegError:
            self.failures += 1
        return [made for frame in frames for made in self._encode(frame)]

    def flush(self) -> list[Packet[Stream]]:
        """Empty the decoder, the resampler and the encoder."""
        frames = self._end_of_decoder()
        packets = [made for frame in frames for made in self._encode(frame)]
        packets += [made for frame in self._end_of_setup() for made in self._resample(frame)]
        return [*packets, *self._resample(None), *self.stream.encode(None)]

    def _begin_coding(self, packet: Packet[Stream]) -> list[AudioFrame]:
        """Take another decoder where the packets become those of another codec; return what the last held."""
        header = sound_header(bytes(memoryview(packet)[:BYTES])) if self._coding else None
        if header is None or header.coding == self._coding:
            return []
        frames = self._end_of_decoder()
        self._coding = header.coding
        at_s = float((packet.pts or 0) * packet.time_base)
        self.changes.append((at_s, NAMES[header.coding]))
        self._decoder = cast("AudioCodecContext", av.CodecContext.create(DECODERS[header.coding], "r"))
        return frames

    def _end_of_decoder(self) -> list[AudioFrame]:
        try:
            return self._decoder.decode(None)
        except av.error.FFmpegError:
            return []

    def _encode(self, frame: AudioFrame) -> list[Packet[Stream]]:
        time_base = frame.time_base or self._source.time_base or MILLISECOND
        frame.time_base = time_base
        trimmed = self._window.trimmed(frame, time_base)
        if trimmed is None:
            return []
        return [made for part in self._as_at_first(trimmed) for made in self._resample(part)]

    def _as_at_first(self, frame: AudioFrame) -> list[AudioFrame]:
        """Convert a frame to the setup of the first one: a resampler takes frames of one setup only."""
        setup = _Setup(frame.format.name, frame.layout.name, frame.sample_rate)
        if self._first is None or self._setup is None:
            self._first = self._setup = setup
        if setup == self._setup:
            return [frame] if self._to_first is None else self._converted(frame)
        parts = self._end_of_setup()
        if (setup.layout, setup.rate) != (self._setup.layout, self._setup.rate):
            at_s = float((frame.pts or 0) * (frame.time_base or 1))
            self.changes.append((at_s, f"{setup.layout}, {setup.rate} Hz"))
        self._setup = setup
        if setup == self._first:
            return [*parts, frame]
        self._to_first = av.AudioResampler(self._first.format, self._first.layout, self._first.rate)
        return [*parts, *self._converted(frame)]

    def _end_of_setup(self) -> list[AudioFrame]:
        """Return what the conversion to the first setup still holds."""
        if self._to_first is None:
            return []
        parts = self._converted(None)
        self._to_first = None
        return parts

    def _converted(self, frame: AudioFrame | None) -> list[AudioFrame]:
        """Convert to the first setup, in the time base of the source, which the resampler counts in."""
        made = [] if self._to_first is None else self._to_first.resample(frame)
        tick = self._source.time_base or MILLISECOND
        for part in made:
            if part.pts is not None and part.time_base is not None:
                part.pts, part.time_base = round(part.pts * part.time_base / tick), tick
        return made

    def _resample(self, frame: AudioFrame | None) -> list[Packet[Stream]]:
        return [made for part in self._resampler.resample(frame) for made in self.stream.encode(part)]


@dataclass(frozen=True)
class _Setup:
    """Of decoded sound: FFmpeg's names of the sample format and of the layout, and samples a second."""

    format: str
    layout: str
    rate: int


class ConvertedSubtitles:
    """Text subtitles in another text format; styling that the format lacks is lost."""

    def __init__(
        self,
        output: OutputContainer,
        source: SubtitleStream,
        window: Window,
        container: Container,
    ) -> None:
        self._source = source
        self._window = window
        source.codec_context.open(strict=False)
        self.stream = cast("SubtitleStream", output.add_stream(str(container.text_subtitle_codec)))
        describe(self.stream, source, container)
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


def describe(made: Stream, source: Stream, container: Container) -> None:
    """Give an output stream the language, title, other metadata and disposition of its source.

    Left out is what describes the source's own coding: see `track_tags`.
    """
    made.metadata.update(writable(track_tags(source.metadata)))
    if container.quicktime_languages and "language" in made.metadata:
        made.metadata["language"] = mov_language(made.metadata["language"])
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
