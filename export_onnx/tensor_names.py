"""Names the tensors that exported graphs, config.pbtxt and the orchestrator must agree on."""

from __future__ import annotations

from typing import Literal, get_args

Precision = Literal["fp32", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

INPUT = "image"
"""uint8 [N, H, W, 3], RGB."""

OUTPUT = "upscaled"
"""uint8 [N, scale*H, scale*W, 3], RGB."""

DETECTIONS = "detections"
"""float32 [N, max_detections, 6]: x1, y1, x2, y2 in input px, score, class; best first, padded with zeros."""

NUM_DETECTIONS = "num_detections"
"""int32 [N]: how many rows of `detections` are not padding."""

MAX_DETECTIONS = 300
"""The maximum number of boxes in an image, unless the build sets it: ultralytics' default (`max_det`)."""
