"""Runs our tracker and the ByteTracks of ultralytics and roboflow behind one interface.

The peers are not part of the product: INSTALL says how to install them in an environment of their own.
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
from orchestrator.track_output.reported_tracks import TrackBoxCollector
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.tracker import Tracker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.tracker.scenes import Scene

    Result = list[tuple[NDArray[np.int64], NDArray[np.float64]]]
    """For each frame: ids [N], and boxes [N, 4], x1, y1, x2, y2."""

INSTALL = """\
python -m venv peers
peers/bin/pip install --editable . ultralytics trackers motmetrics trackeval
peers/bin/python -m benchmarks.tracker.quality"""


def require(*names: str) -> None:
    """End the program with an error that says how to install the peers, if a package is missing."""
    missing = []
    for name in names:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                import_module(name)
        except ImportError as exc:
            missing.append(f"{name} ({exc})")
    if missing:
        sys.exit(f"error: cannot import {', '.join(missing)}; install the peers:\n{INSTALL}")


def versions() -> str:
    """Return the names and versions of the compared packages, for the head of a table."""
    names = ("ultralytics", "trackers", "motmetrics", "trackeval", "numpy", "scipy")
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)


class Peer(Protocol):
    """A tracker of one video; `settings` are its own, by its own names."""

    def __init__(self, *, width: int, height: int, rate: Fraction, **settings: Any) -> None: ...

    def prepare(self, detections: NDArray[np.float32]) -> Any:
        """Convert detections, float32 [N, 6], to the type that this tracker takes."""

    def update(self, frame: int, detections: Any) -> None:
        """Process the detections of a frame, as `prepare` returned them."""

    def result(self, frames: int) -> Result:
        """End the video; return the boxes of each frame."""


class Ours:
    """Our tracker; the result is what a track job reports."""

    def __init__(self, *, width: int, height: int, rate: Fraction, **settings: Any) -> None:
        self._tracker = Tracker(
            TrackerSettings(**settings), width=width, height=height, time_base=1 / Fraction(rate)
        )
        self._updates: list[Any] = []

    def prepare(self, detections: NDArray[np.float32]) -> Any:
        """Return the detections as they are."""
        return detections

    def update(self, frame: int, detections: Any) -> None:
        """Process one frame."""
        self._updates.append(self._tracker.update(detections, frame=frame, pts=frame))

    def result(self, frames: int) -> Result:
        """End the video; return the boxes of each frame."""
        found = TrackBoxCollector()
        for boxes in (*self._updates, self._tracker.finish()):
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
    """ultralytics' BYTETracker."""

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
        self._updates: list[Any] = []

    def prepare(self, detections: NDArray[np.float32]) -> Any:
        """Convert the detections to its Boxes."""
        return self._boxes(detections, self._shape)

    def update(self, frame: int, detections: Any) -> None:
        """Process one frame."""
        del frame
        self._updates.append(self._tracker.update(detections))

    def result(self, frames: int) -> Result:
        """End the video. The rows of the tracker are x1, y1, x2, y2, id, score, class, index."""
        rows = [np.asarray(update, np.float64).reshape(-1, 8) for update in self._updates[:frames]]
        return [(row[:, 4].astype(np.int64), row[:, :4]) for row in rows]


class Roboflow:
    """The ByteTrackTracker of roboflow/trackers."""

    def __init__(self, *, width: int, height: int, rate: Fraction, **settings: Any) -> None:
        del width, height
        from supervision import Detections  # noqa: PLC0415  a peer, absent elsewhere
        from trackers import ByteTrackTracker  # noqa: PLC0415

        self._tracker = ByteTrackTracker(frame_rate=float(rate), **settings)
        self._detections = Detections
        self._updates: list[Any] = []

    def prepare(self, detections: NDArray[np.float32]) -> Any:
        """Convert the detections to supervision's Detections."""
        return self._detections(
            xyxy=detections[:, :4], confidence=detections[:, 4], class_id=detections[:, 5].astype(np.int64)
        )

    def update(self, frame: int, detections: Any) -> None:
        """Process one frame."""
        del frame
        self._updates.append(self._tracker.update(detections))

    def result(self, frames: int) -> Result:
        """End the video. Boxes without a track have the id -1."""
        rows = []
        for update in self._updates[:frames]:
            ids = update.tracker_id
            ids = np.full(len(update), -1) if ids is None else np.asarray(ids, np.int64)
            rows.append((ids[ids >= 0], np.asarray(update.xyxy, np.float64).reshape(-1, 4)[ids >= 0]))
        return rows


def track(
    peer: type[Peer], detections: list[NDArray[np.float32]], scene: Scene, *, settings: dict[str, Any]
) -> Result:
    """Track a whole scene by its detections, float32 [N, 6] for each frame."""
    tracker = peer(width=scene.width, height=scene.height, rate=scene.rate, **settings)
    for frame, rows in enumerate(detections):
        tracker.update(frame, tracker.prepare(rows))
    return tracker.result(len(detections))
