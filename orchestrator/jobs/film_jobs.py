"""Defines the jobs that are the steps of making a film."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from orchestrator.jobs.film import MOST_SEGMENTS, AssembleParams, ExportFilm, FilmParams, SegmentParams
from orchestrator.jobs.job import DeliveryJob, Job
from orchestrator.jobs.multipart_urls import OutputParts
from orchestrator.jobs.validation import Address


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
