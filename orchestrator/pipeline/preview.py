"""Makes the preview of a job: stills of its source and of its output, in one JSON document.

A preview never fails its job: where it cannot be made, a note says so.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from orchestrator.errors import EncodeFailed
from orchestrator.frames import Pixels, VideoInfo
from orchestrator.jobs import Preview, Still
from orchestrator.media.read.probe import probe
from orchestrator.media.read.still_reader import stills
from orchestrator.video_source import VideoSource

MOST_STILLS = 8

LONGEST_PX = 1280
"""Longest side of a still, in pixels."""

MOST_BYTES = 6_000_000
"""Most bytes of all pictures in the document."""

_TRIES = ((1, 85), (1, 70), (1, 50), (2, 60), (4, 60))
"""By how much a picture is scaled down, and its JPEG quality: each smaller than the one before."""

_FULL_CHROMA = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
"""Colours at full resolution take a fifth more bytes; without them the edges of red text are blurred."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A time at which stills are taken.

    Attributes:
        source_s: in seconds from the start of the source.
        output_s: when the output shows the same frame, in seconds on the clock of its file; None without an
            output. The first moment is that of its first frame.
    """

    source_s: Fraction
    output_s: Fraction | None = None


def evenly(count: int, most: int = MOST_STILLS) -> list[int]:
    """Return at most `most` evenly spread indexes of a sequence, with the first and the last."""
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def write_preview(
    path: Path | None,
    *,
    source: VideoSource,
    info: VideoInfo,
    moments: Sequence[Moment],
    output: Path | None = None,
) -> tuple[str, ...]:
    """Write the preview of a job as JSON, a `Preview`. Memory does not grow with the length of the video.

    Args:
        path: the file to write; None writes none.
        source: the job's source, which `info` describes.
        info: its description from `probe`.
        moments: when to take stills, rising, at most MOST_STILLS.
        output: the finished output of a job that makes a video.

    Returns:
        Nothing, or a sentence that says why there is no preview. Then there is no file either.
    """
    if path is None:
        return ()
    try:
        preview = _preview(source, info, moments, output)
        path.write_text(preview.model_dump_json(), encoding="ascii")
    except Exception as exc:  # whatever goes wrong, the output is complete
        log.warning("no preview: %s", type(exc).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
        path.unlink(missing_ok=True)
        return ("no preview could be made of this job; its output is complete",)
    return ()


def _preview(source: VideoSource, info: VideoInfo, moments: Sequence[Moment], output: Path | None) -> Preview:
    most_bytes = MOST_BYTES // MOST_STILLS // (1 if output is None else 2)
    shown = {} if output is None else _of_output(output, [moment.output_s for moment in moments], most_bytes)
    found: dict[Fraction, Still] = {}
    pictures = stills(source, info, [moment.source_s for moment in moments], longest_px=LONGEST_PX)
    for number, at_s, pixels in pictures:
        output_s, picture = shown.get(number, (None, None))
        found[at_s] = Still(
            time_sec=_rounded(at_s),
            source=data_url(pixels, most_bytes=most_bytes),
            output=picture,
            output_time_sec=None if output_s is None else _rounded(output_s),
        )
    if not found:
        raise EncodeFailed("no picture of the source was found")
    return Preview(stills=tuple(found.values()))


def _of_output(
    path: Path, times_s: Sequence[Fraction | None], most_bytes: int
) -> dict[int, tuple[Fraction, str]]:
    """Return when the output shows each picture, in seconds from its first, and the picture, by its index."""
    info = probe(path)
    # A time that was rounded to the output's clock may be half a tick late.
    shift_s = info.time_base / 2 - info.start_s
    first_s = times_s[0] or Fraction(0)
    wanted_s = [(time_s or first_s) + shift_s for time_s in times_s]
    return {
        number: ((times_s[number] or first_s) - first_s, data_url(pixels, most_bytes=most_bytes))
        for number, _, pixels in stills(path, info, wanted_s, longest_px=LONGEST_PX)
    }


def data_url(pixels: Pixels, *, most_bytes: int) -> str:
    """Return a picture as a `data:` URL of a JPEG, compressed more, or scaled down, if it would be too long.

    Args:
        pixels: uint8 [H, W, 3] RGB.
        most_bytes: most characters of the URL.
    """
    height, width = pixels.shape[:2]
    for shrink, quality in _TRIES:
        size = max(1, width // shrink), max(1, height // shrink)
        smaller = pixels if shrink == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        options = [cv2.IMWRITE_JPEG_QUALITY, quality, *_FULL_CHROMA]
        jpeg = cv2.imencode(".jpg", cv2.cvtColor(smaller, cv2.COLOR_RGB2BGR), options)[1]
        url = "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")
        if len(url) <= most_bytes:
            break
    return url


def _rounded(seconds: Fraction) -> float:
    return round(float(seconds), 6)
