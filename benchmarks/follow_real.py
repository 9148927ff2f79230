"""Measures `--follow main` on the true boxes of real videos with many people or cars.

    python -m benchmarks.follow_real                # ../shared/real/mot
    python -m benchmarks.follow_real FOLDER

The folder is one for `benchmarks.tracker.quality`; its true boxes stand for tracks. Nobody has said whom to
follow there, so the table shows how well the crop shows whom it says it follows (`followed`): the share of
their boxes that lie wholly in the crop, of those that are small enough; and the longest time with anybody in
view but an empty crop, as in `benchmarks.follow`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.follow import follow_main
from benchmarks.tracker.real import DEFAULT, sequences
from orchestrator.framing.track_file_reader import parse_tracks
from tools.follow_quality import FollowQuality, Truth, measure_follow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.tracker.scenes import Scene
    from orchestrator.jobs import FollowedStretch

SHAPES = ("9:16", "4:5", "1:1", "16:9")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT)
    folder = parser.parse_args().folder
    print(f"python -m benchmarks.follow_real {' '.join(sys.argv[1:])}; {dt.date.today()}\n")  # noqa: DTZ011
    print("| sequence | subjects |" + " |".join(f" {shape}" for shape in SHAPES) + " |")
    print("|---|---|" + "---|" * len(SHAPES))
    for sequence in sequences(folder):
        class_name = "car" if "car" in sequence.data_set else "person"
        cells = [measured(sequence.scene, class_name, shape) for shape in SHAPES]
        print(f"| {sequence.scene.name} | {cells[0][0]} | " + " | ".join(text for _, text in cells) + " |")


def measured(scene: Scene, class_name: str, shape: str) -> tuple[int, str]:
    """Return how many stretches have a subject, and the two measures of a crop of a shape as text."""
    truth = _truth(scene)
    tracks = [
        {
            "id": number,
            "class_name": class_name,
            "frames": [
                {"frame": frame, "bbox": [x1, y1, x2 - x1, y2 - y1]}
                for frame, (x1, y1, x2, y2) in zip(frames.tolist(), boxes.tolist(), strict=True)
            ],
        }
        for number, (frames, boxes) in truth.items()
    ]
    video = {"width": scene.width, "height": scene.height, "frames": len(scene.ids)}
    subjects = parse_tracks({"tracks": tracks, "video": video})
    times_s = np.arange(len(scene.ids)) / float(scene.rate)
    size = (scene.width, scene.height)
    following, whole = follow_main(subjects, truth, shape, zoom=None, times_s=times_s, size=size)
    crops = following.path.rows(times_s)
    named = [stretch for stretch in following.stretches if stretch.track is not None]
    qualities: list[FollowQuality] = [
        measure_follow(_during(stretch, truth, times_s), crops, tracks=subjects, times_s=times_s)
        for stretch in named
    ]
    share = sum(qualities[1:], qualities[0]).share
    return len(named), f"{share:.1%}, {whole.longest_empty_s:.1f} s"


def _truth(scene: Scene) -> Truth:
    """Return the frames and the boxes, cut off at the picture's edges, of each id."""
    counts = [len(ids) for ids in scene.ids]
    frames, ids = np.repeat(np.arange(len(counts)), counts), np.concatenate(scene.ids)
    boxes = np.clip(
        np.concatenate(scene.boxes), 0, (scene.width, scene.height, scene.width, scene.height)
    ).astype(np.float64)
    seen = (boxes[:, 2:] - boxes[:, :2] > 1).all(axis=1)
    return {
        number: (frames[seen & (ids == number)], boxes[seen & (ids == number)])
        for number in np.unique(ids[seen]).tolist()
    }


def _during(stretch: FollowedStretch, truth: Truth, times_s: NDArray[np.float64]) -> Truth:
    """Return the truth of whom a stretch names, in its time."""
    if stretch.track is None:
        return {}
    frames, boxes = truth[stretch.track]
    rows = (times_s[frames] >= stretch.start - 1e-6) & (times_s[frames] < stretch.end - 1e-6)
    return {stretch.track: (frames[rows], boxes[rows])}


if __name__ == "__main__":
    main()
