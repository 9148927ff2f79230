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
from orchestrator.media.file_kind import HEIF_BRANDS, advice, picture_advice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

DEMUXERS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf"),
    *("dv", "gif", "apng", "yuv4mpegpipe"),
)
"""FFmpeg's names of the demuxers that may open a source: each reads one self-contained file."""

FORMATS = "mp4, mov, mkv, webm, avi, ts, mpg, flv, wmv, ogv, mxf, dv, gif, animated png or y4m"
"""The same, as people call them."""

MAX_PIXELS = 8192 * 8192
"""Largest picture that is decoded: twice 8K UHD. A header of a few bytes can claim more than memory holds."""

CONTAINER_OPTIONS = {
    "format_whitelist": ",".join(DEMUXERS),
    "protocol_whitelist": "file",
    # An APNG picture without a delay of its own is shown as browsers show it; other demuxers ignore this.
    "default_fps": "10",
}

SHORTEST_GIF_DELAY, USUAL_GIF_DELAY = 2, 10
"""In 1/100 s: browsers show a GIF picture with a shorter delay than the first for the second."""


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
        container = av.open(
            f"file:{path.resolve()}",
            "r",
            options={"max_pixels": str(MAX_PIXELS)},
            container_options=CONTAINER_OPTIONS,
            metadata_errors="surrogateescape",
        )
    except PermissionError as exc:
        raise InputNotFound(f"{path} cannot be read: permission denied") from exc
    except (av.error.FFmpegError, OSError, ValueError) as exc:
        what = advice(path) or (
            f"cannot be opened as a video: it is damaged, cut short, or not {FORMATS}; copy it again, or "
            "convert it to one of these"
        )
        raise BadMedia(f"{path} {what}") from exc
    brand = container.metadata.get("major_brand", "")
    if brand.strip() in HEIF_BRANDS:
        container.close()
        if brand.strip() in {"avis", "msf1", "hevc", "hevx"}:
            raise BadMedia(f"{path} is an animated AVIF or HEIC picture: convert it to mp4 or gif first")
        raise BadMedia(f"{path} {picture_advice('AVIF or HEIC')}")
    return container


def packets(container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """Yield the packets of `streams`, or of all if none are given, then one empty one of each.

    Those of a GIF come at the times at which browsers show them; it is to be read from its start.

    Raises:
        av.error.FFmpegError: the file cannot be read on.
    """
    # PyAV 18 raises IndexError after the last packet if a stream appeared in the middle, as MPEG-TS allows.
    with suppress(IndexError):
        if container.format.name == "gif":
            yield from _with_delays_of_browsers(container.demux(*streams))
        else:
            yield from container.demux(*streams)


def _with_delays_of_browsers(read: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
    late = 0
    for packet in read:
        if packet.size and packet.pts is not None:
            packet.pts = packet.dts = packet.pts + late
            if (delay := packet.duration or 0) < SHORTEST_GIF_DELAY:
                packet.duration = USUAL_GIF_DELAY
                late += USUAL_GIF_DELAY - delay
        yield packet


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
