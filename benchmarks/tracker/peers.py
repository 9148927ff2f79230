"""Runs our tracker and those of ultralytics, roboflow and norfair behind one interface.

The peers are not part of the product: INSTALL says how to install them in an environment of their own.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from orchestrator.jobs import TrackParams
from orchestrator.pipeline.link_detections import tracker_settings
from orchestrator.track_output.reported_tracks import ReportedTrack, TrackBoxCollector
from orchestrator.tracking.tracker import Tracker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.tracker.scenes import Scene

    Result = list[tuple[NDArray[np.int64], NDArray[np.float64]]]
    """For each frame: ids [N], and boxes [N, 4], x1, y1, x2, y2."""

INSTALL = """\
python -m venv peers
peers/bin/pip install --editable . ultralytics lap motmetrics filterpy pandas supervision
peers/bin/pip install --no-deps trackers==2.6.1 trackeval==1.3.0 norfair==2.3.0
peers/bin/python -m benchmarks.tracker.quality"""
"""Without their dependencies, because `trackers` asks for an older trackeval, and norfair for numpy 1."""

_PACKAGES = ("ultralytics", "trackers", "norfair", "motmetrics", "trackeval", "numpy", "scipy")


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
    found = []
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return ", ".join(found)


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
    """Our tracker; the result is what a track job reports.

    Args:
        width, height: the size of the picture, in pixels.
        rate: frames per second.
        confidence: that of the job; by default a job's own.
        settings: settings of the tracker that differ from those of such a job.
    """

    def __init__(
        self, *, width: int, height: int, rate: Fraction, confidence: float | None = None, **settings: Any
    ) -> None:
        params = TrackParams() if confidence is None else TrackParams(confidence=confidence)
        self._confidence = params.confidence
        self._tracker = Tracker(
            replace(tracker_settings(params), **settings),
            width=width,
            height=height,
            time_base=1 / Fraction(rate),
        )
        self._updates: list[Any] = []

    def prepare(self, detections: NDArray[np.float32]) -> Any:
        """Return the detections as they are."""
        return detections

    def update(self, frame: int, detections: Any) -> None:
        """Process one frame."""
        self._updates.append(self._tracker.update(detections, frame=frame, pts=frame))

    def finish(self) -> TrackBoxCollector:
        """End the video; return all tracks, reported or not."""
        found = TrackBoxCollector()
        for boxes in (*self._updates, self._tracker.finish()):
            found.add(boxes, boxes.frames)
        return found

    def result(self, frames: int) -> Result:
        """End the video; return the boxes of each frame."""
        return by_frame(self.finish().reported(confidence=self._confidence, classes=None), frames)


def by_frame(tracks: Iterable[ReportedTrack], frames: int) -> Result:
    """Return the boxes of tracks for each frame, in order of id."""
    ids: list[list[int]] = [[] for _ in range(frames)]
    boxes: list[list[NDArray[np.float32]]] = [[] for _ in range(frames)]
    for track in tracks:
        for frame, box in zip(track.frames.tolist(), track.boxes, strict=True):
            ids[frame].append(track.id)
            boxes[frame].append(box)
    return [
        (np.array(row, np.int64), np.array(where, np.float64).reshape(-1, 4))
        for row, where in zip(ids, boxes, strict=True)
    ]


class Ultralytics:
    """A tracker of ultralytics, without pictures: camera motion and appearance are off.

    Args:
        kind: the name of its settings file, for example `bytetrack`.
        width, height: the size of the picture, in pixels.
        rate: frames per second; it counts frames, so this changes nothing.
        settings: settings that differ from that file's.
    """

    def __init__(self, kind: str, *, width: int, height: int, rate: Fraction, **settings: Any) -> None:
        del rate
        from ultralytics.cfg import IterableSimpleNamespace  # noqa: PLC0415  a peer, absent elsewhere
        from ultralytics.engine.results import Boxes  # noqa: PLC0415
        from ultralytics.trackers.track import TRACKER_MAP  # noqa: PLC0415
        from ultralytics.utils import YAML  # noqa: PLC0415
        from ultralytics.utils.checks import check_yaml  # noqa: PLC0415

        chosen = YAML.load(check_yaml(f"{kind}.yaml")) | {"gmc_method": "none"} | settings
        self._tracker = TRACKER_MAP[kind](IterableSimpleNamespace(**chosen))
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
    """A tracker of roboflow/trackers, without pictures: camera motion and masks are off.

    Args:
        kind: the name of its class, for example `ByteTrackTracker`.
        width, height: the size of the picture, in pixels; it needs none.
        rate: frames per second.
        settings: settings that differ from its defaults.
    """

    def __init__(self, kind: str, *, width: int, height: int, rate: Fraction, **settings: Any) -> None:
        del width, height
        import trackers  # noqa: PLC0415  a peer, absent elsewhere
        from supervision import Detections  # noqa: PLC0415

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the missing pictures
            self._tracker = getattr(trackers, kind)(frame_rate=float(rate), **settings)
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


class Norfair:
    """norfair's tracker with the distance and the threshold of its own demonstration: IoU, 0.7."""

    def __init__(self, *, width: int, height: int, rate: Fraction, **settings: Any) -> None:
        del width, height, rate
        import norfair  # noqa: PLC0415  a peer, absent elsewhere

        chosen = {"distance_function": "iou", "distance_threshold": 0.7} | settings
        self._tracker = norfair.Tracker(**chosen)
        self._detection = norfair.Detection
        self._updates: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []

    def prepare(self, detections: NDArray[np.float32]) -> Any:
        """Convert the detections to its Detections, of two points each."""
        return [
            self._detection(row[:4].reshape(2, 2).astype(np.float64), scores=np.full(2, row[4]))
            for row in detections
        ]

    def update(self, frame: int, detections: Any) -> None:
        """Process one frame; what it predicts without a detection is left out."""
        del frame
        seen = [one for one in self._tracker.update(detections) if one.live_points.any()]
        ids = np.array([one.id for one in seen], np.int64)
        self._updates.append((ids, np.array([one.estimate.reshape(4) for one in seen]).reshape(-1, 4)))

    def result(self, frames: int) -> Result:
        """End the video; return the boxes of each frame."""
        return self._updates[:frames]


