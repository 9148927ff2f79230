"""Counts the votes of detections for the classes of tracks, and says how well a class fits a track."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DOUBT = 0.5
"""The sum of scores that stands for classes not seen yet: the fewer votes a track has, the better another
class fits it."""


class ClassVotes:
    """The votes of all tracks of one shot. Each detection votes for its class with its score.

    Attributes:
        classes: int64 [T], the class of each track: the one with the most votes, of equals the one that had
            most of them first.
    """

    def __init__(self) -> None:
        self.classes = np.empty(0, np.int64)
        self._columns: dict[int, int] = {}  # class -> its column
        self._own = np.empty(0, np.intp)  # for each track the column of its class
        self._votes = np.empty((0, 0))  # sums of scores, a row for each track
        self._totals = np.empty(0)

    def fit(self, rows: NDArray[np.intp], classes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how well classes fit tracks, 0..1: 1 for a track's own class or one that is as likely.

        A class that a track never had fits it the less, the surer the track's class is. A track between two
        classes fits both.

        Args:
            rows: intp [N], the tracks.
            classes: int64 [N], a class for each.

        Returns:
            float64 [N].
        """
        fits = np.ones(len(rows))
        other = (self.classes[rows] != classes).nonzero()[0]
        if len(other):
            tracks, votes = rows[other], np.zeros(len(other))
            columns = np.array([self._columns.get(one, -1) for one in classes[other].tolist()], np.intp)
            known = columns >= 0
            votes[known] = self._votes[tracks[known], columns[known]]
            fits[other] -= (self._votes[tracks, self._own[tracks]] - votes) / (self._totals[tracks] + DOUBT)
        return fits

    def add(self, rows: NDArray[np.intp], classes: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        """Count detections as votes.

        Args:
            rows: intp [M], the track of each, each track once.
            classes: int64 [M].
            scores: float64 [M].
        """
        columns = self._own[rows]
        other = (self.classes[rows] != classes).nonzero()[0]
        if len(other):
            columns[other] = self._columns_of(classes[other])
        self._votes[rows, columns] += scores
        self._totals[rows] += scores
        if len(other):
            tracks, seen = rows[other], columns[other]
            better = self._votes[tracks, seen] > self._votes[tracks, self._own[tracks]]
            self._own[tracks[better]] = seen[better]
            self.classes[tracks[better]] = classes[other[better]]

    def append(self, classes: NDArray[np.int64]) -> None:
        """Append tracks without votes, of these classes, int64 [N]."""
        self.classes = np.concatenate((self.classes, classes))
        self._own = np.concatenate((self._own, self._columns_of(classes)))
        self._votes = np.concatenate((self._votes, np.zeros((len(classes), len(self._columns)))))
        self._totals = np.concatenate((self._totals, np.zeros(len(classes))))

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Forget all tracks but these, bool [T]."""
        self.classes, self._own = self.classes[kept], self._own[kept]
        self._votes, self._totals = self._votes[kept], self._totals[kept]

    def _columns_of(self, classes: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return the columns of classes, intp [N]; add those that are missing."""
        known = self._columns
        columns = np.array([known.setdefault(one, len(known)) for one in classes.tolist()], np.intp)
        missing = len(known) - self._votes.shape[1]
        if missing:
            self._votes = np.concatenate((self._votes, np.zeros((len(self._votes), missing))), axis=1)
        return columns
