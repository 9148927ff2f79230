"""Measures one model behind Triton: precisions, accelerators and instances, then whole jobs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.gpu.exported_models import put
from benchmarks.gpu.plan import windows
from benchmarks.gpu.recommendation import Measurement, Recommendation
from benchmarks.gpu.runtime_sweep import Settings, choices_of, one_line, peak, with_settings
from benchmarks.gpu.triton_run import run_triton
from tools.fixtures.clips import make_clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from benchmarks.gpu.exported_models import Network
    from benchmarks.gpu.plan import Picture, Plan
    from benchmarks.gpu.triton_run import Job
    from export_onnx.model_config import Accelerator
    from export_onnx.tensor_names import Precision


JOB_S = 20.0
FEWEST_FRAMES = 8


@dataclass(frozen=True, kw_only=True)
class JobCell:
    """The result of a whole job, or why it failed."""

    model: str
    picture: str
    width: int
    height: int
    job: Job | None = None
    failure: str | None = None


class TritonSweep:
    """Measures one model behind Triton.

    Args:
        found: its graphs, by precision.
        plan: what to try.
        settings: the best settings without Triton.
        rates: the speed of matrix products.
        operations_per_px: the network's operations for a pixel of a window.
        alone: measurements of the model without Triton, for comparison.
        engines: the folder for TensorRT's engines.
    """

    def __init__(
        self,
        found: dict[Precision, Network],
        plan: Plan,
        settings: Settings,
        *,
        rates: dict[str, float],
        operations_per_px: float,
        alone: Iterable[Measurement],
        engines: Path,
    ) -> None:
        self._networks = found
        self._plan = plan
        self._settings = settings
        self._rates = rates
        self._operations_per_px = operations_per_px
        self._engines = engines
        ours, picture = f"onnxruntime {plan.accelerators[0]}", plan.pictures[-1].name
        self._alone_fps = {
            cell.precision: cell.fps
            for cell in alone
            if (cell.runner, cell.picture) == (ours, picture) and cell.fps is not None
        }

    def instances(self) -> Iterator[Measurement]:
        """Try all precisions, accelerators and numbers of instances, with frames in memory."""
        for precision in self._plan.precisions:
            for accelerator in self._plan.accelerators:
                for number in self._plan.instances:
                    cell = self._ready(self._networks[precision], accelerator, number)
                    yield cell
                    if cell.failure is not None:
                        break

    def jobs(self, chosen: Recommendation) -> Iterator[JobCell]:
        """Run a whole job at each frame size with the recommended settings."""
        network = next(net for net in self._networks.values() if net.precision == chosen.precision)
        accelerator = next(name for name in self._plan.accelerators if name == chosen.accelerator)
        with tempfile.TemporaryDirectory(prefix="framewright-gpu-") as folder:
            repository = Path(folder) / "models"
            self._put(network, accelerator, chosen.instances, repository)
            for picture in self._plan.pictures:
                cell = JobCell(
                    model=network.name, picture=picture.name, width=picture.width, height=picture.height
                )
                try:
                    frames = frames_of(picture, self._plan.pictures[-1], chosen.fps)
                    source = make_clip(Path(folder) / f"{picture.name}.mp4", moving(picture, frames))
                    with run_triton(repository, network.name) as served:
                        served.ready_pictures(picture.width, picture.height, seconds=0.0)
                        done = served.job(source, source.with_name("out.mp4"), instances=chosen.instances)
                    cell = replace(cell, job=done)
                except Exception as exc:  # noqa: BLE001  a failed job is a result
                    cell = replace(cell, failure=one_line(exc))
                yield cell

    def _ready(self, network: Network, accelerator: Accelerator, instances: int) -> Measurement:
        picture = self._plan.pictures[-1]
        way = windows(network.served, picture, self._settings.tile)
        cell = Measurement(
            model=network.name,
            precision=network.precision,
            runner=f"triton {accelerator}",
            picture=picture.name,
            tile=way.tile,
            window=(way.height, way.width),
            windows=way.count,
            batch=self._settings.batch,
            instances=instances,
        )
        try:
            with tempfile.TemporaryDirectory(prefix="framewright-gpu-") as folder:
                self._put(network, accelerator, instances, Path(folder))
                with run_triton(Path(folder), network.name) as served:
                    fps, load = served.ready_pictures(
                        picture.width, picture.height, seconds=2 * self._plan.seconds
                    )
        except Exception as exc:  # noqa: BLE001
            return replace(cell, failure=one_line(exc))
        alone_fps = self._alone_fps.get(cell.precision)
        operations = fps * way.count * way.height * way.width * self._operations_per_px
        return replace(
            cell,
            fps=fps,
            ratio=None if alone_fps is None else fps / alone_fps,
            busy=load.busy,
            of_peak=operations / peak(self._rates, cell.precision),
        )

    def _put(self, network: Network, accelerator: Accelerator, instances: int, repository: Path) -> None:
        choices = choices_of(network, accelerator, self._engines, instances)
        put(with_settings(network.served, choices, self._settings), network.onnx_path, repository)


def frames_of(picture: Picture, largest: Picture, fps: float) -> int:
    """Return the frames of a job of about `JOB_S`, if the largest size runs at `fps`; bounded by memory."""
    expected = fps * largest.width * largest.height / (picture.width * picture.height)
    return max(FEWEST_FRAMES, min(picture.frames, round(JOB_S * expected)))


def moving(picture: Picture, frames: int) -> list[NDArray[np.uint8]]:
    """Return frames of moving blurred noise: every part of a frame differs from the frame before."""
    noise = np.random.default_rng(0).integers(0, 256, (picture.height, picture.width, 3), np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3).astype(np.float32)
    still = np.clip((blurred - 128) * 6 + 128, 0, 255).astype(np.uint8)
    return [np.roll(still, (3 * number, 5 * number), (0, 1)) for number in range(frames)]
