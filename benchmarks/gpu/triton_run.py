"""Runs a model behind Triton, on frames in memory and in a whole job from file to file, and times it.

The client is the product's own, with its tiles, requests and threads. An upscaling job reads, upscales and
writes as `framewright upscale` does, but skips the fidelity check, which pictures of random weights never
pass.
"""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gpu.nvidia_smi import GpuWatch, Load
from benchmarks.gpu.wait_causes import Causes, CountingClient, Watch
from orchestrator.frames import Crop, Frame, Planes
from orchestrator.inference.detector import BatchedDetector
from orchestrator.inference.upscaler import TiledUpscaler
from orchestrator.jobs import TrackParams
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.writer import VideoWriter
from orchestrator.media_containers import MP4
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.plan import DeliveryRequest, plan
from orchestrator.pipeline.prefetch import ahead
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.plane_format import PlaneFormat
from orchestrator.tiles.letterbox import letterbox
from orchestrator.triton.contract import DetectContract, UpscaleContract
from orchestrator.triton.server import TritonServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

LOAD_TIMEOUT_S = 1800.0
"""TensorRT builds an engine while a model is loaded."""

_READY_PICTURES = 4
_DETECTOR_BATCH = TrackParams().batch
_PLANES = PlaneFormat(matrix=1, full_range=False, bits=8, chroma=(2, 2), siting=(0.0, 0.5))
"""Planes as most videos have them."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The result of a job.

    Attributes:
        detects: whether it tracked, rather than upscaled.
        fps: frames per second, over the whole wall time.
        load: the load of the GPU meanwhile.
        causes: what the GPU did and waited for.
    """

    detects: bool
    fps: float
    load: Load
    causes: Causes


class LoadedModel:
    """A running Triton with one loaded model; `run_triton` makes one."""

    def __init__(self, server: TritonServer, client: CountingClient, name: str) -> None:
        self._server = server
        self._client = client
        self._name = name
        self._contract: UpscaleContract | DetectContract = client.contract(name)

    def ready_pictures(self, width: int, height: int, *, seconds: float) -> tuple[float, Load]:
        """Infer frames of noise that are in memory, for some seconds; return frames a second and the load.

        Raises:
            RuntimeError: other settings than these ran, for lack of memory or after a crash.
        """
        contract = self._contract
        random = np.random.default_rng(0)
        with ExitStack() as stack:
            model: TiledUpscaler | BatchedDetector
            if isinstance(contract, UpscaleContract):
                model = TiledUpscaler(
                    self._client, contract, height=height, width=width, planes=_PLANES, output=_PLANES
                )
            else:
                box = letterbox(
                    width=width, height=height, side=contract.side, multiple=contract.size_multiple
                )
                width, height = box.width, box.height
                model = BatchedDetector(self._client, contract, box, batch=_DETECTOR_BATCH, stride=1)
            stack.enter_context(model)
            noise = [random.integers(0, 256, (height, width, 3), np.uint8) for _ in range(_READY_PICTURES)]
            pictures = noise if isinstance(contract, DetectContract) else [_planes(one) for one in noise]
            # Each frame differs from the one before, as unchanged tiles would not be inferred again.
            frames: Iterator[Frame[Any]] = (
                Frame(index=number, pts=number, pixels=pictures[number % _READY_PICTURES])
                for number in itertools.count()
            )
            results = model.run(frames)
            for _ in range(_READY_PICTURES):  # the first runs of a shape choose algorithms
                next(results)
            done, started_s = 0, time.perf_counter()
            with GpuWatch() as gpu:
                while done < _READY_PICTURES or time.perf_counter() - started_s < seconds:
                    next(results)
                    done += 1
                wall_s = time.perf_counter() - started_s
            results.close()
            _refuse_less(model.notes)
            return done / wall_s, gpu.load

    def job(self, source: Path, output: Path, *, instances: int) -> Job:
        """Run a whole job on a video.

        Args:
            source: the video.
            output: the output of an upscaler; a detector writes nothing.
            instances: how many instances the model has.

        Raises:
            RuntimeError: see `ready_pictures`.
        """
        detects = not isinstance(self._contract, UpscaleContract)
        watch = Watch(
            self._client,
            thread="detect" if detects else "infer",
            http_url=self._server.http_url,
            model=self._name,
            instances=instances,
        )
        started_s = time.perf_counter()
        with GpuWatch() as gpu, watch:
            frames = self._track(source) if detects else self._upscale(source, output)
        wall_s = time.perf_counter() - started_s
        return Job(detects=detects, fps=frames / wall_s, load=gpu.load, causes=watch.causes)

    def _track(self, source: Path) -> int:
        params = TrackParams(model=self._name)
        tracked = track(source, params, TrackOutputs(), JobContext(connect=lambda: self._client))
        _refuse_less([note for note in tracked.result.notes if "memory" in note or "restarted" in note])
        return tracked.result.video.frames

    def _upscale(self, source: Path, output: Path) -> int:
        info = probe(source)
        width, height = info.display_size
        order = DeliveryRequest(crop=Crop(x=0, y=0, w=width, h=height), model=self._name, container=MP4)
        contract = self._contract
        if not isinstance(contract, UpscaleContract):
            raise TypeError(f"{self._name} does not upscale")
        planned = plan(info, order, contract)
        view, form = planned.window, planned.form
        with ExitStack() as stack:
            reader: Any = stack.enter_context(VideoReader(source, info, form=form))
            writer = stack.enter_context(
                VideoWriter(
                    output,
                    source=source,
                    info=info,
                    width=view.size[0],
                    height=view.size[1],
                    form=form,
                    planes=planned.output_planes,
                    sample_aspect_ratio=view.sample_aspect_ratio,
                    quality=order.quality,
                    container=order.container,
                )
            )
            frames = stack.enter_context(ahead(reader.frames(), items=4, name="decode"))
            assert planned.planes is not None  # the order names a model
            assert planned.output_planes is not None
            model = TiledUpscaler(
                self._client,
                contract,
                height=height,
                width=width,
                planes=planned.planes,
                output=planned.output_planes,
            )
            enlarged = stack.enter_context(ahead(model.run(frames), items=2, name="infer"))
            stack.enter_context(model)
            for item in enlarged:
                writer.write(replace(item.source, pixels=item.pixels))
            writer.finish()
            _refuse_less(model.notes)
            return writer.frames


def _planes(noise: NDArray[np.uint8]) -> Planes:
    """Return a picture whose samples are noise, [H, W, 3]."""
    return Planes(y=noise[..., 0].copy(), u=noise[::2, ::2, 1].copy(), v=noise[::2, ::2, 2].copy())


def _refuse_less(notes: list[str]) -> None:
    """Refuse a figure of smaller tiles or requests than planned, which a job would accept."""
    if notes:
        raise RuntimeError("; ".join(notes))


@contextmanager
def run_triton(repository: Path, name: str) -> Iterator[LoadedModel]:
    """Start a Triton with one model.

    Raises:
        InferenceFailed: the model cannot be loaded, for lack of a GPU or of a library.
    """
    with (
        TritonServer(repository) as server,
        CountingClient(server.url, load_timeout_s=LOAD_TIMEOUT_S) as client,
    ):
        client.load(name)
        yield LoadedModel(server, client, name)
