"""Compares reading letterboxed frames, scaled during the conversion from YUV, with scaling full-size RGB.

    python -m benchmarks.small_reader

It makes H.264 videos of a moving texture with noise. For each video it measures decoding alone, which is the
limit; the full-size reader with cv2.resize and padding; and the letterboxed reader. They take turns, and the
best round of each counts. Then it measures swscale's kernels on one thread: their time, and how far they
shift a wave.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from orchestrator.frames import PADDING_LEVEL
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.tiles.letterbox import letterbox
from tools.fixtures.clips import make_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from orchestrator.frames import Letterbox, VideoInfo

SIZES = ((1920, 1080), (768, 432))
FRAMES = 100
ROUNDS = 5
SIDE, MULTIPLE = 640, 32
CODING = {"preset": "veryfast", "crf": "23"}
KERNELS = ("FAST_BILINEAR", "AREA", "BILINEAR", "BICUBIC", "LANCZOS")
ACCURATE = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
WAVES = 5


def pictures(width: int, height: int) -> Iterator[NDArray[np.uint8]]:
    """Yield FRAMES frames, uint8 [H, W, 3], of a texture that moves by a few pixels a frame, with noise."""
    random = np.random.default_rng(1)
    texture = np.zeros((height, width, 3), np.float32)
    for cells in (8, 32, 128):
        coarse = random.uniform(-60, 60, (cells, cells * width // height, 3)).astype(np.float32)
        texture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = random.normal(0, 3, (height, width, 1)).astype(np.float32)
    for n in range(FRAMES):
        moved = np.roll(texture, (n, 3 * n), (0, 1)) + np.roll(noise, 997 * n, 1)
        yield np.clip(moved + 128, 0, 255).astype(np.uint8)


def decode_only(path: Path, _info: VideoInfo, _box: Letterbox) -> int:
    """Decode all frames and drop them."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "FRAME"
        container.streams.video[0].thread_count = 0
        return sum(1 for _ in container.decode(video=0))


def read_and_resize(path: Path, info: VideoInfo, box: Letterbox) -> int:
    """Read in full size, resize bilinearly, as the loaders of detectors do, and pad."""
    count = 0
    rows = slice(box.top, box.top + box.inner_height)
    columns = slice(box.left, box.left + box.inner_width)
    with VideoReader(path, info) as reader:
        for frame in reader.frames():
            whole = np.full((box.height, box.width, 3), PADDING_LEVEL, np.uint8)
            whole[rows, columns] = cv2.resize(frame.pixels, (box.inner_width, box.inner_height))
            count += 1
    return count


def read_letterboxed(path: Path, info: VideoInfo, box: Letterbox) -> int:
    """Read letterboxed frames."""
    with VideoReader(path, info, letterbox=box) as reader:
        return sum(1 for _ in reader.frames())


def compare(path: Path) -> None:
    """Print frames per second, and CPU milliseconds per frame, of each way to read the video."""
    info = probe(path)
    box = letterbox(width=info.width, height=info.height, side=SIDE, multiple=MULTIPLE)
    ways: dict[str, Callable[[Path, VideoInfo, Letterbox], int]] = {
        "decoding alone": decode_only,
        "full size, cv2.resize": read_and_resize,
        "letterboxed": read_letterboxed,
    }
    wall = dict.fromkeys(ways, float("inf"))
    cpu = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started, used = time.perf_counter(), time.process_time()
            count = way(path, info, box)
            wall[name] = min(wall[name], (time.perf_counter() - started) / count)
            cpu[name] = min(cpu[name], (time.process_time() - used) / count)
    print(f"\n{info.width}x{info.height} to {box.inner_width}x{box.inner_height} in {box.width}x{box.height}")
    for name in ways:
        print(f"  {name:24}{1 / wall[name]:7.0f} fps {cpu[name] * 1e3:7.2f} ms of CPU")
    ratio = wall["full size, cv2.resize"] / wall["letterboxed"]
    ceiling = wall["decoding alone"] / wall["letterboxed"]
    print(f"  letterboxed is {ratio:.2f} times as fast, {ceiling:.0%} of decoding alone")


def compare_kernels(width: int, height: int) -> None:
    """Print the time of each kernel of swscale, and how far it shifts a wave of luma to the right."""
    box = letterbox(width=width, height=height, side=SIDE, multiple=MULTIPLE)
    phase = 2 * np.pi * WAVES * (np.arange(width) + 0.5) / width
    frame = av.VideoFrame(width, height, "yuv420p")
    for number, plane in enumerate(frame.planes):
        level = 128 + 60 * np.sin(phase[: plane.width]) if number == 0 else np.full(plane.width, 128)
        row = np.zeros(plane.line_size, np.uint8)
        row[: plane.width] = np.rint(level)
        plane.update(np.tile(row, plane.height).tobytes())
    print(f"\nswscale, {width}x{height} yuv420p to {box.inner_width}x{box.inner_height} RGB, one thread")
    small_phase = 2 * np.pi * WAVES * (np.arange(box.inner_width) + 0.5) / box.inner_width
    reformatters = {name: VideoReformatter() for name in KERNELS}
    best = dict.fromkeys(KERNELS, float("inf"))
    small = dict[str, av.VideoFrame]()
    for name in KERNELS * 40:
        used = time.thread_time()
        small[name] = reformatters[name].reformat(
            frame,
            width=box.inner_width,
            height=box.inner_height,
            format="rgb24",
            interpolation=Interpolation[name] | ACCURATE,
            threads=1,
        )
        best[name] = min(best[name], time.thread_time() - used)
    for name in KERNELS:
        row = small[name].to_ndarray()[box.inner_height // 2, :, 0].astype(float)
        wave = ((row - row.mean()) * np.exp(-1j * small_phase)).sum() / -1j
        moved = -np.angle(wave.conjugate()) / (2 * np.pi * WAVES) * box.inner_width
        print(f"  {name:14}{best[name] * 1e3:6.2f} ms, off by {moved:+.2f} px")


def main() -> None:
    """Measure and print."""
    print(f"python {' '.join(sys.orig_argv[1:])}; {dt.datetime.now(dt.UTC):%Y-%m-%d}, ", end="")
    print(f"{platform.machine()}, {os.cpu_count()} cores, PyAV {av.__version__}, OpenCV {cv2.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            compare(make_clip(Path(folder) / f"{width}.mp4", pictures(width, height), options=CODING))
    for width, height in SIZES:
        compare_kernels(width, height)


if __name__ == "__main__":
    main()
