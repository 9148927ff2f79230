"""Defines the preview of a job: a few stills of its source and its output, in one JSON document."""

from __future__ import annotations

from typing import Literal

from orchestrator.jobs.validation import Strict

VERSION: Literal[1] = 1
"""The version of the document. It rises when readers must change."""


class Still(Strict):
    """A moment of a job: its frame in the source and, if the job makes a video, in the output."""

    time_sec: float
    """When the source shows the frame, in seconds from the source's start."""
    source: str
    """The frame of the source as displayed: a `data:` URL of a JPEG whose longer side has at most 1280 px."""
    output: str | None = None
    """The frame of the output at that moment, likewise; None if the job makes no video."""
    output_time_sec: float | None = None
    """When the output shows its frame, in seconds from the output's start."""


class Preview(Strict):
    """At most 8 stills, spread evenly over the part of the source that the job read."""

    version: Literal[1] = VERSION
    """The version of this format, 1."""
    stills: tuple[Still, ...]
    """The stills, in order of time; never empty."""
