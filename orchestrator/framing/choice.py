"""Who is followed: who is named, or who matters in the video.

It does not know what subjects are: a person counts no more than a car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from orchestrator.errors import BadRequest

if TYPE_CHECKING:
    from orchestrator.framing.subjects import Subject, Subjects


def pick(subjects: Subjects, track: int | Literal["main"], *, width: int, height: int) -> Subject:
    """Return the subject that is to be followed.

    Args:
        subjects: of a video.
        track: the id of one; or `main`, the one with the highest `prominence`, of equals the lowest id.
        width, height: of the picture as displayed, in pixels.

    Raises:
        BadRequest: there is none of that id, or none at all.
    """
    if track != "main":
        return subjects.named(track)
    if not subjects.by_id:
        raise BadRequest("there is nobody to follow: the tracks are empty")
    return max(subjects.by_id.values(), key=lambda s: (prominence(s, width=width, height=height), -s.id))


def prominence(subject: Subject, *, width: int, height: int) -> float:
    """Return how much of a video a subject is: in how many frames it is, times how large, times how central.

    How large: the mean share of the picture that its boxes cover, 0..1. How central: the mean over its boxes
    of 1 where the middle of the box is that of the picture, falling evenly to 0 where it is a corner of it.
    """
    near, far = subject.boxes[:, :2], subject.boxes[:, 2:]
    room = np.array([width, height], np.float64)
    area = np.prod((far - near) / room, axis=1).mean()
    distance = np.linalg.norm((near + far - room) / 2, axis=1) / (np.linalg.norm(room) / 2)
    return float(len(subject.frames) * area * (1 - np.clip(distance, 0, 1)).mean())
