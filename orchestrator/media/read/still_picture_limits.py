"""Refuses still pictures that are too large, by their headers, before they are decoded."""

from __future__ import annotations

import io
from typing import cast

import av

from orchestrator.errors import BadMedia, LimitExceeded

FORMATS = (
    "png_pipe,apng,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif,pbm_pipe,pgm_pipe,ppm_pipe,pam_pipe,j2k_pipe,"
    "hdr_pipe,pfm_pipe"
)
"""FFmpeg's names of the accepted formats. Others could open further files."""


def check_picture(data: bytes, name: str, *, most_px: int) -> None:
    """Refuse a file that is not a picture, or has too many pixels.

    Args:
        data: the file's content.
        name: the file's name, for messages.
        most_px: largest width times height.

    Raises:
        BadMedia: it is not a picture of a known format.
        LimitExceeded: it is too large. FFmpeg's decoders refuse it by its header, without giving its size.
    """
    try:
        with av.open(
            io.BytesIO(data),
            container_options={"format_whitelist": FORMATS},
            stream_options=cast(
                "list[str]", [{"max_pixels": str(most_px)}]
            ),  # PyAV's stub means dictionaries
        ) as container:
            context = container.streams.video[0].codec_context
            small_enough = 0 < context.width * context.height <= most_px
    except (av.error.FFmpegError, ValueError, IndexError, OSError) as exc:
        raise BadMedia(f"{name} is not a picture that can be read; give a PNG, JPEG or WebP") from exc
    if not small_enough:
        raise LimitExceeded(
            f"{name} is larger than {most_px} pixels, or its header is damaged: scale it down, or raise "
            "FRAMEWRIGHT_MAX_SOURCE_PIXELS"
        )
