"""Measures one model without Triton: tiles and batches, then all runtimes; a failure is a result too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gpu import runtimes
from benchmarks.gpu.flops import count
from benchmarks.gpu.plan import window_layouts, windows
from benchmarks.gpu.recommendation import Measurement, lightest_of_the_fastest, worth_a_larger_batch
from export_onnx.model_config import ServingOptions, UpscalerConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.gpu.exported_models import Network
    from benchmarks.gpu.plan import Picture, Plan, Windows
    from export_onnx.model_config import Accelerator, ModelConfig
    from export_onnx.tensor_names import Precision

    OpenedRun = tuple[Callable[[], None], Any]  # a function that runs a network once, and its session or None

_COUNTED_AT_PX = 64
_COMPARED_AT_PX = 64

# The matrix product to compare a precision with: fp32 networks run in TF32 if the GPU has it.
_PEAKS = {"fp32": ("tf32", "fp32"), "fp16": ("fp16", "fp32")}


@dataclass(frozen=True)
class Settings:
    """The best settings of a model without Triton: the side of its tiles and the windows in a run."""

    tile: int
    batch: int


class RuntimeSweep:
    """Measures one model without Triton.

    Args:
        found: its graphs, by precision.
        plan: what to try.
        rates: the speed of matrix products, from `runtimes.matrix_rates`.
        engines: the folder for TensorRT's engines.
    """

    def __init__(
        self, found: dict[Precision, Network], plan: Plan, rates: dict[str, float], engines: Path
    ) -> None:
        self._networks = found
        self._plan = plan
        self._rates = rates
        self._engines = engines
        first = next(iter(found.values()))
        operations = count(first.graph, height=_COUNTED_AT_PX, width=_COUNTED_AT_PX)
        self.operations_per_px = operations / _COUNTED_AT_PX**2

    def tiles_and_batches(self) -> Iterator[Measurement]:
        """Try tiles and batches at the largest frame size, in the fastest precision."""
        plan = self._plan
        network = self._networks[plan.precisions[-1]]
        picture, accelerator = plan.pictures[-1], plan.accelerators[0]
        for way in window_layouts(network.served, picture, plan.tiles):
            tried: list[Measurement] = []
            session: Any = None  # a new one for each tile, as onnxruntime keeps memory for every shape
            for batch in plan.batches:
                if not worth_a_larger_batch(tried, most_ms=plan.longest_run_ms):
                    break
                cell = self._cell(network, f"onnxruntime {accelerator}", picture, way, batch)
                try:
                    if session is None:
                        session = self._session(network, accelerator, Settings(way.tile, batch))
                    taken = runtimes.time_runs(self._ours(session, way, batch), seconds=plan.seconds)
                    cell = self._timed(cell, median(taken))
                except Exception as exc:  # noqa: BLE001  a failure is a result
                    cell = replace(cell, failure=one_line(exc))
                tried.append(cell)
                yield cell
            session = None
            runtimes.free_memory(plan.device)

    def best(self, cells: list[Measurement]) -> Settings | None:
        """Choose from the results of `tiles_and_batches`; None if nothing ran."""
        cell = lightest_of_the_fastest(cells)
        return None if cell is None else Settings(cell.tile, cell.batch)

    def comparison(self, settings: Settings) -> Iterator[Measurement]:
        """Measure every runtime in all precisions and frame sizes, in turns with ours."""
        for precision in self._plan.precisions:
            network = self._networks[precision]
            for picture in self._plan.pictures:
                way = windows(network.served, picture, settings.tile)
                yield from self._compare_all(network, picture, way, settings)

    def _compare_all(
        self, network: Network, picture: Picture, way: Windows, settings: Settings
    ) -> Iterator[Measurement]:
        plan, batch = self._plan, settings.batch
        first = plan.accelerators[0]
        ours_name = f"onnxruntime {first}"
        cell = self._cell(network, ours_name, picture, way, batch)
        try:
            session = self._session(network, first, settings)
            ours = self._ours(session, way, batch)
            taken = runtimes.time_runs(ours, seconds=plan.seconds)
            yield self._timed(replace(cell, most_levels=self._levels(network, session)), median(taken))
        except Exception as exc:  # noqa: BLE001
            yield replace(cell, failure=one_line(exc))
            return
        for name, open_run in self._contenders(network, way, settings).items():
            cell = self._cell(network, name, picture, way, batch)
            try:
                yield self._compare(cell, network, ours, open_run)
            except Exception as exc:  # noqa: BLE001
                yield replace(cell, failure=one_line(exc))
            runtimes.free_memory(plan.device)  # the next one needs the memory

    def _compare(
        self, cell: Measurement, network: Network, ours: Callable[[], None], open_run: Callable[[], OpenedRun]
    ) -> Measurement:
        theirs, session = open_run()
        turns = runtimes.time_in_turns(ours, theirs, seconds=self._plan.seconds)
        cell = self._timed(cell, median(their_s for _, their_s in turns))
        levels = None if session is None else self._levels(network, session)
        ratio = median(our_s / their_s for our_s, their_s in turns)
        return replace(cell, ratio=ratio, most_levels=levels)

    def _contenders(
        self, network: Network, way: Windows, settings: Settings
    ) -> dict[str, Callable[[], OpenedRun]]:
        """Return by name a function that opens the network in each other runtime."""
        plan, first = self._plan, self._plan.accelerators[0]

        def graph(accelerator: Accelerator, **changes: str) -> OpenedRun:
            session = self._session(network, accelerator, settings, **changes)
            return self._ours(session, way, settings.batch), session

        def pytorch(*, compiled: bool) -> OpenedRun:
            run = runtimes.in_pytorch(
                network,
                batch=settings.batch,
                height=way.height,
                width=way.width,
                device=plan.device,
                compiled=compiled,
            )
            return run, None

        found: dict[str, Callable[[], OpenedRun]] = {}
        if plan.device == "cuda":
            searching = partial(graph, first, cudnn_conv_algo_search="EXHAUSTIVE")
            found[f"onnxruntime {first}, exhaustive search"] = searching
            found[f"onnxruntime {first}, NHWC"] = partial(graph, first, prefer_nhwc="1")
        for accelerator in plan.accelerators[1:]:
            found[f"onnxruntime {accelerator}"] = partial(graph, accelerator)
        if network.precision == plan.precisions[-1]:
            found["pytorch eager"] = partial(pytorch, compiled=False)
            if plan.compiled:
                found["pytorch compiled"] = partial(pytorch, compiled=True)
        return found

    def _session(self, network: Network, accelerator: Accelerator, settings: Settings, **changes: str) -> Any:
        model = with_settings(network.served, choices_of(network, accelerator, self._engines), settings)
        return runtimes.open_session(
            network.onnx_path, runtimes.providers(model, self._plan.device, **changes)
        )

    def _ours(self, session: Any, way: Windows, batch: int) -> Callable[[], None]:
        return runtimes.in_onnxruntime(
            session, batch=batch, height=way.height, width=way.width, device=self._plan.device
        )

    def _levels(self, network: Network, session: Any) -> int | None:
        """Return the largest difference from the fp32 graph on the CPU, in levels; None for a detector."""
        if not network.upscales:
            return None
        off = runtimes.answer(session, size=_COMPARED_AT_PX) - self._exact
        return int(np.abs(off).max())

    @cached_property
    def _exact(self) -> NDArray[np.int16]:
        exact = self._networks[self._plan.precisions[0]].onnx_path
        return runtimes.answer(runtimes.open_session(exact, ["CPUExecutionProvider"]), size=_COMPARED_AT_PX)

    def _cell(self, network: Network, runner: str, picture: Picture, way: Windows, batch: int) -> Measurement:
        return Measurement(
            model=network.name,
            precision=network.precision,
            runner=runner,
            picture=picture.name,
            tile=way.tile,
            window=(way.height, way.width),
            windows=way.count,
            batch=batch,
        )

    def _timed(self, cell: Measurement, run_s: float) -> Measurement:
        rate = cell.batch / run_s
        return replace(
            cell,
            run_ms=run_s * 1e3,
            fps=rate / cell.windows,
            of_peak=rate
            * self.operations_per_px
            * cell.window[0]
            * cell.window[1]
            / peak(self._rates, cell.precision),
        )


def peak(rates: dict[str, float], precision: str) -> float:
    """Return the rate of matrix products to compare a precision with, in operations a second."""
    return next(rates[kind] for kind in _PEAKS[precision] if kind in rates)


def choices_of(
    network: Network, accelerator: Accelerator, engines: Path, instances: int = 1
) -> ServingOptions:
    """Return the build choices for this network and accelerator."""
    return ServingOptions(
        precision=network.precision,
        accelerator=accelerator,
        engine_cache=str(engines) if accelerator == "tensorrt" else None,
        instances=instances,
    )


def with_settings(model: ModelConfig, choices: ServingOptions, settings: Settings) -> ModelConfig:
    """Return the description of a model with other settings than the catalog's."""
    model = replace(model, choices=choices, max_batch=settings.batch)
    return replace(model, tile=settings.tile) if isinstance(model, UpscalerConfig) else model


def one_line(exc: BaseException) -> str:
    """Return the message of an error on one line, cut to 200 characters."""
    text = " ".join(str(exc).split()) or type(exc).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."
