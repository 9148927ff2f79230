"""Measures the speed and the loss of reusing tiles that hardly change, for several tolerances.

    python -m benchmarks.reuse fixed-camera.mp4 --model lite-x4 --start 40 --end 50
    python -m benchmarks.reuse film.mp4 --model realesr-animevideov3 --end 2 --tolerances 8 12 --rounds 1

First it counts, without a model, the pixels that remain to be inferred of the whole video, in windows of
tiles and of parts of tiles. Then jobs on an excerpt take turns (read, infer, encode, check); the table has
the medians of their seconds and of their CPU time, which other work on the machine changes less. `saves` is
the CPU time without a tolerance over that with it. The CPU time is that of this process and of Triton. Their
frames before encoding are compared with those of the job without a
tolerance. `edge` says how visible the edges between parts are: how much the error differs between the two
sides of an edge, in levels, on average over its length; one edge in a thousand is worse. It reads
MODEL_REPOSITORY.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from orchestrator.fidelity.sampler import shown_pixels, whole_or
from orchestrator.frames import Crop, Planes
from orchestrator.media.colour.coded_planes import coded_format
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media_containers import MP4
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.deliver import deliver
from orchestrator.pipeline.plan import DeliveryRequest
from orchestrator.pipeline.probe_and_load import prepare
from orchestrator.settings import Settings
from orchestrator.tiles.grid import plan_grid
from orchestrator.tiles.unchanged_tiles import UnchangedTileFinder
from orchestrator.triton.contract import UpscaleContract
from orchestrator.worker import Worker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.frames import Frame, VideoInfo
    from orchestrator.pipeline.deliver import OutputSummary
    from orchestrator.plane_format import PlaneFormat
    from orchestrator.tiles.grid import Grid


class FrameKeeper:
    """A watcher that keeps the delivered frames in a file."""

    def __init__(self, path: Path, planes: PlaneFormat | None) -> None:
        self._path, self._planes = path, planes
        self._shape: tuple[int, ...] = ()
        self._file = path.open("wb")

    def see(self, wanted: Frame[Any], picture: Any) -> None:  # noqa: ARG002  a Watcher
        """Keep a frame, as RGB."""
        height, width = picture.y.shape
        delivered = shown_pixels(picture, whole_or(None, picture), (width, height), self._planes)
        self._shape = delivered.shape
        self._file.write(np.ascontiguousarray(delivered).data)

    def pictures(self) -> NDArray[np.uint8]:
        """Return all frames, uint8 [N, H, W, 3]."""
        self._file.close()
        kept: NDArray[np.uint8] = np.memmap(self._path, np.uint8, "r").reshape(-1, *self._shape)
        return kept


def inferred_shares(
    source: Path, info: VideoInfo, contract: UpscaleContract, tolerances: list[int]
) -> list[float]:
    """Return for each tolerance the share of a video's pixels that are inferred."""
    width, height = info.display_size
    halo, multiple = contract.halo, contract.size_multiple
    grid = plan_grid(height=height, width=width, tile=contract.tile, halo=halo, multiple=multiple)
    references = [
        UnchangedTileFinder(
            grid, halo=halo, multiple=multiple, planes=coded_format(info), tolerance=tolerance
        )
        for tolerance in tolerances
    ]
    inferred = [0] * len(tolerances)
    with VideoReader[Planes](source, info, form="planes") as reader:
        for frame in reader.frames():
            for number, reference in enumerate(references):
                change = reference.compare(frame.pixels)
                inferred[number] += len(change.tiles) * grid.window_px
                inferred[number] += len(change.parts) * reference.parts_grid.window_px
        return [pixels / (reader.frames_read * len(grid.tiles) * grid.window_px) for pixels in inferred]


def compare(full: NDArray[np.uint8], kept: NDArray[np.uint8], small: Grid) -> tuple[float, float, float]:
    """Return the PSNR of all frames, that of the worst, and `edge` (see the module's docstring)."""
    errors, edges = [], []
    scale = full.shape[1] // small.height
    for one, other in zip(full, kept, strict=True):
        error = other.astype(np.float32) - one
        errors.append(float((error**2).mean()))
        for turned, along, across in ((error, "y", "x"), (error.swapaxes(0, 1), "x", "y")):
            spans = dict.fromkeys(getattr(tile, along) for tile in small.tiles)
            for edge in {getattr(tile, across).first * scale for tile in small.tiles} - {0}:
                step = turned[:, edge : edge + 2].mean(axis=1) - turned[:, edge - 2 : edge].mean(axis=1)
                edges += [
                    np.abs(step[span.first * scale : span.last * scale].mean(axis=0)).max() for span in spans
                ]
    return _psnr(float(np.mean(errors))), _psnr(max(errors)), float(np.quantile(edges, 0.999))


