"""How the models this project carries were trained. Nothing here is installed or needed at serving time."""

from __future__ import annotations

import os

# onnxruntime's wheel counts its uses for Microsoft; set later than its import, this does nothing.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
