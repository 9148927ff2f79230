"""Measures how fast a model processes a video on this machine, by running a job with it."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrator.cost.measured_speed import source_here
from orchestrator.cost.price_table import Speed
from orchestrator.jobs import TrackParams, UpscaleParams
from orchestrator.media.read.probe import probe
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.progress import Progress
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.pipeline.upscale import upscale
from orchestrator.triton.contract import UpscaleContract


class _LongEnough(Exception):
    """Ends a job that has run long enough to know its speed."""


def measure_speed(model: str, video: Path, context: JobContext, *, gpu: str, most_s: float = 20) -> Speed:
    """Run an upscale or a track with a model, from file to file, and return its speed.

    The model is loaded before the clock starts. A job that has taken `most_s` seconds ends at its next frame.

    Args:
        model: the name of a built model.
        video: a local video file.
        context: see `JobContext`.
        gpu: the name of the GPU that Triton uses, or `cpu`.
        most_s: how long to measure, in seconds.

    Raises:
        CallerError: the model or the video is refused.
        ServiceError: Triton, the encoder or the disk failed.
    """
    width, height = probe(video).display_size
    client = context.connect()
    client.load(model)
    upscales = isinstance(client.contract(model), UpscaleContract)
    frames, started_s = 0, time.monotonic()

    def on_progress(moment: Progress) -> None:
        nonlocal frames
        context.on_progress(moment)
        frames = moment.frames
        if frames and time.monotonic() - started_s >= most_s:
            raise _LongEnough

    job = replace(context, on_progress=on_progress)
    with TemporaryDirectory(prefix="framewright-") as folder:
        try:
            if upscales:
                upscale(video, Path(folder) / "upscaled.mp4", UpscaleParams(model=model), job)
            else:
                track(video, TrackParams(model=model), TrackOutputs(tracks=Path(folder) / "tracks.json"), job)
        except _LongEnough:
            pass
    return Speed(
        task="upscale" if upscales else "track",
        model=model,
        gpu=gpu,
        width=width,
        height=height,
        fps=float(f"{frames / (time.monotonic() - started_s):.3g}"),
        source=source_here(),
        date=dt.datetime.now(dt.UTC).date(),
        measured=True,
    )
