"""Opens a media file safely, so that it cannot make FFmpeg open other files, and yields its packets.

Playlists, manifests, session descriptions and concat scripts are media formats to FFmpeg: such a file,
whatever its name, can name other files and hosts, and FFmpeg would read them. So only containers that hold
their own samples are accepted, and only the `file` protocol for a local file. A file that is read over HTTP
is passed as a Python object, and FFmpeg gets no protocol at all. FFmpeg silently ignores misspelled options;
the tests prove that these take effect.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import av
import av.error
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from orchestrator.errors import BadMedia, InputNotFound, LimitExceeded
from orchestrator.limits import Limits
from orchestrator.media.read.clock_jumps import TimestampJumpFixer
from orchestrator.media.read.header_limits import check_header
from orchestrator.media.read.non_video_files import HEIF_BRANDS, explain_non_video, explain_picture
from orchestrator.media.read.remote_index import prepare_index
from orchestrator.video_source import RemoteSource, VideoSource

DEMUXERS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "mxf"),
    *("dv", "gif", "apng", "yuv4mpegpipe"),
)
"""FFmpeg's names of the allowed demuxers: each reads one self-contained file."""

FORMATS = "mp4, mov, mkv, webm, avi, ts, mpg, flv, wmv, ogv, mxf, dv, gif, animated png or y4m"
"""The names of their formats, for messages."""

MAX_PIXELS = 8192 * 8192
"""Largest picture that is decoded: twice 8K UHD. A header of a few bytes can claim more than memory holds."""

MAX_STREAMS = 1000
"""Most streams of a file, including attachments; FFmpeg's muxers allow no more either."""

MAX_VIDEOS = 2
"""Pictures of all video streams together may be this many times the largest allowed picture: FFmpeg may
decode a few pictures of each stream while it opens an MPEG-PS, MPEG-TS or FLV file."""

CONTAINER_OPTIONS = {
    "format_whitelist": ",".join(DEMUXERS),
    "protocol_whitelist": "file",
    "max_streams": str(MAX_STREAMS),
    # An APNG picture without a delay of its own is shown as browsers show it; other demuxers ignore this.
    "default_fps": "10",
}

READ_BYTES = 8 << 10
"""How much FFmpeg reads at once of a file that is read over HTTP, except of a large packet."""

SHORTEST_GIF_DELAY, USUAL_GIF_DELAY = 2, 10
"""In 1/100 s: browsers show a GIF picture with a shorter delay than the first for the second."""


def open_source(path: VideoSource, *, limits: Limits | None = None, sound: bool = True) -> InputContainer:
    """Open `path` for reading.

    FFmpeg decodes a few pictures of every video stream when it opens a file, which takes gigabytes where a
    small file has many large ones. So the file is first opened without any decoder, to check its sizes; then
    only audio and the video that `main_video` chooses are decoded at opening.

    Args:
        path: the file.
        limits: the limits of its picture size; None allows MAX_PIXELS.
        sound: whether the sound is read. If not, the container of a file that is read over HTTP may lack it.

    Raises:
        InputNotFound: there is no such file, or it is a folder or cannot be read.
        BadMedia: it is empty, or not a media file of an accepted format, or too damaged to be opened.
        LimitExceeded: its pictures are too large, by its header, or it has too many streams, tags, chapters
            or attachments.
    """
    if not path.exists():
        raise InputNotFound(f"{path} does not exist: check the name")
    if not path.is_file():
        raise InputNotFound(f"{path} is not a file: name one video file")
    if path.stat().st_size == 0:
        raise BadMedia(f"{path} is empty: copy or download it again")
    limits = limits or Limits(source_px=MAX_PIXELS)
    try:
        check_header(path)
    except PermissionError as exc:
        raise InputNotFound(f"{path} cannot be read: permission denied") from exc
    if isinstance(path, RemoteSource):
        path = prepare_index(path, sound=sound)
    with _open(path, CONTAINER_OPTIONS | {"codec_whitelist": "none"}) as survey:
        _refuse_pictures(survey, path)
        _check_sizes(survey, limits)
        options = _stream_options(survey, limits.source_px)
    try:
        return _open(path, CONTAINER_OPTIONS, stream_options=options)
    except ValueError:  # what PyAV says where FFmpeg finds no stream before it looks at packets
        return _open(path, CONTAINER_OPTIONS)


class _FileForFFmpeg:
    """A file for PyAV. Its reads may be short, so that nothing after an announced part is fetched with it."""

    def __init__(self, file: io.BufferedReader, name: str) -> None:
        self.name = name
        self.read, self.seek, self.tell, self.close = file.read1, file.seek, file.tell, file.close


def _open(
    path: VideoSource,
    container_options: dict[str, str],
    *,
    stream_options: list[dict[str, str]] | None = None,
) -> InputContainer:
    if isinstance(path, Path):
        # The explicit prefix keeps a name such as `concat:a|b` or `http:x` from being read as a protocol.
        opened: str | BinaryIO = f"file:{path.resolve()}"
    else:
        opened = cast("BinaryIO", _FileForFFmpeg(path.open("rb"), path.name))
        container_options = container_options | {"protocol_whitelist": "none"}
    try:
        return av.open(
            opened,
            "r",
            buffer_size=READ_BYTES,  # of a Python object
            container_options=container_options,
            stream_options=cast("list[str]", stream_options or []),  # PyAV's stub means dictionaries
            metadata_errors="surrogateescape",
        )
    except PermissionError as exc:
        raise InputNotFound(f"{path} cannot be read: permission denied") from exc
    except MemoryError as exc:
        raise LimitExceeded(
            f"{path} has more than {MAX_STREAMS} streams, or needs more memory to be opened than there is: "
            "remove some of its streams"
        ) from exc
    except (av.error.FFmpegError, OSError) as exc:
        what = explain_non_video(path) or (
            f"cannot be opened as a video: it is damaged, cut short, or not {FORMATS}; copy it again, or "
            "convert it to one of these"
        )
        raise BadMedia(f"{path} {what}") from exc


