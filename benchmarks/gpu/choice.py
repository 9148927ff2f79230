"""Which settings to use on a GPU, chosen from what was measured there. It knows numbers alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AS_GOOD = 0.97
"""Settings that reach this share of the best are as good: measurements vary by as much."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One cell of the table.

    Attributes:
        model, precision: what ran.
        runner: what ran it, such as `onnxruntime cuda` or `triton cuda`.
        picture: name of the size of the video's pictures.
        tile: longest side of a tile's interior, in pixels; 0 for a detector.
        window: height and width of what the network is given, halo included.
        windows: how many of those a picture is.
        batch: windows in one run; behind Triton, the most.
        instances: copies of the model in Triton; 0 without Triton.
        run_ms: milliseconds of one run, the median; None behind Triton.
        fps: pictures a second; None where it failed.
        of_peak: the network's arithmetic a second over that of a matrix product in this precision, 0..1.
        ratio: how many times as fast as ONNX Runtime alone with the first accelerator in the same precision:
            by turns, or behind Triton after it; None where there is nothing to compare.
        most_levels: largest difference from the fp32 graph on the CPU, in levels; None where not compared.
        busy: share of the time in which a kernel ran, 0..1; None where nobody looked.
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
        """Input pixels that the GPU holds at once: what memory grows with."""
        return self.window[0] * self.window[1] * self.batch * max(1, self.instances)


def lightest_of_the_fastest(cells: Iterable[Measured]) -> Measured | None:
    """Return the cell with the fewest pixels at once among those as fast as the fastest; None: none ran."""
    ran = [cell for cell in cells if cell.fps is not None]
    fastest = max((cell.fps or 0.0 for cell in ran), default=0.0)
    good = [cell for cell in ran if (cell.fps or 0.0) >= AS_GOOD * fastest]
    return min(good, key=lambda cell: (cell.pixels_in_a_run, -(cell.fps or 0.0)), default=None)


def worth_a_larger_batch(cells: Sequence[Measured], *, most_ms: float) -> bool:
    """Whether to try the next batch, after those of one tile in `cells`, smallest first.

    A batch that failed only fails more when it is larger, and one whose run is long fills the GPU already.
    """
    return not cells or (cells[-1].failure is None and (cells[-1].run_ms or 0.0) < most_ms)


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """What to set for one model on this GPU.

    Attributes:
        model: its name in the catalog.
        precision, accelerator, instances: choices of `framewright models build`.
        tile: for weights/catalog.toml; 0 for a detector.
        max_batch: the same.
        fps: of the served model with these settings, at the size of picture that was used to choose.
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
        """What a person writes and runs, line by line."""
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


def recommend(served: Sequence[Measured]) -> Recommendation | None:
    """Choose for one model among the cells that ran behind Triton at one size of picture; None: none ran.

    Runners are named `triton` and the accelerator.
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
