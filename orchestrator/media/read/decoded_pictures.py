"""Decodes all pictures of a video, with their times, and replaces those that are lost.

There are as many pictures as the container presents: a picture that cannot be decoded is replaced by the one
before it, at its own time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import cast

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from orchestrator.errors import BadMedia
from orchestrator.frames import VideoInfo
from orchestrator.media.colour.alpha_reader import SideAlphaDecoder, has_side_alpha
from orchestrator.media.read.captions import mentions_captions
from orchestrator.media.read.clock_segments import ClockJump
from orchestrator.media.read.demux import (
    has_free_clock,
    main_video,
    open_source,
    packets,
    timestamp_fixer,
)
from orchestrator.media.read.frame_selection import FrameSelection, up_to_last
from orchestrator.media.read.lost_frames import DecoderTimestamps
from orchestrator.media.read.picture_timeline import DecodedPicture, PictureTimeline
from orchestrator.media.read.seek import packets_before_keyframe, packets_from, packets_from_keyframe
from orchestrator.media.read.short_index import whole_file
from orchestrator.media.read.truncation import TruncationChecker
from orchestrator.media.time_range import TimeRange
from orchestrator.video_source import VideoSource

LEAD_S = Fraction(1, 10)
"""Interlaced video is read from this much earlier: deinterlacing needs the picture before the first one."""

RECENT = 3
"""Number of packets before a clock jump that FFmpeg may mark as damaged, as it reads ahead."""


class DecodedPictures:
    """Decodes one video.

    Args:
        path: the video that `info` describes.
        info: its description from `probe`.
        threads: number of decoder threads; 0 starts one per core.
        span: the requested part; decoding begins at the keyframe before it.
        alpha: whether to decode alpha that is coded beside the pictures: see `SideAlphaDecoder`. For codecs
            with such alpha, decoding begins at the start of the file, as its keyframes may be elsewhere.
        selection: consecutive frames; decoding begins at its keyframe instead of that before `span`, and ends
            after its last picture. The file is not checked for truncation then. None reads the whole span.

    Attributes:
        stream: the video.
        alpha: the decoder of alpha, or None.
        damaged_packets: number of packets so far that the container marks as damaged.
        may_have_captions: whether pictures so far may have closed captions.
    """

    def __init__(
        self,
        path: VideoSource,
        info: VideoInfo,
        *,
        threads: int,
        span: TimeRange,
        alpha: bool = False,
        selection: FrameSelection | None = None,
    ) -> None:
        self.damaged_packets = 0
        self._path = path
        self._info = info
        self._threads = threads
        self._span = span
        self._selection = selection
        self._container, self.stream = self._open(threads)
        # In MPEG-2 they have several forms.
        self.may_have_captions = self.stream.codec_context.name == "mpeg2video"
        self.alpha = SideAlphaDecoder(self.stream) if alpha and has_side_alpha(self.stream) else None
        self._begin()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    @property
    def clock_jumps(self) -> list[ClockJump]:
        """Jumps of the file's own clock so far."""
        return self._clock.clock_jumps

    @property
    def unread_s(self) -> list[Fraction]:
        """Times before which part of the file could not be read, in seconds, so far."""
        return self._truncation.unread_s

    @property
    def notes(self) -> list[str]:
        """One sentence for each wrong statement of the file's header; complete after the last picture."""
        return self._truncation.notes

    def __iter__(self) -> Generator[DecodedPicture, None, None]:
        """Yield every picture from the keyframe before `span` to the end of the file, with rising pts.

        Can be used once. See `PictureTimeline` for pictures without a usable pts.

        Raises:
            BadMedia: the file is truncated, cannot be read to its end or has no picture that can be decoded;
                see also `PictureTimeline`.
        """
        held: DecodedPicture | None = None
        for moment in self._read():
            if held is not None:
                yield held
            held = moment
        if held is None:
            raise BadMedia(f"{self._path}: no picture of it can be decoded: copy or export it again")
        if self._selection is not None:
            yield held
            return
        tick = self._info.time_base
        stays_s = self._truncation.finish(self.stream, longest_gap_s=self._timeline.longest_gap_s)
        yield replace(held, duration=max(held.duration, int(stays_s / tick) - held.pts))

    def _read(self) -> Iterator[DecodedPicture]:
        for decoded in self._from_keyframe():
            pts = self._timestamps.time_of(decoded)
            if not self._is_leading(pts):
                yield from self._timeline.place(decoded, pts)
        yield from self._timeline.finish()

    def _open(self, threads: int) -> tuple[InputContainer, VideoStream]:
        container = open_source(self._path, sound=self._selection is None)
        stream = main_video(container, self._path)
        stream.thread_type = "FRAME"
        stream.thread_count = threads
        # Without this flag, the H.264 decoder drops pictures after a lost reference up to the next keyframe.
        stream.codec_context.flags |= Flags.output_corrupt
        if self._selection is not None and not has_free_clock(container):
            for other in container.streams:
                if other.index != stream.index:
                    other.discard = Discard.all  # their bytes need not be read
        return container, stream

    def _begin(self) -> None:
        """Reset the state for a file that is read from its start."""
        self._timestamps = DecoderTimestamps(self._container, self.stream)
        self._timeline = PictureTimeline(self._path, self._timestamps, time_base=self._info.time_base)
        self._truncation = TruncationChecker(self._container, self._path, reads_all=self._selection is None)
        self._clock = timestamp_fixer(self._container)
        self._segment = 0
        self._awaits_keyframe = self._awaits_whole = False
        self._recent: deque[bool] = deque(maxlen=RECENT)  # whether the last packets are marked as damaged
        self._first_pts: int | None = None  # of the keyframe at which reading began, if not at the start

    def _packets(self) -> Iterator[Packet[Stream]]:
        return packets(self._container, clock=self._clock)

    def _from_keyframe(self) -> Iterator[av.VideoFrame]:
        """Decode from the keyframe before the span on, or from the start of the file if that fails."""
        if self._selection is not None:
            yield from self._decode_selection(self._selection)
            return
        if self._span.start_s is None or self.alpha is not None:
            yield from self._decode(self._packets())
            return
        start_s = self._span.start_s - (LEAD_S if self._info.interlaced else 0)
        if self._info.has_clock_jumps:
            passed = packets_before_keyframe(self._path, start_s)
            yield from self._decode(self._packets(), passed=passed)
            return
        found = packets_from(self._container, self.stream, start_s)
        if found is not None:
            self._first_pts, rest = found
            start = start_s / self._info.time_base
            for decoded in self._decode(rest):
                # H.264 with intra refresh has no keyframes, only points from which pictures become complete.
                if self._timeline.last is None and decoded.is_corrupt:
                    self._timestamps.time_of(decoded)
                    continue
                if self._timeline.last is None and decoded.pts is not None and decoded.pts > start:
                    break
                yield decoded
            else:
                return
        self._reopen()
        yield from self._decode(self._packets())

    def _decode_selection(self, selection: FrameSelection) -> Iterator[av.VideoFrame]:
        """Decode from the keyframe of a selection on, or from earlier ones until its first frame is whole.

        H.264 with intra refresh has recovery points, from which pictures become whole only after a number of
        others, more than there are up to the next one if it has B-frames (ITU-T H.264, D.2.8).
        """
        start = selection.decode_pts
        read = None if start is None else packets_from_keyframe(self._container, self.stream, start)
        while read is not None and start is not None:
            self._first_pts = start
            pictures = self._decode(up_to_last(read, self.stream, selection))
            for decoded in pictures:
                if not decoded.is_corrupt:
                    yield decoded
                    yield from pictures
                    return
                if selection.holds(decoded.pts):
                    break
                self._timestamps.time_of(decoded)
            else:
                return
            earlier = selection.first_pts - 2 * max(selection.first_pts - start, 1)
            self._reopen()
            found = packets_from(self._container, self.stream, earlier * self._info.time_base)
            start, read = found or (None, None)
        if selection.decode_pts is not None:
            self._reopen()
        yield from self._decode(up_to_last(self._packets(), self.stream, selection))

    def _reopen(self) -> None:
        """Open the file again with all of its index, to read it from its start or from any keyframe."""
        self._path = whole_file(self._path)
        self._container.close()
        self._container, self.stream = self._open(self._threads)
        self._begin()

    def _decode(self, read: Iterator[Packet[Stream]], *, passed: int = 0) -> Iterator[av.VideoFrame]:
        """Decode packets, except the first `passed` ones of the video."""
        try:
            # All streams are demuxed, because their ends show whether the file is complete.
            for packet in read:
                self._truncation.watch(packet)
                if packet.stream is not self.stream:
                    continue
                video = cast("Packet[VideoStream]", packet)
                if passed and video.size:
                    passed -= 1
                    self._segment = self._clock.segment
                    continue
                if self._clock.segment != self._segment:
                    yield from self._drain()
                if not self._is_decodable(video):
                    continue
                if self.alpha is not None:
                    self.alpha.attach(video)
                try:
                    yield from self._whole(video.decode())
                except av.error.FFmpegError:
                    self._timestamps.failures += 1
                    if not video.size:
                        yield from self._decode_tail()
        except av.error.FFmpegError as exc:
            raise BadMedia(
                f"{self._path} cannot be read past {float(self._truncation.end_s):.2f} s: it is damaged, "
                "copy it or export it again"
            ) from exc

    def _is_decodable(self, packet: Packet[VideoStream]) -> bool:
        """Examine a packet of the video; return whether it can be decoded."""
        if self._is_leading(packet.pts):
            # Pictures of a selection may refer to leading pictures between its keyframes.
            return self._selection is not None
        self._timestamps.expect(packet)
        self._recent.append(packet.is_corrupt)
        self.damaged_packets += packet.is_corrupt
        self.may_have_captions = self.may_have_captions or mentions_captions(packet)
        if packet.is_keyframe or not packet.size:
            self._awaits_keyframe = False
        return not self._awaits_keyframe

    def _drain(self) -> Iterator[av.VideoFrame]:
        """Flush the decoder at a clock jump, as pictures of the next segment must not refer to this one.

        Pictures that cannot be decoded at the start of the next segment are lost, and the last one stays.
        """
        self._segment = self._clock.segment
        # MPEG-TS numbers its packets: when the numbers restart, FFmpeg marks a picture before as damaged.
        self.damaged_packets -= sum(self._recent)
        self._recent.clear()
        try:
            yield from self._whole(self.stream.codec_context.decode(None))
        except av.error.FFmpegError:
            self._timestamps.failures += 1
        self.stream.codec_context.flush_buffers()
        self._awaits_keyframe = self._awaits_whole = True

    def _whole(self, decoded: list[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Drop pictures at the start of a segment that refer to pictures before it."""
        for picture in decoded:
            if not (self._awaits_whole and picture.is_corrupt):
                self._awaits_whole = False
                yield picture

    def _is_leading(self, pts: int | None) -> bool:
        """Return whether a picture precedes the keyframe at which reading began, so cannot be decoded."""
        return self._first_pts is not None and pts is not None and pts < self._first_pts

    def _decode_tail(self) -> Iterator[av.VideoFrame]:
        """Decode the last pictures again on one thread: PyAV loses them if draining several threads fails."""
        if self._timeline.last is None:
            return
        container, stream = self._open(1)
        with container:
            if not self._info.has_clock_jumps:
                container.seek(self._timeline.last.pts, stream=stream)
            for packet in packets(container, stream):
                try:
                    for decoded in cast("Packet[VideoStream]", packet).decode():
                        if decoded.pts is not None and decoded.pts > self._timeline.last.pts:
                            yield decoded
                except av.error.FFmpegError:
                    continue
