"""Which encoder writes the output and how it is set: H.264 or HEVC, on NVENC where it works, else on the CPU.

Knows nothing of containers, other streams or files.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import av
import av.error

from orchestrator.errors import BadRequest

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

Quality = Literal["high", "medium", "low"]
"""Visually lossless; good; small."""

H264_MAX_SIDE_PX = 4096
H264_MAX_MACROBLOCKS = 36_864
"""MaxFS of level 5.1 (ITU-T H.264, table A-1), 4096x2304: the most that hardware decoders commonly take."""

MAX_SIDE_PX = 16_384
"""The largest side that is written: decoders take no more."""

HEVC_MIN_SIDE_PX = 32
"""x265 refuses smaller pictures: one as flat as this is H.264, however wide."""

NVENC_SIDES_PX = (160, 8192)
"""Smallest and largest side given to NVENC: it takes H.264 from 145 pixels on, and HEVC to 8192 (NVIDIA's
support matrix)."""

X264_CRF: dict[Quality, int] = {"high": 16, "medium": 20, "low": 26}
"""x264's scale: 23 is its default, 17 visually lossless, +6 halves the bits (FFmpeg wiki, Encode/H.264)."""

X264_PRESET = "veryfast"
"""At crf 16 as good as `medium` at crf 17, for 40 % of its time, a third of its memory, a sixth more bits:
measured, the table is in docs/media.md."""

X265_CRF: dict[Quality, int] = {"high": 15, "medium": 19, "low": 26}
"""Chosen to be as good as x264 at its own, by PSNR (docs/media.md)."""

X265_PRESET = "superfast"

NVENC_CQ: dict[Quality, int] = {"high": 19, "medium": 24, "low": 30}
"""Constant quality of NVENC's variable bit rate, on the scale of quantisers, as CRF is."""


def choose(width: int, height: int, quality: Quality) -> tuple[str, dict[str, str]]:
    """Return FFmpeg's name of the encoder for a picture of this size, in pixels, and its options.

    Raises:
        BadRequest: no encoder takes a picture of that size.
    """
    if max(width, height) > MAX_SIDE_PX:
        raise BadRequest(f"the output would be {width}x{height}: more than {MAX_SIDE_PX} a side, scale less")
    h264 = _is_for_h264(width, height)
    smallest, largest = NVENC_SIDES_PX
    nvenc: Literal["h264_nvenc", "hevc_nvenc"] = "h264_nvenc" if h264 else "hevc_nvenc"
    # Where swscale puts the chroma of 4:2:0; untagged H.264 and HEVC mean `left`, half a pixel off.
    options = {"chroma_sample_location": "center"}
    if min(width, height) >= smallest and max(width, height) <= largest and probe_nvenc(nvenc):
        return nvenc, options | {"preset": "p5", "tune": "hq", "rc": "vbr", "cq": str(NVENC_CQ[quality])}
    if h264:
        return "libx264", options | {"preset": X264_PRESET, "crf": str(X264_CRF[quality])}
    options |= {"preset": X265_PRESET, "crf": str(X265_CRF[quality]), "x265-params": "log-level=none"}
    return "libx265", options


@functools.cache
def probe_nvenc(encoder: Literal["h264_nvenc", "hevc_nvenc"]) -> bool:
    """Whether a GPU of this machine encodes: one 256x256 frame is sent through. Asked once a process."""
    try:
        context: VideoCodecContext = av.CodecContext.create(encoder, "w")
        context.width = context.height = 256
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, 25)
        return bool([*context.encode(av.VideoFrame(256, 256, "yuv420p")), *context.encode(None)])
    except (av.error.FFmpegError, ValueError):
        return False


def _is_for_h264(width: int, height: int) -> bool:
    macroblocks = -(-width // 16) * -(-height // 16)
    fits = max(width, height) <= H264_MAX_SIDE_PX and macroblocks <= H264_MAX_MACROBLOCKS
    return fits or min(width, height) < HEVC_MIN_SIDE_PX
