"""Carries everything but the upscaled pictures from a source into an output, and says what it could not.

The source is opened a second time and read no further than the video has come, so memory stays bounded.
Knows nothing of pictures.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import av.error
from av.format import Flags
from av.stream import Discard, Disposition

from orchestrator.errors import BadMedia
from orchestrator.media.source import main_video, open_source, packets
from orchestrator.media.tracks import ConvertedSubtitles, CopiedTrack, TranscodedAudio, is_copyable
from orchestrator.media.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import AttachmentStream, Stream
    from av.subtitles.stream import SubtitleStream

    from orchestrator.media.span import Span
    from orchestrator.media.tracks import Track

FREE_CLOCK_S = 10
"""MPEG-TS and MPEG-PS count from any moment: a start later than this is moved to zero, any other is kept."""

LEAD_S = 10
"""How much before a span its source is read from: captions that are shown longer are lost. Seeking is to a
keyframe of the video, or near it."""

INTERLEAVED_S = 10
"""How far apart in time packets that lie next to each other in a file may be; MPEG-TS allows one second."""

TEXT_SUBTITLES = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
"""What text subtitles become in a container that does not take them as they are."""

PICTURES_ONLY = frozenset({"gif"})
"""Containers that hold one stream, of pictures."""

COVERS = {"mjpeg": (".jpg", "image/jpeg"), "png": (".png", "image/png")}
"""File suffix and MIME type of a cover picture, by codec (Matroska's cover art guidelines)."""

_BRANDS = {"major_brand", "minor_version", "compatible_brands", "encoder"}


class Passthrough:
    """Sound, subtitles, cover pictures, attachments, chapters and metadata of one source. Close it after use.

    Args:
        source: the file to carry from.
        output: where to; all its streams are set up here, none of its packets may have been muxed.
        span: the part that is carried, on the clock of the source.

    Attributes:
        origin_s: to subtract from all times of the source, in seconds.
        notes: what was changed or could not be carried.
        video: the source's stream whose pictures are not carried.
    """

    def __init__(self, source: Path, output: OutputContainer, span: Span) -> None:
        self._path = source
        self._span = span
        self._window = Window(opens=span.start_s is not None)
        self._source = open_source(source)
        self._output = output
        self._notes: list[str] = []
        self._damaged = 0
        self._tracks: dict[int, Track] = {}
        self.video = main_video(self._source, source)
        self.origin_s = self._origin_s()
        for stream in self._source.streams:
            if stream.index != self.video.index:
                self._take(stream)
            if stream.index not in self._tracks:
                stream.discard = Discard.all
        output.metadata.update(_own_metadata(self._source))
        if span.start_s is not None and "timecode" in output.metadata | self.video.metadata:
            output.metadata.pop("timecode", "")
            self._notes.append("the time code was left out: it counts from the start of the source")
        self._chapters = 0
        self._packets: Iterator[Packet[Stream]] = iter(())
        self._next: Packet[Stream] | None = None

    @property
    def notes(self) -> list[str]:
        """One sentence for each thing that is not as in the source."""
        transcoded = (track for track in self._tracks.values() if isinstance(track, TranscodedAudio))
        damaged = self._damaged + sum(track.failures for track in transcoded)
        return [*self._notes, *([f"{damaged} damaged packets of sound were left out"] if damaged else [])]

    def begin(self, first_s: Fraction) -> None:
        """Set the clock and go to the start of the span; once, before anything is muxed.

        Args:
            first_s: when the first picture is shown, in seconds on the clock of the source.
        """
        if self._span.start_s is not None:
            self.origin_s = self._span.zero_s(first_s)
            lead_s = self.origin_s - LEAD_S
            # A source that cannot be sought is read from its start.
            with suppress(av.error.FFmpegError):
                if lead_s * av.time_base > (self._source.start_time or 0):
                    self._source.seek(int(lead_s * av.time_base))
        if self._span.end_s is not None:
            self._window.captions_end_s = self._span.end_s - self.origin_s
        self._set_chapters()
        self._packets = self._read()
        self._next = next(self._packets, None)

    def advance(self, until_s: Fraction) -> None:
        """Mux what the source holds up to `until_s`, in seconds of the output."""
        while self._next is not None and _time_s(self._next) <= until_s + self.origin_s:
            self._mux_next()

    def finish(self, last_end_s: Fraction) -> None:
        """Mux the rest, or what of it is in the span; the last picture ends at `last_end_s`."""
        stop_s = self._span.stop_s(last_end_s)
        if stop_s is not None:
            self._window.end_s = stop_s - self.origin_s
        while self._next is not None and not self._is_done():
            self._mux_next()
        for track in self._tracks.values():
            self._output.mux(track.flush())

    def compare(self, written: Path) -> None:
        """Note which metadata and chapters of the source the finished output at `written` does not have."""
        kept, chapters = self._kept(written)
        lost = [key for key in _own_metadata(self._source) if key.lower() not in kept]
        if lost:
            self._notes.append(f"metadata that {self._output.format.name} does not keep: {', '.join(lost)}")
        if self._chapters > chapters:
            self._notes.append(f"{self._chapters - chapters} chapters were lost")

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _kept(self, written: Path) -> tuple[set[str], int]:
        """Return the names of the metadata, and how many chapters, that the output holds."""
        if self._output.format.name in PICTURES_ONLY:
            return set(), 0
        with open_source(written) as output:
            return {key.lower() for key in output.metadata}, len(output.chapters())

    def _origin_s(self) -> Fraction:
        start_s = Fraction(self._source.start_time or 0, av.time_base)
        if (
            self._span.start_s is None
            and Flags(self._source.format.flags) & Flags.ts_discont
            and start_s > FREE_CLOCK_S
        ):
            self._notes.append(
                f"the source's clock starts at {float(start_s):.3f} s; the output's starts at 0"
            )
            return start_s
        return Fraction(0)

    def _take(self, stream: Stream) -> None:
        """Set up the track that carries a stream, or note why there is none."""
        codec = stream.codec_context.name if stream.codec_context is not None else None
        known = codec or getattr(stream, "name", None) or "unknown codec"
        name = f"stream {stream.index} ({stream.type}, {known})"
        if self._output.format.name in PICTURES_ONLY:
            self._notes.append(f"{name} was dropped: {self._output.format.name} holds pictures only")
        elif stream.type == "audio" and codec is not None:
            if is_copyable(stream, self._first_packet(stream), self._output.format.name):
                self._tracks[stream.index] = CopiedTrack(self._output, stream, self._window)
            else:
                track = TranscodedAudio(self._output, cast("AudioStream", stream), self._window)
                self._tracks[stream.index] = track
                reason = f"{self._output.format.name} does not take it as it is"
                self._notes.append(f"{name} was transcoded to {track.codec} ({track.layout}): {reason}")
        elif stream.type == "subtitle" and codec is not None:
            self._take_subtitles(cast("SubtitleStream", stream), name)
        elif stream.type == "video" and stream.disposition & Disposition.attached_pic:
            self._take_cover(stream, name)
        elif stream.type == "attachment" and self._output.format.name == "matroska":
            attachment = cast("AttachmentStream", stream)
            made = self._output.add_attachment(
                attachment.name or "", attachment.mimetype or "", attachment.data
            )
            made.metadata.update(stream.metadata)
        elif not self._is_written_anyway(stream):
            self._notes.append(f"{name} was dropped")

    def _take_subtitles(self, stream: SubtitleStream, name: str) -> None:
        target = TEXT_SUBTITLES[self._output.format.name]
        if is_copyable(stream, None, self._output.format.name):
            self._tracks[stream.index] = CopiedTrack(self._output, stream, self._window)
        elif stream.codec_context.codec.text_sub:
            self._tracks[stream.index] = ConvertedSubtitles(self._output, stream, target, self._window)
            self._notes.append(f"{name} was converted to {target}; styling may be lost")
        else:
            self._notes.append(f"{name} was dropped: {self._output.format.name} does not take such pictures")

    def _take_cover(self, stream: Stream, name: str) -> None:
        """MP4 takes a cover as a stream, Matroska as an attachment, MOV not at all."""
        if self._output.format.name == "mp4":
            self._tracks[stream.index] = CopiedTrack(self._output, stream, self._window)
            return
        picture = self._first_packet(stream)
        suffix, mime_type = COVERS.get(stream.codec_context.name, ("", ""))
        if self._output.format.name == "matroska" and picture is not None and suffix:
            self._output.add_attachment(f"cover{suffix}", mime_type, bytes(picture))
        else:
            self._notes.append(f"{name} was dropped")

    def _first_packet(self, stream: Stream) -> Packet[Stream] | None:
        with open_source(self._path) as again:
            return next(
                (packet for packet in packets(again, again.streams[stream.index]) if packet.size), None
            )

    def _is_written_anyway(self, stream: Stream) -> bool:
        """Whether the muxer makes such a stream by itself: of the chapters, or of the video's time code."""
        is_chapters = getattr(stream, "name", None) == "bin_data" and bool(self._source.chapters())
        return stream.type == "data" and (is_chapters or "timecode" in stream.metadata)

    def _set_chapters(self) -> None:
        kept = []
        window = self._window
        for chapter in self._source.chapters():
            tick = chapter["time_base"] or Fraction(1)
            start_s, end_s = (chapter[edge] * tick - self.origin_s for edge in ("start", "end"))
            if window.holds_chapter(start_s, end_s):
                start_s = max(start_s, Fraction(0)) if window.opens else start_s
                end_s = end_s if window.captions_end_s is None else min(end_s, window.captions_end_s)
                kept.append(chapter | {"start": round(start_s / tick), "end": round(end_s / tick)})
        self._chapters = len(kept)
        self._output.set_chapters(kept)

    def _is_done(self) -> bool:
        """Whether all streams are past the end of the span."""
        end_s = self._window.end_s
        return (
            end_s is not None
            and self._next is not None
            and _time_s(self._next) > end_s + self.origin_s + INTERLEAVED_S
        )

    def _read(self) -> Iterator[Packet[Stream]]:
        wanted = [self._source.streams[index] for index in self._tracks]
        try:
            if wanted:
                yield from (packet for packet in packets(self._source, *wanted) if packet.size)
        except av.error.FFmpegError as exc:
            raise BadMedia(f"{self._path} cannot be read to its end: copy or export it again") from exc

    def _mux_next(self) -> None:
        packet = self._next
        if packet is None:
            return
        index = packet.stream.index
        ticks = round(self.origin_s / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - ticks
        packet.dts = None if packet.dts is None else packet.dts - ticks
        try:
            self._output.mux(self._tracks[index].convert(packet))
        except (av.error.InvalidDataError, av.error.PatchWelcomeError):  # a bitstream filter refuses it
            self._damaged += 1
        self._next = next(self._packets, None)


def _own_metadata(container: InputContainer) -> dict[str, str]:
    """Return the file's metadata without what describes its container and muxer."""
    return {key: value for key, value in container.metadata.items() if key.lower() not in _BRANDS}


def _time_s(packet: Packet[Stream]) -> Fraction:
    ticks = packet.dts if packet.dts is not None else packet.pts or 0
    return ticks * packet.time_base
