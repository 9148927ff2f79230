"""Describes the containers that can be written: `CONTAINERS` has one row for each, with all facts about it.

Storage, jobs, the pipeline and the writer ask a row for a property; none of them tests for a name. To add a
container that FFmpeg can mux, add a row (docs/extending.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestrator.errors import BadRequest, OutputPathRefused

if TYPE_CHECKING:
    from orchestrator.jobs import Quality

MAX_SIDE_PX = 16_384
"""The largest side of a picture that is written; decoders accept no more."""


@dataclass(frozen=True, kw_only=True)
class MediaContainer:
    """One container: how files are named and muxed, which codecs they may hold, and what they cannot store.

    Attributes:
        suffixes: file suffixes that choose it; the first one is also its name.
        media_type: IANA media type, or the one that servers and players know.
        muxer, demuxer: FFmpeg's names for writing and for reading it back.
        muxer_options: options of FFmpeg's muxer.
        encoders: FFmpeg's names of its video encoders, the preferred one first; the last one accepts every
            picture (see `media.write.encoder`).
        codec_tags: four-letter code of the codec, by encoder, where FFmpeg's choice is not the best.
        most_bits: maximum number of bits per component of any of its codecs.
        palette_colours: number of colours of a picture, if pictures have a palette.
        max_duration_s, max_pixels: longer files and larger pictures are refused.
        noted_duration_s: longer files are noted, as they are very large.
        is_paced: pictures begin on hundredths of a second, at a minimum distance (see `GifFrameSelector`).
        has_keyframes: decoding can start at each picture that the demuxer calls a keyframe.
        has_alpha: files are written with an alpha channel.
        square_pixels_only: it cannot store the shape of a pixel.
        audio_encoder: FFmpeg's name of the encoder for audio that is not copied; None if it holds only
            pictures.
        copied_audio: FFmpeg's names of the audio codecs that are copied; None copies all that the muxer
            accepts. They are chosen for players: docs/media.md says which player plays what.
        text_subtitle_codec: codec to which text subtitles are converted if they cannot be copied.
        cover: how a cover picture is stored; None drops it.
        has_attachments: it stores attached files, such as fonts.
        has_edit_lists: an edit list can hide audio before time zero, so copied audio starts at the exact
            sample.
        starts_at_zero: nothing may have a negative time; the muxer would delay all streams instead.
        has_dts_durations: it stores durations as differences of decoding times, so only their sum counts.
        has_chapter_track: the titles of chapters are a text track, which has no gaps.
        has_named_tags: tags can be stored under their own names, as phones and cameras do.
        has_sphere_box: a track can be marked as a 360 degree video after it is written (see `spherical`).
        quicktime_languages: languages of tracks are those of QuickTime's table.
    """

    suffixes: tuple[str, ...]
    media_type: str
    muxer: str
    demuxer: str
    muxer_options: Mapping[str, str] = field(default_factory=dict)
    encoders: tuple[str, ...] = ("h264_nvenc", "libx264", "hevc_nvenc", "libx265")
    codec_tags: Mapping[str, str] = field(default_factory=dict)
    most_bits: int = 12
    palette_colours: int | None = None
    max_duration_s: int | None = None
    max_pixels: int | None = None
    noted_duration_s: int | None = None
    is_paced: bool = False
    has_keyframes: bool = True
    has_alpha: bool = False
    square_pixels_only: bool = False
    audio_encoder: Literal["aac", "libopus"] | None = "aac"
    copied_audio: frozenset[str] | None = None
    text_subtitle_codec: str | None = None
    cover: Literal["stream", "attachment"] | None = None
    has_attachments: bool = False
    has_edit_lists: bool = False
    starts_at_zero: bool = False
    has_dts_durations: bool = False
    has_chapter_track: bool = False
    has_named_tags: bool = False
    has_sphere_box: bool = False
    quicktime_languages: bool = False

    @property
    def name(self) -> str:
        """The name that jobs, options and messages use."""
        return self.suffixes[0].removeprefix(".")

    @property
    def pictures_only(self) -> bool:
        """Whether it holds a single stream, of pictures."""
        return self.audio_encoder is None

    def displayed(self, width: int, aspect: Fraction) -> tuple[int, Fraction]:
        """Return the width in pixels and the sample aspect ratio with which pictures are stored.

        Pictures are stretched if the container has square pixels only.
        """
        return (max(1, round(width * aspect)), Fraction(1)) if self.square_pixels_only else (width, aspect)


MP4 = MediaContainer(
    suffixes=(".mp4", ".m4v"),
    media_type="video/mp4",
    muxer="mp4",
    demuxer="mov",
    muxer_options={"movflags": "+faststart"},
    # Apple's players accept HEVC only with its parameters outside the pictures, which is what this tag says.
    codec_tags={"libx265": "hvc1", "hevc_nvenc": "hvc1"},
    copied_audio=frozenset({"aac", "ac3", "eac3", "alac", "opus", "flac"}),
    text_subtitle_codec="mov_text",
    cover="stream",
    has_edit_lists=True,
    has_dts_durations=True,
    has_chapter_track=True,
    has_named_tags=True,
    has_sphere_box=True,
)
MOV = replace(
    MP4,
    suffixes=(".mov",),
    media_type="video/quicktime",
    muxer="mov",
    copied_audio=frozenset(
        {"aac", "ac3", "eac3", "alac", "mp3"}
        | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"}
        | {"pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_s8", "pcm_u8", "pcm_alaw", "pcm_mulaw"}
    ),
    cover=None,
    quicktime_languages=True,
)
_SAME_BITS = {"fflags": "+bitexact"}
"""Lets FFmpeg's Matroska muxer write no random ids, so that the same film has the same bits."""

