"""Measures what `stabilize` does to real clips: flicker, fidelity of still and of moving parts, and time.

    python -m benchmarks.stabilize CLIP... [--model lite-x4] [--frames 40] [--start 20] [--width 768]

Each clip is scaled down to the given width, which is the truth. This is scaled down again by four, encoded
(x264, crf 23), and upscaled without and with `stabilize`, lossless. The table compares both: the change
between frames where the source stands still (as in the report, of all pairs), that of a bicubic enlargement
and that of the truth; the change where the light on the source stays the same, too; the PSNR of luma against
the truth where the source stands still and elsewhere; the sharpness (mean absolute Laplacian of luma) and the
PSNR between both outputs elsewhere; and the CPU time of `Stabilizer` for a frame.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from orchestrator import Settings, UpscaleParams, Worker
from orchestrator.fidelity.flicker import changes_between, source_motion
from orchestrator.fidelity.metrics import Floats, luma, psnr_db
from orchestrator.frames import Planes
from orchestrator.inference.stabilizer import Stabilizer
from orchestrator.media.colour.coded_planes import coded_format
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tools.fixtures.clips import make_clip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.frames import Pixels

SCALE = 4
"""The scale of the models."""

LIGHT_PX, LIGHT_LEVELS = 33, 0.5
"""The light stays the same where the source's luma, averaged over a square of so many pixels, changes by no
more levels from one frame to the next."""


def frames_of(path: Path, start: int = 0, count: int | None = None) -> list[Pixels]:
    """Return pictures of a video, uint8 [h, w, 3] RGB."""
    pictures: list[Pixels] = []
    with VideoReader(path, probe(path)) as reader:
        for frame in reader.frames():
            if count is not None and len(pictures) == count:
                break
            if frame.index >= start:
                pictures.append(np.array(frame.pixels, np.uint8))
    return pictures


def planes_of(path: Path) -> list[Planes]:
    """Return the pictures of a video as planes."""
    with VideoReader[Planes](path, probe(path), form="planes") as reader:
        return [frame.pixels for frame in reader.frames()]


@dataclass
class Measured:
    """Sums over the frames of an output, for its still parts (True) and the others (False).

    Attributes:
        pixels, squares, sharpness: number of pixels; sum of the squared errors of luma against the truth; sum
            of the absolute Laplacian of luma.
        apart: sum of the squared differences of luma from the other output.
        flicker, bicubic, of_truth: the mean change where the source stands still, in levels: of the output,
            of a bicubic enlargement of the source, and of the truth.
        steady: that of the output where the light stays the same, too.
    """

    pixels: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    squares: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    sharpness: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    apart: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    flicker: float | None = None
    bicubic: float | None = None
    of_truth: float | None = None
    steady: float = 0.0

    def psnr(self, *, still: bool) -> float:
        """Return the PSNR of luma against the truth, in dB."""
        return psnr_db(self.squares[still] / max(1, self.pixels[still]))


def measure(source: list[Pixels], output: list[Pixels], truth: list[Pixels], other: list[Pixels]) -> Measured:
    """Measure an output."""
    sources: list[NDArray[np.uint8]] = [np.asarray(np.rint(luma(one)), np.uint8) for one in source]
    outputs, truths, others = ([luma(one) for one in pictures] for pictures in (output, truth, other))
    measured = Measured()
    total = of_truth = None
    steady_sum, steady_pixels = 0.0, 0
    for number in range(1, len(source)):
        pair = slice(number - 1, number + 1)
        changes = changes_between(sources[pair], outputs[pair])
        total = changes if total is None else total + changes
        changes = changes_between(sources[pair], truths[pair])
        of_truth = changes if of_truth is None else of_truth + changes
        size = outputs[number].shape[::-1]
        still_source = source_motion(*sources[pair]).still
        larger = enlarged(still_source, size)
        steady = enlarged(still_source & same_light(*sources[pair]), size) == 1
        steady_sum += float(np.abs(outputs[number] - outputs[number - 1])[steady].sum())
        steady_pixels += int(np.count_nonzero(steady))
        sharpness: Floats = np.abs(np.asarray(cv2.Laplacian(outputs[number], cv2.CV_32F), np.float32))
        for still in (True, False):
            where = larger == int(still)
            measured.pixels[still] += int(np.count_nonzero(where))
            measured.squares[still] += float(((outputs[number] - truths[number]) ** 2)[where].sum())
            measured.apart[still] += float(((outputs[number] - others[number]) ** 2)[where].sum())
            measured.sharpness[still] += float(sharpness[where].sum())
    if total is not None and of_truth is not None:
        measured.flicker = total.still.level(total.pixels)
        measured.bicubic = total.still_bicubic.level(total.pixels)
        measured.of_truth = of_truth.still.level(of_truth.pixels)
    measured.steady = steady_sum / max(1, steady_pixels)
    return measured


def enlarged(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a mask of the source at an output's width and height, as 0 and 1."""
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)


