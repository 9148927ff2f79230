"""Lists the tasks in one table: the job that asks for each, its results, and what an estimate needs to know.

A new task is a class and a row here. `executor/run_job.py` runs it by the function of its name in `pipeline`,
or by one of its `RUNNERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, Union

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from orchestrator.jobs.export import ExportParams, ExportResult
from orchestrator.jobs.film import (
    MOST_SEGMENTS,
    AssembleParams,
    ExportFilm,
    FilmParams,
    PlanResult,
    SegmentParams,
    SegmentResult,
)
from orchestrator.jobs.multipart_urls import OutputParts
from orchestrator.jobs.track import TrackAnswer, TrackParams, TrackStored
from orchestrator.jobs.upscale import UpscaleParams, UpscaleResult
from orchestrator.jobs.validation import Address, Strict, parse_as
from orchestrator.settings import Settings


class Job(Strict):
    """Base class of the jobs."""

    task: str
    """The name of the task, a key of `TASKS`."""
    input_url: Address
    """Where the video is: an https URL, such as a presigned one, or s3://bucket/key."""
    output_url: Address | None = None
    """Where the result is uploaded: a URL presigned for PUT, or s3://bucket/key."""

    keeps_existing: ClassVar[bool] = False
    """Whether an object that is already at `output_url` is kept instead of replaced."""

    @property
    def input_urls(self) -> tuple[str, ...]:
        """All addresses that the job reads from."""
        return (self.input_url,)

    @property
    def destination(self) -> str | OutputParts | None:
        """Where a file is uploaded; None if the job names no such place."""
        return self.output_url

    @property
    def destinations(self) -> tuple[str | OutputParts, ...]:
        """All places that the job uploads to."""
        return () if self.destination is None else (self.destination,)

    @property
    def output_px(self) -> tuple[int, int] | None:
        """Width and height of the output, if the job gives them."""
        return None


class DeliveryJob(Job):
    """Base class of the jobs that deliver what a user asked for, with a preview on request."""

    preview_url: Address | None = None
    """Where stills of the source and the output are uploaded, as a `Preview`: a URL presigned for PUT of
    application/json, or s3://bucket/key. None makes no preview."""

    @property
    def destinations(self) -> tuple[str | OutputParts, ...]:
        """All places that the job uploads to."""
        preview = () if self.preview_url is None else (self.preview_url,)
        return (*super().destinations, *preview)


