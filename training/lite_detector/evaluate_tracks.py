"""Counts tracks against figures on held-out clips: `python -m training.lite_detector.evaluate_tracks`.

A figure counts if it is labelled in at least a quarter of a second of the clip. A track covers the figure
that most of its boxes lie on (IoU of at least 0.5), if these are at least half of its boxes and at least half
of the figure's labelled frames. A clip is exact if it has as many tracks as figures, and each is covered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from orchestrator.errors import WorkerError
from orchestrator.jobs import TrackParams
from orchestrator.track_output.reported_tracks import ReportedTracks, TrackBoxCollector
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.tracker import Tracker
from training.lite_detector.clips import RATE, held_out_clips
from training.lite_detector.evaluate import MODEL, Detector, onnx_detector
from training.lite_detector.scenes import GREY
from training.lite_detector.shots import HEIGHT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from training.lite_detector.scenes import Figure, Scene
    from training.lite_sr.pictures import Pixels

_CLIPS = 24
_BAR = 6  # pixels above and below: the network takes sides that are multiples of 32
_SAME = 0.5
_LEAST_FRAMES = RATE // 4


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the tracks of a clip cover.

    Attributes:
        figures: the number of figures that count.
        tracks: the number of reported tracks.
        covered: the number of figures that a track covers.
    """

    figures: int
    tracks: int
    covered: int

    @property
    def exact(self) -> bool:
        """Whether each figure has its track, and there is no other."""
        return self.figures == self.tracks == self.covered


def letterboxed(detect: Detector) -> Callable[[Pixels], np.ndarray]:
    """Return a detector for pictures of 320x180, from one that takes 320x192."""

    def detect_in_frame(picture: Pixels) -> np.ndarray:
        boxes = detect(np.pad(picture, ((_BAR, _BAR), (0, 0), (0, 0)), constant_values=GREY))
        boxes[:, [1, 3]] = np.clip(boxes[:, [1, 3]] - _BAR, 0, HEIGHT)
        return boxes

    return detect_in_frame


def follow(pictures: Iterable[Pixels], detect: Callable[[Pixels], np.ndarray]) -> ReportedTracks:
    """Detect and track the figures of a shot, with the settings of a job that names none.

    Args:
        pictures: uint8 [180, 320, 3] RGB, at 24 frames per second.
        detect: returns the boxes of a picture, float32 [n, 6].
    """
    tracker = Tracker(TrackerSettings(), width=WIDTH, height=HEIGHT, time_base=Fraction(1, RATE))
    found = TrackBoxCollector()
    for index, picture in enumerate(pictures):
        boxes = tracker.update(detect(picture), frame=index, pts=index)
        found.add(boxes, boxes.frames)
    boxes = tracker.finish()
    found.add(boxes, boxes.frames)
    return found.reported(confidence=TrackParams(model="lite-detector").confidence, classes=None)


def coverage(tracks: ReportedTracks, truth: Sequence[tuple[Figure, ...]]) -> Coverage:
    """Compare tracks with the labels of each frame of their clip."""
    labelled = Counter(figure.identity for figures in truth for figure in figures if figure.labelled)
    wanted = {identity for identity, frames in labelled.items() if frames >= _LEAST_FRAMES}
    covered = set()
    for track in tracks:
        hits: Counter[int] = Counter()
        for frame, box in zip(track.frames.tolist(), track.boxes, strict=True):
            near = [
                (overlap, figure.identity)
                for figure in truth[frame]
                if figure.number == track.class_number and (overlap := _iou(box, figure)) >= _SAME
            ]
            if near:
                hits[max(near)[1]] += 1
        if hits:
            ((identity, frames),) = hits.most_common(1)
            if frames >= max(len(track), labelled[identity]) / 2:
                covered.add(identity)
    return Coverage(figures=len(wanted), tracks=len(tracks), covered=len(covered & wanted))


def judge(detect: Detector, clips: Iterable[list[Scene]]) -> list[Coverage]:
    """Track each clip, and compare."""
    detect_in_frame = letterboxed(detect)
    results = []
    for scenes in clips:
        tracks = follow((scene.picture for scene in scenes), detect_in_frame)
        results.append(coverage(tracks, [scene.figures for scene in scenes]))
    return results


def _iou(box: np.ndarray, figure: Figure) -> float:
    left, top, right, bottom = figure.box
    across = min(box[2], right) - max(box[0], left)
    down = min(box[3], bottom) - max(box[1], top)
    common = max(0.0, float(across)) * max(0.0, float(down))
    own = float((box[2] - box[0]) * (box[3] - box[1]))
    return common / (own + (right - left) * (bottom - top) - common)


@click.command()
@click.option("--model-onnx", type=click.Path(path_type=Path), default=MODEL)
@click.option("--clips", type=click.IntRange(min=1), default=_CLIPS)
def main(*, model_onnx: Path, clips: int) -> None:
    """Print how many tracks the held-out clips have, and how many of their figures are covered."""
    try:
        results = judge(onnx_detector(model_onnx), held_out_clips(clips))
    except WorkerError as exc:
        raise click.ClickException(str(exc)) from exc
    figures, tracks, covered = (
        sum(getattr(result, name) for result in results) for name in ("figures", "tracks", "covered")
    )
    exact = sum(result.exact for result in results)
    print(f"{figures} figures, {tracks} tracks, {covered} figures covered, {exact} of {clips} clips exact")


if __name__ == "__main__":
    main()
