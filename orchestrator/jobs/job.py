"""Defines the base classes of the jobs: where a job reads its video, and where it delivers the result."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import ConfigDict, model_validator

from orchestrator.jobs.multipart_urls import OutputParts
from orchestrator.jobs.validation import Address, Strict


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
