"""Runs an upscaling job, or only its first stages, and measures the CPU time of its process and of Triton.

    python -m benchmarks.bench.host_job MODEL_REPOSITORY

Each request names the last stage that runs; what a stage costs is the difference between two of them. `infer`
is the chain that every job runs (`picture_chain`), with its pictures thrown away, `convert` also makes the
frames that the encoder would be given, and `job` is the whole delivery, with its check.
"""

from __future__ import annotations

import functools
import os
import pkgutil
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from unittest import mock

import av
import psutil

from benchmarks.bench.contender_process import serve
from benchmarks.bench.free_model import NAME
from benchmarks.bench.stages import ThreadTimes
from orchestrator.jobs import UpscaleParams
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.encoder_selection import EncoderChoice
from orchestrator.media.write.picture_encoder import PictureEncoder
from orchestrator.media_containers import MP4
from orchestrator.pipeline.deliver import deliver
from orchestrator.pipeline.picture_chain import picture_chain
from orchestrator.pipeline.probe_and_load import prepare, probe_source
from orchestrator.pipeline.upscale import upscale_request
from orchestrator.settings import Settings
from orchestrator.worker import Worker
from tools.stand_ins.processes import family

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.pipeline.plan import Plan
    from orchestrator.triton.client import TritonClient

MODULE = "benchmarks.bench.host_job"
Stage = Literal["read", "infer", "convert", "job"]
NO_ENCODER = "wrapped_avframe"
"""An encoder of FFmpeg that hands each frame on as it is, without a copy."""

_CHECKS = (
    "orchestrator.pipeline.deliver:examine",
    "orchestrator.pipeline.deliver:report_on",
    "orchestrator.media.write.output_file:OutputFile.compare",
)
"""What reads the finished file back; each runs once in a job, when nothing else does."""


@dataclass(kw_only=True)
class HostTimes:
    """The CPU time of a run, in seconds.

    Attributes:
        frames: how many frames it processed.
        wall_s: wall time.
        own_s: CPU time of the job's process.
        server_s: CPU time of Triton, with the process of the model.
        infer_s: part of `own_s`: the thread that cuts tiles, sends requests and stitches.
        check_s: part of `own_s`: what checks the finished file, once a job.
        reused: share of the frames' area that was not inferred again, 0..1.
    """

    frames: int
    wall_s: float
    own_s: float
    server_s: float
    infer_s: float
    check_s: float
    reused: float

    @property
    def total_s(self) -> float:
        """CPU time of all processes."""
        return self.own_s + self.server_s


class HostJob:
    """Runs jobs with one worker, and so with one Triton, which starts with the first request."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._check_s = 0.0
        self._reused = 0.0

    def __call__(self, *, until: Stage, video: str, out: str, encoder: str) -> dict[str, Any]:
        """Do one run.

        Args:
            until: the last stage that runs.
            video, out: the source and the MP4 to write.
            encoder: FFmpeg's name of the encoder.

        Returns:
            The fields of `HostTimes`.
        """
        source = Path(video)
        context = self._worker.context(lambda _: None)
        container = replace(MP4, encoders=(encoder,))
        info = probe_source(source, None, container=container)
        request = upscale_request(info, UpscaleParams(model=NAME), context, container=container)
        plan, client = prepare(info, request, context)
        assert client is not None  # the request names a model
        self._check_s = self._reused = 0.0
        work: dict[Stage, Callable[[], int]] = {
            "read": lambda: _read(plan, source),
            "infer": lambda: self._infer(plan, source, client),
            "convert": lambda: self._infer(plan, source, client, _converter(plan)),
            "job": lambda: self._deliver(plan, source, Path(out), client),
        }
        with ThreadTimes() as threads:
            wall_s, own_s, server_s = time.perf_counter(), time.process_time(), _children_s()
            frames = work[until]()
            times = HostTimes(
                frames=frames,
                wall_s=time.perf_counter() - wall_s,
                own_s=time.process_time() - own_s,
                server_s=_children_s() - server_s,
                infer_s=0.0,
                check_s=self._check_s,
                reused=self._reused,
            )
        times.own_s -= threads.own_s
        times.infer_s = threads.spent_s().get("infer", 0.0)
        return vars(times)

    def _infer(
        self,
        plan: Plan,
        source: Path,
        client: TritonClient,
        sink: Callable[[Any, int], object] = lambda *_: None,
    ) -> int:
        frames = 0
        with ExitStack() as stack:
            reader: VideoReader[Any] = stack.enter_context(
                VideoReader(source, plan.source_info, form=plan.form)
            )
            made = stack.enter_context(picture_chain(plan, reader.frames(), client=client))
            for frame, pixels in made.pictures:
                sink(replace(frame, pixels=pixels), frames)
                frames += 1
            self._reused = made.reused or 0.0
        return frames

    def _deliver(self, plan: Plan, source: Path, out: Path, client: TritonClient) -> int:
        with ExitStack() as stack:
            for name in _CHECKS:
                original = pkgutil.resolve_name(name)
                stack.enter_context(mock.patch(name.replace(":", "."), self._timed(original)))
            done = stack.enter_context(deliver(plan, source, out, client=client, overwrite=True))
            self._reused = done.reused or 0.0
            return done.frames

    def _timed(self, check: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(check)
        def timed(*arguments: Any, **options: Any) -> Any:
            before_s = time.process_time()
            try:
                return check(*arguments, **options)
            finally:
                self._check_s += time.process_time() - before_s

        return timed


def _read(plan: Plan, source: Path) -> int:
    with VideoReader(source, plan.source_info, form=plan.form) as reader:
        return sum(1 for _ in reader.frames())


def _converter(plan: Plan) -> Callable[[Any, int], object]:
    """Return a function that makes of each picture the frame that an encoder is given."""
    width, height = plan.window.size
    encoder = PictureEncoder(
        info=plan.output_info,
        width=width,
        height=height,
        form=plan.form,
        planes=plan.output_planes,
        container=plan.container,
        choice=EncoderChoice(encoder=NO_ENCODER, pixel_format="yuv420p", options={}),
    )
    encoder.add_to(av.open(os.devnull, "w", format="null"))
    return encoder.encode


def _children_s() -> float:
    """Return the CPU time of the processes that this one has started, in seconds."""
    spent_s = 0.0
    for process in family(os.getpid())[1:]:
        try:
            times = process.cpu_times()
        except psutil.Error:  # it has just ended
            continue
        spent_s += times.user + times.system
    return spent_s


def main() -> None:
    """Answer requests on standard input."""
    settings = replace(Settings.from_env(), model_repository=Path(sys.argv[1]), triton_url=None)
    with Worker(settings) as worker:
        serve(HostJob(worker))


if __name__ == "__main__":
    main()
