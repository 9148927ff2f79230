"""Which encoder writes the pictures, and how it is set.

H.264, and HEVC for what H.264 does not take, on NVENC where that works, else on the CPU; in WebM VP9, and AV1
for more than 8 bits; GIF. Knows nothing of other streams or files.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import av.error

from orchestrator.containers import one_of
from orchestrator.errors import BadRequest
from orchestrator.media.colour.pixel_format import CHROMA, Chroma, planar_format
from orchestrator.media.write.mastering import hdr_options

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

    from orchestrator.containers import Container
    from orchestrator.frames import HdrMetadata
    from orchestrator.jobs import Quality

H264_MAX_SIDE_PX = 4096
H264_MAX_MACROBLOCKS = 36_864
"""MaxFS of level 5.1 (ITU-T H.264, table A-1), 4096x2304: the most that hardware decoders commonly take."""

HEVC_MIN_SIDE_PX = 64
"""x265 4.2 writes beyond its memory where a picture is no wider than 48 (valgrind: Lookahead::cuTree), and
refuses less than 32: one as narrow or flat as that is H.264, however long."""

AV1_MIN_SIDE_PX = 64
AV1_MAX_HEIGHT_PX = 8704
"""SVT-AV1 4.1 crashes on pictures of less than 30 a side, and refuses higher ones."""

NVENC_SIDES_PX = (160, 8192)
"""Smallest and largest side given to NVENC: it takes H.264 from 145 pixels on, and HEVC to 8192 (NVIDIA's
support matrix)."""

EncoderOptions = dict[str, str]

ALWAYS: dict[str, EncoderOptions] = {
    "libx264": {"preset": "veryfast"},
    # No B-frames: of one or two pictures with them, x265 4.1 gives decoding times that were never set.
    "libx265": {"preset": "superfast", "x265-params": "log-level=none:bframes=0"},
    "h264_nvenc": {"preset": "p5", "tune": "hq", "rc": "vbr"},
    "hevc_nvenc": {"preset": "p5", "tune": "hq", "rc": "vbr"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "5", "lag-in-frames": "0", "row-mt": "1", "b": "0"},
    # No pictures that refer to later ones: a quarter of the memory. Preset 8 of SVT-AV1 4.1 gets plain
    # colours wrong, by 7 levels of 8 bits at crf 20, and by 43 at crf 8.
    "libsvtav1": {"preset": "7", "svtav1-params": "pred-struct=1"},
    "gif": {},
}
"""What every quality of an encoder has in common. One speed for all: slower ones cost time and memory and
give little (measured, docs/media.md). Constant quality of VP9 needs a bit rate of 0 (FFmpeg wiki,
Encode/VP9)."""

PROFILES: dict[str, dict[Quality, EncoderOptions]] = {
    "libx264": {
        "high": {"crf": "14"},
        "medium": {"crf": "20"},
        "low": {"crf": "26"},
        "lossless": {"qp": "0"},
    },
    "libx265": {
        "high": {"crf": "12"},
        "medium": {"crf": "19"},
        "low": {"crf": "26"},
        "lossless": {"x265-params": "lossless=1"},
    },
    "h264_nvenc": {"high": {"cq": "19"}, "medium": {"cq": "24"}, "low": {"cq": "30"}},
    "hevc_nvenc": {"high": {"cq": "19"}, "medium": {"cq": "24"}, "low": {"cq": "30"}},
    "libvpx-vp9": {
        "high": {"crf": "16"},
        "medium": {"crf": "30"},
        "low": {"crf": "40"},
        "lossless": {"lossless": "1"},
    },
    "libsvtav1": {
        "high": {"crf": "20"},
        "medium": {"crf": "30"},
        "low": {"crf": "44"},
        "lossless": {"svtav1-params": "lossless=1"},
    },
    "gif": {"high": {}, "medium": {}, "low": {}},
}
"""By quality. x264's 23 is its default, 17 visually lossless, +6 halves the bits (FFmpeg wiki, Encode/H.264);
the others were chosen to be about as good by PSNR (docs/media.md). x264 is lossless at quantiser 0, and at
crf 0 with 8 bits only."""

BITS: dict[str, tuple[int, ...]] = {
    "libx264": (8, 10),
    "libx265": (8, 10, 12),
    "libvpx-vp9": (8,),
    "libsvtav1": (10,),
}
"""Bits a component that are written, of those that an encoder takes. PyAV's libvpx is built for 8 alone."""

LOSSY_BITS = 10
"""Sources of more are written with so many: hardware decodes Main 10, and not Main 12."""

LOSSLESS_CHROMA: dict[str, tuple[Chroma, ...]] = {
    "libx264": ((2, 2), (2, 1), (1, 1)),
    "libx265": ((2, 2), (2, 1), (1, 1)),
    "libvpx-vp9": tuple(CHROMA),
    "libsvtav1": ((2, 2),),
}


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """An encoder and how it is set.

    Attributes:
        encoder: FFmpeg's name of it.
        pixel_format: FFmpeg's name of what it is given.
        options: of the encoder.
        tag: the four letters by which MP4 and MOV name the codec, or None for FFmpeg's choice.
        notes: what few players will show, one sentence each.
    """

    encoder: str
    pixel_format: str
    options: EncoderOptions
    tag: str | None = None
    notes: tuple[str, ...] = ()


