"""Exports weights to ONNX models for Triton and proves that they agree with PyTorch.

Only this package and training/ import PyTorch.
"""

from __future__ import annotations

import os

# onnxruntime's wheel sends telemetry to Microsoft; the variable counts only before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
