"""Three ByteTracks behind one call: ours, ultralytics' and roboflow's.

The others are no part of the product. Install them beside it, in an environment of their own; INSTALL tells
how.
"""

from __future__ import annotations

import contextlib
import io
import sys
from fractions import Fraction
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from orchestrator.jobs import TrackParams
from orchestrator.track_output.reported import TrackList
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.tracker import Tracker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Result = list[tuple[NDArray[np.int64], NDArray[np.float64]]]
    """For each frame: ids [N], and boxes [N, 4], x1, y1, x2, y2."""

INSTALL = """\
python -m venv peers
peers/bin/pip install --editable . ultralytics trackers motmetrics trackeval
peers/bin/python -m benchmarks.tracker.quality"""


def require(*names: str) -> None:
    """End the program with what to do where a package is missing."""
    missing = []
    for name in names:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                import_module(name)
        except ImportError as exc:
            missing.append(f"{name} ({exc})")
    if missing:
        sys.exit(
            f"error: cannot import {', '.join(missing)}; install the peers, beside the product:\n{INSTALL}"
        )


def versions() -> str:
    """Return the names and versions of what is compared."""
    names = ("ultralytics", "trackers", "motmetrics", "trackeval", "numpy", "scipy")
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)


class Peer(Protocol):
    """One video through a tracker, whose own settings may be given by their own names."""

    def __init__(self, *, width: int, height: int, rate: Fraction, **settings: Any) -> None: ...

    def prepared(self, detections: NDArray[np.float32]) -> Any:
        """Return float32 [N, 6] in the type that this tracker takes."""

    def update(self, frame: int, detections: Any) -> None:
        """Take in what `prepared` gave."""

    def result(self, frames: int) -> Result:
        """End the video."""


class Ours:
    """One video through our tracker, and what a track job reports of it."""

    def __init__(self, *, width: int, height: int, rate: Fraction, **settings: Any) -> None:
        self._tracker = Tracker(
            TrackerSettings(**settings), width=width, height=height, time_base=1 / Fraction(rate)
        )
        self._told: list[Any] = []

    def prepared(self, detections: NDArray[np.float32]) -> Any:
        """Return them as they are."""
        return detections

    def update(self, frame: int, detections: Any) -> None:
        """Take in one frame."""
        self._told.append(self._tracker.update(detections, frame=frame, pts=frame))

    def result(self, frames: int) -> Result:
        """End the video."""
        found = TrackList()
        for boxes in (*self._told, self._tracker.finish()):
            found.add(boxes, boxes.frames)
        tracks = found.reported(confidence=TrackParams().confidence, classes=None)
        rows = [tracks.by_frame(frame) for frame in range(frames)]
        return [
            (
                np.array([track.id for track, _ in row], np.int64),
                np.array([track.boxes[at] for track, at in row], np.float64).reshape(-1, 4),
            )
            for row in rows
        ]


class Ultralytics:
    """One video through ultralytics' BYTETracker."""

    def __init__(self, *, width: int, height: int, rate: Fraction, **settings: Any) -> None:
        del rate  # it counts frames
        from ultralytics.cfg import IterableSimpleNamespace  # noqa: PLC0415  a peer, absent elsewhere
        from ultralytics.engine.results import Boxes  # noqa: PLC0415
        from ultralytics.trackers import BYTETracker  # noqa: PLC0415
        from ultralytics.utils import YAML  # noqa: PLC0415
        from ultralytics.utils.checks import check_yaml  # noqa: PLC0415

        defaults = YAML.load(check_yaml("bytetrack.yaml"))
        self._tracker = BYTETracker(IterableSimpleNamespace(**(defaults | settings)))
        self._boxes, self._shape = Boxes, (height, width)
        self._told: list[Any] = []

    def prepared(self, detections: NDArray[np.float32]) -> Any:
        """Return them as its Boxes."""
        return self._boxes(detections, self._shape)

    def update(self, frame: int, detections: Any) -> None:
        """Take in one frame."""
        del frame
        self._told.append(self._tracker.update(detections))

    def result(self, frames: int) -> Result:
        """End the video. Its rows are x1, y1, x2, y2, id, score, class, index."""
        rows = [np.asarray(told, np.float64).reshape(-1, 8) for told in self._told[:frames]]
        return [(told[:, 4].astype(np.int64), told[:, :4]) for told in rows]


class Roboflow:
    """One video through roboflow/trackers' ByteTrackTracker."""

    def __init__(self, *, width: int, height: int, rate: Fraction, **settings: Any) -> None:
        del width, height
        from supervision import Detections  # noqa: PLC0415  a peer, absent elsewhere
        from trackers import ByteTrackTracker  # noqa: PLC0415

        self._tracker = ByteTrackTracker(frame_rate=float(rate), **settings)
        self._detections = Detections
        self._told: list[Any] = []

    def prepared(self, detections: NDArray[np.float32]) -> Any:
        """Return them as supervision's Detections."""
        return self._detections(
            xyxy=detections[:, :4], confidence=detections[:, 4], class_id=detections[:, 5].astype(np.int64)
        )

    def update(self, frame: int, detections: Any) -> None:
        """Take in one frame."""
        del frame
        self._told.append(self._tracker.update(detections))

    def result(self, frames: int) -> Result:
        """End the video. Boxes without a track have the id -1."""
        rows = []
        for told in self._told[:frames]:
            ids = np.full(len(told), -1) if told.tracker_id is None else np.asarray(told.tracker_id, np.int64)
            rows.append((ids[ids >= 0], np.asarray(told.xyxy, np.float64).reshape(-1, 4)[ids >= 0]))
        return rows


def track(
    peer: type[Peer],
    detections: list[NDArray[np.float32]],
    *,
    width: int,
    height: int,
    rate: Fraction,
    settings: dict[str, Any],
) -> Result:
    """Take a whole video through a tracker."""
    tracker = peer(width=width, height=height, rate=rate, **settings)
    for frame, rows in enumerate(detections):
        tracker.update(frame, tracker.prepared(rows))
    return tracker.result(len(detections))
