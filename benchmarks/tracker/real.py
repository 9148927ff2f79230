"""Reads real detections and real truth for trackers, in the formats of MOT Challenge and of KITTI.

A folder holds one folder for each sequence. One with gt.txt is in the format of MOT Challenge: gt.txt and
det.txt hold frame (from 1), id, left, top, width, height, score or flag; seqinfo.ini gives size and rate, or
they are guessed. One with label.txt is KITTI's: label.txt holds frame (from 0), id, type, x1, y1, x2, y2, and
det.txt frame, x1, y1, x2, y2 and a raw score. The data set of a sequence is its name up to the last part that
differs: `mot15`, `kitti-car`, `kitti-ped`.

Boxes that were found but count neither as right nor as wrong are dropped before scoring: those that match a
truth which does not count (flag 0, or a type such as Van), as TrackEval does, and those of which half lies in
a region marked DontCare.
"""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tracker.scenes import Scene
from orchestrator.tracking.association import assign, iou

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from benchmarks.tracker.peers import Result

DEFAULT = Path("../shared/real/mot")
"""Where the sequences are looked for, if no folder is named."""
KITTI_WIDTH, KITTI_HEIGHT, KITTI_RATE = 1242, 375, Fraction(10)
KITTI_TYPES = {"car": "Car", "ped": "Pedestrian"}
MATCH_IOU = 0.5
"""Least IoU of a box and a truth that does not count, for the box to be dropped (TrackEval)."""
REGION_SHARE = 0.5
"""Least share of a box inside a region marked DontCare, for the box to be dropped."""


