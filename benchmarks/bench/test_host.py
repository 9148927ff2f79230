"""Tests the benchmark of the host: its free model, its stages, its peer and how it counts memory."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import av
import numpy as np
import onnxruntime
import pytest
from av.video.frame import PictureType

from benchmarks.bench import ffmpeg_peer, workloads
from benchmarks.bench.comparison import Run
from benchmarks.bench.free_model import NAME, SCALE, write_free_model
from benchmarks.bench.host_job import HostJob, HostTimes
from benchmarks.bench.host_rounds import Clip, Rounds
from benchmarks.bench.process_memory import peak_bytes
from orchestrator.settings import Settings
from orchestrator.worker import Worker
from tools.fixtures.noise import noise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 2**20
FRAMES = 6
CLOCK_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
"""How exactly the CPU time of a process is known, in seconds."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("host")
    write_free_model(path / "models")
    workloads.scale_clip(workloads.SAMPLE, path / "in.mp4", width=160, height=96, frames=FRAMES)
    return path


@pytest.fixture(scope="module")
def job(folder: Path) -> Iterator[HostJob]:
    with Worker(Settings(model_repository=folder / "models")) as worker:
        yield HostJob(worker)


def test_the_free_model_repeats_each_sample(folder: Path) -> None:
    session = onnxruntime.InferenceSession(folder / "models" / NAME / "1" / "model.onnx")
    feed = noise(["luma", "chroma", "colour"], batch=2, height=6, width=14)
    for plane, large in zip((feed["luma"], feed["chroma"]), session.run(None, feed), strict=True):
        assert np.array_equal(large, plane.repeat(SCALE, axis=-2).repeat(SCALE, axis=-1))


def times(job: HostJob, folder: Path, until: str) -> HostTimes:
    out = str(folder / "out.mp4")
    return HostTimes(**job(until=until, video=str(folder / "in.mp4"), out=out, encoder="libx264"))  # type: ignore[arg-type]


def test_each_stage_runs_what_it_names(job: HostJob, folder: Path) -> None:
    read, infer, convert = (times(job, folder, until) for until in ("read", "infer", "convert"))
    assert (read.frames, read.check_s) == (FRAMES, 0)
    assert read.server_s <= 3 * CLOCK_TICK_S  # what the processes of an idle server may do
    assert infer.frames == convert.frames == FRAMES
    assert infer.server_s > 0
    assert infer.infer_s > 0
    assert not (folder / "out.mp4").exists()


def test_a_job_writes_and_checks_its_file(job: HostJob, folder: Path) -> None:
    whole = times(job, folder, "job")
    assert whole.frames == FRAMES
    assert whole.check_s > 0
    assert whole.reused == 0
    with av.open(str(folder / "out.mp4")) as file:
        pictures = list(file.decode(video=0))
    assert [(picture.width, picture.height) for picture in pictures] == [(640, 384)] * FRAMES


def test_the_peer_leaves_the_types_of_frames_to_the_encoder(folder: Path) -> None:
    frames = list(ffmpeg_peer.enlarged(str(folder / "in.mp4"), SCALE))
    assert [frame.pict_type for frame in frames] == [PictureType.NONE] * FRAMES


def test_the_peer_enlarges_and_encodes_as_a_job_does(folder: Path) -> None:
    out = str(folder / "peer.mp4")
    video = str(folder / "in.mp4")
    done = ffmpeg_peer.answer(until="encode", video=video, out=out, scale=SCALE, encoder="libx264")
    assert done["frames"] == FRAMES
    with av.open(video) as source, av.open(out) as file:
        for small, large in zip(source.decode(video=0), file.decode(video=0), strict=True):
            luma = small.to_ndarray()[:96].repeat(SCALE, axis=0).repeat(SCALE, axis=1).astype(int)
            assert np.abs(large.to_ndarray()[:384] - luma).mean() < 1


def test_the_peer_encodes_with_the_settings_of_a_job(job: HostJob, folder: Path) -> None:
    video, out = str(folder / "in.mp4"), str(folder / "peer.mp4")
    ffmpeg_peer.answer(until="encode", video=video, out=out, scale=SCALE, encoder="libx264")
    times(job, folder, "job")
    ours, theirs = (settings_of(path) for path in (folder / "out.mp4", folder / "peer.mp4"))
    assert b"crf=14.0" in ours
    assert ours == theirs


def settings_of(path: Path) -> bytes:
    """Return the settings that x264 has written into a file."""
    with av.open(str(path)) as file:
        first = bytes(next(file.demux(video=0)))
    start = first.index(b"options: ")
    return first[start : first.index(b"\0", start)]


def test_what_a_job_costs_once_is_told_from_what_it_costs_with_its_length(folder: Path) -> None:
    def ours(spent_s: float) -> HostTimes:
        return HostTimes(
            frames=1, wall_s=0, own_s=spent_s - 0.5, server_s=0.5, infer_s=0, check_s=0, reused=0
        )

    def theirs(spent_s: float) -> Run:
        return Run(frames=1, wall_s=0, cpu_s=spent_s)

    short, clip = (Clip(video=folder, width=1000, height=250, frames=frames) for frames in (5, 15))
    measured = Rounds(
        clip=clip,
        short=short,
        encoder="libx264",
        ours={"job": [ours(2 + 60 * 0.03), ours(99), ours(0.6)]},
        ours_short=[ours(2 + 20 * 0.03)] * 3,
        theirs={"encode": [theirs(1 + 60 * 0.02)] * 3},
        theirs_short=[theirs(1 + 20 * 0.02)] * 3,
        model_ms=None,
    )
    assert measured.ours_split() == pytest.approx((2, 30))
    assert measured.theirs_split() == pytest.approx((1, 20))


def test_memory_of_child_processes_counts_and_shared_memory_counts_once() -> None:
    program = (
        "import mmap, os, time\n"
        f"shared = mmap.mmap(-1, {64 * MIB})\n"
        f"child = os.fork(); shared[:] = b'y' * {64 * MIB}; own = b'z' * {32 * MIB}\n"
        "time.sleep(3); child and os.wait()"
    )
    held = peak_bytes([sys.executable, "-c", program]) / MIB
    assert 64 + 2 * 32 <= held < 64 + 2 * 32 + 100
