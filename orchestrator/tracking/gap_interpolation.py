"""Fills the frames between two detections of a track with linearly interpolated boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def interpolate_gaps(
    before: NDArray[np.void], after: NDArray[np.float64], *, frames: NDArray[np.int64], pts: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float64]]:
    """Interpolate boxes and scores between two detections of each track.

    Args:
        before: structured [N], the first detections: fields frame, pts, box (x1, y1, x2, y2), score.
        after: float64 [N, 5], box and score of the second detections, all in the last frame.
        frames: int64 [F], indices of the frames to fill, rising; the last is that of `after`.
        pts: int64 [F], their times.

    Returns:
        For each interpolated box: the row of its track, intp [M]; its frame, int64 [M]; and its x1, y1, x2,
        y2 and score, float64 [M, 5].
    """
    start = np.searchsorted(frames, before["frame"], side="right")
    counts = len(frames) - 1 - start
    rows = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts - start, counts)
    begin = before["pts"][rows]
    share = np.clip((pts[places] - begin) / np.maximum(pts[-1] - begin, 1), 0, 1)[:, None]
    first = np.column_stack((before["box"], before["score"]))[rows]
    return rows, frames[places], first + share * (after[rows] - first)
