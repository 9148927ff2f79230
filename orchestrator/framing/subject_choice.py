"""Who is followed: who is named, or who matters.

It does not know what subjects are: a person counts no more than a car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from orchestrator.errors import BadRequest
from orchestrator.framing.subjects import Subject

if TYPE_CHECKING:
    from orchestrator.framing.subjects import Subjects


def pick(subjects: Subjects, track: int | Literal["main"], *, width: int, height: int) -> Subject:
    """Return the subject that is to be followed.

    Args:
        subjects: of a video.
        track: the id of one; or `main`, in each shot the one with the highest `prominence` there, of equals
            the one with the lowest id. Nobody is known again after a cut.
        width, height: of the picture as displayed, in pixels.

    Returns:
        The subject; of `main` the boxes of all shots, with the id of the one that has the highest prominence
        of them.

    Raises:
        BadRequest: there is none of that id, or none at all.
    """
    if track != "main":
        return subjects.named(track)
    best: dict[int, tuple[float, Subject]] = {}
    for subject in sorted(subjects.by_id.values(), key=lambda subject: subject.id):
        for shot, part in _by_shot(subject, subjects):
            weight = prominence(part, width=width, height=height)
            if shot not in best or weight > best[shot][0]:
                best[shot] = (weight, part)
    if not best:
        raise BadRequest("there is nobody to follow: the tracks are empty")
    parts = [best[shot][1] for shot in sorted(best)]
    first = max(best.values(), key=lambda found: (found[0], -found[1].id))[1]
    return Subject(
        id=first.id,
        class_name=first.class_name,
        frames=np.concatenate([part.frames for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
    )


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


def _by_shot(subject: Subject, subjects: Subjects) -> list[tuple[int, Subject]]:
    """Return the parts of a subject that are in one shot each, with the shots' numbers."""
    shots = np.searchsorted(subjects.cuts, subject.frames, side="right")
    begins = np.flatnonzero(np.diff(shots, prepend=-1))
    parts = []
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(shots)], strict=True):
        rows = slice(begin, end)
        part = Subject(
            id=subject.id,
            class_name=subject.class_name,
            frames=subject.frames[rows],
            boxes=subject.boxes[rows],
        )
        parts.append((int(shots[begin]), part))
    return parts
