"""Finds out whether this machine can encode with NVENC, and if not, why.

NVENC is a unit of NVIDIA's GPUs that encodes video. Some GPUs for computing have none.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction
from typing import cast

import av
import av.error
import av.logging
from av.video.codeccontext import VideoCodecContext

from orchestrator.installed_gpus import installed_gpus

WITHOUT_NVENC = ("A100", "A30", "H100", "H200", "B200")
"""GPUs that decode video but have no encoder (NVIDIA, Video Encode and Decode GPU Support Matrix)."""

_DRIVER_CAPABILITY = "a container needs the driver capability video (NVIDIA_DRIVER_CAPABILITIES)"


@functools.cache
def nvenc_problem(encoder: str) -> str | None:
    """Return why a frame of 256x256 cannot be encoded; None if it can. Tested once per process.

    Args:
        encoder: FFmpeg's name of the encoder: `h264_nvenc` or `hevc_nvenc`.

    Returns:
        A clause without a full stop, such as "NVIDIA H100 PCIe has no NVENC".
    """
    failure = _encode_frame(encoder)
    return None if failure is None else explained(failure, _gpus())


def nvenc_note(encoder: str, *, used: str) -> str | None:
    """Return a sentence for the user about an encoder of NVENC that cannot be used although there is a GPU.

    Args:
        encoder: FFmpeg's name of the encoder.
        used: the encoder that is used instead.

    Returns:
        The sentence, without a full stop; None without a GPU, or if the encoder works.
    """
    problem = nvenc_problem(encoder)
    return f"{used} encoded on the processor: {problem}" if problem and _gpus() else None


def has_nvenc(gpu: str) -> bool:
    """Return whether a GPU of this name may have NVENC: whether it is none of `WITHOUT_NVENC`."""
    return re.search(rf"\b({'|'.join(WITHOUT_NVENC)})\b", gpu) is None


_gpus = functools.cache(installed_gpus)


def _encode_frame(encoder: str) -> str | None:
    """Encode one frame; return what FFmpeg logs if that fails."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as logged:
            try:
                context = cast("VideoCodecContext", av.CodecContext.create(encoder, "w"))
                context.width = context.height = 256
                context.pix_fmt = "yuv420p"
                context.time_base = Fraction(1, 25)
                packets = [*context.encode(av.VideoFrame(256, 256, "yuv420p")), *context.encode(None)]
            except (av.error.FFmpegError, ValueError) as exc:
                sentences = dict.fromkeys(text.strip() for _, _, text in logged)
                return "; ".join(sentences) or str(exc)
    finally:
        av.logging.set_level(level)
    return None if packets else "it made no packet"


def explained(failure: str, gpus: tuple[str, ...]) -> str:
    """Return the reason for a failure.

    Args:
        failure: what FFmpeg says.
        gpus: the names of the GPUs of this machine.
    """
    if not gpus:
        return f"no NVIDIA GPU was found (FFmpeg: {failure})"
    if lacking := [name for name in dict.fromkeys(gpus) if not has_nvenc(name)]:
        return f"{' and '.join(lacking)} has no NVENC"
    hint = f"; {_DRIVER_CAPABILITY}" if "libnvidia-encode" in failure else ""
    return f"NVENC of {' and '.join(dict.fromkeys(gpus))} does not work: {failure}{hint}"
