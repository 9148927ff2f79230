"""Counts what a tracker reports wrongly: misses, false boxes, missed objects and false tracks."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from benchmarks.tracker.real import MATCH_IOU
from orchestrator.tracking.association import assign, iou

if TYPE_CHECKING:
    from benchmarks.tracker.peers import Result
    from benchmarks.tracker.real import RealSequence

MISSED_SHARE = 0.2
"""An object is missed if fewer of its boxes than this share are found ("mostly lost" of MOT Challenge)."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The faults of a tracker in a sequence, or in several together.

    Attributes:
        boxes, objects: the truth.
        misses: boxes of the truth that no reported box matches at an IoU of 0.5.
        false_boxes: reported boxes that match no truth.
        missed_objects: objects of which less than a fifth of the boxes are found.
        false_tracks: tracks with more false boxes than right ones.
    """

    boxes: int = 0
    objects: int = 0
    misses: int = 0
    false_boxes: int = 0
    missed_objects: int = 0
    false_tracks: int = 0

    def __add__(self, other: Faults) -> Faults:
        names = self.__dataclass_fields__
        pairs = zip(names, astuple(self), astuple(other), strict=True)
        return Faults(**{name: one + another for name, one, another in pairs})

    def __str__(self) -> str:
        return f"{self.misses} {self.false_boxes} {self.missed_objects} {self.false_tracks}"

    @property
    def wrong_boxes(self) -> float:
        """Misses and false boxes, in per cent of the truth's boxes."""
        return 100 * (self.misses + self.false_boxes) / self.boxes

    @property
    def wrong_tracks(self) -> float:
        """Missed objects and false tracks, in per cent of the objects."""
        return 100 * (self.missed_objects + self.false_tracks) / self.objects


def count(sequence: RealSequence, result: Result) -> Faults:
    """Count the faults of a tracker in a sequence. What counts neither as right nor as wrong is left out."""
    there: Counter[int] = Counter()
    found: Counter[int] = Counter()
    right: Counter[int] = Counter()
    wrong: Counter[int] = Counter()
    truth = zip(sequence.scene.ids, sequence.scene.boxes, sequence.counted(result), strict=True)
    for objects, boxes, (ids, tracked) in truth:
        overlap = iou(tracked, boxes)
        rows, columns = assign(overlap, overlap >= MATCH_IOU)
        there.update(objects.tolist())
        found.update(objects[columns].tolist())
        right.update(ids[rows].tolist())
        wrong.update(ids.tolist())
    wrong.subtract(right)
    return Faults(
        boxes=there.total(),
        objects=len(there),
        misses=there.total() - found.total(),
        false_boxes=wrong.total(),
        missed_objects=sum(found[one] < MISSED_SHARE * boxes for one, boxes in there.items()),
        false_tracks=sum(boxes > right[track] for track, boxes in wrong.items()),
    )