PeerFactory = Callable[..., Peer]
"""Makes a tracker of a video from `width`, `height` and `rate`."""

ALL: dict[str, PeerFactory] = {
    "ours": Ours,
    "ultralytics ByteTrack": partial(Ultralytics, "bytetrack"),
    "ultralytics BoT-SORT": partial(Ultralytics, "botsort"),
    "ultralytics OC-SORT": partial(Ultralytics, "ocsort"),
    "ultralytics Deep OC-SORT": partial(Ultralytics, "deepocsort"),
    "ultralytics FastTrack": partial(Ultralytics, "fasttrack"),
    "ultralytics TrackTrack": partial(Ultralytics, "tracktrack"),
    "roboflow SORT": partial(Roboflow, "SORTTracker"),
    "roboflow ByteTrack": partial(Roboflow, "ByteTrackTracker"),
    "roboflow OC-SORT": partial(Roboflow, "OCSORTTracker"),
    "roboflow BoT-SORT": partial(Roboflow, "BoTSORTTracker"),
    "roboflow C-BIoU": partial(Roboflow, "CBIoUTracker"),
    "roboflow McByte": partial(Roboflow, "McByteTracker"),
    "norfair": Norfair,
}


def available() -> dict[str, PeerFactory]:
    """Return the trackers that can be made here; name the others and their errors on the standard error."""
    found: dict[str, PeerFactory] = {}
    missing: dict[str, str] = {}
    for name, make in ALL.items():
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                make(width=640, height=480, rate=Fraction(30))
        except (ImportError, AttributeError, KeyError) as exc:
            missing[name] = str(exc)
        else:
            found[name] = make
    for name, why in missing.items():
        print(f"left out: {name} ({why})", file=sys.stderr)
    if missing:
        print(f"install the peers with:\n{INSTALL}", file=sys.stderr)
    return found


def track(make: PeerFactory, detections: list[NDArray[np.float32]], scene: Scene) -> Result:
    """Track a whole scene by its detections, float32 [N, 6] for each frame."""
    tracker = make(width=scene.width, height=scene.height, rate=scene.rate)
    for frame, rows in enumerate(detections):
        tracker.update(frame, tracker.prepare(rows))
    return tracker.result(len(detections))
