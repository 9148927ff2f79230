"""Carries everything but the written pictures from a source into an output.

What it could not carry is found by `comparison`, which looks at both files at the end. The source is opened a
second time and read no further than the video has come, so memory stays bounded. Knows nothing of pictures.
"""

from __future__ import annotations

import contextlib
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import av.error
from av.stream import Discard, Disposition

from orchestrator.errors import BadMedia
from orchestrator.media.read.source import has_free_clock, main_video, open_source, packets
from orchestrator.media.read.tags import chapter_title, is_of_camera, own_tags, valid, writable
from orchestrator.media.write.differences import Carried
from orchestrator.media.write.stream_converters import (
    ConvertedSubtitles,
    CopiedTrack,
    TranscodedAudio,
    is_copyable,
)
from orchestrator.media.write.trim import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.container.core import Chapter
    from av.packet import Packet
    from av.stream import AttachmentStream, Stream
    from av.subtitles.stream import SubtitleStream

    from orchestrator.containers import Container
    from orchestrator.frames import VideoInfo
    from orchestrator.media.time_range import TimeRange
    from orchestrator.media.write.stream_converters import Track

NOTED_START_S = 2
"""All times are moved so that the first is zero. That is noted where it is more than muxers' usual delay."""

LEAD_S = 10
"""How much before a span its source is read from: captions that are shown longer are lost. Seeking is to a
keyframe of the video, or near it."""

INTERLEAVED_S = 10
"""How far apart in time packets that lie next to each other in a file may be; MPEG-TS allows one second."""

MOST_CHANGES = 3
"""How many changes of a sound track one note tells."""

COVERS = {"mjpeg": (".jpg", "image/jpeg"), "png": (".png", "image/png")}
"""File suffix and MIME type of a cover picture, by codec (Matroska's cover art guidelines)."""


