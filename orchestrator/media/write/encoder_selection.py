"""Chooses the video encoder and its options, and opens it.

H.264, or HEVC if H.264 does not suit the pictures, on NVENC if that works, otherwise on the CPU; in WebM VP9,
or AV1 for more than 8 bits; GIF. The containers name the encoders that they prefer.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from av.container import OutputContainer
from av.video.stream import VideoStream

from orchestrator.errors import BadRequest
from orchestrator.frames import Colour, Form, HdrMetadata, VideoInfo
from orchestrator.jobs import Quality
from orchestrator.machine import has_avx512
from orchestrator.media.colour.pixel_format import CHROMA, Chroma, planar_format, upright_chroma
from orchestrator.media.write.hdr_encoder_options import hdr_options
from orchestrator.media.write.nvenc import nvenc_note, nvenc_problem
from orchestrator.media_containers import MediaContainer, one_of

H264_MAX_SIDE_PX = 4096
H264_MAX_MACROBLOCKS = 36_864
"""MaxFS of level 5.1 (ITU-T H.264, table A-1), 4096x2304: the most that hardware decoders commonly take."""

HEVC_MIN_SIDE_PX = 64
"""x265 4.2 writes outside its memory if a picture is at most 48 wide (valgrind: Lookahead::cuTree), and
refuses less than 32: pictures that are as narrow or flat as that become H.264, whatever their longer side."""

AV1_MIN_SIDE_PX = 64
AV1_MAX_HEIGHT_PX = 8704
"""SVT-AV1 4.1 crashes if a side is below 30, and refuses pictures that are higher than this."""

NVENC_SIDES_PX = (160, 8192)
"""Smallest and largest side that is encoded with NVENC: it accepts H.264 from 145 pixels, and HEVC up to 8192
(NVIDIA's support matrix)."""

EncoderOptions = dict[str, str]

X264_WITHOUT_AVX512: EncoderOptions = {"x264-params": "asm=AVX2"}
"""With AVX-512, x264's macroblock tree reads memory that was never written, and the bits depend on it;
without AVX-512 they never differed (measured with MALLOC_PERTURB_)."""

_NVENC = {"preset": "p5", "tune": "hq", "rc": "vbr"}
ALWAYS: dict[str, EncoderOptions] = {
    "libx264": {"preset": "veryfast"},
    # No B-frames: with them, x265 4.1 returns one or two pictures without decoding times.
    "libx265": {"preset": "superfast", "x265-params": "log-level=none:bframes=0"},
    "h264_nvenc": _NVENC,
    "hevc_nvenc": _NVENC,
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "5", "lag-in-frames": "0", "row-mt": "1", "b": "0"},
    # Low delay (pred-struct=1) takes a quarter of the memory. Preset 8 of SVT-AV1 4.1 gets plain colours
    # wrong, by 7 8-bit levels at crf 20, and by 43 at crf 8.
    "libsvtav1": {"preset": "7", "svtav1-params": "pred-struct=1"},
    "gif": {},
}
"""Options by encoder, for every quality. All qualities have one speed: slower ones cost time and memory and
gain little (measured, docs/media.md). Constant quality of VP9 needs a bit rate of 0 (FFmpeg wiki,
Encode/VP9)."""


def _profiles(option: str, high: int, medium: int, low: int) -> dict[Quality, EncoderOptions]:
    return {"high": {option: str(high)}, "medium": {option: str(medium)}, "low": {option: str(low)}}


PROFILES: dict[str, dict[Quality, EncoderOptions]] = {
    "libx264": {**_profiles("crf", 14, 20, 26), "lossless": {"qp": "0"}},
    "libx265": {**_profiles("crf", 12, 19, 26), "lossless": {"x265-params": "lossless=1"}},
    "h264_nvenc": _profiles("cq", 19, 24, 30),
    "hevc_nvenc": _profiles("cq", 19, 24, 30),
    "libvpx-vp9": {**_profiles("crf", 16, 30, 40), "lossless": {"lossless": "1"}},
    "libsvtav1": {**_profiles("crf", 20, 30, 44), "lossless": {"svtav1-params": "lossless=1"}},
    "gif": {"high": {}, "medium": {}, "low": {}},
}
"""Options by encoder and quality. In x264, crf 23 is the default, 17 is visually lossless, and +6 halves the
bits (FFmpeg wiki, Encode/H.264); the other encoders have values with about the same PSNR (docs/media.md).
x264 is lossless at quantiser 0; at crf 0 only with 8 bits."""

