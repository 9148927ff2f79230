"""One picture through one model, whole: the job of the per-model debugging client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from orchestrator.errors import BadMedia, BadRequest, DiskFull, InputNotFound
from orchestrator.frames import PADDING_LEVEL
from orchestrator.limits import PIXELS_8K
from orchestrator.media.picture_header import check_picture
from orchestrator.pipeline.marks import Pen, colour_of, plain
from orchestrator.storage.staged import staged
from orchestrator.tiles.grid import plan
from orchestrator.tiles.letterbox import letterbox
from orchestrator.tiles.stitch import cut, paste

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.frames import Detections, Pixels
    from orchestrator.triton.client import InferReport, TritonClient
    from orchestrator.triton.contract import DetectContract, UpscaleContract

FORMATS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Suffixes of pictures that can be written."""


def read_picture(path: Path, *, most_px: int = PIXELS_8K) -> Pixels:
    """Decode a picture file; see `read_picture_and_notes`."""
    return read_picture_and_notes(path, most_px=most_px)[0]


def read_picture_and_notes(path: Path, *, most_px: int) -> tuple[Pixels, list[str]]:
    """Decode a picture file, and tell what of it is lost.

    Args:
        path: of the file.
        most_px: width times height at most.

    Returns:
        uint8 [H, W, 3] RGB, without transparency and with more than 8 bits rounded; and a sentence for each
        of the two that is lost.

    Raises:
        InputNotFound: there is no such file.
        BadMedia: it is not a picture.
        LimitExceeded: it is too large.
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
        path: of the picture; it appears only when it is complete.
        pixels: uint8 [H, W, 3] RGB.
        overwrite: replace a file that exists.

    Raises:
        OutputRefused: see `staged`.
        BadRequest: its suffix is not one of FORMATS, or the format cannot hold a picture that large.
        DiskFull: it could not be written.
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
    """Refuse a suffix that cannot be written.

    Raises:
        BadRequest: see `write_picture`.
    """
    if path.suffix.lower() not in FORMATS:
        raise BadRequest(f"pictures cannot be written as {path.name!r}; end the name in {', '.join(FORMATS)}")


def upscale_picture(
    client: TritonClient, contract: UpscaleContract, picture: Pixels
) -> tuple[Pixels, InferReport, tuple[int, ...]]:
    """Send one picture, padded to the model's size multiple, and cut the padding off the answer.

    Args:
        client: of a server that has the model loaded.
        contract: of the model.
        picture: uint8 [H, W, 3] RGB.

    Returns:
        uint8 [scale * H, scale * W, 3] RGB, how the request went, and the shape that was sent.

    Raises:
        WorkerError: see `TritonClient.infer`.
    """
    height, width = picture.shape[:2]
    whole = plan(height=height, width=width, tile=max(height, width), halo=0, multiple=contract.size_multiple)
    images = np.empty((1, whole.tile_height, whole.tile_width, 3), np.uint8)
    cut(picture, whole.tiles[0], images[0])
    results, went = client.infer(contract, images)
    upscaled = np.empty((height * contract.scale, width * contract.scale, 3), np.uint8)
    paste(results[0], whole.tiles[0], upscaled, contract.scale)
    return upscaled, went, images.shape


def detect_picture(
    client: TritonClient, contract: DetectContract, picture: Pixels
) -> tuple[Detections, InferReport, tuple[int, ...]]:
    """Send one picture, brought to the size that the model was trained on, as ultralytics does.

    Args:
        client: of a server that has the model loaded.
        contract: of the model.
        picture: uint8 [H, W, 3] RGB.

    Returns:
        The objects, float32 [n, 6] in pixels of the picture; how the request went; the shape that was sent.

    Raises:
        WorkerError: see `TritonClient.infer`.
    """
    height, width = picture.shape[:2]
    box = letterbox(width=width, height=height, side=contract.side, multiple=contract.size_multiple)
    images = np.full((1, box.height, box.width, 3), PADDING_LEVEL, np.uint8)
    images[0, box.top : box.top + box.inner_height, box.left : box.left + box.inner_width] = cv2.resize(
        picture, (box.inner_width, box.inner_height), interpolation=cv2.INTER_LINEAR
    )
    (found,), went = client.infer(contract, images)
    found[:, :4] = np.clip(box.to_source(found[:, :4]), 0, [width, height, width, height])
    inside = (found[:, 2] > found[:, 0]) & (found[:, 3] > found[:, 1])
    return found[inside], went, images.shape


def drawn(picture: Pixels, detections: Detections, classes: tuple[str, ...]) -> Pixels:
    """A copy of the picture with the boxes on it, each with its class and score.

    Args:
        picture: uint8 [H, W, 3] RGB.
        detections: float32 [n, 6] in pixels of the picture.
        classes: names by class number.
    """
    result = picture.copy()
    pen = Pen(width=picture.shape[1], height=picture.shape[0])
    best_last = detections[::-1]
    numbers = best_last[:, 5].astype(int).tolist()
    for box, number in zip(best_last[:, :4], numbers, strict=True):
        pen.box(result, box, colour_of(number))
    for box, score, number in zip(best_last[:, :4], best_last[:, 4].tolist(), numbers, strict=True):
        pen.label(result, box, plain(classes[number]), colour_of(number), small=f"{score:.2f}")
    return result
