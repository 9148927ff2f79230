"""Reads and writes picture files: PNG, JPEG, WebP, BMP and TIFF."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from orchestrator.errors import BadMedia, BadRequest, DiskFull, InputNotFound
from orchestrator.frames import Pixels
from orchestrator.limits import PIXELS_8K
from orchestrator.media.read.still_picture_limits import check_picture
from orchestrator.storage.staged import staged

FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Suffixes of the picture formats that can be written."""


def read_picture(path: Path, *, most_px: int = PIXELS_8K) -> tuple[Pixels, list[str]]:
    """Decode a picture file, and report what was lost.

    Args:
        path: the picture file.
        most_px: largest width times height.

    Returns:
        uint8 [H, W, 3] RGB; and one sentence if transparency was dropped, one if more than 8 bits were
        rounded.

    Raises:
        InputNotFound: there is no such file.
        BadMedia: the file is not a picture.
        LimitExceeded: the picture is too large.
    """
    if not path.is_file():
        raise InputNotFound(f"{path} does not exist or is not a file; check the name")
    data = np.fromfile(path, np.uint8)
    check_picture(data.tobytes(), str(path), most_px=most_px)
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    if stored is None or decoded is None:
        raise BadMedia(f"{path} is not a picture that can be read; give a PNG, JPEG or WebP")
    notes = []
    if stored.ndim == 3 and stored.shape[2] in {2, 4}:
        notes.append("the transparency of the picture (its alpha channel) was dropped")
    if stored.dtype != np.uint8:
        bits = stored.dtype.itemsize * 8
        notes.append(f"the picture has {bits} bits a sample, and was rounded to the 8 that models take")
    return np.asarray(decoded, np.uint8), notes


def write_picture(path: Path, pixels: Pixels, *, overwrite: bool) -> None:
    """Encode a picture in the format of its suffix.

    Args:
        path: the picture file; it appears only when it is complete.
        pixels: uint8 [H, W, 3] RGB.
        overwrite: whether to replace a file that exists.

    Raises:
        OutputPathRefused: see `staged`.
        BadRequest: the suffix is not one of FORMATS, or the format cannot hold a picture that large.
        DiskFull: the file could not be written.
    """
    check_picture_format(path)
    try:
        encoded, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    except cv2.error:
        encoded = False
    if not encoded:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise BadRequest(f"a picture of {size} cannot be written as {path.suffix}; name the output .png")
    with staged(path, overwrite=overwrite) as temporary:
        try:
            temporary.write_bytes(data.tobytes())
        except OSError as exc:
            raise DiskFull(f"{path} cannot be written: {exc.strerror}; free some space") from exc


def check_picture_format(path: Path) -> None:
    """Refuse a file name whose suffix is not one of FORMATS.

    Raises:
        BadRequest: see `write_picture`.
    """
    if path.suffix.lower() not in FORMATS:
        raise BadRequest(f"pictures cannot be written as {path.name!r}; end the name in {', '.join(FORMATS)}")
