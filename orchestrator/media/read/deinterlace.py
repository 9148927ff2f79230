"""Deinterlaces pictures with FFmpeg's bwdif: one output picture for each input picture.

The first field of a picture stays; the lines of the second are interpolated from those around them, in the
picture and in the pictures before and after. So each picture keeps its time, and the frame rate does not
change. Progressive pictures are not changed by a bit.

The stream's flags decide whether a picture is interlaced; for codecs without such flags, the container
decides. Pixels are not examined: undeclared interlaced pictures stay interlaced.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import av
import av.error
from av.filter import Graph
from av.video.stream import VideoStream

from orchestrator.media.filter_chain import buffer_options, filter_chain
from orchestrator.media.time_range import TimedPicture

_Picture = TimedPicture[av.VideoFrame]

_SAYS_ITSELF = {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "prores", "dnxhd"}
"""Codecs with a flag for interlacing in each picture."""

_SEPARATE_FIELDS = {"hevc"}
"""Codecs in which a picture that FFmpeg calls interlaced is a single field, of half the height."""

_FIRST_FIELD = {2: "tff", 3: "bff", 4: "bff", 5: "tff"}
"""The field that is displayed first, by AVFieldOrder: TT, BB, TB and BT (coded first, displayed first)."""


def is_interlaced(picture: av.VideoFrame, stream: VideoStream) -> bool:
    """Return whether a picture of `stream` holds two interlaced fields."""
    flagged = picture.interlaced_frame and stream.codec_context.name not in _SEPARATE_FIELDS
    return flagged or declared_first_field(stream) is not None


def declared_first_field(stream: VideoStream) -> str | None:
    """Return the first field, `tff` or `bff`, if only the container declares all pictures interlaced."""
    context = stream.codec_context
    return None if context.name in _SAYS_ITSELF else _FIRST_FIELD.get(context.field_order)


class Deinterlacer:
    """Deinterlaces one video. The filter runs from the first interlaced picture on.

    Args:
        stream: the video.
        threads: number of filter threads; 0 starts one per core.

    Attributes:
        pictures: number of interlaced pictures so far.
    """

    def __init__(self, stream: VideoStream, *, threads: int) -> None:
        self.pictures = 0
        self._stream = stream
        self._threads = threads
        self._bwdif: Graph | None = None
        self._kind = ""  # size and format of the pictures that the filter accepts
        self._inside: deque[list[_Picture]] = deque()  # the pictures of each picture that is in the filter

    def run(self, pictures: Iterator[_Picture]) -> Iterator[_Picture]:
        """Yield all pictures deinterlaced; a picture that is shown several times remains one object.

        While the filter runs, it reads one picture ahead.
        """
        last: av.VideoFrame | None = None
        for moment in pictures:
            if moment.picture is last:
                if self._inside:
                    self._inside[-1].append(moment)
                else:
                    yield moment
                continue
            interlaced = is_interlaced(moment.picture, self._stream)
            self.pictures += interlaced
            if self._bwdif is not None and buffer_options(moment.picture) != self._kind:
                yield from self._through(None)
                self._bwdif = None
            if self._bwdif is None and interlaced:
                self._enter(moment.picture, last)
            if self._bwdif is None:
                yield moment
            else:
                yield from self._through(moment)
            last = moment.picture
        yield from self._through(None)

    def _enter(self, picture: av.VideoFrame, before: av.VideoFrame | None) -> None:
        """Start the filter for pictures like `picture`; the picture before it improves the first result."""
        first_field, self._kind = declared_first_field(self._stream), buffer_options(picture)
        # Without a first field for all pictures, their flags decide which are interlaced.
        which = "deint=interlaced" if first_field is None else f"deint=all:parity={first_field}"
        bwdif = ("bwdif", f"mode=send_frame:{which}")
        try:
            self._bwdif = filter_chain(self._kind, bwdif, threads=self._threads)
        except av.error.ArgumentError:  # less than four lines in a plane: there is nothing to make lines of
            return
        if before is not None and buffer_options(before) == self._kind:
            self._bwdif.push(before)
            self._inside.append([])

    def _through(self, moment: _Picture | None) -> Iterator[_Picture]:
        """Push a picture into the filter, or None after the last one; yield the pictures that come out."""
        if self._bwdif is None:
            return
        if moment is not None:
            self._inside.append([moment])
        self._bwdif.push(None if moment is None else moment.picture)
        while True:
            try:
                whole = self._bwdif.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            for shown in self._inside.popleft():
                yield replace(shown, picture=whole)
