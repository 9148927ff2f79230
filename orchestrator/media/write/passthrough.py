"""Copies audio, subtitles, covers, attachments, chapters and metadata from the source into the output.

The source is opened a second time and read only as far as the video has been written, so memory stays
bounded. `differences` finds what is missing in the finished output.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import cast

import av
import av.error
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Discard, Disposition, Stream
from av.subtitles.stream import SubtitleStream

from orchestrator.errors import BadMedia
from orchestrator.frames import VideoInfo
from orchestrator.media.read.demux import has_free_clock, main_video, open_source, packets
from orchestrator.media.read.tag_filter import is_of_camera, own_tags, valid, writable
from orchestrator.media.time_range import TimeRange
from orchestrator.media.write.audio_transcoder import AudioTranscoder
from orchestrator.media.write.chapters import fit_chapters
from orchestrator.media.write.differences import ExpectedContents
from orchestrator.media.write.stream_converters import (
    MuxTarget,
    StreamConverter,
    StreamCopier,
    SubtitleConverter,
    is_copyable,
)
from orchestrator.media.write.trim import TrimWindow
from orchestrator.media_containers import MediaContainer
from orchestrator.video_source import VideoSource

NOTED_START_S = 2
"""A clock that starts later than this is noted when it is moved to zero; muxers often cause shorter
delays."""

LEAD_S = 10
"""How much earlier than a part its source is read; captions that began before that are lost. Seeking goes to
a keyframe of the video, or near it."""

INTERLEAVED_S = 10
"""How far apart the times of neighbouring packets in a file may be; MPEG-TS allows one second."""

MOST_CHANGES = 3
"""Most changes of an audio stream that one note lists."""

COVERS = {"mjpeg": (".jpg", "image/jpeg"), "png": (".png", "image/png")}
"""File suffix and MIME type of a cover picture, by codec (Matroska's cover art guidelines)."""


class Passthrough:
    """Copies everything but the pictures of one source. Close it after use.

    Args:
        source: file to copy from.
        output: file to copy to. All its streams are created here, so no packet may have been muxed yet.
        span: the part that is copied, on the clock of the source.
        info: result of `probe` for the source.
        container: container of the output.

    Attributes:
        origin_s: time of the source that becomes zero, in seconds.
        notes: events that cannot be seen in the files.
        video: the stream of the source whose pictures are not copied.
    """

    def __init__(
        self,
        source: VideoSource,
        output: OutputContainer,
        span: TimeRange,
        info: VideoInfo,
        container: MediaContainer,
    ) -> None:
        self._path = source
        self._info = info
        self._span = span
        self._window = TrimWindow(has_start=span.start_s is not None)
        self._source = open_source(source)
        self._output = output
        self._target = MuxTarget(output=output, container=container, window=self._window)
        self._notes: list[str] = []
        self._damaged = 0
        self._converters: dict[int, StreamConverter] = {}
        self._written: Counter[int] = Counter()  # packets, by index of the source's stream
        # Audio streams as people count them, because notes are also read after the source is closed.
        self._numbers = {stream.index: number for number, stream in enumerate(self._source.streams.audio, 1)}
        self.video = main_video(self._source, source)
        self.origin_s = info.start_s  # if the source is copied from its start
        if span.start_s is None and self.origin_s > NOTED_START_S:
            start = f"{float(self.origin_s):.3f} s"
            self._notes.append(f"the source's clock starts at {start}; the output's starts at 0")
        self._samples = self._first_packets()
        self._empty = self._numbers.keys() - self._samples.keys()
        for stream in self._source.streams:
            converter = None if stream.index == self.video.index else self._converter(stream)
            if converter is not None:
                self._converters[stream.index] = converter
                continue
            self._attach(stream)
            if not has_free_clock(self._source):
                stream.discard = Discard.all
        output.metadata.update(writable(own_tags(self._source.metadata)))
        if span.start_s is not None:  # a time code counts from the start of the source
            output.metadata.pop("timecode", "")
        if container.has_named_tags and any(map(is_of_camera, output.metadata)):
            # Tags under their own names (`mdta`) replace the lists of iTunes and QuickTime, where other
            # players look for a title. So this is done only if the lists would lose tags of a camera.
            output.container_options["movflags"] += "+use_metadata_tags"
        self._chapters: list[str] = []
        self._packets: Iterator[Packet[Stream]] = iter(())
        self._next: Packet[Stream] | None = None

    @property
    def notes(self) -> list[str]:
        """One sentence for each event on the way."""
        notes = list(self._notes)
        damaged = self._damaged
        for index, converter in self._converters.items():
            if not isinstance(converter, AudioTranscoder):
                continue
            damaged += converter.failures
            number = self._numbers[index]
            if converter.changes:
                notes.append(_about_changes(number, converter.changes))
            elif converter.is_changing:
                notes.append(f"sound {number} was transcoded, as it changes in another part of the source")
        return [*notes, *([f"{damaged} damaged packets of sound were left out"] if damaged else [])]

    def begin(self, first_s: Fraction) -> None:
        """Set the clock and seek to the start of the part; call this once, before anything is muxed.

        Args:
            first_s: when the first picture is shown, in seconds on the clock of the source.
        """
        if self._span.start_s is not None:
            self.origin_s = self._span.output_zero_s(first_s)
            lead_s = self.origin_s - LEAD_S
            # A source that cannot seek is read from its start.
            with suppress(av.error.FFmpegError):
                if not self._info.has_clock_jumps and lead_s * av.time_base > (self._source.start_time or 0):
                    self._source.seek(int(lead_s * av.time_base))
        if self._span.end_s is not None:
            self._window.captions_end_s = self._span.end_s - self.origin_s
        self._set_chapters()
        self._packets = self._read()
        self._next = next(self._packets, None)

    def advance(self, until_s: Fraction) -> None:
        """Mux the packets of the source up to `until_s`, in seconds of the output."""
        while self._next is not None and _time_s(self._next) <= until_s + self.origin_s:
            self._mux_next(self._next)

    def finish(self, last_end_s: Fraction) -> None:
        """Mux the remaining packets of the part.

        Args:
            last_end_s: when the last picture ends, in seconds on the clock of the source.
        """
        stop_s = self._span.audio_end_s(last_end_s)
        if stop_s is not None:
            self._window.end_s = stop_s - self.origin_s
            stop_s += INTERLEAVED_S
        while self._next is not None and (stop_s is None or _time_s(self._next) <= stop_s):
            self._mux_next(self._next)
        for index, converter in self._converters.items():
            self._mux(index, converter.flush())

    @property
    def expected(self) -> ExpectedContents:
        """What the output should contain; complete after `finish`."""
        return ExpectedContents(
            packets=self._written,
            empty=frozenset(self._empty),
            chapters=self._chapters,
            is_cut=self._span.start_s is not None,
            is_hdr=self._info.colour.is_hdr,
            is_sideways=self._info.rotation % 180 != 0,
        )

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _converter(self, stream: Stream) -> StreamConverter | None:
        """Return the converter of a stream; None if it is not copied, or has no packets."""
        container, sample = self._target.container, self._samples.get(stream.index)
        if stream.codec_context is None or container.pictures_only:
            return None
        if stream.type == "audio" and sample is not None:
            is_changing = stream.index in self._info.changing_audio_streams
            if not is_changing and is_copyable(stream, sample, container):
                return StreamCopier(self._target, stream)
            return AudioTranscoder(self._target, cast("AudioStream", stream), is_changing=is_changing)
        if stream.type == "subtitle":
            codec = container.text_subtitle_codec
            if is_copyable(stream, None, container):
                return StreamCopier(self._target, stream)
            if codec is not None and stream.codec_context.codec.text_sub:
                return SubtitleConverter(self._target, cast("SubtitleStream", stream), codec)
        is_copied = _is_cover(stream) and container.cover == "stream"
        return StreamCopier(self._target, stream) if is_copied else None

    def _attach(self, stream: Stream) -> None:
        """Add an attachment, or a cover picture as one, if the container stores them."""
        container, sample = self._target.container, self._samples.get(stream.index)
        if _is_cover(stream) and container.cover == "attachment" and sample is not None:
            suffix, mime_type = COVERS.get(stream.codec_context.name, ("", ""))
            if suffix:
                self._output.add_attachment(f"cover{suffix}", mime_type, bytes(sample))
        elif stream.type == "attachment" and container.has_attachments:
            attachment = cast("AttachmentStream", stream)
            copy = self._output.add_attachment(
                valid(attachment.name or ""), valid(attachment.mimetype or ""), attachment.data
            )
            copy.metadata.update(writable(stream.metadata))

    def _first_packets(self) -> dict[int, Packet[Stream]]:
        """Return the first packet of each audio stream and cover picture, by index; none of empty streams.

        They are read in one pass, which ends when each stream has its packet: an empty stream takes the whole
        file.
        """
        found: dict[int, Packet[Stream]] = {}
        with open_source(self._path) as again:
            wanted = {stream.index for stream in again.streams if stream.type == "audio" or _is_cover(stream)}
            for stream in again.streams:
                if stream.index not in wanted:
                    stream.discard = Discard.all
            with suppress(av.error.FFmpegError):  # the reader of the pictures reports the damage
                for packet in packets(again) if wanted else ():
                    if packet.size and packet.stream.index in wanted:
                        found.setdefault(packet.stream.index, packet)
                        if len(found) == len(wanted):
                            break
        return found

    def _set_chapters(self) -> None:
        """Give the output the chapters that are in the window."""
        file_s = max(self._info.duration_s or 0, (self._source.duration or 0) / av.time_base)
        chapters, self._chapters = fit_chapters(
            self._source.chapters(),
            origin_s=self.origin_s,
            window=self._window,
            file_s=Fraction(file_s).limit_denominator(av.time_base) if file_s else None,
            has_track=self._target.container.has_chapter_track,
        )
        self._output.set_chapters(chapters)

    def _read(self) -> Iterator[Packet[Stream]]:
        wanted = [self._source.streams[index] for index in self._converters]
        try:
            if wanted:
                yield from (packet for packet in packets(self._source, *wanted) if packet.size)
        except av.error.FFmpegError as exc:
            raise BadMedia(f"{self._path} cannot be read to its end: copy or export it again") from exc

    def _mux_next(self, packet: Packet[Stream]) -> None:
        index = packet.stream.index
        ticks = round(self.origin_s / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - ticks
        packet.dts = None if packet.dts is None else packet.dts - ticks
        try:
            self._mux(index, self._converters[index].convert(packet))
        except (av.error.InvalidDataError, av.error.PatchWelcomeError):  # a bitstream filter refuses it
            self._damaged += 1
        self._next = next(self._packets, None)

    def _mux(self, index: int, converted: list[Packet[Stream]]) -> None:
        self._output.mux(converted)
        self._written[index] += len(converted)


def _about_changes(number: int, changes: Sequence[tuple[float, str]]) -> str:
    named = ", ".join(f"from {at_s:.2f} s on {what}" for at_s, what in changes[:MOST_CHANGES])
    more = f", and {len(changes) - MOST_CHANGES} more times" if len(changes) > MOST_CHANGES else ""
    return (
        f"sound {number} changes in the source ({named}{more}): the output keeps the channels and the rate "
        "that it has at the start"
    )


def _is_cover(stream: Stream) -> bool:
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def _time_s(packet: Packet[Stream]) -> Fraction:
    ticks = packet.dts if packet.dts is not None else packet.pts or 0
    return ticks * packet.time_base
