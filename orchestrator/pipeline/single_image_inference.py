"""Runs one model on one whole picture, for `framewright infer`."""

from __future__ import annotations

import cv2
import numpy as np

from orchestrator.drawing.pen import Pen, colour_of, to_ascii
from orchestrator.frames import Colour, Detections, Pixels
from orchestrator.inference.upscaler import request_planes
from orchestrator.media.colour.code_points import BT709
from orchestrator.media.colour.frame_planes import empty_planes
from orchestrator.media.colour.made_planes import made_format, made_planes, rgb_pixels
from orchestrator.media.read.frame_to_picture import pad_to_letterbox
from orchestrator.pipeline.detect import input_box
from orchestrator.tiles.cut_and_stitch import cut_window, paste_interior
from orchestrator.tiles.grid import plan_grid
from orchestrator.triton.client import InferReport, TritonClient
from orchestrator.triton.contract import DetectContract, UpscaleContract

_PLANES = made_format(Colour(matrix=BT709, primaries=BT709, transfer=BT709, full_range=True))


def upscale_picture(
    client: TritonClient, contract: UpscaleContract, picture: Pixels
) -> tuple[Pixels, InferReport, tuple[int, ...]]:
    """Upscale one picture in a single request, padded to the model's size multiple.

    Args:
        client: the client of a Triton that has the model loaded.
        contract: the contract of the model.
        picture: uint8 [H, W, 3] RGB. It travels as planes in 4:4:4 of 12 bits, which hold all of its colours.

    Returns:
        uint8 [scale * H, scale * W, 3] RGB; how the request went; the shape of the luma that was sent.

    Raises:
        WorkerError: see `TritonClient.infer`.
    """
    height, width = picture.shape[:2]
    multiple = contract.size_multiple
    side = max(height, width) + multiple
    grid = plan_grid(height=height, width=width, tile=side, halo=0, multiple=multiple)
    (whole,) = grid.tiles
    luma = np.empty((1, 2, grid.tile_height, grid.tile_width), np.uint8)
    chroma = np.empty((1, 2, *luma.shape[1:]), np.uint8)
    cut_window(made_planes(picture, _PLANES), whole, luma[0], chroma[0])
    answer, report = client.infer(contract, luma, chroma, planes=request_planes(_PLANES, _PLANES))
    size = {"width": width * contract.scale, "height": height * contract.scale}
    result = empty_planes(_PLANES, **size)
    paste_interior(answer[0][0], answer[1][0], whole, result, contract.scale)
    return rgb_pixels(result, _PLANES), report, luma.shape


def detect_picture(
    client: TritonClient, contract: DetectContract, picture: Pixels
) -> tuple[Detections, InferReport, tuple[int, ...]]:
    """Detect objects in one picture, letterboxed or stretched to the model's training size.

    Arguments and errors are those of `upscale_picture`.

    Returns:
        The objects, float32 [n, 6] in pixels of the picture; how the request went; the shape of the input.
    """
    height, width = picture.shape[:2]
    box = input_box(contract, width=width, height=height)
    inner = cv2.resize(picture, (box.inner_width, box.inner_height), interpolation=cv2.INTER_LINEAR)
    images = pad_to_letterbox(np.asarray(inner, np.uint8), box)[None]
    (found,), report = client.infer(contract, images)
    found[:, :4] = np.clip(box.to_source(found[:, :4]), 0, [width, height, width, height])
    inside = (found[:, 2] > found[:, 0]) & (found[:, 3] > found[:, 1])
    return found[inside], report, images.shape


def draw_detections(picture: Pixels, detections: Detections, classes: tuple[str, ...]) -> Pixels:
    """Return a copy of a picture with its objects drawn on it, each with class and score.

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
        pen.label(result, box, to_ascii(classes[number]), colour_of(number), small=f"{score:.2f}")
    return result
