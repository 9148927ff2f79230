"""Weights become ONNX models in the model repository, with parity proved. PyTorch lives here only."""

from __future__ import annotations

import os

# onnxruntime's wheel counts its uses for Microsoft; set later than its import, this does nothing.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
