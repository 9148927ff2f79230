"""Runs whole jobs, their first stages and FFmpeg in turns, and computes what each of them costs.

A round runs the stages and the steps of FFmpeg first. Before the whole jobs, FFmpeg encodes once, which is
not counted: a virtual machine may have given memory that nobody used in the meantime back to its host, and
whoever asks for it again waits for it, as long as it takes to encode a quarter of a clip.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.bench import host_job, workloads
from benchmarks.bench.free_model import HALO_PX, SCALE, TILE_PX
from benchmarks.bench.host_job import HostTimes
from orchestrator.tiles.grid import plan_grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.bench.comparison import Run
    from benchmarks.bench.contender_process import ContenderProcess
    from benchmarks.bench.part import Plan

STAGES: tuple[host_job.Stage, ...] = ("read", "infer", "convert", "job")
STEPS = ("decode", "scale", "encode")
SHORTER = 3
"""How many times as long as its short clip a clip is."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip of one size.

    Attributes:
        video: the file.
        width, height: its size, in pixels.
        frames: its number of frames.
    """

    video: Path
    width: int
    height: int
    frames: int

    @property
    def megapixels(self) -> float:
        """Megapixels of all output frames."""
        return SCALE**2 * self.width * self.height * self.frames / 1e6

    @property
    def name(self) -> str:
        """Its size."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """The runs of one clip with one encoder: of each stage of ours, and of each step of FFmpeg, by round.

    Attributes:
        ours_short, theirs_short: whole jobs, and FFmpeg to its last step, on the first frames of the clip.
        model_ms: what the model alone takes, in CPU-ms a megapixel; None where it is on a GPU.
    """

    clip: Clip
    short: Clip
    encoder: str
    ours: dict[host_job.Stage, list[HostTimes]]
    ours_short: list[HostTimes]
    theirs: dict[str, list[Run]]
    theirs_short: list[Run]
    model_ms: float | None

    def ours_ms(self, stage: host_job.Stage, part: Callable[[HostTimes], float]) -> float:
        """Return the median of a part of the time of a run up to `stage`, in CPU-ms a megapixel."""
        return median(map(part, self.ours[stage])) / self.clip.megapixels * 1e3

    def theirs_ms(self, step: str) -> float:
        """Return the median of the time of FFmpeg up to `step`, in CPU-ms a megapixel."""
        return median(run.cpu_s for run in self.theirs[step]) / self.clip.megapixels * 1e3

    def over_ffmpeg(self, part: Callable[[HostTimes], float]) -> float:
        """Return a part of the time of whole jobs over that of FFmpeg: the median of the rounds."""
        jobs, peers = self.ours["job"], self.theirs["encode"]
        return median(part(job) / peer.cpu_s for job, peer in zip(jobs, peers, strict=True))

    def ours_split(self) -> tuple[float, float]:
        """Return the CPU-s that a whole job takes once, and the CPU-ms for each further megapixel."""
        return self._split(
            [run.total_s for run in self.ours_short], [run.total_s for run in self.ours["job"]]
        )

    def theirs_split(self) -> tuple[float, float]:
        """Return the same of FFmpeg."""
        return self._split(
            [run.cpu_s for run in self.theirs_short], [run.cpu_s for run in self.theirs["encode"]]
        )

    def _split(self, short_s: list[float], whole_s: list[float]) -> tuple[float, float]:
        """Return both from the medians of both clips: the line through them."""
        short, whole = median(short_s), median(whole_s)
        each_s = (whole - short) / (self.clip.megapixels - self.short.megapixels)
        return whole - each_s * self.clip.megapixels, each_s * 1e3

    def stages_ms(self) -> dict[str, float]:
        """Return what each stage costs, in CPU-ms a megapixel of output, and the sums."""
        decode_ms = self.theirs_ms("decode")
        read_ms, check_ms = (
            self.ours_ms("read", lambda run: run.own_s),
            self.ours_ms("job", lambda run: run.check_s),
        )
        infer_ms, thread_ms = (
            self.ours_ms("infer", lambda run: run.own_s),
            self.ours_ms("infer", lambda run: run.infer_s),
        )
        server_ms = self.ours_ms("infer", lambda run: run.server_s)
        converted_ms = self.ours_ms("convert", lambda run: run.own_s)
        before_ms, job_ms = self.before_encoder_ms, self.ours_ms("job", lambda run: run.total_s)
        scaled_ms, ffmpeg_ms = self.theirs_ms("scale"), self.theirs_ms("encode")
        model = {} if self.model_ms is None else {"the free model alone, in one process": self.model_ms}
        return {
            "decode": decode_ms,
            "convert for the model": read_ms - decode_ms,
            "cut, stitch and send requests": thread_ms,
            "gRPC and the rest of our process": infer_ms - read_ms - thread_ms,
            "Triton and the free model": server_ms,
            **model,
            "convert to YUV": converted_ms - infer_ms,
            "all of that, without the encoder": before_ms,
            "encode and mux": job_ms - before_ms - check_ms,
            "check of the finished file": check_ms,
            "the whole job": job_ms,
            "FFmpeg: decode": decode_ms,
            "FFmpeg: scale": scaled_ms - decode_ms,
            "FFmpeg: encode and mux": ffmpeg_ms - scaled_ms,
            "FFmpeg: all": ffmpeg_ms,
        }

    @property
    def before_encoder_ms(self) -> float:
        """CPU-ms a megapixel of a job until the encoder is given its frames, with Triton."""
        return self.ours_ms("convert", lambda run: run.total_s)


def write_clip(plan: Plan, width: int, height: int, megapixels: float) -> Clip:
    """Write a clip of so many megapixels of output, about."""
    return _write_frames(plan, width, height, max(4, round(megapixels / (SCALE**2 * width * height / 1e6))))


def _write_frames(plan: Plan, width: int, height: int, frames: int) -> Clip:
    video = plan.folder / f"{width}x{height}-{frames}.mp4"
    workloads.scale_clip(workloads.SAMPLE, video, width=width, height=height, frames=frames)
    return Clip(video=video, width=width, height=height, frames=frames)


def run_rounds(
    plan: Plan,
    clip: Clip,
    encoder: str,
    *,
    job: ContenderProcess,
    peer: ContenderProcess,
    ready: ContenderProcess | None,
) -> Rounds:
    """Run everything in turns; the first job, which starts Triton and warms its memory, is not counted.

    Args:
        plan: how much to measure.
        clip: from `write_clip`.
        encoder: FFmpeg's name of the encoder.
        job, peer: processes of `host_job` and `ffmpeg_peer`.
        ready: a process of `ceiling` with the free model; None measures no model alone.
    """
    short = _write_frames(plan, clip.width, clip.height, max(1, clip.frames // SHORTER))
    rounds = Rounds(
        clip=clip,
        short=short,
        encoder=encoder,
        ours={stage: [] for stage in STAGES},
        ours_short=[],
        theirs={step: [] for step in STEPS},
        theirs_short=[],
        model_ms=None if ready is None else _model_ms(clip, ready),
    )

    def run_ours(until: host_job.Stage, used: Clip) -> HostTimes:
        out = str(plan.folder / "ours.mp4")
        times = HostTimes(**job.ask(until=until, video=str(used.video), out=out, encoder=encoder))
        if times.frames != used.frames:
            raise RuntimeError(f"{times.frames} frames of {used.frames} came out")
        if times.reused:
            raise RuntimeError(f"{times.reused:.0%} of the tiles did not change: that is no full job")
        return times

    def run_theirs(until: str, used: Clip) -> Run:
        out = str(plan.folder / "theirs.mp4")
        return peer.run(until=until, video=str(used.video), out=out, scale=SCALE, encoder=encoder)

    run_ours("infer", clip)
    for number in range(1 if plan.quick else 3):
        for stage in STAGES[:-1]:
            rounds.ours[stage].append(run_ours(stage, clip))
        for step in STEPS[:-1]:
            rounds.theirs[step].append(run_theirs(step, clip))
        run_theirs(STEPS[-1], short)  # not counted, see above
        rounds.ours_short.append(run_ours(STAGES[-1], short))
        rounds.theirs_short.append(run_theirs(STEPS[-1], short))
        rounds.ours[STAGES[-1]].append(run_ours(STAGES[-1], clip))
        rounds.theirs[STEPS[-1]].append(run_theirs(STEPS[-1], clip))
        job_ms, peer_ms = (
            spent_s / clip.megapixels * 1e3
            for spent_s in (rounds.ours["job"][-1].total_s, rounds.theirs["encode"][-1].cpu_s)
        )
        print(
            f"  {clip.name}, {encoder}, round {number + 1}: {job_ms:.1f} CPU-ms a megapixel, FFmpeg "
            f"{peer_ms:.1f}",
            file=sys.stderr,
            flush=True,
        )
    return rounds


def _model_ms(clip: Clip, ready: ContenderProcess) -> float:
    """Return what the free model alone takes for all tiles of a clip, in CPU-ms a megapixel of output."""
    grid = plan_grid(height=clip.height, width=clip.width, tile=TILE_PX, halo=HALO_PX, multiple=2)
    runs = clip.frames * len(grid.tiles)
    spent_s = [ready.run(shape=[1, grid.tile_height, grid.tile_width], runs=runs).cpu_s for _ in range(3)]
    return median(spent_s) / clip.megapixels * 1e3
