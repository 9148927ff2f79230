"""The names that the exported graph and its config.pbtxt must agree on. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal, get_args

Precision = Literal["fp32", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

INPUT = "image"
"""uint8 [N, H, W, 3], RGB."""

OUTPUT = "upscaled"
"""uint8 [N, scale*H, scale*W, 3], RGB."""

DETECTIONS = "detections"
"""float32 [N, most, 6]: x1, y1, x2, y2 in input pixels, score, class; highest score first, then zeros."""

NUM_DETECTIONS = "num_detections"
"""int32 [N]: how many rows of `detections` are not padding."""

MAX_DETECTIONS = 300
"""Boxes in an image at most, unless the build says otherwise: ultralytics' own default (`max_det`)."""
