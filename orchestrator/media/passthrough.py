"""Carries everything but the pictures from a source into an output. Knows nothing of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from av.stream import Discard

from orchestrator.media.source import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from av.container import OutputContainer
    from av.packet import Packet


class Passthrough:
    """Reads the other streams of a source as the video advances, so that memory stays bounded.

    Attributes:
        notes: what could not be carried over.
    """

    def __init__(self, source: Path, output: OutputContainer) -> None:
        self.notes: list[str] = []
        self._output = output
        self._source = open_source(source)
        output.metadata.update(self._source.metadata)
        output.set_chapters(self._source.chapters())
        self._streams = {}
        for stream in self._source.streams:
            if stream.type == "audio":
                copy = output.add_stream_from_template(stream)
                copy.metadata.update(stream.metadata)
                copy.disposition = stream.disposition
                self._streams[stream.index] = copy
            else:
                stream.discard = Discard.all
        self._packets = self._read()
        self._next: Packet | None = None
        self._step()

    def advance(self, until_s: Fraction) -> None:
        """Carry over what comes before `until_s`, in seconds."""
        while self._next is not None and _time_s(self._next) <= until_s:
            self._mux()

    def finish(self) -> None:
        """Carry over the rest."""
        while self._next is not None:
            self._mux()

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _mux(self) -> None:
        packet = self._next
        if packet is not None:
            packet.stream = self._streams[packet.stream.index]
            self._output.mux(packet)
        self._step()

    def _step(self) -> None:
        self._next = next(self._packets, None)

    def _read(self) -> Iterator[Packet]:
        wanted = tuple(self._source.streams[index] for index in self._streams)
        if wanted:
            for packet in self._source.demux(wanted):
                if packet.size:
                    yield packet


def _time_s(packet: Packet) -> Fraction:
    ticks = packet.dts if packet.dts is not None else packet.pts or 0
    return ticks * packet.time_base
