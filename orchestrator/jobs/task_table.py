"""Lists the tasks in one table: the job that asks for each, its results, and what an estimate needs to know.

A new task is a class and a row here. `executor/run_job.py` runs it by the function of its name in `pipeline`,
or by one of its `RUNNERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, TypeAdapter

from orchestrator.jobs.export import ExportParams, ExportResult
from orchestrator.jobs.film import PlanResult, SegmentResult
from orchestrator.jobs.film_jobs import AssembleJob, PlanJob, SegmentJob
from orchestrator.jobs.job import DeliveryJob, FileJob, Job
from orchestrator.jobs.track import TrackAnswer, TrackParams, TrackStored
from orchestrator.jobs.upscale import UpscaleParams, UpscaleResult
from orchestrator.jobs.validation import Address, Strict, parse_as
from orchestrator.settings import Settings


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
