"""Describes a video by its header and first pictures, and refuses videos that cannot be converted well."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import cast

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from orchestrator.errors import BadMedia, UnsupportedMedia
from orchestrator.frames import VideoInfo
from orchestrator.limits import Limits
from orchestrator.media.colour import frame_to_rgb as colour
from orchestrator.media.colour.alpha_reader import SideAlphaDecoder, is_transparent
from orchestrator.media.colour.chroma_location import upright_chroma_location
from orchestrator.media.colour.code_points import UNSPECIFIED
from orchestrator.media.colour.hdr_metadata import hdr_metadata, side_data
from orchestrator.media.colour.pixel_format import component_bits
from orchestrator.media.read.deinterlace import is_interlaced
from orchestrator.media.read.demux import MAX_PIXELS, has_free_clock, main_video, open_source, packets
from orchestrator.media.read.spherical_metadata import read_spherical
from orchestrator.media.read.timestamp_scan import scan_timestamps
from orchestrator.media.read.truncation import believable_frames, refuse_truncated, tagged_duration_s
from orchestrator.video_source import VideoSource

FIRST_FRAMES = 5
"""Number of pictures that are decoded: interlaced video may begin with progressive ones (titles, a still)."""


LATE_STREAMS = (
    "some streams of the source begin only after its start, as where recordings of different channels are "
    "joined: their pictures or sound were left out, so split the source there to get them"
)
"""The note for streams that FFmpeg did not find when it opened the file."""

MOST_WITHOUT_KEYFRAME = 1000
"""Most pictures that are skipped in search of a keyframe: some programs mark none."""


def probe(path: VideoSource, *, to_end: bool = True, limits: Limits | None = None) -> VideoInfo:
    """Describe the video at `path`.

    Args:
        path: the video.
        to_end: whether the video is needed to its end. Then a truncated file is refused, as truncated MP4
            always is.
        limits: limits of the picture size, which are checked before any picture is decoded; None allows
            MAX_PIXELS.

    Raises:
        LimitExceeded: its pictures are too large, or it has too many streams.
        InputNotFound: there is no such file, or it is a folder.
        BadMedia: it is empty, not a video, truncated, or none of its pictures can be decoded (nor can those
            above MAX_PIXELS, if no header gives their size).
        UnsupportedMedia: its colours cannot be converted, or only Dolby Vision decoders know them.
    """
    with open_source(path, limits=limits) as container:
        if to_end or container.format.name.startswith("mov"):
            refuse_truncated(container, path)
        stream = main_video(container, path)
        try:
            first, skipped = _first_frames(container, stream, path, limits)
        except av.error.FFmpegError as exc:
            raise BadMedia(
                f"{path} cannot be read to its first pictures: it is damaged, copy it or export it again"
            ) from exc
        return _describe(container, stream, first, path, skipped=skipped)


def _describe(
    container: InputContainer,
    stream: VideoStream,
    first: list[av.VideoFrame],
    path: VideoSource,
    *,
    skipped: int,
) -> VideoInfo:
    frame = first[0]
    _refuse_dolby_vision_alone(stream, frame)
    rotation, mirrored, notes = _orientation(frame)
    resolved = colour.resolve_colour(frame)
    interlaced = any(is_interlaced(picture, stream) for picture in first)
    if frame.interlaced_frame and not interlaced:
        notes.append("the source holds each field as a picture of its own (HEVC); they stay so")
    sideways = rotation in {90, 270}
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if aspect <= 0:
        aspect = Fraction(1)
    # For raw DV, FFmpeg reports the ticks of its clock as the average rate.
    average = None if container.format.name == "dv" else stream.average_rate
    rate = average or stream.guessed_rate or None
    frames = believable_frames(stream, path)
    # FFmpeg guesses the length of an AVI whose header does not state the number of pictures.
    is_guess = container.format.name == "avi" and frames is None
    duration_s = None if is_guess else _duration_s(container, stream)
    start_s = max(Fraction(container.start_time or 0, av.time_base), Fraction(0))
    extent = scan_timestamps(path) if has_free_clock(container) else None
    if extent is not None:
        start_s, duration_s = extent.start_s, float(extent.duration_s)
        if extent.has_late_streams:
            notes.append(LATE_STREAMS)
    tick = stream.time_base or Fraction(1, 90_000)
    first_pts = frame.pts if frame.pts is not None else frame.dts
    if skipped and first_pts is not None:
        first_s = first_pts * tick
        notes.append(
            f"the first {skipped} pictures of the source cannot be decoded, as they refer to some before its "
            f"start: it begins {float(first_s - start_s):.2f} s later, and its sound with it"
        )
        if duration_s is not None:
            video_s = start_s if extent is None else extent.video_s
            duration_s = max(duration_s - float(first_s - video_s), 0.0)
        frames = None if frames is None else max(frames - skipped, 1)
        start_s = first_s
    if frames is None and rate and duration_s:
        frames = round(duration_s * rate)
    return VideoInfo(
        width=frame.height if sideways else frame.width,
        height=frame.width if sideways else frame.height,
        rotation=rotation,
        mirrored=mirrored,
        sample_aspect_ratio=1 / aspect if sideways else aspect,
        time_base=tick,
        average_rate=rate,
        frames=frames,
        duration_s=duration_s,
        codec=stream.codec_context.name,
        pixel_format=frame.format.name,
        bit_depth=component_bits(frame.format),
        chroma_location=upright_chroma_location(frame, rotation=rotation, mirrored=mirrored),
        colour=resolved,
        interlaced=interlaced,
        hdr=hdr_metadata(frame) if resolved.is_hdr else None,
        start_s=start_s,
        skipped_frames=skipped,
        has_clock_jumps=extent is not None and bool(extent.clock_jumps),
        changing_audio_streams=frozenset() if extent is None else extent.changing_audio_streams,
        sphere=None if rotation or mirrored else read_spherical(frame),
        transparent=is_transparent(first, stream),
        notes=tuple(notes),
    )


def _refuse_dolby_vision_alone(stream: VideoStream, frame: av.VideoFrame) -> None:
    """Refuse Dolby Vision whose coded pictures only Dolby Vision decoders can display (profile 5).

    Other profiles tag their pictures with standard transfer characteristics.
    """
    tagged = stream.codec_context.codec_tag in {"dvh1", "dvhe", "dva1", "dvav", "dav1"}
    if frame.color_trc == UNSPECIFIED and (tagged or side_data(frame, "DOVI_METADATA") is not None):
        raise UnsupportedMedia(
            "the video is Dolby Vision profile 5, whose colours other decoders cannot show: convert it to "
            "HDR10 or SDR first"
        )


def _orientation(frame: av.VideoFrame) -> tuple[int, bool, list[str]]:
    """Read a frame's display matrix (ISO/IEC 14496-12, 8.3.2): nine int32, of which the 2x2 part turns.

    Returns:
        How the picture is turned upright: `rotation` and `mirrored` of `VideoInfo`; and a note when the
        matrix asks for something other than quarter turns and mirrors.
    """
    data = side_data(frame, "DISPLAYMATRIX")
    if data is None:
        return round(frame.rotation / 90) * 90 % 360, False, []
    a, b, _u, c, d, _v, *_ = struct.unpack("=9i", data[:36])
    # x' = a x + c y and y' = b x + d y, y pointing down.
    if not (a or b):
        return 0, False, []  # no turn at all: a matrix that says nothing
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    angle = math.degrees(math.atan2(-b, a)) % 360
    degrees = round(angle / 90) * 90 % 360
    if abs((angle - degrees + 180) % 360 - 180) > 1:
        note = f"the source is turned by {angle:.0f} degrees; only quarter turns are applied"
        return 0, False, [note]
    return degrees, mirrored, []


def _first_frames(
    container: InputContainer, stream: VideoStream, path: VideoSource, limits: Limits | None
) -> tuple[list[av.VideoFrame], int]:
    """Return the first complete pictures, and the number of pictures before them that cannot be decoded.

    Only pictures that refer to some before the start of the file count, not those after a damaged keyframe.
    """
    stream.thread_type = "NONE"
    first: list[av.VideoFrame] = []
    due: list[int] = []
    begun = is_damaged = False  # a keyframe was found; the first packet is a keyframe that cannot be decoded
    alpha = SideAlphaDecoder(stream)
    for packet in packets(container, stream):
        begun = begun or _is_keyframe(packet, stream)
        moment = packet.pts if packet.pts is not None else packet.dts
        if packet.size and not packet.is_discard and moment is not None:
            due.append(moment)
        if not begun and packet.size and len(due) < MOST_WITHOUT_KEYFRAME:
            continue
        video = cast("Packet[VideoStream]", packet)
        alpha.attach(video)
        try:
            frames = video.decode()
        except (av.error.FFmpegError, ValueError):
            is_damaged |= len(due) <= 1
            continue
        if limits is not None:  # a header may claim less
            limits.check_size(stream.codec_context.width, stream.codec_context.height)
        first += frames
        if len(first) >= FIRST_FRAMES:
            break
    if first:
        first_pts = first[0].pts if first[0].pts is not None else first[0].dts
        # AVI stores no presentation times, and FFmpeg's guesses are wrong for single pictures.
        if first_pts is None or is_damaged or container.format.name == "avi":
            return first, 0
        return first, sum(pts < first_pts for pts in due)
    limit = f"{MAX_PIXELS // 10**6} megapixels"
    raise BadMedia(f"{path}: no picture of it can be decoded: it is damaged, or larger than {limit}")


def _is_keyframe(packet: Packet[Stream], stream: VideoStream) -> bool:
    """Return whether a packet is a keyframe, by its flag or by the file's index if the packet is damaged."""
    indexed = stream.index_entries[0] if len(stream.index_entries) else None
    return packet.is_keyframe or (
        indexed is not None and indexed.is_keyframe and indexed.timestamp in {packet.dts, packet.pts}
    )


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if (tagged_s := tagged_duration_s(stream)) is not None:
        return float(tagged_s)
    if container.duration is not None:
        return container.duration / 1_000_000  # AV_TIME_BASE
    return None
