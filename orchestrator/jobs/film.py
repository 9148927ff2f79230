"""Defines the parameters and results of the jobs that make a film in pieces: plan, segment and assemble.

A film is a job on a long video. It is planned once, each of its segments becomes a piece, and the pieces are
assembled. Each of the three jobs follows from its input alone, so any worker may run it, at any time, more
than once.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.jobs.export import ExportParams, Format
from orchestrator.jobs.job_cost import JobCost
from orchestrator.jobs.track import TrackParams
from orchestrator.jobs.upscale import UpscaleParams
from orchestrator.jobs.validation import INTEGRAL, Number, Strict, WholeNumber

PLAN_VERSION: Literal[4] = 4
"""The version of the plan and of the pieces. It rises when older workers could not make the same film."""

MOST_SEGMENTS = 2_000
"""Most segments of one film."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256, as 64 lowercase hexadecimal digits."""


class _Film(Strict):
    segments: Annotated[int, Field(strict=True, ge=1, le=MOST_SEGMENTS), INTEGRAL] | None = None
    """About how many segments to plan; None plans segments of about `work_sec`. Segments begin at keyframes
    of the source, so there may be fewer."""
    work_sec: Number = Field(default=30.0, ge=1, le=3600)
    """About how many seconds one worker needs for a segment, by the table of speeds. The segments of the last
    tenth of a long film have a quarter of that, so that its workers end at about the same time."""


class UpscaleFilm(_Film):
    """A film that is the enlarged video."""

    task: Literal["upscale"]
    """The task."""
    params: UpscaleParams = UpscaleParams()
    """The parameters of the upscale."""
    format: Format = "mp4"
    """The format of the film."""


class ExportFilm(_Film):
    """A film that is an exported part of the video; `params.format` is its format, by default mp4."""

    task: Literal["export"]
    """The task."""
    params: ExportParams = ExportParams()
    """The parameters of the export."""


class TrackFilm(_Film):
    """A film of which only the tracks of its objects are delivered."""

    task: Literal["track"]
    """The task."""
    params: TrackParams = TrackParams()
    """The parameters of the tracking."""


FilmParams = Annotated[UpscaleFilm | ExportFilm | TrackFilm, Field(discriminator="task")]
"""What a plan is made for."""


class SegmentParams(Strict):
    """Which segment to make."""

    plan_hash: Sha256
    """The hash of the plan at `plan_url`."""
    number: WholeNumber = Field(ge=0, lt=MOST_SEGMENTS)
    """The number of the segment."""


class AssembleParams(Strict):
    """What to assemble."""

    plan_hash: Sha256
    """The hash of the plan at `plan_url`."""


class PlannedSegment(Strict):
    """A segment, in the result of a plan."""

    number: int
    """Its number, from 0."""
    frames: int
    """How many frames it has."""
    start_sec: float
    """When it begins, in seconds from the start of the film."""
    end_sec: float
    """When it ends."""
    work_sec: float | None
    """How many seconds one worker needs for it; None if the table of speeds does not say."""


class PlanResult(Strict):
    """The result of a plan job."""

    status: Literal["completed"] = "completed"
    """Always `completed`; a job that fails returns an error instead."""
    output_url: str | None
    """Where the plan is, without the query of a presigned URL; None if `unsplit` says why there is none."""
    plan_hash: str | None
    """The hash of the plan; None if there is none."""
    unsplit: str | None
    """Why the video should be processed as one ordinary job; None if there is a plan."""
    frames: int | None
    """The number of frames of the film; None if there is no plan."""
    duration_sec: float | None
    """The duration of the film, in seconds; None if there is no plan."""
    segments: tuple[PlannedSegment, ...]
    """The segments; empty if there is no plan."""
    hardest: int | None
    """The number of the segment with the most change and detail, which suits a preview; None if there is no
    plan."""
    notes: tuple[str, ...] = ()
    """Sentences for the user."""


class SegmentResult(Strict):
    """The result of a segment job."""

    status: Literal["completed"] = "completed"
    """Always `completed`; a job that fails returns an error instead."""
    output_url: str
    """Where the piece is, without the query of a presigned URL."""
    number: int
    """The number of the segment."""
    frames: int
    """The number of frames of the piece."""
    already: bool
    """Whether a piece was already there; that piece was kept."""
    wall_sec: float
    """How many seconds the job took."""
    cost: JobCost | None = None
    """What it cost; None without a GPU, or without a known price for it."""
    notes: tuple[str, ...] = ()
    """Sentences for the user."""