BITS: dict[str, tuple[int, ...]] = {
    "libx264": (8, 10),
    "libx265": (8, 10, 12),
    "libvpx-vp9": (8,),
    "libsvtav1": (10,),
}
"""Bits per component that are written, by encoder. PyAV's libvpx is built for 8 bits only."""

LOSSY_BITS = 10
"""Most bits per component that are written unless lossless: hardware decodes Main 10, but not Main 12."""

LOSSLESS_CHROMA: dict[str, tuple[Chroma, ...]] = {
    "libx264": ((2, 2), (2, 1), (1, 1)),
    "libx265": ((2, 2), (2, 1), (1, 1)),
    "libvpx-vp9": tuple(CHROMA),
    "libsvtav1": ((2, 2),),
}
"""Chroma subsampling that is written lossless, by encoder. Pictures with any other one get the last."""


@dataclass(frozen=True, kw_only=True)
class EncoderChoice:
    """An encoder and its options.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of its input format.
        options: options of the encoder.
        tag: four-letter code of the codec for the container, or None for FFmpeg's choice.
        notes: one sentence for each property that few players support, and one if the machine's GPU should
            have encoded and cannot.
    """

    encoder: str
    pixel_format: str
    options: EncoderOptions
    tag: str | None = None
    notes: tuple[str, ...] = ()


def choose(
    container: MediaContainer,
    *,
    width: int,
    height: int,
    quality: Quality,
    chroma: Chroma = (2, 2),
    bits: int = 8,
    hdr: HdrMetadata | None = None,
    alpha: bool = False,
) -> EncoderChoice:
    """Return the best encoder for pictures, with its options.

    Args:
        container: container of the output.
        width, height: size of the pictures, in pixels.
        quality: lossless keeps chroma and bits if the encoder can; the others write 4:2:0 of 8 or 10 bits.
        chroma: chroma subsampling of the source.
        bits: bits per component of the pictures.
        hdr: HDR metadata to write into the stream.
        alpha: whether the pictures have alpha; only if the container has alpha. VP9 writes it, in 4:2:0 of 8
            bits.

    Raises:
        BadRequest: the quality is unknown.
    """
    *preferred, last = container.encoders
    is_lossy, size = quality != "lossless", (width, height)
    fitting = [name for name in preferred if _fits(name, size, bits=bits, is_lossy=is_lossy, alpha=alpha)]
    usable = [name for name in fitting if not name.endswith("_nvenc") or probe_nvenc(name)]
    encoder = usable[0] if usable else last
    if quality not in PROFILES[encoder]:
        raise BadRequest(f"quality {quality!r} is unknown: choose {one_of(PROFILES[encoder])}")
    options = dict(ALWAYS[encoder])
    notes: list[str] = []
    if encoder == "gif":
        return EncoderChoice(encoder=encoder, pixel_format="pal8", options=options)
    written = (2, 2)
    if quality == "lossless" and not alpha:
        written = chroma if chroma in LOSSLESS_CHROMA[encoder] else LOSSLESS_CHROMA[encoder][-1]
    depth = _depth(encoder, bits, quality)
    if encoder == "libx264" and depth > 8:
        notes.append(
            f"the picture is too small for HEVC: it is H.264 of {depth} bits, which few players show"
        )
    if fitting and fitting[0] != encoder and (note := nvenc_note(fitting[0], used=encoder)):
        notes.append(note)
    merge_options(options, PROFILES[encoder][quality])
    if hdr is not None:
        merge_options(options, hdr_options(encoder, hdr))
    if encoder == "libsvtav1":
        # It prints its settings to standard error unless the environment says otherwise.
        os.putenv("SVT_LOG", "1")
    return EncoderChoice(
        encoder=encoder,
        pixel_format=planar_format(written, depth, alpha=alpha),
        options=options,
        tag=container.codec_tags.get(encoder),
        notes=tuple(notes),
    )


def choose_for_source(
    container: MediaContainer,
    info: VideoInfo,
    *,
    width: int,
    height: int,
    form: Form,
    quality: Quality,
    alpha: bool,
) -> EncoderChoice:
    """Return the best encoder for pictures made from a video.

    Args:
        container: container of the output.
        info: describes the video, with the colour of the output.
        width, height: size of the pictures as stored, in pixels: see `MediaContainer.displayed`.
        form: type of the pictures' pixels.
        quality, alpha: as for `choose`.

    Raises:
        BadRequest: the quality is unknown.
    """
    return choose(
        container,
        width=width,
        height=height,
        quality=quality,
        chroma=upright_chroma(info),
        bits=8 if form == "rgb" else info.bit_depth,
        hdr=info.hdr if info.colour.is_hdr else None,
        alpha=alpha,
    )


