"""Upscales, tracks and exports video with ONNX models that NVIDIA Triton serves.

    from orchestrator import Settings, UpscaleParams, Worker

A name of `__all__` is imported when it is first used, so that `import orchestrator` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.errors import WorkerError
    from orchestrator.jobs import CropBox, ExportParams, Follow, Keyframe, TrackParams, UpscaleParams
    from orchestrator.limits import Limits
    from orchestrator.pipeline.track import TrackOutputs
    from orchestrator.settings import Settings
    from orchestrator.worker import Worker

__all__ = [
    "CropBox",
    "ExportParams",
    "Follow",
    "Keyframe",
    "Limits",
    "Settings",
    "TrackOutputs",
    "TrackParams",
    "UpscaleParams",
    "Worker",
    "WorkerError",
]

_MODULES = {
    "Limits": "limits",
    "TrackOutputs": "pipeline.track",
    "Settings": "settings",
    "Worker": "worker",
    "WorkerError": "errors",
}
"""The modules of the names; all others are in `jobs`."""

if not TYPE_CHECKING:  # a type checker that sees it would accept any name

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'jobs')}"), name)