def same_light(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where the light stays the same between two pictures of luma, uint8 [h, w]."""
    change = second.astype(np.float32) - first
    means = cv2.blur(change, (LIGHT_PX, LIGHT_PX), borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.abs(means) <= LIGHT_LEVELS)


def compare(clip: Path, worker: Worker, folder: Path, options: argparse.Namespace) -> None:
    """Upscale a clip without and with `stabilize`; print a row of the table for each."""
    pictures = frames_of(clip, options.start, options.frames)
    height, width = pictures[0].shape[:2]
    small = options.width // SCALE // 2 * 2
    size = small, round(small * height / width) // 2 * 2
    truth = [
        np.asarray(
            cv2.resize(one, (size[0] * SCALE, size[1] * SCALE), interpolation=cv2.INTER_AREA), np.uint8
        )
        for one in pictures
    ]
    scaled = [np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.uint8) for one in truth]
    path = make_clip(folder / "in.mp4", scaled, options={"crf": "23"})
    outputs = []
    for stabilize in (False, True):
        made = folder / f"{stabilize}.mkv"
        params = UpscaleParams(model=options.model, quality="lossless", stabilize=stabilize)
        worker.upscale(path, made, params, overwrite=True)
        outputs.append(frames_of(made))
    source = frames_of(path)
    planes = [coded_format(probe(one)) for one in (path, folder / "False.mkv")]
    coded = [planes_of(one) for one in (path, folder / "False.mkv")]
    stabilizer = Stabilizer(*planes)
    started_s = time.process_time()
    for one, upscaled in zip(*coded, strict=True):
        stabilizer.next(one, upscaled)
    cpu_ms = 1000 * (time.process_time() - started_s) / len(source)
    results = [measure(source, outputs[n], truth, outputs[1 - n]) for n in range(2)]
    for name, measured in zip(("off", "on"), results, strict=True):
        moving = measured.pixels[False]
        print(
            f"| {clip.stem} | {size[0]}x{size[1]} | {name} | {measured.flicker} | {measured.bicubic} "
            f"| {measured.of_truth} | {measured.steady:.3f} "
            f"| {measured.psnr(still=True):.2f} | {measured.psnr(still=False):.2f} "
            f"| {measured.sharpness[False] / max(1, moving):.3f} "
            f"| {psnr_db(measured.apart[False] / max(1, moving)):.1f} "
            f"| {measured.pixels[True] / max(1, measured.pixels[True] + moving):.0%} "
            f"| {cpu_ms if name == 'on' else 0:.1f} |",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--model", default="lite-x4")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--start", type=int, default=20)
    parser.add_argument("--width", type=int, default=768)
    options = parser.parse_args()
    print(f"python {' '.join(sys.orig_argv[1:])}; {dt.datetime.now(dt.UTC):%Y-%m-%d}, ", end="")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(
        "| clip | source | stabilize | flicker | of bicubic | of the truth | light unchanged "
        "| PSNR still | PSNR moving | sharpness moving "
        "| on against off, moving | still | CPU ms a frame |\n|" + "---|" * 13
    )
    with Worker(Settings.from_env()) as worker, tempfile.TemporaryDirectory() as folder:
        for clip in options.clips:
            compare(clip, worker, Path(folder), options)


if __name__ == "__main__":
    main()
