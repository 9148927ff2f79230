"""Who matters in a video, when nobody says who is to be followed.

It does not know what subjects are: a person counts no more than a car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orchestrator.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.framing.subjects import Subject


def pick_main(subjects: Iterable[Subject], *, width: int, height: int) -> Subject:
    """Return the subject with the highest `prominence`, of equals the one with the lowest id.

    Args:
        subjects: the tracks of a video.
        width, height: of the picture as displayed, in pixels.

    Raises:
        BadRequest: there are none.
    """
    most = max(subjects, key=lambda s: (prominence(s, width=width, height=height), -s.id), default=None)
    if most is None:
        raise BadRequest("there is nobody to follow: the tracks are empty")
    return most


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
