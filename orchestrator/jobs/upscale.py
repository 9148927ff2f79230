"""The upscale job: what it is asked and what it answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.frames import Quality
from orchestrator.jobs.cost import Cost
from orchestrator.jobs.validation import Name, Strict

MAX_TOLERANCE = 16
"""More levels are no longer a few."""


class UpscaleParams(Strict):
    """What to do.

    Attributes:
        model: a name from the model repository; None takes the setting's.
        scale: output size over input size, in each direction; None takes the model's own.
        quality: of the encoding.
        tonemap: turn HDR (PQ, HLG) into SDR (BT.709), which models know.
        reuse_tolerance: levels of 0 to 255 by which a part of the picture may differ from what it was
            inferred from and yet be kept: faster where little moves, and not the same to the bit. 0 keeps
            only what is equal.
    """

    model: Name | None = None
    scale: float | None = Field(default=None, ge=1, le=16, allow_inf_nan=False)
    quality: Quality = "high"
    tonemap: bool = False
    reuse_tolerance: int = Field(default=0, strict=True, ge=0, le=MAX_TOLERANCE)


class UpscaleStats(Strict):
    """What was done.

    Attributes:
        frames: frames written; equal to the frames read.
        duration_sec: presentation time of the video, in seconds.
        model: name of the model.
        width, height: of the output picture, in pixels.
        scale: output size over input size.
        wall_sec: seconds the job took.
        fps: frames written per second of wall time.
        encoder: FFmpeg's name of the encoder.
        transport: how tensors reached Triton: shared_memory or grpc.
        tile: [height, width] of the tiles that were inferred, in input pixels.
        reused: how much of the pictures did not change and was not inferred again, 0 to 1 of their area.
        cost: what the seconds came to; None where there is no GPU, or no price of it is known.
    """

    frames: int
    duration_sec: float
    model: str
    width: int
    height: int
    scale: float
    wall_sec: float
    fps: float
    encoder: str
    transport: Literal["shared_memory", "grpc"]
    tile: tuple[int, int]
    reused: float
    cost: Cost | None = None


class UpscaleResult(Strict):
    """The finished job.

    Attributes:
        output_url: where the video is.
        notes: everything that is not as in the source, one sentence each.
    """

    status: Literal["completed"] = "completed"
    output_url: str
    stats: UpscaleStats
    notes: tuple[str, ...] = ()