def _psnr(error: float) -> float:
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def cpu_s() -> float:
    """Return the CPU time of this process and of those that it has started and that run."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True)))


def job(
    worker: Worker, source: Path, info: VideoInfo, order: DeliveryRequest, folder: Path
) -> tuple[float, float, OutputSummary, NDArray[np.uint8]]:
    """Run a job; return its seconds, its CPU time, its result and the frames."""
    started_s, spent_s = monotonic(), cpu_s()
    planned, client = prepare(info, order, JobContext(connect=worker.client))
    keeper = FrameKeeper(folder / f"{order.reuse_tolerance}.rgb", planned.output_planes)
    output = folder / "out.mp4"
    with deliver(planned, source, output, client=client, overwrite=True, on_frame=keeper.see) as done:
        pass
    return monotonic() - started_s, cpu_s() - spent_s, done, keeper.pictures()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--model", default="lite-x4")
    parser.add_argument("--start", type=Fraction, default=Fraction(0), help="in seconds")
    parser.add_argument("--end", type=Fraction, required=True, help="in seconds")
    parser.add_argument("--tolerances", type=int, nargs="+", default=[4, 8, 12, 16])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    info = probe(given.source)
    width, height = info.display_size
    crop = Crop(x=0, y=0, w=width, h=height)
    tolerances = [0, *given.tolerances]
    times_s: dict[int, list[float]] = {tolerance: [] for tolerance in tolerances}
    cpus_s: dict[int, list[float]] = {tolerance: [] for tolerance in tolerances}
    reused: dict[int, float] = {}
    with Worker(Settings.from_env()) as worker, tempfile.TemporaryDirectory() as folder:
        client = worker.client()
        client.load(given.model)
        contract = client.contract(given.model, UpscaleContract)
        halo, multiple = contract.halo, contract.size_multiple
        grid = plan_grid(height=height, width=width, tile=contract.tile, halo=halo, multiple=multiple)
        planes = coded_format(info)
        finder = UnchangedTileFinder(grid, halo=halo, multiple=multiple, planes=planes, tolerance=1)
        small = finder.parts_grid
        print(f"python -m benchmarks.reuse {' '.join(sys.argv[1:])}; {dt.date.today()}\n")  # noqa: DTZ011
        print("| tolerance | all pixels over those inferred, the whole video |\n|---|---|")
        for tolerance, share in zip(
            tolerances, inferred_shares(given.source, info, contract, tolerances), strict=True
        ):
            print(f"| {tolerance} | {1 / share:.2f} |", flush=True)
        pictures: dict[int, NDArray[np.uint8]] = {}
        for _ in range(given.rounds):
            for tolerance in tolerances:
                order = DeliveryRequest(
                    crop=crop,
                    model=given.model,
                    container=MP4,
                    start_s=given.start,
                    end_s=given.end,
                    reuse_tolerance=tolerance,
                )
                seconds, spent, done, pictures[tolerance] = job(
                    worker, given.source, info, order, Path(folder)
                )
                times_s[tolerance].append(seconds)
                cpus_s[tolerance].append(spent)
                reused[tolerance] = done.reused or 0
        print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {len(pictures[0])} frames", end="")
        print(f" of {width}x{height}, parts of {small.tile_width}x{small.tile_height}\n")
        print(
            "| tolerance | saves | CPU-s | seconds | kept | PSNR, dB | of the worst picture | edge, levels |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for tolerance in tolerances:
            seconds, spent = median(times_s[tolerance]), median(cpus_s[tolerance])
            every, worst, edge = compare(pictures[0], pictures[tolerance], small)
            cells = f"{median(cpus_s[0]) / spent:.2f} | {spent:.1f} | {seconds:.1f} | {reused[tolerance]:.0%}"
            print(f"| {tolerance} | {cells} | {every:.1f} | {worst:.1f} | {edge:.2f} |", flush=True)


if __name__ == "__main__":
    main()