class FileJob(DeliveryJob):
    """Base class of the jobs whose result is a video file."""

    model_config = ConfigDict(
        json_schema_extra={
            "$comment": "give output_url or output_parts, and not both",
            "oneOf": [
                {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
                for name in ("output_url", "output_parts")
            ],
        }
    )

    output_parts: OutputParts | None = None
    """A presigned multipart upload, for results of more than 5 GiB; instead of `output_url`."""
    params: Strict

    @property
    def destination(self) -> str | OutputParts:
        """Where the result is uploaded."""
        return self.output_parts or self.output_url or ""

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        if (self.output_url is None) == (self.output_parts is None):
            raise ValueError("output_url is missing: give it, or output_parts, and not both")
        return self


class UpscaleJob(FileJob):
    """Enlarges a video."""

    task: Literal["upscale"]
    """The name of the task."""
    params: UpscaleParams = UpscaleParams()
    """How to upscale the video."""


class TrackJob(DeliveryJob):
    """Finds objects in a video and follows each one through it."""

    task: Literal["track"]
    """The name of the task."""
    output_url: Address | None = None
    """Where a result that is too large for a response is uploaded: a URL presigned for PUT. If its path ends
    in .json the upload is plain JSON as application/json, otherwise gzipped JSON as application/gzip. Without
    this URL such a job fails."""
    params: TrackParams = TrackParams()
    """What the job tracks, and how."""


class ExportJob(FileJob):
    """Exports a part of a video to a file of its own, and enlarges it on request."""

    task: Literal["export"]
    """The name of the task."""
    params: ExportParams = ExportParams()
    """The part to export, and how to export it."""

    @property
    def input_urls(self) -> tuple[str, ...]:
        """The address of the video, and that of the tracks if the job does not contain them."""
        tracks = self.params.tracks
        return (self.input_url, tracks) if isinstance(tracks, str) else (self.input_url,)

    @property
    def output_px(self) -> tuple[int, int] | None:
        """Width and height of the output, if the job gives them."""
        return self.params.delivered_px


class PlanJob(Job):
    """Plans a film: a long video that is made in pieces."""

    task: Literal["plan"]
    """The name of the task."""
    output_url: Address
    """Where the plan is uploaded, as application/json: a URL presigned for PUT, or s3://bucket/key."""
    params: FilmParams
    """What to make, and in how many segments."""

    @property
    def input_urls(self) -> tuple[str, ...]:
        """The address of the video, and that of the tracks of an export, unless the job contains them."""
        film = self.params
        tracks = film.params.tracks if isinstance(film, ExportFilm) else None
        return (self.input_url, tracks) if isinstance(tracks, str) else (self.input_url,)

    @property
    def output_px(self) -> tuple[int, int] | None:
        """Width and height of the film, if the job gives them."""
        return self.params.params.delivered_px if isinstance(self.params, ExportFilm) else None


class SegmentJob(Job):
    """Makes one segment of a planned film, and stores it as a piece."""

    task: Literal["segment"]
    """The name of the task."""
    plan_url: Address
    """Where the plan is."""
    piece_url: Address | None = None
    """Where a piece of this segment may be already: a URL presigned for GET, or s3://bucket/key. If it is
    there, nothing is computed. If None, the job does not look."""
    output_url: Address
    """Where the piece is uploaded: a URL presigned for PUT, or s3://bucket/key. The Content-Type is video/mp4
    or, if objects are tracked, application/octet-stream. The request has `If-None-Match: *`, so that the
    first piece is kept."""
    params: SegmentParams
    """Which segment to make."""

    keeps_existing: ClassVar[bool] = True

    @property
    def input_urls(self) -> tuple[str, ...]:
        """The addresses of the video, of the plan, and of the piece that may be there."""
        piece = () if self.piece_url is None else (self.piece_url,)
        return (self.input_url, self.plan_url, *piece)


class AssembleJob(DeliveryJob):
    """Assembles the pieces of a film, and delivers what the ordinary job would deliver."""

    model_config = ConfigDict(
        json_schema_extra={
            "$comment": "give output_url or output_parts, and not both",
            "not": {
                "allOf": [
                    {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
                    for name in ("output_url", "output_parts")
                ]
            },
        }
    )

    task: Literal["assemble"]
    """The name of the task."""
    plan_url: Address
    """Where the plan is."""
    piece_urls: tuple[Address, ...] = Field(min_length=1, max_length=MOST_SEGMENTS, repr=False)
    """Where the pieces are: one URL for GET for each segment of the plan, in order."""
    output_parts: OutputParts | None = None
    """A presigned multipart upload, for results of more than 5 GiB; instead of `output_url`. Tracks that fit
    into the response need neither."""
    params: AssembleParams
    """Which plan to assemble."""

    @property
    def input_urls(self) -> tuple[str, ...]:
        """The addresses of the video, of the plan and of the pieces."""
        return (self.input_url, self.plan_url, *self.piece_urls)

    @property
    def destination(self) -> str | OutputParts | None:
        """Where the result is uploaded; None if the job names no such place."""
        return self.output_parts or self.output_url

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        if self.output_url is not None and self.output_parts is not None:
            raise ValueError("output_url and output_parts are both given: give one of them")
        return self


@dataclass(frozen=True, kw_only=True)
class Task:
    """A row of the table of tasks.

    Attributes:
        job: the class of the job; its `task` is the key of the row.
        results: the classes of its possible results.
        example: `params` of the example in docs/jobs.md.
        example_files: names of the files in that example, by the fields of the job that have their addresses.
        default_model: the model of a job that names none; empty where it runs without one.
        time_per_pixel: whether the time of a job grows with the size of its pictures; else it grows with
            their number alone.
        takes_part: whether a job may ask for a part of the picture and for a time range.
        is_step: whether it is a step of making a film, which no user asks for: nobody is quoted a price for
            it, and the API refuses it.
    """

    job: type[Job]
    results: tuple[type[Strict], ...]
    example: dict[str, Any]
    default_model: Callable[[Settings], str]
    time_per_pixel: bool = True
    takes_part: bool = False
    is_step: bool = False
    example_files: dict[str, str | tuple[str, ...]] = field(default_factory=dict)


_EXAMPLE_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

TASKS: dict[str, Task] = {
    "upscale": Task(
        job=UpscaleJob,
        results=(UpscaleResult,),
        example={"model": "RealESRGAN_x4plus", "scale": 2},
        example_files={"output_url": "out.mp4"},
        default_model=lambda settings: settings.upscale_model,
    ),
    "track": Task(
        job=TrackJob,
        results=(TrackAnswer, TrackStored),
        example={"model": "yolov8", "classes": ["person", "car"], "confidence": 0.5},
        default_model=lambda settings: settings.resolved(settings.detector),
        time_per_pixel=False,  # a detector sees every picture at one size
    ),
    "export": Task(
        job=ExportJob,
        results=(ExportResult,),
        example={
            "crop": {"x": 100, "y": 50, "w": 1080, "h": 1920},
            "upscale": True,
            "upscale_model": "RealESRGAN_x4plus",
            "format": "mp4",
            "quality": "high",
        },
        example_files={"output_url": "out.mp4"},
        default_model=lambda _: "",
        takes_part=True,
    ),
    "plan": Task(
        job=PlanJob,
        results=(PlanResult,),
        example={"task": "upscale", "params": {"model": "RealESRGAN_x4plus", "scale": 2}, "format": "mp4"},
        example_files={"output_url": "film/plan.json"},
        default_model=lambda _: "",
        is_step=True,
    ),
    "segment": Task(
        job=SegmentJob,
        results=(SegmentResult,),
        example={"plan_hash": _EXAMPLE_HASH, "number": 3},
        example_files={
            "plan_url": "film/plan.json",
            "piece_url": "film/3.piece",
            "output_url": "film/3.piece",
        },
        default_model=lambda _: "",
        is_step=True,
    ),
    "assemble": Task(
        job=AssembleJob,
        results=(UpscaleResult, ExportResult, TrackAnswer, TrackStored),
        example={"plan_hash": _EXAMPLE_HASH},
        example_files={
            "plan_url": "film/plan.json",
            "piece_urls": ("film/0.piece", "film/1.piece"),
            "output_url": "out.mp4",
        },
        default_model=lambda _: "",
        is_step=True,
    ),
}
"""All tasks of a worker."""

USER_TASKS = {name: task for name, task in TASKS.items() if not task.is_step}
"""The tasks that users ask for, and that have a price."""

if TYPE_CHECKING:
    TaskName = str
else:
    TaskName = Literal[tuple(USER_TASKS)]


@cache
def job_adapter() -> TypeAdapter[Job]:
    """Return the validator of a job of any task."""
    jobs: Any = Union[tuple(task.job for task in TASKS.values())]  # noqa: UP007  built from the table
    return TypeAdapter(Annotated[jobs, Field(discriminator="task")])


def parse_job(values: Any) -> Job:
    """Validate the JSON values of a job.

    Raises:
        BadRequest: a value is wrong; the message names the first one.
    """
    return parse_as(job_adapter(), values)
