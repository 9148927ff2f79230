"""Trains the two lite models of this project. Serving does not need this package."""

from __future__ import annotations

import os

# onnxruntime's wheel sends telemetry to Microsoft; the variable counts only before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
