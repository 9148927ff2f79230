"""The kinds of file that are written, and what they cannot hold. Knows nothing of encoders or streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import BadRequest, OutputRefused

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.jobs import Quality

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".gif": "gif",
}
"""FFmpeg's name of the container for each suffix that an output may have."""

COPIED_SOUND: dict[str, frozenset[str] | None] = {
    "mp4": frozenset({"aac", "ac3", "eac3", "alac", "opus", "flac"}),
    "mov": frozenset(
        {"aac", "ac3", "eac3", "alac", "mp3"}
        | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"}
        | {"pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_s8", "pcm_u8", "pcm_alaw", "pcm_mulaw"}
    ),
    "matroska": None,
    "webm": frozenset({"opus", "vorbis"}),
}
"""FFmpeg's names of the codecs of sound that are copied into each container; None is all that it takes.

They were chosen for players, not for what FFmpeg's muxers take: docs/media.md says which player plays what.
Everything else is transcoded."""

EIGHT_BITS_ONLY = frozenset({"gif"})
"""Containers of which no codec has more than 8 bits a component."""

WITH_ALPHA = frozenset({"webm"})
"""Containers that are written with alpha."""

SQUARE_PIXELS_ONLY = frozenset({"webm", "gif"})
"""Containers that cannot be told the shape of a pixel: VP9 and AV1 do not hold it, PyAV does not pass it on
to WebM, and players take those of a GIF for squares."""

PICTURES_ONLY = frozenset({"gif"})
"""Containers that hold one stream, of pictures."""

MAX_SIDE_PX = 16_384
"""The largest side that is written: decoders take no more."""

GIF_WARN_S = 15
"""A longer GIF is noted: it is tens of times as large as a video of the same pictures."""

GIF_MAX_S = 60
"""A longer GIF is refused: at 640x480 and 25 pictures a second it would be above 300 MB (measured)."""

GIF_MAX_PIXELS = 1920 * 1080
"""A GIF of larger pictures is refused, however short: players decode it whole, or stall."""


def check_output(path: Path) -> str:
    """Return FFmpeg's name of the container that `path` asks for by its suffix.

    Raises:
        OutputRefused: no container of that suffix can be written.
    """
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        *names, last = CONTAINERS
        raise OutputRefused(
            f"{path} cannot be written: name an output that ends in {', '.join(names)} or {last}"
        )
    return container


def check_limits(
    container: str, *, quality: Quality, width: int, height: int, duration_s: float | None = None
) -> None:
    """Refuse what a container cannot hold, before any work.

    Args:
        container: FFmpeg's name of it.
        quality: that was asked for.
        width, height: of the pictures, in pixels.
        duration_s: how long they last, in seconds; None where it is not known yet.

    Raises:
        BadRequest: the picture is larger than any encoder takes, or a GIF is to be too long, too large or
            lossless.
    """
    if max(width, height) > MAX_SIDE_PX:
        raise BadRequest(f"the output would be {width}x{height}: more than {MAX_SIDE_PX} a side, scale less")
    if container != "gif":
        return
    if quality == "lossless":
        raise BadRequest(
            "quality lossless is not for gif, which has 256 colours: choose high, medium or low, or mp4"
        )
    if width * height > GIF_MAX_PIXELS:
        raise BadRequest(
            f"a gif of {width}x{height} is too large: at most {GIF_MAX_PIXELS} pixels (1920x1080) are "
            "written, choose a smaller size, or mp4 or webm"
        )
    if duration_s is not None and duration_s > GIF_MAX_S:
        raise BadRequest(
            f"a gif of {duration_s:.6g} s is too long: at most {GIF_MAX_S} s are written, choose a start and "
            "an end, or mp4 or webm"
        )
