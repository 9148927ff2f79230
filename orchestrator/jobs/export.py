"""Defines the parameters and the result of an export job."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from orchestrator.jobs.crop import (
    MOST_KEYFRAMES,
    SHORTEST_STEP_S,
    CropBox,
    Follow,
    FollowedStretch,
    Keyframe,
)
from orchestrator.jobs.fidelity import FidelityReport
from orchestrator.jobs.job_cost import JobCost
from orchestrator.jobs.tracks_document import TRACKS_DOCUMENT
from orchestrator.jobs.upscale import MAX_TOLERANCE, Quality
from orchestrator.jobs.validation import (
    Address,
    Flag,
    Name,
    Number,
    Strict,
    WholeNumber,
)
from orchestrator.media_containers import CONTAINERS, MAX_SIDE_PX
from orchestrator.transport import Transport

if TYPE_CHECKING:
    Format = str
else:
    Format = Literal[tuple(container.name for container in CONTAINERS)]

_SIDE = r"([1-9][0-9]{0,3}|1[0-5][0-9]{3}|16[0-2][0-9]{2}|163[0-7][0-9]|1638[0-4])"
"""A whole number from 1 to MAX_SIDE_PX."""
_SIZE = f"{_SIDE}x{_SIDE}"
_SIZE_FORM = f"give width and height in pixels, at most {MAX_SIDE_PX}, as in 1080x1920"


def _checked_size(text: str) -> str:
    if not re.fullmatch(_SIZE, text):
        raise ValueError(_SIZE_FORM)
    return text


SizeText = Annotated[
    str,
    AfterValidator(_checked_size),
    Field(json_schema_extra={"$comment": _SIZE_FORM, "pattern": f"^{_SIZE}$"}),
]
"""Width and height in pixels, as in 1080x1920."""


def _not_negative(time_s: float) -> float:
    if time_s < 0:
        raise ValueError("it cannot be negative")
    return time_s


Start = Annotated[Number, AfterValidator(_not_negative), Field(json_schema_extra={"minimum": 0})]
"""A time of a video, in seconds from its start."""


class Size(Strict):
    """A size in pixels."""

    w: WholeNumber = Field(ge=1, le=MAX_SIDE_PX)
    """The width."""
    h: WholeNumber = Field(ge=1, le=MAX_SIDE_PX)
    """The height."""


def _kind_of_crop(value: object) -> str:
    return "keyframes" if isinstance(value, (list, tuple)) else "box"


def _kind_of_size(value: object) -> str:
    return "size text" if isinstance(value, str) else "size object"


_IS_NULL = {"type": "null"}
_CROP_AND_FOLLOW = "give a crop or a subject to follow, not both"
_NO_TRACKS = "following needs tracks: the result of a track job on the same video"
_NO_FOLLOW = "tracks without follow: name the track that the crop follows"
_NO_UPSCALE = "reuse_tolerance without upscale: nothing is inferred, leave it out"


def _has(name: str) -> dict[str, Any]:
    """Return the JSON Schema of an object in which a member is not null."""
    return {"required": [name], "properties": {name: {"not": _IS_NULL}}}


_FITTING: list[Any] = [
    {"$comment": _CROP_AND_FOLLOW, "not": {"allOf": [_has("crop"), _has("follow")]}},
    {"$comment": _NO_TRACKS, "not": {"allOf": [_has("follow"), {"properties": {"tracks": _IS_NULL}}]}},
    {"$comment": _NO_FOLLOW, "not": {"allOf": [_has("tracks"), {"properties": {"follow": _IS_NULL}}]}},
    {
        "$comment": _NO_UPSCALE,
        "not": {
            "required": ["reuse_tolerance"],
            "properties": {"reuse_tolerance": {"exclusiveMinimum": 0}},
            "anyOf": [
                {"required": ["upscale"], "properties": {"upscale": {"const": False}}},
                {"properties": {"upscale": _IS_NULL, "upscale_model": _IS_NULL}},
            ],
        },
    },
]
"""What `ExportParams._fit_together` checks, but for the order of times, which JSON Schema cannot state."""


class ExportParams(Strict):
    """The part of a video to export, and how to export it."""

    model_config = ConfigDict(json_schema_extra={"allOf": _FITTING})

    crop: (
        Annotated[
            Annotated[CropBox, Tag("box")]
            | Annotated[
                tuple[Keyframe, ...], Field(min_length=2, max_length=MOST_KEYFRAMES), Tag("keyframes")
            ],
            Discriminator(_kind_of_crop),
        ]
        | None
    ) = None
    """The part of the picture: a box, or keyframes of a moving crop; None is the whole picture."""
    clamp: Flag = False
    """Moves a crop that leaves the picture back into it, instead of refusing it."""
    follow: Follow | None = None
    """Lets the crop follow a subject of `tracks`; instead of `crop`."""
    tracks: Annotated[dict[Any, Any], Field(json_schema_extra=TRACKS_DOCUMENT)] | Address | None = None
    """The result of a track job on the same video: the document itself, or a URL of it."""
    upscale: Flag | None = None
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
    start: Start | None = None
    """Where the exported part begins, in seconds from the start of the source; None is its start."""
    end: Number | None = Field(default=None, gt=0)
    """Where the exported part ends, in seconds from the start of the source; None is its end."""
    tonemap: Flag = False
    """Converts HDR (PQ, HLG) to SDR (BT.709)."""
    reuse_tolerance: WholeNumber = Field(default=0, ge=0, le=MAX_TOLERANCE)
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
            raise ValueError(_CROP_AND_FOLLOW)
        if self.follow is not None and self.tracks is None:
            raise ValueError(_NO_TRACKS)
        if self.tracks is not None and self.follow is None:
            raise ValueError(_NO_FOLLOW)
        if self.reuse_tolerance and not self.wants_model:
            raise ValueError(_NO_UPSCALE)
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"end is {self.end:g} s, not after start, {self.start:g} s: choose a later end")
        if isinstance(self.crop, tuple):
            _check_times([keyframe.t for keyframe in self.crop])
        return self


def _check_times(times_s: list[float]) -> None:
    for number, (before, after) in enumerate(pairwise(times_s), start=1):
        if after - before < SHORTEST_STEP_S:
            raise ValueError(f"keyframe {number} has t {after!r}, after {before!r}: give times that rise")


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
    transport: Transport | None
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
    preview_url: str | None = None
    """Where the `Preview` is, without the query of a presigned URL; None if the job asked for none, or if it
    could not be made."""
    stats: ExportStats
    """Figures of the job."""
    fidelity: FidelityReport | None = None
    """How close the output is to its source, on the frames that the check of every output compares."""
    keyframes: tuple[Keyframe, ...] | None = None
    """The path of a moving crop, to edit and send again as `crop`; None if the crop did not move."""
    followed: tuple[FollowedStretch, ...] | None = None
    """Whom the crop followed when and why, over the whole source; None if it follows nobody."""
    notes: tuple[str, ...] = ()
    """One sentence for each difference from the source."""