def _refuse_pictures(container: InputContainer, path: VideoSource) -> None:
    brand = container.metadata.get("major_brand", "").strip()
    if brand in {"avis", "msf1", "hevc", "hevx"}:
        raise BadMedia(f"{path} is an animated AVIF or HEIC picture: convert it to mp4 or gif first")
    if brand in HEIF_BRANDS:
        raise BadMedia(f"{path} {explain_picture('AVIF or HEIC')}")


def _check_sizes(survey: InputContainer, limits: Limits) -> None:
    """Refuse pictures that are too large according to the headers.

    Raises:
        LimitExceeded: the pictures of the main video are too large, or those of all videos together.
    """
    videos = [(stream.index, stream.codec_context) for stream in _videos(survey)]
    # Without a context the size is not known.
    sizes = {index: (context.width, context.height) if context else (0, 0) for index, context in videos}
    main = _default(survey)
    if main is not None:
        limits.check_size(*sizes[main.index])
    total_px = sum(width * height for width, height in sizes.values())
    if total_px > MAX_VIDEOS * limits.source_px:
        raise LimitExceeded(
            f"the file has {len(sizes)} video streams with pictures of {total_px} pixels together, and at "
            f"most {MAX_VIDEOS * limits.source_px} are taken; keep one of them"
        )


def _stream_options(survey: InputContainer, max_px: int) -> list[dict[str, str]]:
    """Return for each stream the options with which FFmpeg opens its decoder while it opens the file.

    No decoder opens for other videos than the main one. A cover picture's decoder only reads its size.
    """
    main, unwanted = _default(survey), {stream.index for stream in _videos(survey)}
    options = []
    for stream in survey.streams:
        of_stream = {"max_pixels": str(max_px)}
        if main is not None and stream.index == main.index:
            pass
        elif stream.index in unwanted:
            of_stream["codec_whitelist"] = "none"
        elif stream.type == "video":
            of_stream["skip_frame"] = "all"
        options.append(of_stream)
    return options


def has_free_clock(container: InputContainer) -> bool:
    """Return whether times of the format may start anywhere and jump: MPEG-TS, MPEG-PS and Ogg."""
    return bool(Flags(container.format.flags) & Flags.ts_discont)


def timestamp_fixer(container: InputContainer) -> TimestampJumpFixer:
    """Return a new TimestampJumpFixer for reading a file from its start."""
    return TimestampJumpFixer(wraps=container.format.name in {"mpegts", "mpeg"})


def packets(
    container: InputContainer, *streams: Stream, clock: TimestampJumpFixer | None = None
) -> Iterator[Packet[Stream]]:
    """Yield the packets of `streams`, or of all streams, then one empty packet of each.

    If `has_free_clock`, all times are on one continuous clock; then no stream may be discarded, and a file
    with clock jumps must be read from its start, or the clock is another one. Packets of a GIF have the times
    at which browsers show them; it must be read from its start, too.

    Args:
        container: container of the file.
        streams: streams of the container.
        clock: moves packets to the continuous clock; None takes a new one.

    Raises:
        av.error.FFmpegError: the file cannot be read on.
    """
    # PyAV 18 ignores streams that appear in the middle, as MPEG-TS allows, and raises IndexError after the
    # last packet.
    with suppress(IndexError):
        if has_free_clock(container):
            wanted = {stream.index for stream in streams or container.streams}
            clock = clock or timestamp_fixer(container)
            for packet in clock.run(_noting_late_streams(container, clock)):
                if packet.stream.index in wanted:
                    yield packet
        elif container.format.name == "gif":
            yield from _with_delays_of_browsers(container.demux(*streams))
        else:
            yield from container.demux(*streams)


def _noting_late_streams(container: InputContainer, clock: TimestampJumpFixer) -> Iterator[Packet[Stream]]:
    try:
        yield from container.demux()
    except IndexError:
        clock.has_late_streams = True


def _with_delays_of_browsers(read: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
    late = 0
    for packet in read:
        if packet.size and packet.pts is not None:
            packet.pts = packet.dts = packet.pts + late
            if (delay := packet.duration or 0) < SHORTEST_GIF_DELAY:
                packet.duration = USUAL_GIF_DELAY
                late += USUAL_GIF_DELAY - delay
        yield packet


def main_video(container: InputContainer, path: VideoSource) -> VideoStream:
    """Return the main video stream: the default one, or the first that is not a cover picture.

    Raises:
        BadMedia: there is none, or FFmpeg has no decoder for it.
    """
    stream = _default(container)
    if stream is None:
        if container.streams.video:
            raise BadMedia(f"{path} holds no video, only a cover picture: name a video file")
        if container.streams.audio:
            raise BadMedia(f"{path} holds sound but no video: name a video file")
        raise BadMedia(f"{path} holds no video stream: name a video file")
    # PyAV types this as always set; a stream whose codec FFmpeg cannot decode has None.
    if not hasattr(stream, "format"):
        raise BadMedia(f"{path} holds a video whose codec is unknown: convert it to H.264 first")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def _videos(container: InputContainer) -> list[VideoStream]:
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def _default(container: InputContainer) -> VideoStream | None:
    videos = _videos(container)
    return next((s for s in videos if s.disposition & Disposition.default), videos[0] if videos else None)