@dataclass(frozen=True, kw_only=True)
class RealSequence:
    """Detections and truth of a real video.

    Attributes:
        data_set: the name that it shares with the other sequences of its data set.
        scene: the truth that counts.
        detections: for each frame float32 [N, 6]: x1, y1, x2, y2, score 0..1, class 0.
        uncounted: for each frame, boxes of truth that does not count, float64 [N, 4].
        regions: for each frame, boxes of regions in which nothing counts, float64 [N, 4].
    """

    data_set: str
    scene: Scene
    detections: list[NDArray[np.float32]]
    uncounted: list[NDArray[np.float64]]
    regions: list[NDArray[np.float64]]

    def counted(self, result: Result) -> Result:
        """Return the tracked boxes that count as right or as wrong."""
        return [self._counted_in(frame, ids, boxes) for frame, (ids, boxes) in enumerate(result)]

    def _counted_in(
        self, frame: int, ids: NDArray[np.int64], boxes: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        truth, uncounted, regions = self.scene.boxes[frame], self.uncounted[frame], self.regions[frame]
        kept = np.ones(len(boxes), np.bool_)
        matched = np.zeros(len(boxes), np.bool_)
        if len(boxes) and len(truth) + len(uncounted):
            overlap = iou(boxes, np.concatenate((truth, uncounted)))
            rows, columns = assign(overlap, overlap >= MATCH_IOU)
            matched[rows] = True
            kept[rows[columns >= len(truth)]] = False
        if len(boxes) and len(regions):
            kept &= matched | (_share_inside(boxes, regions) < REGION_SHARE)
        return ids[kept], boxes[kept]


def sequences(folder: Path) -> list[RealSequence]:
    """Read all sequences of a folder, in order of name.

    Raises:
        OSError: a file is missing or unreadable.
        ValueError: a file is in another format.
    """
    return [
        _kitti(path) if (path / "label.txt").exists() else _mot(path)
        for path in sorted(folder.iterdir())
        if (path / "det.txt").exists()
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose real sequences."""
    parser.add_argument(
        "--real", type=Path, action="append", metavar="FOLDER", help=f"real sequences (default: {DEFAULT})"
    )
    parser.add_argument("--groups", metavar="NAMES", help="data sets, separated by commas (default: all)")


def chosen(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, *, optional: bool = False
) -> dict[str, list[RealSequence]]:
    """Return the real sequences by data set; end the program with an error if a folder cannot be read.

    Args:
        parser: reports errors.
        arguments: those that `add_arguments` added.
        optional: whether it is right if no folder is named and the default one is missing.
    """
    if optional and not arguments.real and not DEFAULT.is_dir():
        return {}
    found: dict[str, list[RealSequence]] = {}
    for folder in arguments.real or [DEFAULT]:
        try:
            read = sequences(folder)
        except FileNotFoundError as exc:
            parser.error(f"--real {folder}: {exc.filename} is missing")
        except (OSError, ValueError) as exc:
            parser.error(f"--real {folder} cannot be read: {exc}")
        if not read:
            parser.error(f"--real {folder}: no folder in it has a det.txt")
        for sequence in read:
            found.setdefault(sequence.data_set, []).append(sequence)
    wanted = arguments.groups.split(",") if arguments.groups else list(found)
    return {name: found[name] for name in found if name in wanted}


def _mot(path: Path) -> RealSequence:
    info = configparser.ConfigParser()
    info.read(path / "seqinfo.ini")
    truth = np.loadtxt(path / "gt.txt", delimiter=",", ndmin=2)
    found = np.loadtxt(path / "det.txt", delimiter=",", ndmin=2)
    corner = np.concatenate((truth, found[:, : truth.shape[1]]))[:, 2:6]
    width, height = (corner[:, :2] + corner[:, 2:]).max(axis=0)
    about = info["Sequence"] if info.has_section("Sequence") else {}
    frames = int(about.get("seqLength", max(truth[:, 0].max(), found[:, 0].max())))
    return RealSequence(
        data_set=path.name.split("-")[0],
        scene=_scene(
            path.name,
            frames,
            truth[truth[:, 6] != 0][:, [0, 1]].astype(np.int64) - [1, 0],
            _corners(truth[truth[:, 6] != 0][:, 2:6]),
            size=(int(about.get("imWidth", width)), int(about.get("imHeight", height))),
            rate=Fraction(about.get("frameRate", "30")),
        ),
        detections=_detections(found[:, 0] - 1, _corners(found[:, 2:6]), found[:, 6], frames),
        uncounted=_by_frame(
            truth[truth[:, 6] == 0][:, 0] - 1, _corners(truth[truth[:, 6] == 0][:, 2:6]), frames
        ),
        regions=[np.empty((0, 4))] * frames,
    )


def _kitti(path: Path) -> RealSequence:
    rows = [line.split() for line in (path / "label.txt").read_text().splitlines() if line.strip()]
    kinds = np.array([row[2] for row in rows])
    numbers = np.array([[*row[:2], *row[3:7]] for row in rows], np.float64)
    found = np.loadtxt(path / "det.txt", delimiter=",", ndmin=2)
    frames = 1 + int(max(numbers[:, 0].max(), found[:, 0].max()))
    data_set = path.name.rpartition("-")[0]
    right = kinds == KITTI_TYPES[data_set.rpartition("-")[2]]
    region = kinds == "DontCare"
    other = ~right & ~region
    return RealSequence(
        data_set=data_set,
        scene=_scene(
            path.name,
            frames,
            numbers[right][:, :2].astype(np.int64),
            numbers[right][:, 2:],
            size=(KITTI_WIDTH, KITTI_HEIGHT),
            rate=KITTI_RATE,
        ),
        detections=_detections(found[:, 0], found[:, 1:5], 1 / (1 + np.exp(-found[:, 5])), frames),
        uncounted=_by_frame(numbers[other][:, 0], numbers[other][:, 2:], frames),
        regions=_by_frame(numbers[region][:, 0], numbers[region][:, 2:], frames),
    )


def _scene(
    name: str,
    frames: int,
    frame_and_id: NDArray[np.int64],
    boxes: NDArray[np.float64],
    *,
    size: tuple[int, int],
    rate: Fraction,
) -> Scene:
    return Scene(
        name=name,
        width=size[0],
        height=size[1],
        rate=rate,
        ids=[frame_and_id[frame_and_id[:, 0] == frame, 1] for frame in range(frames)],
        boxes=_by_frame(frame_and_id[:, 0], boxes, frames),
        screens=np.empty((0, 4)),
    )


def _detections(
    frame: NDArray[np.float64], boxes: NDArray[np.float64], scores: NDArray[np.float64], frames: int
) -> list[NDArray[np.float32]]:
    rows = np.column_stack((boxes, scores, np.zeros(len(boxes))))
    return [found.astype(np.float32) for found in _by_frame(frame, rows, frames)]


def _by_frame(frame: NDArray[np.number], rows: NDArray[np.float64], frames: int) -> list[NDArray[np.float64]]:
    return [rows[frame == number] for number in range(frames)]


def _corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), axis=1)


def _share_inside(boxes: NDArray[np.float64], regions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the greatest share of each box that lies in one region: float64 [N]."""
    common = np.minimum(boxes[:, None, 2:], regions[None, :, 2:]) - np.maximum(
        boxes[:, None, :2], regions[None, :, :2]
    )
    area = np.maximum(common, 0).prod(axis=2)
    share: NDArray[np.float64] = (area / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[:, None]).max(axis=1)
    return share
