"""The export job: what it is asked and what it answers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from orchestrator.frames import Quality
from orchestrator.jobs.cost import Cost
from orchestrator.jobs.upscale import MAX_TOLERANCE
from orchestrator.jobs.validation import Name, Strict

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""Whole or not; text is refused."""

Format = Literal["mp4", "mov", "webm", "mkv", "gif"]

_SIZE = r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$"


def _checked_size(text: str) -> str:
    if not re.match(_SIZE, text):
        raise ValueError("give width and height in pixels, as in 1080x1920")
    return text


SizeText = Annotated[str, AfterValidator(_checked_size), Field(json_schema_extra={"pattern": _SIZE})]
"""Width and height in pixels, as people write them."""


class CropBox(Strict):
    """A part of the picture, in pixels of the picture as displayed; fractions are parts of a pixel.

    Attributes:
        x, y: its top-left corner.
        w, h: its size, at least 1.
    """

    x: Number
    y: Number
    w: Number
    h: Number


class Keyframe(CropBox):
    """Where the crop is at a moment.

    Attributes:
        t: the moment, in seconds from the start of the source (not of the part that is exported).
    """

    t: Number


class Follow(Strict):
    """Who the crop follows.

    Attributes:
        track: the id of a track, or `main` for the subject that is most of each shot: by how many frames it
            is in, times how large it is, times how near to the middle.
        aspect: width to height of the crop, such as 9:16; None takes the shape of the picture.
        zoom: 1 for the largest crop of that shape, 2 for half its width and height. None is 1, or 2 where
            the crop has the shape of the picture and could not move.
    """

    track: Annotated[int, Field(strict=True)] | Literal["main"]
    aspect: str | None = None
    zoom: Number | None = None


class Size(Strict):
    """A size in pixels.

    Attributes:
        w, h: width and height.
    """

    w: int = Field(strict=True, ge=1, le=16_384)
    h: int = Field(strict=True, ge=1, le=16_384)


def _kind_of_crop(value: object) -> str:
    return "keyframes" if isinstance(value, (list, tuple)) else "box"


def _kind_of_size(value: object) -> str:
    return "size text" if isinstance(value, str) else "size object"


class ExportParams(Strict):
    """What is cut out, and how it is delivered.

    Attributes:
        crop: the part of the picture: one that stays, or keyframes of one that moves; None is all of it.
        clamp: move a crop that leaves the picture back into it, instead of refusing it.
        follow: lets the crop follow somebody in `tracks`; instead of `crop`.
        tracks: the result of a track job on the same video: the document itself, or a URL of it.
        upscale: whether a model enlarges the crop; None does where `upscale_model` names one.
        upscale_model: its name; None takes the setting's.
        size: what is delivered, as `1080x1920` or {"w": 1080, "h": 1920}; None takes the crop's own size,
            times the model's scale. Nothing is squeezed: where the shapes differ, pixels are not square.
        format: of the file; None takes it from the name of the output, else mp4.
        quality: of the encoding.
        start, end: the part of the time, in seconds from the start of the source; None is its start or end.
        tonemap: turn HDR (PQ, HLG) into SDR (BT.709).
        reuse_tolerance: levels of 0 to 255 by which a part of the picture may differ from what it was
            inferred from and yet be kept: faster where little moves, and not the same to the bit. 0 keeps
            only what is equal.
    """

    crop: (
        Annotated[
            Annotated[CropBox, Tag("box")] | Annotated[tuple[Keyframe, ...], Tag("keyframes")],
            Discriminator(_kind_of_crop),
        ]
        | None
    ) = None
    clamp: bool = False
    follow: Follow | None = None
    tracks: dict[str, Any] | str | None = None
    upscale: bool | None = None
    upscale_model: Name | None = None
    size: (
        Annotated[
            Annotated[Size, Tag("size object")] | Annotated[SizeText, Tag("size text")],
            Discriminator(_kind_of_size),
        ]
        | None
    ) = None
    format: Format | None = None
    quality: Quality = "high"
    start: Number | None = None
    end: Number | None = None
    tonemap: bool = False
    reuse_tolerance: int = Field(default=0, strict=True, ge=0, le=MAX_TOLERANCE)

    @property
    def wants_model(self) -> bool:
        """Whether a model enlarges the crop."""
        return self.upscale_model is not None if self.upscale is None else self.upscale

    @property
    def delivered_px(self) -> tuple[int, int] | None:
        """Width and height that are asked for."""
        if isinstance(self.size, str):
            width, height = self.size.split("x")
            return int(width), int(height)
        return None if self.size is None else (self.size.w, self.size.h)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.crop is not None and self.follow is not None:
            raise ValueError("give a crop or somebody to follow, not both")
        if self.follow is not None and self.tracks is None:
            raise ValueError("following needs tracks: the result of a track job on the same video")
        if self.tracks is not None and self.follow is None:
            raise ValueError("tracks without follow: say which of them the crop is to follow")
        if self.reuse_tolerance and not self.wants_model:
            raise ValueError("reuse_tolerance without upscale: nothing is inferred, leave it out")
        return self


class ExportStats(Strict):
    """What was done.

    Attributes:
        frames: frames written; equal to the frames that the part of the source has.
        duration_sec: presentation time of the output, in seconds.
        model: name of the model, or None.
        width, height: of the output picture, in pixels.
        crop: [x, y, w, h] of the crop; of one that moves, at the start.
        scale: output size over crop size.
        wall_sec: seconds the job took.
        fps: frames written per second of wall time.
        encoder: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of what was encoded.
        transport: how tensors reached Triton: shared_memory or grpc; None without a model.
        tile: [height, width] of the tiles that were inferred, in input pixels; None without a model.
        reused: how much of the pictures did not change and was not inferred again, 0 to 1 of their area;
            None without a model.
        cost: what the seconds came to; None where there is no GPU, or no price of it is known.
    """

    frames: int
    duration_sec: float
    model: str | None
    width: int
    height: int
    crop: tuple[float, float, float, float]
    scale: float
    wall_sec: float
    fps: float
    encoder: str
    pixel_format: str
    transport: Literal["shared_memory", "grpc"] | None
    tile: tuple[int, int] | None
    reused: float | None
    cost: Cost | None = None


class ExportResult(Strict):
    """The finished job.

    Attributes:
        output_url: where the file is.
        keyframes: the path of a crop that moved; to be changed and sent again as `crop`. None of one that
            stayed.
        notes: everything that is not as in the source, one sentence each.
    """

    status: Literal["completed"] = "completed"
    output_url: str
    stats: ExportStats
    keyframes: tuple[Keyframe, ...] | None = None
    notes: tuple[str, ...] = ()
