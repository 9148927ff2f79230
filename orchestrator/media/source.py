"""Open a local media file without letting it open anything else.

Playlists, manifests, session descriptions and concat scripts are media formats to FFmpeg: a file of that
kind, whatever it is called, can name other files and hosts, and FFmpeg would read them. So only containers
that hold their own samples are accepted, and only the `file` protocol. FFmpeg ignores a misspelled option in
silence; the tests prove that these bite.

Knows nothing of pictures, colour or time.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import av
import av.error
from av.stream import Disposition

from orchestrator.errors import BadMedia, InputNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

DEMUXERS = ("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf")
"""FFmpeg's names of the demuxers that may open a source: each reads one self-contained file."""

FORMATS = "mp4, mov, mkv, webm, avi, ts, mpg, flv, wmv, ogv or mxf"
"""The same, as people call them."""

MAX_PIXELS = 8192 * 8192
"""Largest picture that is decoded: twice 8K UHD. A header of a few bytes can claim more than memory holds."""

CONTAINER_OPTIONS = {
    "format_whitelist": ",".join(DEMUXERS),
    "protocol_whitelist": "file",
}


def open_source(path: Path) -> InputContainer:
    """Open `path` for reading.

    Raises:
        InputNotFound: there is no such file, or it is a folder or cannot be read.
        BadMedia: it is empty, or not a media file of an accepted format, or too damaged to be opened.
    """
    try:
        if not path.exists():
            raise InputNotFound(f"{path} does not exist: check the name")
        if not path.is_file():
            raise InputNotFound(f"{path} is not a file: name one video file")
        if path.stat().st_size == 0:
            raise BadMedia(f"{path} is empty: copy or download it again")
        # The explicit prefix keeps a name such as `concat:a|b` or `http:x` from being read as a protocol.
        return av.open(
            f"file:{path.resolve()}",
            "r",
            options={"max_pixels": str(MAX_PIXELS)},
            container_options=CONTAINER_OPTIONS,
            metadata_errors="surrogateescape",
        )
    except PermissionError as exc:
        raise InputNotFound(f"{path} cannot be read: permission denied") from exc
    except (av.error.FFmpegError, OSError, ValueError) as exc:
        raise BadMedia(
            f"{path} cannot be opened as a video: it is damaged, cut short, or not {FORMATS}"
        ) from exc


def packets(container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """Yield the packets of `streams`, or of all if none are given, then one empty one of each.

    Raises:
        av.error.FFmpegError: the file cannot be read on.
    """
    # PyAV 18 raises IndexError after the last packet if a stream appeared in the middle, as MPEG-TS allows.
    with suppress(IndexError):
        yield from container.demux(*streams)


def main_video(container: InputContainer, path: Path) -> VideoStream:
    """Return the stream that is upscaled: the first video that is not a cover picture, the default one first.

    Raises:
        BadMedia: there is none, or FFmpeg has no decoder for it.
    """
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not videos:
        if container.streams.video:
            raise BadMedia(f"{path} holds no video, only a cover picture: name a video file")
        if container.streams.audio:
            raise BadMedia(f"{path} holds sound but no video: name a video file")
        raise BadMedia(f"{path} holds no video stream: name a video file")
    stream = next((s for s in videos if s.disposition & Disposition.default), videos[0])
    # PyAV types this as always set; a stream whose codec FFmpeg cannot decode has None.
    if not hasattr(stream, "format"):
        raise BadMedia(f"{path} holds a video whose codec is unknown: convert it to H.264 first")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream
