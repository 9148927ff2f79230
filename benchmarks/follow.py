"""Measures how well and how smoothly our crop follows a subject, beside two simple cameras.

    python -m benchmarks.follow                            # ../shared/real, tracked with yolov8n
    python -m benchmarks.follow VIDEO --tracks tracks.json

Every track of at least FEWEST boxes is followed in each aspect ratio. The table shows the share of frames in
which the middle of the box is in the middle half of the crop, in both directions; the same share of those
frames in which a crop inside the picture can achieve that; and the jerk of the crop's middle over that of the
box's, the sum of absolute third differences from frame to frame, in the directions in which the crop can
move. The simple cameras keep the middle of the box, or its mean over a second, in the middle of the crop.

Without --tracks a yolov8n, built from the weights in ../shared/real, tracks the video with a local Triton.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.framing.aspect_ratio import parse_aspect
from orchestrator.framing.follow import follow_subject
from orchestrator.framing.track_file_reader import read_tracks
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from tools.camera_quality import CameraQuality, measure_camera

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.framing.track_file_reader import SubjectTrack

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"
SHAPES = ("9:16", "4:5", "1:1")
FEWEST = 100


def simple_camera(
    subject: SubjectTrack,
    seconds: NDArray[np.float64],
    size: tuple[float, float],
    room: tuple[int, int],
    *,
    mean_s: float,
) -> NDArray[np.float64]:
    """Return the crops, float64 [N, 4], of a camera centred on the mean position over `mean_s` seconds."""
    middles = (subject.boxes[:, :2] + subject.boxes[:, 2:]) / 2
    near = np.abs(seconds[:, None] - seconds) <= mean_s / 2
    smooth = near.astype(np.float64) @ middles / near.sum(axis=1, keepdims=True)
    corners = np.clip(smooth - np.array(size) / 2, 0, np.array(room) - size)
    return np.hstack((corners, np.broadcast_to(size, corners.shape)))


def tracked(video: Path) -> bytes:
    """Track the people in a video with the real YOLOv8n; return the tracks as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"MODEL_REPOSITORY": folder}
        weights, tracks = REAL / "weights" / "yolov8n.pt", Path(folder) / "tracks.json"
        command = [str(Path(sys.executable).with_name("framewright"))]
        build = ["models", "build", "yolov8n", "--weights", str(weights)]
        track = ["track", str(video), "--model", "yolov8n", "--classes", "person", "-o", str(tracks)]
        for arguments in (build, track):
            subprocess.run([*command, *arguments], env=environment, check=True)
        return tracks.read_bytes()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    clip = REAL / "media" / "one-by-one-person-detection.mp4"
    parser.add_argument("video", nargs="?", type=Path, default=clip)
    parser.add_argument("--tracks", type=Path, help="the tracks of the video, from a track job")
    parser.add_argument("--zoom", type=float, default=1.0)
    arguments = parser.parse_args()
    info = probe(arguments.video)
    width, height = info.display_size
    subjects = read_tracks(arguments.tracks.read_bytes() if arguments.tracks else tracked(arguments.video))
    times_s = frame_times(arguments.video, info)
    followed = [subject for subject in subjects.by_id.values() if len(subject.frames) >= FEWEST]
    print(f"python -m benchmarks.follow {' '.join(sys.argv[1:])}; {dt.date.today()}")  # noqa: DTZ011
    print(f"{arguments.video.name}: {width}x{height}, {len(times_s)} frames, {len(followed)} tracks\n")
    print("| shape | track | frames | keyframes | in the middle | where possible | jerk | took |")
    print("|---|---|---|---|---|---|---|---|")
    for text in SHAPES:
        totals: dict[str, CameraQuality] = {}
        for subject in followed:
            started_s = process_time()
            path = follow_subject(
                subjects,
                track=subject.id,
                aspect=parse_aspect(text),
                zoom=arguments.zoom,
                times_s=times_s,
                width=width,
                height=height,
            )
            took_s = process_time() - started_s
            seconds = times_s[subject.frames]
            cameras = {"ours": path.rows(seconds)}
            for name, mean_s in (("mean of a second", 1.0), ("box", 0.0)):
                cameras[name] = simple_camera(subject, seconds, path.size, (width, height), mean_s=mean_s)
            for name, crops in cameras.items():
                result = measure_camera(subject, crops, width=width, height=height)
                totals[name] = totals[name] + result if name in totals else result
                if name == "ours":
                    cells = f"{result.frames} | {len(path)} | {result} | {took_s:.2f} s"
                    print(f"| {text} | {subject.id} | {cells} |")
        for name, total in totals.items():
            print(f"| {text} | **all, {name}** | {total.frames} | | {total} | |")


if __name__ == "__main__":
    main()
