"""Chooses the subject that the crop follows: the one with a given id, or the most prominent one in each shot.

All classes count alike, a person no more than a car, unless the request names one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from orchestrator.errors import BadRequest
from orchestrator.framing.track_file_reader import SubjectTrack, SubjectTracks


def choose_subject(
    subjects: SubjectTracks,
    track: int | Literal["main"],
    *,
    class_name: str | None = None,
    width: int,
    height: int,
) -> SubjectTrack:
    """Return the subject to follow.

    Args:
        subjects: the tracks of a video.
        track: the id of a track; or `main` for the track with the highest `prominence` in each shot (of equal
            ones, that with the lowest id). Tracks do not continue after a cut.
        class_name: the class of the track; None allows all classes.
        width, height: size of the picture as displayed, in pixels.

    Returns:
        The track; for `main` the boxes of all shots, with the id of the most prominent track of all.

    Raises:
        BadRequest: there is no track with that id, no track of that class, or no track at all.
    """
    if class_name is not None:
        subjects = subjects.of_class(class_name)
    if track != "main":
        return subjects.get(track)
    best: dict[int, tuple[float, SubjectTrack]] = {}
    for subject in sorted(subjects.by_id.values(), key=lambda subject: subject.id):
        for shot, part in _by_shot(subject, subjects):
            weight = prominence(part, width=width, height=height)
            if shot not in best or weight > best[shot][0]:
                best[shot] = (weight, part)
    if not best:
        raise BadRequest("there is nobody to follow: the tracks are empty")
    parts = [best[shot][1] for shot in sorted(best)]
    first = max(best.values(), key=lambda found: (found[0], -found[1].id))[1]
    return replace(
        first,
        frames=np.concatenate([part.frames for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
    )


def prominence(subject: SubjectTrack, *, width: int, height: int) -> float:
    """Return a subject's number of frames, times its mean size, times its mean centrality.

    Size is the share of the picture that a box covers, 0..1. Centrality is 1 for a box in the middle of the
    picture, and falls linearly to 0 for a box whose centre is at a corner.
    """
    near, far = subject.boxes[:, :2], subject.boxes[:, 2:]
    room = np.array([width, height], np.float64)
    area = np.prod((far - near) / room, axis=1).mean()
    distance = np.linalg.norm((near + far - room) / 2, axis=1) / (np.linalg.norm(room) / 2)
    return float(len(subject.frames) * area * (1 - np.clip(distance, 0, 1)).mean())


def _by_shot(subject: SubjectTrack, subjects: SubjectTracks) -> list[tuple[int, SubjectTrack]]:
    """Split a track at the cuts; return each part with the number of its shot."""
    shots = np.searchsorted(subjects.cuts, subject.frames, side="right")
    begins = np.flatnonzero(np.diff(shots, prepend=-1))
    parts = []
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(shots)], strict=True):
        rows = slice(begin, end)
        part = replace(subject, frames=subject.frames[rows], boxes=subject.boxes[rows])
        parts.append((int(shots[begin]), part))
    return parts
