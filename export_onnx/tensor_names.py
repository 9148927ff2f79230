"""Names the tensors that exported graphs, config.pbtxt and the orchestrator must agree on."""

from __future__ import annotations

from typing import Literal, get_args

Precision = Literal["fp32", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

INPUT = "image"
"""The input of a detector: uint8 [N, H, W, 3], RGB."""

LUMA, CHROMA = "luma", "chroma"
"""Planes of an upscaler's input: uint8 [N, B, H, W] and [N, 2, B, h, w], Cb before Cr. B is 1, or 2 for more
than 8 bits: the plane of the low bytes, then that of the high bytes."""

COLOUR = "colour"
"""float32 [N, 40 + k]: how the planes become RGB and back (orchestrator/triton/colour_tensor.py)."""

UPSCALED_LUMA, UPSCALED_CHROMA = "upscaled_luma", "upscaled_chroma"
"""Planes of an upscaler's output, `scale` times the size, with the input's B."""

DETECTIONS = "detections"
"""float32 [N, max_detections, 6]: x1, y1, x2, y2 in input px, score, class; best first, padded with zeros."""

NUM_DETECTIONS = "num_detections"
"""int32 [N]: how many rows of `detections` are not padding."""

MAX_DETECTIONS = 300
"""The maximum number of boxes in an image, unless the build sets it: ultralytics' default (`max_det`)."""
