"""Defines the parameters and the result of an export job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from orchestrator.jobs.job_cost import JobCost
from orchestrator.jobs.upscale import MAX_TOLERANCE, Quality
from orchestrator.jobs.validation import Name, Strict
from orchestrator.media_containers import CONTAINERS

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A whole number or a fraction; text is refused."""

if TYPE_CHECKING:
    Format = str
else:
    Format = Literal[tuple(container.name for container in CONTAINERS)]

_SIZE = r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$"


def _checked_size(text: str) -> str:
    if not re.match(_SIZE, text):
        raise ValueError("give width and height in pixels, as in 1080x1920")
    return text


SizeText = Annotated[str, AfterValidator(_checked_size), Field(json_schema_extra={"pattern": _SIZE})]
"""Width and height in pixels, as in 1080x1920."""


class CropBox(Strict):
    """A rectangle in the picture, in pixels of the picture as displayed; fractions of a pixel are allowed."""

    x: Number
    """The left edge."""
    y: Number
    """The top edge."""
    w: Number
    """The width, at least 1."""
    h: Number
    """The height, at least 1."""


class Keyframe(CropBox):
    """The crop at one moment."""

    t: Number
    """The moment, in seconds from the start of the source (not of the part that is exported)."""


class Follow(Strict):
    """The subject that the crop follows, and the aspect ratio of the crop."""

    track: Annotated[int, Field(strict=True)] | Literal["main"]
    """The id of a track, or `main` for the main subject of each shot: the track with the largest product of
    frames, size and closeness to the centre."""
    aspect: str | None = None
    """The aspect ratio of the crop, such as 9:16; None uses that of the picture."""
    zoom: Number | None = None
    """1 for the largest crop of that aspect ratio, 2 for half its width and height. None means 1, or 2 where
    a crop of the picture's own aspect ratio could not move otherwise."""


class Size(Strict):
    """A size in pixels."""

    w: int = Field(strict=True, ge=1, le=16_384)
    """The width."""
    h: int = Field(strict=True, ge=1, le=16_384)
    """The height."""


def _kind_of_crop(value: object) -> str:
    return "keyframes" if isinstance(value, (list, tuple)) else "box"


def _kind_of_size(value: object) -> str:
    return "size text" if isinstance(value, str) else "size object"


class ExportParams(Strict):
    """The part of a video to export, and how to export it."""

    crop: (
        Annotated[
            Annotated[CropBox, Tag("box")] | Annotated[tuple[Keyframe, ...], Tag("keyframes")],
            Discriminator(_kind_of_crop),
        ]
        | None
    ) = None
    """The part of the picture: a box, or keyframes of a moving crop; None is the whole picture."""
    clamp: bool = False
    """Moves a crop that leaves the picture back into it, instead of refusing it."""
    follow: Follow | None = None
    """Lets the crop follow a subject of `tracks`; instead of `crop`."""
    tracks: dict[str, Any] | str | None = None
    """The result of a track job on the same video: the document itself, or a URL of it."""
    upscale: bool | None = None
    """Whether a model enlarges the crop; None enlarges it where `upscale_model` names a model."""
    upscale_model: Name | None = None
    """A model of the model repository; None uses the worker's default model."""
    size: (
        Annotated[
            Annotated[Size, Tag("size object")] | Annotated[SizeText, Tag("size text")],
            Discriminator(_kind_of_size),
        ]
        | None
    ) = None
    """The size of the output, as `1080x1920` or {"w": 1080, "h": 1920}; None uses the crop's own size, times
    the model's scale. A size of another aspect ratio does not distort the picture: the output's pixels are
    then not square."""
    format: Format | None = None
    """The file format; None takes it from the suffix of the output, or mp4 if it has no suffix."""
    quality: Quality = "high"
    """The quality of the encoding."""
    start: Number | None = None
    """Where the exported part begins, in seconds from the start of the source; None is its start."""
    end: Number | None = None
    """Where the exported part ends, in seconds from the start of the source; None is its end."""
    tonemap: bool = False
    """Converts HDR (PQ, HLG) to SDR (BT.709)."""
    reuse_tolerance: int = Field(default=0, strict=True, ge=0, le=MAX_TOLERANCE)
    """The largest difference, in levels of 0 to 255, at which a part of the picture reuses the model's last
    result for that part. This is faster where little moves, but not bit-identical. 0 reuses only identical
    parts."""

    @property
    def wants_model(self) -> bool:
        """Whether a model enlarges the crop."""
        return self.upscale_model is not None if self.upscale is None else self.upscale

    @property
    def delivered_px(self) -> tuple[int, int] | None:
        """The requested width and height of the output, in pixels; None if the job gives no size."""
        if isinstance(self.size, str):
            width, height = self.size.split("x")
            return int(width), int(height)
        return None if self.size is None else (self.size.w, self.size.h)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.crop is not None and self.follow is not None:
            raise ValueError("give a crop or a subject to follow, not both")
        if self.follow is not None and self.tracks is None:
            raise ValueError("following needs tracks: the result of a track job on the same video")
        if self.tracks is not None and self.follow is None:
            raise ValueError("tracks without follow: name the track that the crop follows")
        if self.reuse_tolerance and not self.wants_model:
            raise ValueError("reuse_tolerance without upscale: nothing is inferred, leave it out")
        return self


class ExportStats(Strict):
    """Figures of a finished export."""

    frames: int
    """Frames written, which is the number of frames in the exported part of the source."""
    duration_sec: float
    """The duration of the output, in seconds."""
    model: str | None
    """The name of the model, or None."""
    width: int
    """The width of the output, in pixels."""
    height: int
    """The height of the output, in pixels."""
    crop: tuple[float, float, float, float]
    """[x, y, w, h] of the crop; for a moving crop, its position at the start."""
    scale: float
    """Output size divided by crop size."""
    wall_sec: float
    """How many seconds the job took."""
    fps: float
    """Frames written per second of wall time."""
    encoder: str
    """FFmpeg's name of the encoder."""
    pixel_format: str
    """FFmpeg's name of the pixel format that was encoded."""
    transport: Literal["shared_memory", "grpc"] | None
    """How tensors reached Triton; None without a model."""
    tile: tuple[int, int] | None
    """[height, width] of the tiles that the model saw, in input pixels; None without a model."""
    reused: float | None
    """The share of the picture area that did not change and was not inferred again, 0 to 1; None without a
    model."""
    cost: JobCost | None = None
    """What the job cost; None without a GPU, or without a known price for it."""


class ExportResult(Strict):
    """The result of an export job."""

    status: Literal["completed"] = "completed"
    """Always `completed`; a job that fails returns an error instead."""
    output_url: str
    """Where the file is, without the query of a presigned URL."""
    stats: ExportStats
    """Figures of the job."""
    keyframes: tuple[Keyframe, ...] | None = None
    """The path of a moving crop, to edit and send again as `crop`; None if the crop did not move."""
    notes: tuple[str, ...] = ()
    """One sentence for each difference from the source."""
