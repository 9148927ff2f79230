"""Measures how well a crop keeps its subject in view, and how smoothly it moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.track_file_reader import SubjectTrack


@dataclass(frozen=True, kw_only=True)
class CameraQuality:
    """Measures how well a camera kept one or several subjects in view.

    Attributes:
        frames: number of frames in which the subject has a box.
        middle: number of these frames in which the middle of the box is in the middle half of the crop.
        possible: number of these frames in which a crop within the picture could achieve that.
        jerk: sum of the absolute third differences of the crop's middle over successive frames, in pixels;
            across a gap in the track there is none.
        raw_jerk: the same sum for the box's middle.
    """

    frames: int
    middle: int
    possible: int
    jerk: float
    raw_jerk: float

    def __add__(self, other: CameraQuality) -> CameraQuality:
        """Add the measures of two subjects."""
        return CameraQuality(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def __str__(self) -> str:
        """Return the measures as cells of a Markdown table."""
        cells = (self.middle / self.frames, self.middle / self.possible, self.jerk / self.raw_jerk)
        return " | ".join(f"{share:.1%}" for share in cells[:2]) + f" | {cells[2]:.3f}"


def measure_camera(
    subject: SubjectTrack, crops: NDArray[np.float64], *, width: int, height: int
) -> CameraQuality:
    """Measure the crops, float64 [N, 4], x, y, w, h, of the N frames of a subject in a picture."""
    sides, room = crops[0, 2:], np.array([width, height])
    boxes, middles = (subject.boxes[:, :2] + subject.boxes[:, 2:]) / 2, crops[:, :2] + sides / 2
    moves = sides < room
    return CameraQuality(
        frames=len(boxes),
        middle=int((np.abs(boxes - middles) <= sides / 4).all(axis=1).sum()),
        possible=int(((boxes >= sides / 4) & (boxes <= room - sides / 4)).all(axis=1).sum()),
        jerk=_jerk(middles[:, moves], subject.frames),
        raw_jerk=_jerk(boxes[:, moves], subject.frames),
    )


def _jerk(places: NDArray[np.float64], frames: NDArray[np.int64]) -> float:
    successive = frames[3:] - frames[:-3] == 3
    return float(np.abs(np.diff(places, 3, axis=0)[successive]).sum())
