"""Defines the parameters and the result of a track job."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from orchestrator.jobs.job_cost import JobCost
from orchestrator.jobs.validation import INTEGRAL, Name, Number, Strict, WholeNumber
from orchestrator.transport import Transport


class TrackParams(Strict):
    """What to track, and how."""

    model: Name | None = None
    """A detector of the model repository, or the alias `yolov8`; None uses the worker's default detector."""
    classes: Annotated[tuple[Name, ...], Field(json_schema_extra={"minItems": 1})] | None = None
    """The names of the classes to report; None reports all. A name with commas that the model does not know
    is split at the commas into several names."""
    confidence: Number = Field(default=0.5, ge=0, le=1)
    """Tracks whose detections score less on average are not reported, unless eight or more of them in a row
    score at least 0.05 more than this on average. The tracker still uses every box of the model, so that a
    track continues through frames where the model is unsure."""
    tracker: Literal["bytetrack", "botsort"] = "bytetrack"
    """The tracking algorithm; `botsort` also compensates for the camera's motion."""
    stride: WholeNumber = Field(default=1, ge=1, le=30)
    """The detector sees every stride-th frame; boxes between are interpolated."""
    fill_gaps_sec: Number = Field(default=0.0, ge=0, le=10)
    """Gaps in a track of at most this many seconds are filled by interpolation."""
    side: Annotated[int, Field(strict=True, ge=32, le=4096), INTEGRAL] | None = None
    """The longer side of the pictures that the detector sees, in pixels; None uses the model's own."""
    batch: WholeNumber = Field(default=4, ge=1, le=64)
    """The maximum number of frames in one request to the detector."""

    @field_validator("classes")
    @classmethod
    def _some(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names == ():
            raise ValueError("name at least one class, or leave it out for all")
        return names


class TrackedVideo(Strict):
    """The video that was tracked."""

    width: int
    """The width of the picture as displayed, in square pixels."""
    height: int
    """The height of the picture as displayed, in square pixels."""
    frames: int
    """Frames decoded."""
    fps: str
    """Frames per second, as a fraction such as 24000/1001."""
    duration_sec: float
    """The duration of the video, in seconds."""
    cuts: tuple[int, ...]
    """The index of the first frame of every shot but the first."""


class TrackStats(Strict):
    """Figures of a finished track job."""

    model: str
    """The name of the model."""
    tracks: int
    """Tracks reported."""
    boxes: int
    """Boxes in these tracks."""
    unreported_tracks: int
    """Tracks of other classes, or with a lower score than the job asked for."""
    cuts: int
    """Cuts between shots; each ends all tracks."""
    detector_input: tuple[int, int]
    """[height, width] of the pictures that the detector saw, in pixels."""
    wall_sec: float
    """How many seconds the job took."""
    fps: float
    """Frames per second of wall time."""
    transport: Transport
    """How tensors reached Triton."""
    reused: float
    """The share of the detector's frames that equalled the one before and were not inferred again, 0 to 1."""
    cost: JobCost | None = None
    """What the job cost; None without a GPU, or without a known price for it."""


class TrackResult(Strict):
    """The result of a track job without its tracks, which are written one by one as there may be many."""

    status: Literal["completed"] = "completed"
    """Always `completed`; a job that fails returns an error instead."""
    preview_url: str | None = None
    """Where the `Preview` is, without the query of a presigned URL; None if the job asked for none, or if it
    could not be made."""
    video: TrackedVideo
    """The video that was tracked."""
    stats: TrackStats
    """Figures of the job."""
    notes: tuple[str, ...] = ()
    """One sentence for each thing that the user should know."""


class TrackedBox(Strict):
    """The box of an object in one frame."""

    frame: int
    """The index of the decoded frame, from 0."""
    bbox: tuple[float, float, float, float]
    """Left, top, width, height in pixels of the picture as displayed, within it, with two decimals."""
    confidence: float
    """The detector's score of the box, 0 to 1; of an interpolated box, one between its neighbours'."""
    interpolated: bool = False
    """True if the box is interpolated between boxes of the detector; absent otherwise."""


class Track(Strict):
    """One object, followed through the video."""

    id: int
    """The number of the track: from 1, in order of first appearance."""
    class_name: str
    """The class of the object, such as `person`."""
    first_sec: float
    """The presentation time of its first box, on the video's own clock, in seconds."""
    last_sec: float
    """The presentation time of its last box, on the video's own clock, in seconds."""
    frames: tuple[TrackedBox, ...]
    """The boxes of the object, in order."""


class TrackAnswer(TrackResult):
    """The result of a track job."""

    tracks: tuple[Track, ...]
    """The objects that were found."""


class TrackStored(TrackResult):
    """The result of a track job with too many tracks for a response: a document at `output_url` has them."""

    output_url: str
    """The address of the document, a TrackAnswer as JSON; without the query of a presigned URL."""
    json_bytes: int
    """The size of the document, in bytes."""
    gzip_bytes: int | None
    """The size of the gzipped file, in bytes; null where the document is stored as plain JSON."""
