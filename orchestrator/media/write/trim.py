"""What is kept of sound and captions when a part of a video is written. Knows nothing of files or pictures.

Times are on the output's clock: the window begins at zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.packet import Packet
    from av.stream import Stream

RUN_IN_S = Fraction(80, 1000)
"""Sound that a decoder is to hear before it sounds right: what Opus asks for (RFC 7845, 4.6), and more than
the one packet that AAC, MP3 and AC-3 need."""

MOVED_S = Fraction(20, 1000)
"""Sound that is this much early or late is not noticed: ITU-R BT.1359 puts the threshold at 45 and 125 ms."""

OPUS_DELAY_S = Fraction(312, 48_000)
"""The least that an Opus decoder leaves out at the start: libopus's own delay."""


@dataclass(kw_only=True)
class Window:
    """From zero to an end.

    Attributes:
        opens: whether it has a beginning; else sound before zero, such as an encoder's run-in, is kept too.
        end_s: of sound; None while everything after zero is kept.
        captions_end_s: of captions, in the same way.
    """

    opens: bool = False
    end_s: Fraction | None = None
    captions_end_s: Fraction | None = None

    def holds_chapter(self, start_s: Fraction, end_s: Fraction) -> bool:
        """Whether any of a chapter is inside."""
        before_end = self.captions_end_s is None or start_s < self.captions_end_s
        return before_end and not (start_s < 0 and end_s <= 0)

    def holds_for_edit(self, packet: Packet[Stream]) -> bool:
        """Whether a packet of sound is needed where what is before zero is decoded, but not heard.

        So it is in MP4 and MOV, by their edit lists, and where sound is decoded and trimmed here.
        """
        start_s, stop_s = _times_s(packet)
        return not (self.opens and stop_s <= -RUN_IN_S) and self._begins_before_end(start_s, stop_s)

    def holds_whole(self, packet: Packet[Stream], *, is_opus: bool) -> bool:
        """Whether half of a packet of sound or more is inside; one that begins earlier is put at zero.

        That is for containers without a time before zero: sound begins and ends at the packet's edge that is
        nearest. A packet that would be moved by more than MOVED_S is left out instead. Opus may begin as much
        earlier as its decoder leaves out.
        """
        start_s, stop_s = _times_s(packet)
        if self.opens and start_s < 0:
            if start_s + stop_s < 0 or start_s < -MOVED_S:
                return False
            least = math.ceil((-OPUS_DELAY_S if is_opus else Fraction(0)) / packet.time_base)
            packet.pts = packet.dts = max(packet.pts or 0, least)
        return self._begins_before_end(start_s, stop_s)

    def holds_caption(self, packet: Packet[Stream]) -> bool:
        """Whether a caption is shown inside; it is cut to what is."""
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

    def trimmed(self, frame: AudioFrame, time_base: Fraction) -> AudioFrame | None:
        """Return a frame of sound without the samples that are outside; None where nothing is left.

        Args:
            frame: of any format.
            time_base: unit of its pts, in seconds.
        """
        if frame.pts is None or not (self.opens or self.end_s is not None):
            return frame
        start_s = frame.pts * time_base
        first, last = 0, frame.samples
        if self.opens:
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
        return self.end_s is None or start_s + stop_s <= 2 * self.end_s


def _times_s(packet: Packet[Stream]) -> tuple[Fraction, Fraction]:
    """Return when a packet starts and stops."""
    ticks = packet.pts if packet.pts is not None else packet.dts or 0
    return ticks * packet.time_base, (ticks + (packet.duration or 0)) * packet.time_base
