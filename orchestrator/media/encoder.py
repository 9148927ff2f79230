"""Which encoder writes the output and how it is set: H.264 or HEVC, on NVENC where it works, else on the CPU.

Knows nothing of containers, other streams or files.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import av
import av.error

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

Quality = Literal["high", "medium", "low"]

H264_MAX_SIDE = 4096
H264_MAX_MACROBLOCKS = 36_864
"""MaxFS of level 5.1, the largest picture that common hardware decodes (ITU-T H.264, table A-1)."""


@dataclass(frozen=True)
class Profile:
    """The setting of an encoder for one quality.

    Attributes:
        crf: constant rate factor of x264 and x265; lower is better.
        preset: of x264 and x265.
        cq: constant quality of NVENC, on the same scale.
    """

    crf: int
    preset: str
    cq: int


H264_PROFILES: dict[Quality, Profile] = {
    "high": Profile(crf=17, preset="fast", cq=19),
    "medium": Profile(crf=20, preset="veryfast", cq=23),
    "low": Profile(crf=26, preset="veryfast", cq=29),
}
HEVC_PROFILES: dict[Quality, Profile] = {
    "high": Profile(crf=20, preset="fast", cq=21),
    "medium": Profile(crf=24, preset="veryfast", cq=25),
    "low": Profile(crf=30, preset="veryfast", cq=31),
}


def fits_h264(width: int, height: int) -> bool:
    """Whether a picture is one that H.264 level 5.1 allows and decoders take."""
    macroblocks = -(-width // 16) * -(-height // 16)
    return max(width, height) <= H264_MAX_SIDE and macroblocks <= H264_MAX_MACROBLOCKS


def choose(width: int, height: int, quality: Quality) -> tuple[str, dict[str, str]]:
    """Return FFmpeg's name of the encoder for this picture, and its options."""
    h264 = fits_h264(width, height)
    profile = (H264_PROFILES if h264 else HEVC_PROFILES)[quality]
    nvenc = "h264_nvenc" if h264 else "hevc_nvenc"
    if probe_nvenc(nvenc):
        return nvenc, {"preset": "p5", "tune": "hq", "rc": "vbr", "cq": str(profile.cq), "b": "0"}
    if h264:
        return "libx264", {"crf": str(profile.crf), "preset": profile.preset}
    return "libx265", {"crf": str(profile.crf), "preset": profile.preset, "x265-params": "log-level=none"}


@functools.cache
def probe_nvenc(encoder: Literal["h264_nvenc", "hevc_nvenc"]) -> bool:
    """Whether this machine's GPU encodes: one 256x256 frame is sent through. Asked once a process."""
    try:
        context: VideoCodecContext = av.CodecContext.create(encoder, "w")
        context.width = context.height = 256
        context.pix_fmt = "yuv420p"
        context.framerate = 25  # type: ignore[assignment]  # the setter takes any rational
        frame = av.VideoFrame(256, 256, "yuv420p")
        return bool([*context.encode(frame), *context.encode(None)])
    except (av.error.FFmpegError, ValueError):
        return False
