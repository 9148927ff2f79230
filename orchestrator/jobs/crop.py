"""Defines what an export shows of the picture: a rectangle, a path of keyframes, or a subject to follow."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from orchestrator.jobs.validation import INTEGRAL, LARGEST_INTEGER, Name, Number, Strict

MOST_KEYFRAMES = 100_000
"""More are refused. The path of an hour of restless walking has a few thousand."""
LATEST_S = 1e8
"""Times of keyframes further from 0 (three years) are refused."""
SHORTEST_STEP_S = 0.9e-6
"""Times of keyframes rise by a microsecond or more, which may be rounded."""
MOST_BESIDE = 20
"""No more tracks are kept in the crop beside the one that it follows."""

ASPECT = r"([0-9]{1,5}(?:\.[0-9]{1,3})?)[:/x]([0-9]{1,5}(?:\.[0-9]{1,3})?)"
"""The form of an aspect ratio: width and height."""
_ASPECT_FORM = "give width and height, as in 9:16, 1:1 or 2.39:1"


def _checked_aspect(text: str) -> str:
    found = re.fullmatch(ASPECT, text.strip(" "))
    if found is None or not all(map(float, found.groups())):
        raise ValueError(_ASPECT_FORM)
    return text


AspectText = Annotated[
    str,
    AfterValidator(_checked_aspect),
    Field(
        json_schema_extra={
            "$comment": _ASPECT_FORM,
            "pattern": f"^ *{ASPECT} *$",
            "not": {"type": "string", "pattern": r"^ *0+(\.0+)?[:/x]|[:/x]0+(\.0+)? *$"},
        }
    ),
]
"""Width and height of an aspect ratio, both over 0, as in 9:16."""


def _at_least_a_pixel(side: float) -> float:
    if side < 1:
        raise ValueError("give at least 1 pixel")
    return side


Side = Annotated[Number, AfterValidator(_at_least_a_pixel), Field(json_schema_extra={"minimum": 1})]
"""A width or a height of a crop, in pixels."""


class CropBox(Strict):
    """A rectangle in the picture, in pixels of the picture as displayed; fractions of a pixel are allowed."""

    x: Number
    """The left edge."""
    y: Number
    """The top edge."""
    w: Side
    """The width, at least 1."""
    h: Side
    """The height, at least 1."""


class Keyframe(CropBox):
    """The crop at one moment."""

    t: Number = Field(ge=-LATEST_S, le=LATEST_S)
    """The moment, in seconds from the start of the source (not of the part that is exported)."""


TrackId = Annotated[int, Field(strict=True, ge=-LARGEST_INTEGER, le=LARGEST_INTEGER), INTEGRAL]
"""The id of a track in a document of tracks."""


SafeShare = Annotated[Number, Field(ge=0, le=0.4)]
"""A share of a crop's width or height that captions cover."""


class SafeShares(Strict):
    """The edges of the crop that captions cover: shares of its height and width, at most 0.4 each."""

    top: SafeShare = 0.0
    """The share of the height that is covered at the top."""
    bottom: SafeShare = 0.0
    """The share of the height that is covered at the bottom."""
    left: SafeShare = 0.0
    """The share of the width that is covered on the left."""
    right: SafeShare = 0.0
    """The share of the width that is covered on the right."""


class Follow(Strict):
    """The subject that the crop follows, and the aspect ratio of the crop."""

    track: TrackId | Literal["main"]
    """The id of a track, or `main` for whoever matters most at each moment: people before animals before
    other things that move, and never furniture if there is anything else; those who move and are near the
    middle first."""
    class_name: Name | None = None
    """Only a track of this class may be followed; None allows all classes."""
    aspect: AspectText | None = None
    """The aspect ratio of the crop, such as 9:16; None uses that of the picture."""
    zoom: Number | None = Field(default=None, ge=1)
    """1 for the largest crop of that aspect ratio, 2 for half its width and height. None means 1; where a
    crop of the picture's own aspect ratio could not move otherwise 2, or less, at least 1.25, where heads are
    large, and 1 in close-ups; and up to twice that where `safe` needs it."""
    safe: SafeShares | None = None
    """Edges of the crop in which no head should be, such as {"bottom": 0.2} for captions; None is none."""


class FollowedStretch(Strict):
    """Whom the crop followed for some time; the stretches of a video have no time between them."""

    start: float
    """Where it begins, in seconds from the start of the source."""
    end: float
    """Where it ends, in seconds from the start of the source."""
    track: int | None
    """The id of the track; None where nobody was followed: the camera waited, and if that was for long, the
    crop went to the middle of the picture, or widened to as much of it as its shape allows."""
    class_name: str | None
    """The class of the track; None where nobody was followed."""
    beside: tuple[int, ...] = Field(default=(), max_length=MOST_BESIDE)
    """The ids of tracks that were kept in the crop beside it, while they fitted."""
    reason: str
    """Why this one was followed, or nobody, in words."""
