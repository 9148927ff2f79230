"""The names that the exported graph and its config.pbtxt must agree on. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal, get_args

Precision = Literal["fp32", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

INPUT = "image"
"""uint8 [N, H, W, 3], RGB."""

OUTPUT = "upscaled"
"""uint8 [N, scale*H, scale*W, 3], RGB."""
