"""Fills the frames between two detections of a track with linearly interpolated boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def interpolate_gaps(
    before: NDArray[np.void], after: NDArray[np.void], *, frames: NDArray[np.int64], pts: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float64]]:
    """Interpolate boxes and scores between two detections of each track.

    Args:
        before: structured [N], the first detections: fields frame, pts, box (x1, y1, x2, y2), score.
        after: structured [N], the second detections, in later frames.
        frames: int64 [F], indices of the frames to fill, rising, and those of the second detections.
        pts: int64 [F], their times.

    Returns:
        For each interpolated box: the row of its track, intp [M]; its frame, int64 [M]; and its x1, y1, x2,
        y2 and score, float64 [M, 5].
    """
    start = np.searchsorted(frames, before["frame"], side="right")
    counts = np.searchsorted(frames, after["frame"]) - start
    rows = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts - start, counts)
    begin, end = before["pts"][rows], after["pts"][rows]
    share = np.clip((pts[places] - begin) / np.maximum(end - begin, 1), 0, 1)[:, None]
    first, second = (np.column_stack((found["box"], found["score"]))[rows] for found in (before, after))
    return rows, frames[places], first + share * (second - first)
