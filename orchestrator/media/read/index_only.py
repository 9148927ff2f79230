"""Reads an MP4 file without its media data: only the index of the file is fetched.

FFmpeg lists the packets of an MP4 file from its index, and reads the data of each as it goes. Here it gets
zeros instead of the data, so that times and sizes of an hour of film cost a few megabytes of reading.
"""

from __future__ import annotations

import io

from orchestrator.media.read.changed_view import ChangedView
from orchestrator.media.read.file_bytes import box_head, open_bytes
from orchestrator.video_source import VideoSource

MOST_BOXES = 1000
"""Most boxes at the top of a file that are walked; usual files have four."""


class IndexOnly(ChangedView):
    """A view that shows zeros in place of the media data once `skips_data` is set.

    Args:
        source: the file.
        data: where its media data are: the first byte of each part and the one after its last, in order.

    Attributes:
        skips_data: whether zeros are shown. FFmpeg looks at the first data when it opens a file.
    """

    def __init__(self, source: VideoSource, data: tuple[tuple[int, int], ...]) -> None:
        super().__init__(source)
        self.skips_data = False
        self._data = data

    def bytes_at(self, file: io.BufferedReader, place: int, count: int) -> bytes:
        """Return zeros inside the media data, and what the file has between them."""
        if self.skips_data:
            for first, end in self._data:
                if place < first:
                    count = min(count, first - place)
                    break
                if place < end:
                    return bytes(min(count, end - place))
        return file.read1(count)


def index_only(source: VideoSource) -> IndexOnly | None:
    """Return a source without the media data; None if the file is no MP4 with one index for all of it.

    A fragmented file has none: each fragment has its own index.
    """
    data, has_index = [], False
    with open_bytes(source) as file:
        place, boxes = 0, 0
        while place < file.length:
            kind, size, content = box_head(file, place)
            boxes += 1
            if kind == b"moof" or not kind.isascii() or boxes > MOST_BOXES or 0 < size < content - place:
                return None
            if boxes == 1 and kind not in {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}:
                return None
            end = place + size if size else file.length
            has_index |= kind == b"moov"
            if kind == b"mdat":
                data.append((content, min(end, file.length)))
            place = end
    return IndexOnly(source, tuple(data)) if has_index else None
