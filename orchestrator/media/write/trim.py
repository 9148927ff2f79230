"""Trims audio, captions and chapters to the time range that is written.

Times are on the clock of the output: the window begins at zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

RUN_IN_S = Fraction(80, 1000)
"""Audio that a decoder needs before its output is correct: what Opus asks for (RFC 7845, 4.6), and more than
the single packet that AAC, MP3 and AC-3 need."""

MOVED_S = Fraction(20, 1000)
"""An offset of audio that nobody notices: ITU-R BT.1359 puts the threshold at 45 ms early and 125 ms late."""

MILLISECOND = Fraction(1, 1000)
"""The unit of times in Matroska and WebM."""


@dataclass(kw_only=True)
class TrimWindow:
    """The time range that is written, from zero to an end.

    Attributes:
        has_start: whether audio before zero is dropped; otherwise it is kept, such as an encoder's priming
            samples.
        end_s: end for audio, in seconds; None keeps everything after zero.
        captions_end_s: end for captions and chapters, in the same way.
    """

    has_start: bool = False
    end_s: Fraction | None = None
    captions_end_s: Fraction | None = None

    def includes(self, packet: Packet[Stream]) -> bool:
        """Return whether a packet of audio is inside, or in the priming samples before it.

        This is for audio before zero that is decoded but not heard: because an edit list of MP4 or MOV hides
        it, or because it is decoded and trimmed here.
        """
        start_s, stop_s = _times_s(packet)
        return not (self.has_start and stop_s <= -RUN_IN_S) and self._begins_before_end(start_s, stop_s)

    def fit_packet(self, packet: Packet[Stream], delay_s: Fraction) -> bool:
        """Return whether at least half of a packet of audio is inside; move one that begins earlier to zero.

        This is for containers that have no time before zero: audio begins and ends at the nearest edge of a
        packet. A packet that would be moved by more than MOVED_S is outside. The audio begins earlier by the
        delay that its decoder drops (`decoder_delay_s`).
        """
        start_s, stop_s = _times_s(packet)
        if self.has_start and start_s < -delay_s:
            if start_s + stop_s < -2 * delay_s or start_s < -delay_s - MOVED_S:
                return False
            packet.pts = packet.dts = max(packet.pts or 0, earliest_pts(delay_s, packet.time_base))
        return self._begins_before_end(start_s, stop_s)

    def fit_caption(self, packet: Packet[Stream]) -> bool:
        """Return whether a part of a caption is inside; shorten the caption to this part."""
        start_s, stop_s = _times_s(packet)
        if (stop_s <= 0 and start_s < 0) or (
            self.captions_end_s is not None and start_s >= self.captions_end_s
        ):
            return False
        begin_s = max(start_s, Fraction(0))
        end_s = stop_s if self.captions_end_s is None else min(stop_s, self.captions_end_s)
        if (begin_s, end_s) != (start_s, stop_s):
            packet.pts = packet.dts = round(begin_s / packet.time_base)
            packet.duration = round((end_s - begin_s) / packet.time_base)
        return True

    def trim(self, frame: AudioFrame, time_base: Fraction) -> AudioFrame | None:
        """Return a frame of audio without the samples outside the window; None if no sample is left.

        Args:
            frame: decoded audio of any format.
            time_base: unit of its pts, in seconds.
        """
        if frame.pts is None or not (self.has_start or self.end_s is not None):
            return frame
        start_s = frame.pts * time_base
        first, last = 0, frame.samples
        if self.has_start:
            first = min(max(0, math.ceil(-start_s * frame.sample_rate)), last)
        if self.end_s is not None:
            last = max(first, min(last, math.ceil((self.end_s - start_s) * frame.sample_rate)))
        if last - first == frame.samples:
            return frame
        if first == last:
            return None
        samples = frame.to_ndarray()
        step = 1 if frame.format.is_planar else frame.layout.nb_channels
        kept = av.AudioFrame.from_ndarray(
            samples[:, first * step : last * step].copy(), frame.format.name, frame.layout.name
        )
        kept.sample_rate = frame.sample_rate
        kept.time_base = time_base
        kept.pts = round((start_s + Fraction(first, frame.sample_rate)) / time_base)
        return kept

    def _begins_before_end(self, start_s: Fraction, stop_s: Fraction) -> bool:
        """Return whether at least half of a packet is before the end."""
        return self.end_s is None or start_s + stop_s <= 2 * self.end_s


def decoder_delay_s(source: AudioStream) -> Fraction:
    """Return for how long the decoder of a stream drops its first samples, in seconds.

    A stream of Matroska or WebM states it (CodecDelay), and Opus does in every container (RFC 7845, 5.1:
    pre-skip). FFmpeg writes it again if the stream is copied into Matroska or WebM. Elsewhere it is zero, and
    an edit list hides the samples.
    """
    return Fraction(source.codec_context.delay, source.codec_context.sample_rate or 1)


def earliest_pts(delay_s: Fraction, time_base: Fraction) -> int:
    """Return the first time that audio with this delay can have in Matroska or WebM, in units of `time_base`.

    Their muxer rounds the delay to the nearest millisecond.
    """
    return math.ceil(-math.floor(delay_s / MILLISECOND + Fraction(1, 2)) * MILLISECOND / time_base)


def _times_s(packet: Packet[Stream]) -> tuple[Fraction, Fraction]:
    """Return when a packet starts and stops, in seconds."""
    ticks = packet.pts if packet.pts is not None else packet.dts or 0
    return ticks * packet.time_base, (ticks + (packet.duration or 0)) * packet.time_base