class Passthrough:
    """Sound, subtitles, cover pictures, attachments, chapters and metadata of one source. Close it after use.

    Args:
        source: the file to carry from.
        output: where to; all its streams are set up here, none of its packets may have been muxed.
        span: the part that is carried, on the clock of the source.
        info: what `probe` said of the source.
        container: of the output.

    Attributes:
        origin_s: to subtract from all times of the source, in seconds.
        notes: what happened on the way and cannot be seen in the files.
        video: the source's stream whose pictures are not carried.
    """

    def __init__(
        self, source: Path, output: OutputContainer, span: TimeRange, info: VideoInfo, container: Container
    ) -> None:
        self._path = source
        self._info = info
        self._span = span
        self._window = Window(opens=span.start_s is not None)
        self._source = open_source(source)
        self._output = output
        self._container = container
        self._notes: list[str] = []
        self._damaged = 0
        self._tracks: dict[int, Track] = {}
        self._written: dict[int, int] = {}  # packets, by index of the source's stream
        self._empty: set[int] = set()
        # Of the streams of sound, as people count them; the notes are also read when the file is closed.
        self._numbers = {stream.index: number for number, stream in enumerate(self._source.streams.audio, 1)}
        self.video = main_video(self._source, source)
        self.origin_s = self._origin_s()
        self._samples = self._first_packets()
        for stream in self._source.streams:
            if stream.index != self.video.index:
                self._take(stream)
            if stream.index not in self._tracks and not has_free_clock(self._source):
                stream.discard = Discard.all
        output.metadata.update(writable(own_tags(self._source.metadata)))
        if span.start_s is not None:  # a time code counts from the start of the source
            output.metadata.pop("timecode", "")
        if container.has_named_tags and any(map(is_of_camera, output.metadata)):
            # Under keys of their own names (`mdta`), which hold any tag. They replace the lists of iTunes and
            # QuickTime, where other players look for a title: so only where those would lose what was filmed.
            output.container_options["movflags"] += "+use_metadata_tags"
        self._chapters: list[str] = []
        self._packets: Iterator[Packet[Stream]] = iter(())
        self._next: Packet[Stream] | None = None

    @property
    def notes(self) -> list[str]:
        """One sentence for each thing that happened on the way."""
        notes = list(self._notes)
        damaged = self._damaged
        for index, track in self._tracks.items():
            if not isinstance(track, TranscodedAudio):
                continue
            damaged += track.failures
            number = self._numbers[index]
            if track.changes:
                notes.append(_about_changes(number, track.changes))
            elif track.is_changing:
                notes.append(f"sound {number} was transcoded, as it changes in another part of the source")
        return [*notes, *([f"{damaged} damaged packets of sound were left out"] if damaged else [])]

    def begin(self, first_s: Fraction) -> None:
        """Set the clock and go to the start of the span; once, before anything is muxed.

        Args:
            first_s: when the first picture is shown, in seconds on the clock of the source.
        """
        if self._span.start_s is not None:
            self.origin_s = self._span.output_zero_s(first_s)
            lead_s = self.origin_s - LEAD_S
            # A source that cannot be sought is read from its start.
            with suppress(av.error.FFmpegError):
                if not self._info.has_clock_jumps and lead_s * av.time_base > (self._source.start_time or 0):
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
        stop_s = self._span.audio_end_s(last_end_s)
        if stop_s is not None:
            self._window.end_s = stop_s - self.origin_s
        while self._next is not None and not self._is_done():
            self._mux_next()
        for index, track in self._tracks.items():
            made = track.flush()
            self._output.mux(made)
            self._written[index] = self._written.get(index, 0) + len(made)

    @property
    def carried(self) -> Carried:
        """What was meant to be in the output; complete after `finish`."""
        return Carried(
            packets=self._written,
            empty=frozenset(self._empty),
            chapters=self._chapters,
            is_cut=self._span.start_s is not None,
        )

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _origin_s(self) -> Fraction:
        """Return the moment that becomes zero where the source is carried from its start."""
        start_s = self._info.start_s
        if self._span.start_s is None and start_s > NOTED_START_S:
            self._notes.append(
                f"the source's clock starts at {float(start_s):.3f} s; the output's starts at 0"
            )
        return start_s

    def _take(self, stream: Stream) -> None:
        """Set up the track that carries a stream, where the container takes it."""
        is_known = stream.codec_context is not None
        if stream.type == "audio" and is_known:
            self._take_sound(cast("AudioStream", stream))
        elif self._container.pictures_only:
            return
        elif stream.type == "subtitle" and is_known:
            self._take_subtitles(cast("SubtitleStream", stream))
        elif stream.type == "video" and stream.disposition & Disposition.attached_pic:
            self._take_cover(stream)
        elif stream.type == "attachment" and self._container.has_attachments:
            attachment = cast("AttachmentStream", stream)
            made = self._output.add_attachment(
                valid(attachment.name or ""), valid(attachment.mimetype or ""), attachment.data
            )
            made.metadata.update(writable(stream.metadata))

    def _take_sound(self, stream: AudioStream) -> None:
        first = self._samples.get(stream.index)
        is_changing = stream.index in self._info.changing_audio_streams
        if first is None:
            self._empty.add(stream.index)
        elif self._container.pictures_only:
            return
        elif not is_changing and is_copyable(stream, first, self._container):
            self._tracks[stream.index] = CopiedTrack(self._output, stream, self._window, self._container)
        else:
            self._tracks[stream.index] = TranscodedAudio(
                self._output, stream, self._window, self._container, is_changing=is_changing
            )

    def _take_subtitles(self, stream: SubtitleStream) -> None:
        if is_copyable(stream, None, self._container):
            self._tracks[stream.index] = CopiedTrack(self._output, stream, self._window, self._container)
        elif stream.codec_context.codec.text_sub and self._container.text_subtitle_codec:
            self._tracks[stream.index] = ConvertedSubtitles(
                self._output, stream, self._window, self._container
            )

    def _take_cover(self, stream: Stream) -> None:
        if self._container.cover == "stream":
            self._tracks[stream.index] = CopiedTrack(self._output, stream, self._window, self._container)
            return
        picture = self._samples.get(stream.index)
        suffix, mime_type = COVERS.get(stream.codec_context.name, ("", ""))
        if self._container.cover == "attachment" and picture is not None and suffix:
            self._output.add_attachment(f"cover{suffix}", mime_type, bytes(picture))

    def _first_packets(self) -> dict[int, Packet[Stream]]:
        """Return the first packet of each stream of sound and of each cover picture that has one, by index.

        They are read in one pass, which ends when each stream has its own: a stream that is empty takes the
        whole file.
        """
        found: dict[int, Packet[Stream]] = {}
        with open_source(self._path) as again:
            wanted = {
                stream.index
                for stream in again.streams
                if stream.type == "audio"
                or (stream.type == "video" and stream.disposition & Disposition.attached_pic)
            }
            for stream in again.streams:
                if stream.index not in wanted:
                    stream.discard = Discard.all
            with contextlib.suppress(av.error.FFmpegError):  # what reads the pictures tells of the damage
                for packet in packets(again) if wanted else ():
                    if packet.size and packet.stream.index in wanted:
                        found.setdefault(packet.stream.index, packet)
                        if len(found) == len(wanted):
                            break
        return found

    def _set_chapters(self) -> None:
        """Give the output the chapters that are in the window, ended where the file ends.

        MP4 keeps their titles in a track, and a file lasts as long as its longest track.
        """
        kept = []
        titles = []
        window = self._window
        file_s = max(self._info.duration_s or 0, (self._source.duration or 0) / av.time_base)
        last_s = Fraction(file_s).limit_denominator(av.time_base) if file_s else None
        ends_s = [end_s for end_s in (window.captions_end_s, last_s) if end_s is not None]
        for chapter in self._source.chapters():
            tick = chapter["time_base"] or Fraction(1)
            start_s, end_s = (chapter[edge] * tick - self.origin_s for edge in ("start", "end"))
            if not window.holds_chapter(start_s, end_s):
                continue
            metadata = writable(chapter["metadata"])
            titles.append(chapter_title(metadata))
            start_s = max(start_s, Fraction(0))
            end_s = min([end_s, *ends_s])
            if last_s is None or start_s < last_s:
                chapter["start"], chapter["end"] = round(start_s / tick), round(end_s / tick)
                chapter["metadata"] = metadata
                kept.append(chapter)
        if kept and self._container.has_chapter_track:
            # The track of titles has no gaps: the first would begin at zero, and one without a title would
            # be left out, so that the others move.
            for chapter in kept:
                if not chapter_title(chapter["metadata"]):
                    chapter["metadata"] = {**chapter["metadata"], "title": ""}
            if (first := kept[0])["start"] > 0:
                before: Chapter = {**first, "id": 0, "start": 0, "end": first["start"]}
                before["metadata"] = {"title": ""}
                kept.insert(0, before)
                titles.insert(0, "")
        self._chapters = titles
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
            made = self._tracks[index].convert(packet)
            self._output.mux(made)
            self._written[index] = self._written.get(index, 0) + len(made)
        except (av.error.InvalidDataError, av.error.PatchWelcomeError):  # a bitstream filter refuses it
            self._damaged += 1
        self._next = next(self._packets, None)


def _about_changes(number: int, changes: Sequence[tuple[float, str]]) -> str:
    named = ", ".join(f"from {at_s:.2f} s on {what}" for at_s, what in changes[:MOST_CHANGES])
    more = f", and {len(changes) - MOST_CHANGES} more times" if len(changes) > MOST_CHANGES else ""
    return (
        f"sound {number} changes in the source ({named}{more}): the output keeps the channels and the rate "
        "that it has at the start"
    )


def _time_s(packet: Packet[Stream]) -> Fraction:
    ticks = packet.dts if packet.dts is not None else packet.pts or 0
    return ticks * packet.time_base
