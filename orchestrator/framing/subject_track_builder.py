"""Collects tracks box by box in compact arrays of 40 bytes a box, and checks every value."""

from __future__ import annotations

import reprlib
from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadRequest
from orchestrator.jobs.tracks_document import MOST_TRACKS
from orchestrator.jobs.validation import LARGEST_INTEGER, whole_number

_NO_CLASS = "thing"
"""The class of a track that states none."""


class SubjectTrackBuilder:
    """Collects tracks: call `add` for each box of a track, then `end` for the track, and at last `tracks`."""

    def __init__(self) -> None:
        self._frames = array("q")
        self._boxes = array("d")
        self._last = -1
        self._ends: list[int] = [0]
        self._names: dict[int, str] = {}  # by id
        self._shared: dict[str, str] = {}
        self._confidences = array("d")  # the mean of each track
        self._confidence_sum, self._confident = 0.0, 0

    @property
    def is_empty(self) -> bool:
        """Whether no box was added."""
        return not self._frames

    def add(self, entry: object) -> None:
        """Add a box to the current track.

        Args:
            entry: an object with `frame` and `bbox` (left, top, width, height). A `confidence` from 0 to 1
                counts for the mean of the track; anything else there is ignored.

        Raises:
            BadRequest: it is not such an object, or its frame does not come after that of the box before.
        """
        if isinstance(entry, dict):
            frame, bbox = as_integer(entry.get("frame")), entry.get("bbox")
            if (
                frame is not None
                and isinstance(bbox, list)
                and len(bbox) == 4
                and bool not in map(type, bbox)
            ):
                self._check_order(frame)
                try:
                    self._boxes.extend(bbox)
                except (TypeError, OverflowError):
                    pass
                else:
                    self._frames.append(frame)
                    self._add_confidence(entry.get("confidence"))
                    return
        raise BadRequest(
            f"the tracks are refused: a box is {brief(entry)}; it needs `frame` and a `bbox` of four numbers"
        )

    def _add_confidence(self, value: object) -> None:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
            self._confidence_sum += value
            self._confident += 1

    def _check_order(self, frame: int) -> None:
        if frame <= self._last:
            before = f"comes after {self._last}" if self._last >= 0 else "is the first"
            raise BadRequest(f"a track is refused: its frames must rise from 0, and frame {frame} {before}")
        self._last = frame

    def end(self, number: object, class_name: object) -> None:
        """End the current track.

        Args:
            number: its id.
            class_name: its class; None if the JSON does not state it.

        Raises:
            BadRequest: the id is not an integer, is too large or is a duplicate, the track has no box, or
                there are too many tracks.
        """
        identifier = as_integer(number)
        if identifier is None:
            raise BadRequest(
                f"the tracks are refused: an id is {brief(number)}; each needs `id` and `frames`"
            )
        if identifier in self._names:
            raise BadRequest(f"the tracks are refused: there are two of id {brief(number)}")
        if len(self._frames) == self._ends[-1]:
            raise BadRequest(f"track {brief(number)} is refused: there is no box in its `frames`")
        if len(self._names) == MOST_TRACKS:
            raise BadRequest(f"there are more than {MOST_TRACKS} tracks; give only those that are needed")
        if class_name is None:
            class_name = _NO_CLASS
        name = class_name if isinstance(class_name, str) else brief(class_name)
        name = name[:100].encode(errors="backslashreplace").decode()  # half a surrogate pair is no text
        self._names[identifier] = self._shared.setdefault(name, name)
        self._ends.append(len(self._frames))
        self._confidences.append(self._confidence_sum / self._confident if self._confident else 1.0)
        self._confidence_sum, self._confident = 0.0, 0
        self._last = -1

    def tracks(self) -> Iterator[tuple[int, str, float, NDArray[np.int64], NDArray[np.float64]]]:
        """Yield all tracks. Nothing may be added after this.

        Yields:
            id, class name, mean confidence (1 if no box states one), frames int64 [N], boxes float64 [N, 4]
            as x1, y1, x2, y2 (views of one array).

        Raises:
            BadRequest: a box has a number that is not finite, or a width or height of 0 or less.
        """
        frames = np.frombuffer(self._frames, np.int64)
        boxes = np.frombuffer(self._boxes, np.float64).reshape(-1, 4)
        empty = (boxes[:, 2:] <= 0).any(axis=1)
        with np.errstate(over="ignore"):
            boxes[:, 2:] += boxes[:, :2]
        wrong = np.flatnonzero(empty | ~np.isfinite(boxes).all(axis=1))
        if wrong.size:
            number = list(self._names)[np.searchsorted(self._ends, wrong[0], side="right") - 1]
            raise BadRequest(
                f"track {brief(number)} is refused: its boxes must have finite numbers and sizes over 0"
            )
        for (number, name), confidence, start, end in zip(
            self._names.items(), self._confidences, self._ends[:-1], self._ends[1:], strict=True
        ):
            yield number, name, confidence, frames[start:end], boxes[start:end]


def as_integer(value: object) -> int | None:
    """Return a JSON value as an integer, which may be written as 2.0; None if it is none below 2^53."""
    number = whole_number(value)
    if isinstance(number, int) and not isinstance(number, bool) and abs(number) <= LARGEST_INTEGER:
        return number
    return None


def brief(value: object) -> str:
    """Return a value as a text of at most 60 characters, for messages."""
    text = reprlib.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
