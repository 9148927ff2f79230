"""Measures the cost and the error of our resize, beside the Lanczos of libswscale and of Pillow.

    python -m benchmarks.resize
    python -m benchmarks.resize --rounds 3

All resize the same picture, blurred noise of full contrast. They take turns; the median counts, in
milliseconds of CPU time of all threads, because a pipeline has other work for idle cores. "A part" is a crop
with edges between pixels, in another place each time, like a moving crop; libswscale cannot do that. Errors
are in 8-bit levels, against the definition of Lanczos in double precision, unrounded.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import PIL
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from orchestrator.frames import Crop
from orchestrator.media.colour.resize import LOBES, resize

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIZES = (
    ((1920, 1080), (1280, 720)),
    ((1280, 720), (1920, 1080)),
    ((2560, 1440), (1280, 720)),
    ((616, 1080), (608, 1080)),
)


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture full of edges of full contrast, uint8 [H, W, 3]."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2).astype(np.float64)
    return np.clip((blurred - 128) * 6 + 128, 0, 255).astype(np.uint8)


def exact(pixels: NDArray[np.uint8], width: int, height: int, box: Crop) -> NDArray[np.float64]:
    """Return the result of Lanczos by its definition, float64 [height, width, 3]."""
    matrices = []
    for length, start, size, count in (
        (pixels.shape[0], box.y, box.h, height),
        (pixels.shape[1], box.x, box.w, width),
    ):
        step = size / count
        distance = np.arange(length) + 0.5 - (start + (np.arange(count) + 0.5) * step)[:, None]
        distance /= max(step, 1)
        matrix = np.sinc(distance) * np.sinc(distance / LOBES) * (np.abs(distance) < LOBES)
        matrices.append(matrix / matrix.sum(axis=1, keepdims=True))
    down, across = matrices
    planes = [down @ pixels[..., plane].astype(np.float64) @ across.T for plane in range(3)]
    return np.asarray(np.clip(np.stack(planes, axis=-1), 0, 255), np.float64)


def swscale(pixels: NDArray[np.uint8], width: int, height: int, reformatter: VideoReformatter) -> Any:
    """Resize a whole picture with libswscale."""
    frame = VideoFrame.from_ndarray(pixels, format="rgb24")
    kernel = Interpolation.LANCZOS | Interpolation.ACCURATE_RND
    return reformatter.reformat(
        frame, width=width, height=height, format="rgb24", interpolation=kernel
    ).to_ndarray()


def pillow(pixels: NDArray[np.uint8], width: int, height: int, box: Crop) -> Any:
    """Resize a part of a picture with Pillow."""
    edges = (box.x, box.y, box.x + box.w, box.y + box.h)
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS, box=edges)
    return np.asarray(image)


def contenders(
    pixels: NDArray[np.uint8], width: int, height: int, parts: list[Crop]
) -> dict[str, tuple[Callable[[Crop], Any], list[Crop], int]]:
    """Return by name a function that resizes a part, the parts, and how many levels make an 8-bit level."""
    whole = [Crop(x=0, y=0, w=pixels.shape[1], h=pixels.shape[0])]
    deep = pixels.astype(np.uint16) * 257
    reformatter = VideoReformatter()

    def ours(box: Crop) -> Any:
        return resize(pixels, width=width, height=height, box=box)

    def peer(box: Crop) -> Any:
        return pillow(pixels, width, height, box)

    return {
        "ours, 8 bits": (ours, whole, 1),
        "ours, 16 bits": (lambda box: resize(deep, width=width, height=height, box=box), whole, 257),
        "libswscale": (lambda _: swscale(pixels, width, height, reformatter), whole, 1),
        "Pillow": (peer, whole, 1),
        "ours, a part": (ours, parts, 1),
        "Pillow, a part": (peer, parts, 1),
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print(f"python -m benchmarks.resize --rounds {rounds}; {dt.date.today()}")  # noqa: DTZ011
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Pillow {PIL.__version__}")
    print("\n| from | to | who | CPU ms | mean error | greatest |")
    print("|---|---|---|---|---|---|")
    for (across, down), (width, height) in SIZES:
        pixels = picture(across, down)
        length = width if down == height else across - 4  # a moving crop, or one that is resized too
        parts = [Crop(x=0.37 + n / 8, y=0, w=length, h=down) for n in range(8)]
        who = contenders(pixels, width, height, parts)
        times_ms: dict[str, list[float]] = {name: [] for name in who}
        for number in range(rounds):
            for name, (resize_part, boxes, _) in who.items():
                started_s = process_time()
                resize_part(boxes[number % len(boxes)])
                times_ms[name].append(1000 * (process_time() - started_s))
        for name, (resize_part, boxes, unit) in who.items():
            off = np.abs(resize_part(boxes[0]) / unit - exact(pixels, width, height, boxes[0]))
            cost = f"{median(times_ms[name]):.0f} | {off.mean():.2f} | {off.max():.1f}"
            print(f"| {across}x{down} | {width}x{height} | {name} | {cost} |", flush=True)


if __name__ == "__main__":
    main()
