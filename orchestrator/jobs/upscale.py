"""Defines the parameters and the result of an upscale job."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.jobs.fidelity import FidelityReport
from orchestrator.jobs.job_cost import JobCost
from orchestrator.jobs.validation import Flag, Name, Number, Strict, WholeNumber
from orchestrator.transport import Transport

Quality = Literal["high", "medium", "low", "lossless"]
"""Quality of an encoding: visually lossless, good, small, or every sample unchanged."""

MAX_TOLERANCE = 16
"""The largest `reuse_tolerance`, in levels of 0 to 255: a larger change is clearly visible."""


class UpscaleParams(Strict):
    """How to upscale a video."""

    model: Name | None = None
    """A model of the model repository; None uses the worker's default model."""
    scale: Number | None = Field(default=None, ge=1, le=16)
    """Output size divided by input size, in each direction; None uses the model's own scale."""
    quality: Quality = "high"
    """The quality of the encoding."""
    tonemap: Flag = False
    """Converts HDR (PQ, HLG) to SDR (BT.709), which models are trained on."""
    reuse_tolerance: WholeNumber = Field(default=0, ge=0, le=MAX_TOLERANCE)
    """The largest difference, in levels of 0 to 255, at which a part of the picture reuses the model's last
    result for that part. This is faster where little moves, but not bit-identical. 0 reuses only identical
    parts."""
    stabilize: Flag = False
    """Holds the picture where the source stands still, so that it does not flicker. Changes of the source of
    at most 5 levels of 0 to 255, as compression makes them, are not shown there. A video with it is not made
    as a film."""


class UpscaleStats(Strict):
    """Figures of a finished upscale."""

    frames: int
    """Frames written, which is the number of frames read."""
    duration_sec: float
    """The duration of the video, in seconds."""
    model: str
    """The name of the model."""
    width: int
    """The width of the output, in pixels."""
    height: int
    """The height of the output, in pixels."""
    scale: float
    """Output size divided by input size."""
    wall_sec: float
    """How many seconds the job took."""
    fps: float
    """Frames written per second of wall time."""
    encoder: str
    """FFmpeg's name of the encoder."""
    transport: Transport
    """How tensors reached Triton."""
    tile: tuple[int, int]
    """[height, width] of the tiles that the model saw, in input pixels."""
    reused: float
    """The share of the picture area that did not change and was not inferred again, 0 to 1."""
    cost: JobCost | None = None
    """What the job cost; None without a GPU, or without a known price for it."""


class UpscaleResult(Strict):
    """The result of an upscale job."""

    status: Literal["completed"] = "completed"
    """Always `completed`; a job that fails returns an error instead."""
    output_url: str
    """Where the video is, without the query of a presigned URL."""
    preview_url: str | None = None
    """Where the `Preview` is, without the query of a presigned URL; None if the job asked for none, or if it
    could not be made."""
    stats: UpscaleStats
    """Figures of the job."""
    fidelity: FidelityReport | None = None
    """How close the output is to its source, on the frames that the check of every output compares."""
    notes: tuple[str, ...] = ()
    """One sentence for each difference from the source."""
