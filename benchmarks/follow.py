"""Measures how well and how smoothly our crop follows a subject, beside two simple cameras.

    python -m benchmarks.follow                            # ../shared/real, tracked with yolov8n
    python -m benchmarks.follow VIDEO --tracks tracks.json
    python -m benchmarks.follow --made                     # only the made scenes
    python -m benchmarks.follow --cost                     # only the time that planning takes

Every person with at least 100 boxes is followed in each aspect ratio. The table shows the share of frames in
which the middle of the box is in the middle half of the crop, in both directions; the same share of those
frames in which a crop inside the picture can achieve that; and the jerk of the crop's middle over that of the
box's, the sum of absolute third differences from frame to frame, in the directions in which the crop can
move. The simple cameras keep the middle of the box, or its mean over a second, in the middle of the crop.

Then whoever matters most is followed (`--follow main`), in the video and in made scenes in which it is known
who that is (tools/fixtures/follow_scenes.py). These tables show the share of the subjects' boxes that lie
wholly in the crop, of those that are small enough; the longest time in which somebody was in view but the
middle of nobody's box in the crop, nor a quarter of it covered by one; and the jerk as above. In the video
all who were tracked as people count.

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
from orchestrator.framing.track_file_reader import parse_tracks, read_tracks
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from tools.camera_quality import CameraQuality, measure_camera
from tools.fixtures import follow_scenes
from tools.follow_quality import FollowQuality, Truth, measure_follow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.framing.follow import Following
    from orchestrator.framing.track_file_reader import SubjectTrack, SubjectTracks

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"
SHAPES = ("9:16", "4:5", "1:1")
FEWEST = 100
MAIN_HEADER = """\
| shape | scene | boxes | in the crop | longest empty | jerk | keyframes |
|---|---|---|---|---|---|---|"""


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
    """Track everything in a video with the real YOLOv8n; return the tracks as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"MODEL_REPOSITORY": folder}
        weights, tracks = REAL / "weights" / "yolov8n.pt", Path(folder) / "tracks.json"
        command = [str(Path(sys.executable).with_name("framewright"))]
        build = ["models", "build", "yolov8n", "--weights", str(weights)]
        track = ["track", str(video), "--model", "yolov8n", "-o", str(tracks)]
        for arguments in (build, track):
            subprocess.run([*command, *arguments], env=environment, check=True)
        return tracks.read_bytes()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    clip = REAL / "media" / "one-by-one-person-detection.mp4"
    parser.add_argument(
        "video", nargs="?", type=Path, default=clip, help="(default: a clip of ../shared/real)"
    )
    parser.add_argument("--tracks", type=Path, help="the tracks of the video, from a track job")
    parser.add_argument(
        "--zoom", type=float, default=1.0, help="as that of `framewright export` (default: 1)"
    )
    parser.add_argument("--made", action="store_true", help="measure only the made scenes")
    parser.add_argument("--cost", action="store_true", help="measure only the time that planning takes")
    arguments = parser.parse_args()
    print(f"python -m benchmarks.follow {' '.join(sys.argv[1:])}; {dt.date.today()}")  # noqa: DTZ011
    if arguments.cost:
        measure_cost()
        return
    if not arguments.made:
        if not arguments.video.is_file():
            parser.error(
                f"there is no {arguments.video}; name a video, or pass --made for the made scenes only"
            )
        measure_video(arguments)
    measure_scenes()


def measure_video(arguments: argparse.Namespace) -> None:
    """Print the tables of a video."""
    info = probe(arguments.video)
    width, height = info.display_size
    subjects = read_tracks(arguments.tracks.read_bytes() if arguments.tracks else tracked(arguments.video))
    times_s = frame_times(arguments.video, info)
    people = [subject for subject in subjects.by_id.values() if subject.class_name == "person"]
    followed = [subject for subject in people if len(subject.frames) >= FEWEST]
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
            ).path
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
    if not subjects.by_id:
        print("\nNothing was tracked, so there is nobody to follow.")
        return
    print("\n" + MAIN_HEADER)
    truth = {subject.id: (subject.frames, subject.boxes) for subject in people}
    for text in SHAPES:
        following, quality = follow_main(
            subjects, truth, text, zoom=arguments.zoom, times_s=times_s, size=(width, height)
        )
        print(f"| {text} | {arguments.video.name} | {quality} | {len(following.path)} |")
    print(f"\nFollowed in {SHAPES[-1]}:")
    for stretch in following.stretches:
        whom = f"{stretch.class_name} {stretch.track}" if stretch.track is not None else "nobody"
        print(
            f"{stretch.start:8.2f} to {stretch.end:.2f} s: {whom} {stretch.beside or ''} ({stretch.reason})"
        )


def measure_scenes() -> None:
    """Print the table of the made scenes."""
    print("\n" + MAIN_HEADER)
    for text in SHAPES:
        qualities = []
        for scene in follow_scenes.scenes():
            subjects, times_s = parse_tracks(scene.document()), follow_scenes.times_s(scene)
            size = follow_scenes.WIDTH, follow_scenes.HEIGHT
            following, quality = follow_main(
                subjects, scene.truth(), text, zoom=None, times_s=times_s, size=size
            )
            print(f"| {text} | {scene.name} | {quality} | {len(following.path)} |")
            qualities.append(quality)
        print(f"| {text} | **all** | {sum(qualities[1:], qualities[0])} | |")


def measure_cost() -> None:
    """Print how long an hour of somebody who walks to and fro, and stands now and then, takes to plan."""
    random = np.random.default_rng(0)
    times_s = np.arange(3600 * 30) / 30
    stops_s = np.arange(0, 3606, 3.0)
    places = np.repeat(random.uniform(0.2, 0.8, len(stops_s)), random.integers(1, 3, len(stops_s)))
    x = np.interp(times_s, stops_s, places[: len(stops_s)] * 1920) + random.normal(0, 2, len(times_s))
    frames = [{"frame": frame, "bbox": [place - 50, 410, 100, 300]} for frame, place in enumerate(x.tolist())]
    video = {"width": 1920, "height": 1080, "frames": len(times_s)}
    subjects = parse_tracks({"tracks": [{"id": 1, "class_name": "person", "frames": frames}], "video": video})
    for track in (1, "main"):
        started_s = process_time()
        path = follow_subject(
            subjects,
            track=track,
            aspect=parse_aspect(SHAPES[0]),
            zoom=None,
            times_s=times_s,
            width=1920,
            height=1080,
        ).path
        took_s = process_time() - started_s
        print(f"an hour, --follow {track}: {took_s:.1f} s of CPU time, {len(path)} keyframes")


def follow_main(
    subjects: SubjectTracks,
    truth: Truth,
    aspect: str,
    *,
    zoom: float | None,
    times_s: NDArray[np.float64],
    size: tuple[int, int],
) -> tuple[Following, FollowQuality]:
    """Follow whoever matters most in a picture of a size; return the crop, and how well it shows them."""
    following = follow_subject(
        subjects,
        track="main",
        aspect=parse_aspect(aspect),
        zoom=zoom,
        times_s=times_s,
        width=size[0],
        height=size[1],
    )
    crops = following.path.rows(times_s)
    return following, measure_follow(truth, crops, tracks=subjects, times_s=times_s)


if __name__ == "__main__":
    main()
