"""Transcodes audio that players cannot play in the container of the output: to AAC, or to Opus in WebM."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, NamedTuple, cast

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from orchestrator.media.read.audio_packet_header import BYTES, CODINGS, DECODERS, NAMES, read_audio_header
from orchestrator.media.write.stream_converters import MuxTarget, StreamConverter, copy_metadata
from orchestrator.media.write.trim import MILLISECOND

BITS_PER_CHANNEL = {"aac": 96_000, "libopus": 64_000}
"""Bit rate by encoder. Stereo AAC is transparent to most ears at 192 kbit/s (FFmpeg wiki, Encode/AAC), and
stereo Opus is transparent for music at 128 kbit/s (Xiph wiki, Opus Recommended Settings)."""

AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
"""Sampling rates of AAC (ISO/IEC 14496-3, table 1.18); audio of another rate is resampled to `USUAL_RATE`."""

USUAL_RATE = 48_000
"""The rate at which Opus is decoded, whatever the source had (RFC 6716, 2.1.3)."""

USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
"""Channel layout by number of channels, for sources that do not name one (FFmpeg's
av_channel_layout_default)."""


class _AudioFormat(NamedTuple):
    """Format of decoded audio: FFmpeg's names of sample format and channel layout, and samples per second."""

    samples: str
    layout: str
    rate: int


class AudioTranscoder(StreamConverter):
    """Transcodes one audio stream at the source's times; gaps become silence.

    The output has one sampling rate and one channel layout. If those of the source change, its audio is
    converted to what it was at the start.

    Args:
        target: where the audio goes.
        source: stream to decode.
        is_changing: whether the packets have headers of more than one kind (see `read_audio_header`).

    Attributes:
        failures: number of packets that could not be decoded.
        changes: for each change of the source's format, the time in seconds of the output and the new format.
    """

    def __init__(self, target: MuxTarget, source: AudioStream, *, is_changing: bool) -> None:
        self.failures = 0
        self.changes: list[tuple[float, str]] = []
        self.is_changing = is_changing
        self._window = target.window
        self._source = source
        self._first: _AudioFormat | None = None
        self._current: _AudioFormat | None = None
        self._to_first: av.AudioResampler | None = None
        self._decoder = context = source.codec_context
        self._coding = CODINGS.get(context.codec.canonical_name) if is_changing else None
        name = target.container.audio_encoder or "aac"
        is_usable = name == "aac" and context.sample_rate in AAC_RATES
        rate = context.sample_rate if is_usable else USUAL_RATE
        layout = _supported_layout(name, context.layout, rate)
        self.stream = target.output.add_stream(name, rate=rate, layout=layout)
        copy_metadata(source, self.stream, target.container)
        encoder = self.stream.codec_context
        encoder.bit_rate = BITS_PER_CHANNEL[name] * encoder.channels
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
        """Decode and encode a packet; one that cannot be decoded is counted and becomes silence."""
        if not self._window.includes(packet):
            return []
        frames = self._follow_coding(packet)
        try:
            frames += self._decoder.decode(packet)
        except av.error.FFmpegError:
            self.failures += 1
        return [encoded for frame in frames for encoded in self._encode(frame)]

    def flush(self) -> list[Packet[Stream]]:
        """Return what the decoder, the resamplers and the encoder still hold."""
        packets = [encoded for frame in self._flush_decoder() for encoded in self._encode(frame)]
        packets += [encoded for frame in self._flush_to_first() for encoded in self._resample(frame)]
        return [*packets, *self._resample(None), *self.stream.encode(None)]

    def _follow_coding(self, packet: Packet[Stream]) -> list[AudioFrame]:
        """Change the decoder if the packet has another codec; return what the last decoder still held."""
        header = read_audio_header(bytes(memoryview(packet)[:BYTES])) if self._coding else None
        if header is None or header.coding == self._coding:
            return []
        frames = self._flush_decoder()
        self._coding = header.coding
        at_s = float((packet.pts or 0) * packet.time_base)
        self.changes.append((at_s, NAMES[header.coding]))
        self._decoder = cast("AudioCodecContext", av.CodecContext.create(DECODERS[header.coding], "r"))
        return frames

    def _flush_decoder(self) -> list[AudioFrame]:
        try:
            return self._decoder.decode(None)
        except av.error.FFmpegError:
            return []

    def _encode(self, frame: AudioFrame) -> list[Packet[Stream]]:
        frame.time_base = frame.time_base or self._source.time_base or MILLISECOND
        trimmed = self._window.trim(frame, frame.time_base)
        if trimmed is None:
            return []
        return [encoded for part in self._unify(trimmed) for encoded in self._resample(part)]

    def _unify(self, frame: AudioFrame) -> list[AudioFrame]:
        """Convert a frame to the format of the first one: the resampler accepts only one format."""
        found = _AudioFormat(frame.format.name, frame.layout.name, frame.sample_rate)
        if self._first is None or self._current is None:
            self._first = self._current = found
        if found == self._current:
            return [frame] if self._to_first is None else self._convert_to_first(frame)
        parts = self._flush_to_first()
        if (found.layout, found.rate) != (self._current.layout, self._current.rate):
            at_s = float((frame.pts or 0) * (frame.time_base or 1))
            self.changes.append((at_s, f"{found.layout}, {found.rate} Hz"))
        self._current = found
        if found == self._first:
            return [*parts, frame]
        self._to_first = av.AudioResampler(*self._first)
        return [*parts, *self._convert_to_first(frame)]

    def _flush_to_first(self) -> list[AudioFrame]:
        parts = self._convert_to_first(None)
        self._to_first = None
        return parts

    def _convert_to_first(self, frame: AudioFrame | None) -> list[AudioFrame]:
        """Convert to the first format, in the time base of the source; None flushes."""
        parts = [] if self._to_first is None else self._to_first.resample(frame)
        tick = self._source.time_base or MILLISECOND
        for part in parts:
            if part.pts is not None and part.time_base is not None:
                part.pts, part.time_base = round(part.pts * part.time_base / tick), tick
        return parts

    def _resample(self, frame: AudioFrame | None) -> list[Packet[Stream]]:
        return [encoded for part in self._resampler.resample(frame) for encoded in self.stream.encode(part)]


def _supported_layout(encoder: Literal["aac", "libopus"], layout: AudioLayout, rate: int) -> str:
    """Return the source's layout, or the usual one of its channel count, if accepted; else stereo."""
    usual = USUAL_LAYOUTS.get(layout.nb_channels, layout.name)
    for name in (usual if layout.name.endswith(" channels") else layout.name, usual):
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
