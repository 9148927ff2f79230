"""A job as it arrives: a task, where its video is, where the result goes, and how it is to be done."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from orchestrator.jobs.export import ExportParams
from orchestrator.jobs.message import Strict, parse_as
from orchestrator.jobs.track import TrackParams
from orchestrator.jobs.upscale import UpscaleParams


class UpscaleJob(Strict):
    """Enlarge a video.

    Attributes:
        input_url: where the video is: an https URL, such as a presigned one.
        output_url: where the result is put: a URL presigned for PUT.
        params: how.
    """

    task: Literal["upscale"]
    input_url: str
    output_url: str
    params: UpscaleParams = UpscaleParams()


class TrackJob(Strict):
    """Find things in a video and follow each one through it.

    Attributes:
        input_url: where the video is: an https URL, such as a presigned one.
        output_url: where a result that is too large for an answer is put, as gzip JSON: a URL presigned for
            PUT. Without it such a job fails.
        params: what, and how.
    """

    task: Literal["track"]
    input_url: str
    output_url: str | None = None
    params: TrackParams = TrackParams()


class ExportJob(Strict):
    """Cut out a part of a video, enlarge it, deliver a file that plays.

    Attributes:
        input_url: where the video is: an https URL, such as a presigned one.
        output_url: where the result is put: a URL presigned for PUT.
        params: what, and how.
    """

    task: Literal["export"]
    input_url: str
    output_url: str
    params: ExportParams = ExportParams()


Job = UpscaleJob | TrackJob | ExportJob
JOB: TypeAdapter[Job] = TypeAdapter(Annotated[Job, Field(discriminator="task")])


def parse_job(values: Any) -> Job:
    """Make a job of what came as JSON.

    Raises:
        BadRequest: it names the first value that is wrong.
    """
    return parse_as(JOB, values)
