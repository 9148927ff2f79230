"""Where the samples of chroma lie among the pixels that share them. Knows nothing of files or encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import av.error
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from orchestrator.media.colour.conversion import rows_of
from orchestrator.media.colour.pixel_format import chroma_of, upright_chroma

if TYPE_CHECKING:
    from orchestrator.frames import Form, VideoInfo

Place = tuple[float, float]
"""From the first column that shares a sample, 0, to the last, 1; and from the first row to the last."""

PLACES: dict[str, Place] = {
    "left": (0, 0.5),
    "center": (0.5, 0.5),
    "topleft": (0, 0),
    "top": (0.5, 0),
    "bottomleft": (0, 1),
    "bottom": (0.5, 1),
}
"""By FFmpeg's names; codecs have no others (ITU-T H.265, figure E.1)."""

_SIDE_PX, _MIDDLE, _STEP = 16, 8, 6400


def upright_location(frame: av.VideoFrame, *, rotation: int, mirrored: bool) -> str | None:
    """Return where chroma lies in a decoded picture once it is mirrored and turned; None where it is whole.

    PyAV does not tell, but swscale heeds it: it is asked to spread a step of chroma over the pixels. What is
    not said is the center to swscale. No codec has the last column: what would lie there is said to lie in
    the center, half a pixel off.

    Args:
        frame: of any size and pixel format.
        rotation: degrees counter-clockwise, a multiple of 90.
        mirrored: whether it is mirrored first.
    """
    if chroma_of(frame.format.name) == (1, 1):
        return None
    reformatter = VideoReformatter()
    # A format that no decoder gives, so this is a picture of its own.
    try:
        small = reformatter.reformat(frame, width=_SIDE_PX, height=_SIDE_PX, format="yuv420p14le")
    except av.error.FFmpegError:
        return None  # nor can its pictures be read
    across, down = (rows_of(plane, np.uint16) for plane in small.planes[1:])
    across[:], down[:] = 0, 0
    across[:, _MIDDLE // 2 :] = down[_MIDDLE // 2 :] = _STEP
    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
    spread = VideoReformatter().reformat(small, format="yuv444p14le", interpolation=flags)
    levels = [rows_of(plane, np.uint16)[_MIDDLE, _MIDDLE] for plane in spread.planes[1:]]
    # All of the step where the sample is in the first column, half where it is in the second.
    x, y = (round((1 - int(level) / _STEP) * 4) / 2 for level in levels)
    if mirrored:
        x = 1 - x
    for _ in range(rotation // 90 % 4):
        x, y = y, 1 - x
    return _named((x, y))


def written_location(form: Form, *, info: VideoInfo, pixel_format: str) -> str | None:
    """Return where the chroma of the output lies, as FFmpeg names it; None where it is not 4:2:0.

    swscale puts what it makes in the center; planes keep what they share already.

    Args:
        form: of the pictures.
        info: of the source.
        pixel_format: of the output.
    """
    if not pixel_format.startswith("yuv420"):
        return None
    x, y = PLACES[info.chroma_location or "center"]
    across, down = upright_chroma(info) if form == "planes" else (1, 1)
    return _named((x if across == 2 else 0.5, y if down == 2 else 0.5))


def _named(place: Place) -> str:
    x, y = place
    return next(name for name, known in PLACES.items() if known == (x if x < 1 else 0.5, y))
