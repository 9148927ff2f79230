"""The requests a worker takes and the results it gives, as data: one module a task."""

from orchestrator.jobs.message import Strict, parse
from orchestrator.jobs.parts import OutputParts
from orchestrator.jobs.track import TrackedVideo, TrackParams, TrackResult, TrackStats
from orchestrator.jobs.upscale import UpscaleParams, UpscaleResult, UpscaleStats

__all__ = [
    "OutputParts",
    "Strict",
    "TrackParams",
    "TrackResult",
    "TrackStats",
    "TrackedVideo",
    "UpscaleParams",
    "UpscaleResult",
    "UpscaleStats",
    "parse",
]
