"""Draws sample pictures of models in one sheet: upscalers beside bicubic, detectors with their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np

from orchestrator.drawing.canvas import Canvas
from orchestrator.drawing.picture_files import read_picture
from orchestrator.frames import Pixels
from orchestrator.jobs import TrackParams
from orchestrator.media.read.probe import probe
from orchestrator.media.read.still_reader import stills
from orchestrator.pipeline.single_image_inference import detect_picture, draw_detections, upscale_picture
from orchestrator.settings import PROJECT_ROOT
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract, UpscaleContract

PHOTO = PROJECT_ROOT / "export_onnx" / "photo.png"
"""The eye of a cat, for upscalers."""

FACE = PROJECT_ROOT / "export_onnx" / "face.png"
"""A photograph of a person, for detectors."""

CLIP = PROJECT_ROOT / "examples" / "sample.mp4"
"""Its drawn figures are for a detector that finds nothing in the photograph, such as lite-detector."""

SHOWN_SCALE = 4
"""By how much parts of pictures are enlarged; a model of another scale is resized to it."""

CELL_PX = 400
"""Side of a sample in the sheet."""

_MARGIN_PX = 12
_CAPTION_PX = 30
_MOST_COLUMNS = 3

Sample = tuple[str, Pixels]
"""A caption, and a picture uint8 [H, W, 3] RGB of at most CELL_PX x CELL_PX."""


def sample_sheet(client: TritonClient, models: Sequence[str], picture: Pixels | None = None) -> Pixels:
    """Return a picture that shows what models make of one photograph.

    Upscalers enlarge its middle four times, beside bicubic; detectors draw the boxes that `framewright track`
    would use.

    Args:
        client: the client of a running Triton.
        models: names of built models, at least one.
        picture: uint8 [H, W, 3] RGB; None takes pictures that come with the project.

    Returns:
        uint8 [H, W, 3] RGB.

    Raises:
        InputNotFound: the project's pictures are not on this machine.
        WorkerError: see `TritonClient.load` and `TritonClient.infer`.
    """
    upscaled: list[Sample] = []
    detected: list[Sample] = []
    for model in models:
        client.load(model)
        contract = client.contract(model)
        if isinstance(contract, UpscaleContract):
            part = _middle(picture if picture is not None else read_picture(PHOTO)[0])
            upscaled += [] if upscaled else [("bicubic", _enlarged(part, part))]
            result, _, _ = upscale_picture(client, contract, part)
            upscaled.append((f"{model}, x{contract.scale}", _enlarged(result, part)))
        else:
            detected.append(_detected(client, contract, picture))
    return _sheet([*upscaled, *detected])


def _middle(picture: Pixels) -> Pixels:
    """Return the part of a picture that fits into a sample when it is enlarged."""
    most = CELL_PX // SHOWN_SCALE
    top, left = (max(0, side - most) // 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + most, left : left + most])


def _enlarged(picture: Pixels, part: Pixels) -> Pixels:
    """Return a picture, bicubically resized if need be, in the size at which a part is shown."""
    height, width = (SHOWN_SCALE * side for side in part.shape[:2])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _detected(client: TritonClient, contract: DetectContract, picture: Pixels | None) -> Sample:
    """Return the picture, the photograph or, if nothing is found in that, a frame of the clip, with boxes."""
    shown = read_picture(FACE)[0] if picture is None else picture
    sample, count = _with_boxes(client, contract, shown)
    if not count and picture is None:
        sample, count = _with_boxes(client, contract, _frame_of_clip())
    return f"{contract.name}: {count or 'nothing'} found", sample


def _with_boxes(client: TritonClient, contract: DetectContract, picture: Pixels) -> tuple[Pixels, int]:
    """Return a picture in the size of a sample, with boxes; and how many there are."""
    found, _, _ = detect_picture(client, contract, picture)
    found = found[found[:, 4] >= TrackParams().confidence]
    scale = CELL_PX / max(picture.shape[:2])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    kernel = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    resized = np.asarray(cv2.resize(picture, (width, height), interpolation=kernel), np.uint8)
    found[:, :4] *= scale
    return draw_detections(resized, found, contract.classes), len(found)


def _frame_of_clip() -> Pixels:
    (_, _, pixels), *_ = stills(CLIP, probe(CLIP), [Fraction(1)], longest_px=CELL_PX)
    return pixels


def _sheet(samples: Sequence[Sample]) -> Pixels:
    """Place samples in rows, each under its caption; their pixels stay as they are."""
    columns = min(len(samples), _MOST_COLUMNS)
    rows = [samples[first : first + columns] for first in range(0, len(samples), columns)]
    heights = [_CAPTION_PX + max(pixels.shape[0] for _, pixels in row) + _MARGIN_PX for row in rows]
    wide = max(CELL_PX // 2, *(pixels.shape[1] for _, pixels in samples)) + _MARGIN_PX
    canvas = Canvas(_MARGIN_PX + columns * wide, sum(heights))
    places = []
    for row, top in zip(rows, np.cumsum([0, *heights]).tolist(), strict=False):
        for column, (caption, pixels) in enumerate(row):
            left = _MARGIN_PX + column * wide
            canvas.text(caption, (left, top + 21), 11, most_px=wide - _MARGIN_PX)
            places.append((top + _CAPTION_PX, left, pixels))
    sheet = canvas.finished()
    for top, left, pixels in places:
        sheet[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return sheet
