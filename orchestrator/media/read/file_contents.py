"""Describes the contents of a media file: its streams, tags, chapters, time code and first picture.

Sources and finished outputs are described in the same terms, so that they can be compared. Only headers and
the first pictures are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, TypeVar, cast

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from orchestrator.frames import HdrMetadata
from orchestrator.media.colour.alpha_reader import SideAlphaDecoder, is_transparent
from orchestrator.media.colour.hdr_metadata import hdr_metadata, side_data
from orchestrator.media.colour.pixel_format import chroma_name, component_bits
from orchestrator.media.read.demux import main_video, packets
from orchestrator.media.read.tag_filter import chapter_title, own_tags, track_tags
from orchestrator.video_source import VideoSource

Source = TypeVar("Source", bound=VideoSource)
Kind = Literal["picture", "sound", "subtitles", "video", "cover", "attachment", "data"]

FIRST_FRAMES = 5
"""Number of pictures that are examined: the very first may have no transparency."""

FIRST_PACKETS = 250
"""Most packets that are read for them: ten seconds of a damaged start."""

SIDE_DATA = {
    "SPHERICAL": "360 degree marking",
    "STEREO3D": "3D marking",
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid metadata",
    "DOVI_METADATA": "Dolby Vision metadata",
    "AMBIENT_VIEWING_ENVIRONMENT": "metadata of the viewing environment",
    "ICC_PROFILE": "ICC colour profile",
    "AFD": "active format description",
}
"""Side data of pictures that is compared, by PyAV's name. It leaves out pan and scan, motion vectors, film
grain (which the decoder applies) and an encoder's own messages."""

_KINDS: dict[str, Kind] = {
    "audio": "sound",
    "subtitle": "subtitles",
    "video": "video",
    "attachment": "attachment",
}


@dataclass(frozen=True, kw_only=True)
class StreamContents:
    """One stream of a file.

    Attributes:
        index: index in the file.
        kind: `picture` is the main video stream, `video` any other.
        codec: FFmpeg's name of the codec, or None if it is unknown.
        name: file name of an attachment, else empty.
        layout: channel layout of audio; empty if it has no name.
        channels, rate: number of channels and sampling rate of audio; 0 for other streams.
        tags: tags that describe the stream, by name, without language and time code.
        language: None if it is undetermined.
        timecode: time code of the first picture, or None.
        dispositions: FFmpeg's names of the stream's dispositions (`default`, `forced`...).
    """

    index: int
    kind: Kind
    codec: str | None
    name: str = ""
    layout: str = ""
    channels: int = 0
    rate: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    timecode: str | None = None
    dispositions: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class FirstPicture:
    """The first picture of a file, as coded.

    Attributes:
        bits: bits per component.
        chroma: `4:2:0`, `4:2:2`..., `RGB`, or `gray`.
        transparent: whether it has an alpha channel.
        matrix, primaries, transfer: the file's colour tags, code points of ITU-T H.273.
        full_range: True for 0..255; None if the file does not say.
        hdr: HDR metadata, if there is any.
        extras: names from SIDE_DATA that it has.
    """

    bits: int
    chroma: str
    transparent: bool
    matrix: int
    primaries: int
    transfer: int
    full_range: bool | None
    hdr: HdrMetadata | None
    extras: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class FileContents:
    """The contents of a file.

    Attributes:
        format: FFmpeg's names of its container.
        streams: the streams, in their order.
        tags: tags that describe the film, by name, without the time code.
        timecode: time code of the start, or None.
        chapters: titles of the chapters; empty for a chapter without one.
        picture: None if no picture near the start can be decoded.
    """

    format: str
    streams: tuple[StreamContents, ...]
    tags: Mapping[str, str]
    timecode: str | None
    chapters: tuple[str, ...]
    picture: FirstPicture | None


