"""Tests how like a track is to a detection."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.tracking.class_votes import ClassVotes
from orchestrator.tracking.likeness import LOST_SHARE, compare


def test_of_boxes_that_overlap_a_lost_track_equally_one_of_its_size_is_likelier() -> None:
    votes = ClassVotes()
    votes.append(np.zeros(2, np.int64))
    tracks = np.tile([100.0, 100, 160, 250], (2, 1))  # the first is seen, the second lost
    shifted = [120, 100, 180, 250, 0.8, 0]  # of the same size, IoU 40 / 80
    smaller = [115, 100, 145, 250, 0.8, 0]  # of half the area and inside, IoU 1 / 2
    overlap, likeness, possible = compare(
        tracks, np.array([shifted, smaller], np.float64), lost=np.array([False, True]), votes=votes
    )
    assert overlap == pytest.approx(0.5)
    assert possible.all()
    assert likeness[0] == pytest.approx(0.4)
    assert likeness[1] == pytest.approx([0.4 * LOST_SHARE, 0.4 * LOST_SHARE * 0.5**0.25])