def probe_nvenc(encoder: str) -> bool:
    """Return whether a GPU of this machine can encode with an encoder of NVENC; see `nvenc_problem`."""
    return nvenc_problem(encoder) is None


def nvenc_for(width: int, height: int) -> str | None:
    """Return the encoder that NVENC has for pictures of 8 bits; None if they do not suit it."""
    names = ("h264_nvenc", "hevc_nvenc")
    return next(
        (name for name in names if _fits(name, (width, height), bits=8, is_lossy=True, alpha=False)), None
    )


def _fits(encoder: str, size: tuple[int, int], *, bits: int, is_lossy: bool, alpha: bool) -> bool:
    """Return whether an encoder suits pictures that no encoder before it suits, if this machine has it."""
    shorter, longer = sorted(size)
    is_for_h264 = bits == 8 and _is_for_h264(*size)
    if encoder == "libsvtav1":
        return bits > 8 and not alpha and shorter >= AV1_MIN_SIDE_PX and size[1] <= AV1_MAX_HEIGHT_PX
    if encoder == "libx264":
        return is_for_h264 or shorter < HEVC_MIN_SIDE_PX
    # NVENC gets 8 bits only: PyAV cannot pass HDR metadata to it.
    smallest, largest = NVENC_SIDES_PX
    is_for_nvenc = is_lossy and bits == 8 and smallest <= shorter and longer <= largest
    return is_for_nvenc and (is_for_h264 or encoder == "hevc_nvenc")


def _is_for_h264(width: int, height: int) -> bool:
    macroblocks = -(-width // 16) * -(-height // 16)
    return max(width, height) <= H264_MAX_SIDE_PX and macroblocks <= H264_MAX_MACROBLOCKS


def _depth(encoder: str, bits: int, quality: Quality) -> int:
    """Return the bits per component to write: the fewest that are enough, or the most that there are."""
    depths = BITS.get(encoder, (8,))
    needed = bits if quality == "lossless" else min(bits, LOSSY_BITS)
    return next((depth for depth in depths if depth >= needed), depths[-1])


def merge_options(options: EncoderOptions, more: EncoderOptions) -> None:
    """Add options; private parameters of an encoder, which are one option in FFmpeg, are joined."""
    for name, value in more.items():
        options[name] = f"{options[name]}:{value}" if name.endswith("-params") and name in options else value


def options_here(encoding: EncoderChoice) -> EncoderOptions:
    """Return the options of an encoder on this machine's processor; see X264_WITHOUT_AVX512."""
    options = dict(encoding.options)
    if encoding.encoder == "libx264" and "asm=" not in options.get("x264-params", "") and has_avx512():
        merge_options(options, X264_WITHOUT_AVX512)
    return options


def add_stream(
    output: OutputContainer,
    encoding: EncoderChoice,
    *,
    width: int,
    height: int,
    sample_aspect_ratio: Fraction,
    rate: Fraction,
    tick: Fraction,
    colour: Colour,
    chroma_location: str | None,
    threads: int = 0,
) -> VideoStream:
    """Add a video stream for pictures of this size, shape, average rate and colour to an open file.

    Args:
        tick: unit of the times of the pictures, in seconds.
        chroma_location: FFmpeg's name of it, or None.
        threads: number of threads of the encoder; 0 lets it choose.
    """
    location = {"chroma_sample_location": chroma_location} if chroma_location else {}
    options = options_here(encoding) | location
    stream = cast("VideoStream", output.add_stream(encoding.encoder, rate, options))
    context = stream.codec_context
    context.width, context.height = width, height
    context.pix_fmt = encoding.pixel_format
    context.sample_aspect_ratio = sample_aspect_ratio
    # Both are needed: if only the muxer has it, times that are not multiples of 1 / rate fail with EINVAL.
    context.time_base = stream.time_base = tick
    context.thread_count = threads
    if encoding.tag is not None:
        context.codec_tag = encoding.tag
    if encoding.pixel_format != "pal8":
        context.colorspace = colour.matrix
        context.color_primaries = colour.primaries
        context.color_trc = colour.transfer
        context.color_range = 2 if colour.full_range else 1
    return stream