def read_contents(
    path: Source, opened: Callable[[Source], InputContainer], *, sought: FirstPicture | None = None
) -> FileContents:
    """Return the contents of the file at `path`.

    Args:
        path: the file.
        opened: function that opens it: `open_source` or `open_headers`.
        sought: the first picture of another file, which this one begins with, too, if it is whole. If the
            other has nothing that may be missing in a file's very first picture, only that is decoded.

    Raises:
        InputNotFound, BadMedia: the file cannot be opened as a video.
        av.error.FFmpegError: the file cannot be read.
    """
    with opened(path) as container:
        shown = main_video(container, path)
        streams = tuple(_stream(stream, shown) for stream in container.streams)
        tags = own_tags(container.metadata)
        codes = [_pop(tags, "timecode"), *(stream.timecode for stream in streams)]
        return FileContents(
            format=container.format.name,
            streams=streams,
            tags=tags,
            timecode=next((code for code in codes if code), None),
            chapters=tuple(chapter_title(chapter["metadata"]) for chapter in container.chapters()),
            picture=_first_picture(container, shown, sought),
        )


def _stream(stream: Stream, shown: Stream) -> StreamContents:
    kind = _KINDS.get(stream.type, "data")
    if stream.index == shown.index:
        kind = "picture"
    elif kind == "video" and stream.disposition & Disposition.attached_pic:
        kind = "cover"
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None else getattr(stream, "name", None)
    tags = track_tags(stream.metadata)
    name = (_pop(tags, "filename") or "") if kind in {"attachment", "cover"} else ""
    if kind == "cover":
        _pop(tags, "mimetype")  # the codec is compared instead
    language = _pop(tags, "language")
    timecode = _pop(tags, "timecode")
    layout, channels, rate = _sound(stream)
    return StreamContents(
        index=stream.index,
        kind=kind,
        codec=codec,
        name=name,
        layout=layout,
        channels=channels,
        rate=rate,
        tags=tags,
        language=None if language in {None, "und", ""} else language,
        timecode=timecode,
        dispositions=frozenset(mark.name for mark in Disposition if mark & stream.disposition and mark.name),
    )


def _sound(stream: Stream) -> tuple[str, int, int]:
    """Return layout, channels and sampling rate of audio; empty values for other streams."""
    if not isinstance(stream, AudioStream) or stream.codec_context is None:
        return "", 0, 0
    layout = stream.codec_context.layout
    name = "" if layout.name.endswith(" channels") else layout.name
    return name, layout.nb_channels, stream.codec_context.sample_rate


def _pop(tags: dict[str, str], name: str) -> str | None:
    """Remove and return a tag, ignoring the case of its name; Matroska writes names in capitals."""
    key = next((key for key in tags if key.lower() == name), None)
    return None if key is None else tags.pop(key)


def _first_picture(
    container: InputContainer, stream: VideoStream, sought: FirstPicture | None
) -> FirstPicture | None:
    stream.thread_type = "NONE"
    first: list[av.VideoFrame] = []
    alpha = SideAlphaDecoder(stream)
    is_plain = sought is not None and not sought.transparent and not sought.extras
    for number, packet in enumerate(packets(container, stream)):
        video = cast("Packet[VideoStream]", packet)
        alpha.attach(video)
        with suppress(av.error.FFmpegError, ValueError):
            first += video.decode()
            if is_plain:
                first += stream.codec_context.decode(None)  # what it holds back for those that follow
        if len(first) >= (1 if is_plain else FIRST_FRAMES) or number >= FIRST_PACKETS:
            break
        if is_plain:
            stream.codec_context.flush_buffers()
    return _picture(first, stream) if first else None


def _picture(first: list[av.VideoFrame], stream: VideoStream) -> FirstPicture:
    frame = first[0]
    pixels = frame.format
    return FirstPicture(
        bits=component_bits(pixels),
        chroma=chroma_name(pixels),
        transparent=is_transparent(first, stream),
        matrix=frame.colorspace,
        primaries=frame.color_primaries,
        transfer=frame.color_trc,
        full_range={1: False, 2: True}.get(
            frame.color_range, True if pixels.name.startswith("yuvj") else None
        ),
        hdr=hdr_metadata(frame),
        extras=frozenset(
            name
            for kind, name in SIDE_DATA.items()
            if any(side_data(picture, kind) is not None for picture in first)
        ),
    )