def choose(
    container: Container,
    *,
    width: int,
    height: int,
    quality: Quality,
    chroma: Chroma = (2, 2),
    bits: int = 8,
    hdr: HdrMetadata | None = None,
    alpha: bool = False,
) -> Encoding:
    """Return what pictures are best encoded with.

    Args:
        container: where they go.
        width, height: of them, in pixels.
        quality: lossless keeps their chroma and bits where the encoder can; the others make 4:2:0 of 8 or 10
            bits.
        chroma: of the source.
        bits: a component, of the pictures.
        hdr: metadata to write into the stream.
        alpha: whether pictures have alpha, which VP9 alone takes, in 4:2:0 of 8 bits; of a container that
            has alpha.

    Raises:
        BadRequest: there is no such quality.
    """
    *preferred, last = container.encoders
    is_lossy, size = quality != "lossless", (width, height)
    encoder = next(
        (name for name in preferred if _fits(name, size, bits=bits, is_lossy=is_lossy, alpha=alpha)), last
    )
    if quality not in PROFILES[encoder]:
        raise BadRequest(f"quality {quality!r} is unknown: choose {one_of(PROFILES[encoder])}")
    options = dict(ALWAYS[encoder])
    notes: list[str] = []
    if encoder == "gif":
        return Encoding(encoder=encoder, pixel_format="pal8", options=options)
    written = (2, 2)
    if quality == "lossless" and not alpha:
        written = chroma if chroma in LOSSLESS_CHROMA[encoder] else LOSSLESS_CHROMA[encoder][-1]
    depth = _depth(encoder, bits, quality)
    if encoder == "libx264" and depth > 8:
        notes.append(
            f"the picture is too small for HEVC: it is H.264 of {depth} bits, which few players show"
        )
    _merge(options, PROFILES[encoder][quality])
    if hdr is not None:
        _merge(options, hdr_options(encoder, hdr))
    if encoder == "libsvtav1":
        # It prints its settings to standard error, and asks the environment alone whether it may.
        os.putenv("SVT_LOG", "1")
    return Encoding(
        encoder=encoder,
        pixel_format=planar_format(written, depth, alpha=alpha),
        options=options,
        tag=container.codec_tags.get(encoder),
        notes=tuple(notes),
    )


@functools.cache
def probe_nvenc(encoder: str) -> bool:
    """Whether a GPU of this machine encodes: one 256x256 frame is sent through. Asked once a process."""
    try:
        context = cast("VideoCodecContext", av.CodecContext.create(encoder, "w"))
        context.width = context.height = 256
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, 25)
        return bool([*context.encode(av.VideoFrame(256, 256, "yuv420p")), *context.encode(None)])
    except (av.error.FFmpegError, ValueError):
        return False


def _fits(encoder: str, size: tuple[int, int], *, bits: int, is_lossy: bool, alpha: bool) -> bool:
    """Return whether an encoder is the right one for pictures, if those that are preferred to it are not."""
    shorter, longer = sorted(size)
    is_for_h264 = bits == 8 and _is_for_h264(*size)
    if encoder == "libsvtav1":
        return bits > 8 and not alpha and shorter >= AV1_MIN_SIDE_PX and size[1] <= AV1_MAX_HEIGHT_PX
    if encoder == "libx264":
        return is_for_h264 or shorter < HEVC_MIN_SIDE_PX
    # NVENC is given 8 bits only: PyAV cannot hand it the metadata of HDR.
    smallest, largest = NVENC_SIDES_PX
    is_for_nvenc = is_lossy and bits == 8 and smallest <= shorter and longer <= largest
    return is_for_nvenc and (is_for_h264 or encoder == "hevc_nvenc") and probe_nvenc(encoder)


def _is_for_h264(width: int, height: int) -> bool:
    macroblocks = -(-width // 16) * -(-height // 16)
    return max(width, height) <= H264_MAX_SIDE_PX and macroblocks <= H264_MAX_MACROBLOCKS


def _depth(encoder: str, bits: int, quality: Quality) -> int:
    """Return how many bits a component are written: enough for what is wanted, or as many as there are."""
    taken = BITS.get(encoder, (8,))
    wanted = bits if quality == "lossless" else min(bits, LOSSY_BITS)
    return next((depth for depth in taken if depth >= wanted), taken[-1])


def _merge(options: EncoderOptions, more: EncoderOptions) -> None:
    """Add settings; those of the encoder's own, which FFmpeg takes as one option, are joined."""
    for name, value in more.items():
        options[name] = f"{options[name]}:{value}" if name.endswith("-params") and name in options else value
