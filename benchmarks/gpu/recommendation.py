"""Chooses the settings for a GPU from measurements: precision, accelerator, tile, batch, instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AS_GOOD = 0.97
"""Settings that reach this share of the best speed count as equal: measurements vary by as much."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measurement, a row of the tables.

    Attributes:
        model, precision: the network that ran.
        runner: the program that ran it, such as `onnxruntime cuda` or `triton cuda`.
        picture: the name of the size of the frames.
        tile: longest side of a tile without its halo, in pixels; 0 for a detector.
        window: height and width of the network's input, halo included.
        windows: how many windows cover a frame.
        batch: windows in one run; behind Triton, at most.
        instances: copies of the model in Triton; 0 without Triton.
        run_ms: the median time of one run in milliseconds; None behind Triton.
        fps: frames per second; None if it failed.
        of_peak: the network's operations per second divided by those of a matrix product in this precision,
            0..1.
        ratio: speed over that of ONNX Runtime alone with the first accelerator in the same precision,
            measured in turns, or behind Triton afterwards; None if there is nothing to compare.
        most_levels: largest difference from the fp32 graph on the CPU, in levels; None if not compared.
        busy: the share of time in which a kernel ran, 0..1; None if not sampled.
        failure: why there is no figure.
    """

    model: str
    precision: str
    runner: str
    picture: str
    tile: int
    window: tuple[int, int]
    windows: int
    batch: int
    instances: int = 0
    run_ms: float | None = None
    fps: float | None = None
    of_peak: float | None = None
    ratio: float | None = None
    most_levels: int | None = None
    busy: float | None = None
    failure: str | None = None

    @property
    def pixels_in_a_run(self) -> int:
        """The input pixels on the GPU at once, which memory use grows with."""
        return self.window[0] * self.window[1] * self.batch * max(1, self.instances)


def lightest_of_the_fastest(cells: Iterable[Measurement]) -> Measurement | None:
    """Return the measurement with the fewest pixels at once among the fastest; None if none ran."""
    ran = [cell for cell in cells if cell.fps is not None]
    fastest = max((cell.fps or 0.0 for cell in ran), default=0.0)
    good = [cell for cell in ran if (cell.fps or 0.0) >= AS_GOOD * fastest]
    return min(good, key=lambda cell: (cell.pixels_in_a_run, -(cell.fps or 0.0)), default=None)


def worth_a_larger_batch(cells: Sequence[Measurement], *, most_ms: float) -> bool:
    """Whether to try the next batch size; `cells` are the smaller ones of one tile, smallest first.

    A larger batch than one that failed would fail too, and a batch whose run is long fills the GPU already.
    """
    return not cells or (cells[-1].failure is None and (cells[-1].run_ms or 0.0) < most_ms)


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The settings for one model on this GPU.

    Attributes:
        model: its name in the catalog.
        precision, accelerator, instances: choices of `framewright models build`.
        tile, max_batch: values for weights/catalog.toml; the tile is 0 for a detector.
        fps: the speed of the served model with these settings, at the largest frame size.
    """

    model: str
    precision: str
    accelerator: str
    instances: int
    tile: int
    max_batch: int
    fps: float

    @property
    def commands(self) -> tuple[str, ...]:
        """The lines to write into the catalog and the command to run."""
        choices = (
            f"--precision {self.precision} --accelerator {self.accelerator} --instances {self.instances}"
        )
        if self.accelerator == "tensorrt":
            choices += " --engine-cache DIR"
        if self.accelerator != "none":
            choices += " --warm-up"
        return (
            f"# weights/catalog.toml, [{self.model}]",
            *([f"tile = {self.tile}"] if self.tile else []),
            f"max_batch = {self.max_batch}",
            f"framewright models build {self.model} {choices}",
        )


def recommend(served: Sequence[Measurement]) -> Recommendation | None:
    """Choose settings from the measurements of one model behind Triton at one frame size; None if none ran.

    A runner's name is `triton` and the accelerator.
    """
    best = lightest_of_the_fastest(served)
    if best is None or best.fps is None:
        return None
    return Recommendation(
        model=best.model,
        precision=best.precision,
        accelerator=best.runner.rpartition(" ")[2],
        instances=best.instances,
        tile=best.tile,
        max_batch=best.batch,
        fps=best.fps,
    )
