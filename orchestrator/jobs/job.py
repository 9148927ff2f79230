"""A job as it arrives: a task, where its video is, where the result goes, and how it is to be done."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from orchestrator.jobs.export import ExportParams
from orchestrator.jobs.parts import OutputParts
from orchestrator.jobs.track import TrackParams
from orchestrator.jobs.upscale import UpscaleParams
from orchestrator.jobs.validation import Strict, parse_as


class _Delivery(Strict):
    """A job whose result is a file.

    Attributes:
        input_url: where the video is: an https URL, such as a presigned one.
        output_url: where the result is put: a URL presigned for PUT.
        output_parts: in its place, for results of more than 5 GiB: a multipart upload that is presigned.
    """

    task: str
    input_url: str
    output_url: str | None = None
    output_parts: OutputParts | None = None

    @property
    def destination(self) -> str | OutputParts:
        """Where the result is put."""
        return self.output_parts or self.output_url or ""

    @property
    def destination_url(self) -> str:
        """The address that the result has afterwards, with what is signed of it."""
        return self.output_parts.complete_url if self.output_parts else self.output_url or ""

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        if (self.output_url is None) == (self.output_parts is None):
            raise ValueError("output_url is missing: give it, or output_parts, and not both")
        return self


class UpscaleJob(_Delivery):
    """Enlarge a video.

    Attributes:
        params: how.
    """

    task: Literal["upscale"]
    params: UpscaleParams = UpscaleParams()


class TrackJob(Strict):
    """Find things in a video and follow each one through it.

    Attributes:
        input_url: where the video is: an https URL, such as a presigned one.
        output_url: where a result that is too large for an answer is put: a URL presigned for PUT. If its
            path ends in .json it gets plain JSON as application/json, else gzipped JSON as application/gzip.
            Without it such a job fails.
        params: what, and how.
    """

    task: Literal["track"]
    input_url: str
    output_url: str | None = None
    params: TrackParams = TrackParams()


class ExportJob(_Delivery):
    """Cut out a part of a video, enlarge it, deliver a file that plays.

    Attributes:
        params: what, and how.
    """

    task: Literal["export"]
    params: ExportParams = ExportParams()


Job = UpscaleJob | TrackJob | ExportJob
JOB: TypeAdapter[Job] = TypeAdapter(Annotated[Job, Field(discriminator="task")])


def parse_job(values: Any) -> Job:
    """Make a job of what came as JSON.

    Raises:
        BadRequest: it names the first value that is wrong.
    """
    return parse_as(JOB, values)