WEBM = MediaContainer(
    suffixes=(".webm",),
    media_type="video/webm",
    muxer="webm",
    muxer_options=_SAME_BITS,
    demuxer="matroska",
    encoders=("libsvtav1", "libvpx-vp9"),
    most_bits=10,
    has_alpha=True,
    square_pixels_only=True,  # VP9 and AV1 do not store the shape, and PyAV does not pass it on to the muxer
    audio_encoder="libopus",
    copied_audio=frozenset({"opus", "vorbis"}),
    text_subtitle_codec="webvtt",
    starts_at_zero=True,
)
MKV = MediaContainer(
    suffixes=(".mkv",),
    media_type="video/x-matroska",
    muxer="matroska",
    demuxer="matroska",
    muxer_options=_SAME_BITS,
    text_subtitle_codec="subrip",
    cover="attachment",
    has_attachments=True,
    starts_at_zero=True,
)
GIF = MediaContainer(
    suffixes=(".gif",),
    media_type="image/gif",
    muxer="gif",
    demuxer="gif",
    muxer_options={"loop": "0"},  # repeats for ever
    encoders=("gif",),
    most_bits=8,
    palette_colours=256,
    max_duration_s=60,  # at 640x480 and 25 pictures a second a longer one would be above 300 MB (measured)
    max_pixels=1920 * 1080,  # players decode it whole, or stall
    noted_duration_s=15,  # it is tens of times as large as a video of the same pictures
    is_paced=True,
    has_keyframes=False,  # each picture builds on those before it, whatever the demuxer says
    square_pixels_only=True,  # players ignore the shape
    audio_encoder=None,
)

CONTAINERS: tuple[MediaContainer, ...] = (MP4, MOV, WEBM, MKV, GIF)


def by_suffix(suffix: str) -> MediaContainer | None:
    """Return the container that a suffix such as `.mp4` chooses, in any case; None if there is none."""
    return next((row for row in CONTAINERS if suffix.lower() in row.suffixes), None)


def container_for(path: Path) -> MediaContainer:
    """Return the container that the suffix of an output chooses.

    Raises:
        OutputPathRefused: no container has this suffix.
    """
    container = by_suffix(path.suffix)
    if container is None:
        suffixes = one_of(suffix for row in CONTAINERS for suffix in row.suffixes)
        raise OutputPathRefused(f"{path} cannot be written: name an output that ends in {suffixes}")
    return container


def one_of(names: Iterable[str]) -> str:
    """Return names as the alternatives of a sentence: a, b or c."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def check_limits(
    container: MediaContainer, *, quality: Quality, width: int, height: int, duration_s: float | None = None
) -> None:
    """Refuse pictures that a container cannot hold, before any work is done.

    Args:
        container: where the pictures are to go.
        quality: requested quality.
        width, height: size of the pictures, in pixels.
        duration_s: duration of the output, in seconds; None if it is not known yet.

    Raises:
        BadRequest: the pictures are larger than any encoder accepts; or larger, longer or of another quality
            than this container allows.
    """
    if max(width, height) > MAX_SIDE_PX:
        raise BadRequest(f"the output would be {width}x{height}: more than {MAX_SIDE_PX} a side, scale less")
    name, colours = container.name, container.palette_colours
    most_px, most_s = container.max_pixels, container.max_duration_s
    if quality == "lossless" and colours is not None:
        raise BadRequest(
            f"quality lossless is not for {name}, which has {colours} colours: choose high, medium or low, "
            "or mp4"
        )
    if most_px is not None and width * height > most_px:
        raise BadRequest(
            f"a {name} of {width}x{height} is too large: at most {most_px} pixels (1920x1080) are written, "
            "choose a smaller size, or mp4 or webm"
        )
    if most_s is not None and duration_s is not None and duration_s > most_s:
        raise BadRequest(
            f"a {name} of {duration_s:.6g} s is too long: at most {most_s} s are written, choose a start and "
            "an end, or mp4 or webm"
        )
