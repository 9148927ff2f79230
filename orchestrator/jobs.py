"""The requests a worker takes and the results it gives, as data."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from orchestrator.errors import BadRequest


class Strict(BaseModel):
    """Base of all messages: unknown fields are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Params = TypeVar("Params", bound=Strict)


def parse(kind: type[Params], values: dict[str, Any]) -> Params:
    """Make a message of values that come from outside.

    Raises:
        BadRequest: it names the first value that is wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ").lower()
        raise BadRequest(f"{name} {first['input']!r} is refused: {reason}") from exc


class UpscaleParams(Strict):
    """What to do.

    Attributes:
        model: a name from the model repository; None takes the setting's.
        scale: output size over input size, in each direction; None takes the model's own.
        quality: of the encoding.
    """

    model: str | None = None
    scale: float | None = Field(default=None, ge=1, le=16, allow_inf_nan=False)
    quality: Literal["high", "medium", "low"] = "high"


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


class TrackParams(Strict):
    """What to find, and how.

    Attributes:
        model: a detector from the model repository, or the alias `yolov8`.
        classes: names of the classes to report; None reports all.
        confidence: tracks whose detections score less on average are not reported. The tracker itself sees
            all boxes that the model gives, so that a track goes on through moments of doubt.
        tracker: `botsort` also follows the camera's motion.
        stride: every how many frames the detector looks; boxes between are interpolated.
        fill_gaps_sec: gaps in a track of at most this many seconds are filled by interpolation.
        side: longer side of the pictures that the detector sees, in pixels; None takes the model's own.
        batch: most frames in one request to the detector.
    """

    model: str = "yolov8"
    classes: tuple[str, ...] | None = None
    confidence: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    tracker: Literal["bytetrack", "botsort"] = "bytetrack"
    stride: int = Field(default=1, ge=1, le=30)
    fill_gaps_sec: float = Field(default=0.0, ge=0, le=10, allow_inf_nan=False)
    side: int | None = Field(default=None, ge=32, le=4096)
    batch: int = Field(default=4, ge=1, le=64)

    @field_validator("classes")
    @classmethod
    def _some(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names == ():
            raise ValueError("name at least one class, or leave it out for all")
        return names


class TrackedVideo(Strict):
    """The video that was tracked.

    Attributes:
        width, height: of the picture as displayed, in pixels.
        frames: frames decoded.
        fps: frames per second, as a fraction such as 24000/1001.
        duration_sec: presentation time, in seconds.
    """

    width: int
    height: int
    frames: int
    fps: str
    duration_sec: float


class TrackStats(Strict):
    """What was done.

    Attributes:
        model: name of the model.
        tracks: tracks reported.
        boxes: boxes in them.
        unreported_tracks: tracks of another class, or of a lower score than was asked for.
        cuts: cuts between shots that were found; each ends all tracks.
        detector_input: [height, width] of the pictures that the detector saw.
        wall_sec: seconds the job took.
        fps: frames per second of wall time.
        transport: how tensors reached Triton: shared_memory or grpc.
    """

    model: str
    tracks: int
    boxes: int
    unreported_tracks: int
    cuts: int
    detector_input: tuple[int, int]
    wall_sec: float
    fps: float
    transport: Literal["shared_memory", "grpc"]


class TrackResult(Strict):
    """The finished job, without its tracks: they may be many, and are written one by one.

    Attributes:
        notes: everything a user should know, one sentence each.
    """

    status: Literal["completed"] = "completed"
    video: TrackedVideo
    stats: TrackStats
    notes: tuple[str, ...] = ()
