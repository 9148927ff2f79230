"""Measures what the host does in an upscaling job: with a model that costs nothing, beside FFmpeg alone.

The whole job and its first stages run in turns (`host_job.py`), as do the steps of FFmpeg (`ffmpeg_peer.py`),
on the same clip with the same encoder settings.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.bench import ceiling, ffmpeg_peer, host_job, host_memory, workloads
from benchmarks.bench.contender_process import ContenderProcess
from benchmarks.bench.free_model import HALO_PX, NAME, SCALE, TILE_PX, write_free_model
from benchmarks.bench.host_job import HostTimes
from orchestrator.media.write.encoder_selection import H264_MAX_SIDE_PX, probe_nvenc
from orchestrator.tiles.grid import plan_grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.bench.comparison import Run
    from benchmarks.bench.part import Plan, ReportWriter

SIZES = ((640, 480), (1280, 720), (1920, 1080))
CLIP_MEGAPIXELS = 700
"""Megapixels of output of each clip, about: at the smallest size that is the sample from end to end. In
shorter clips, what a job does once, such as the check of its file, would count for more."""
STAGES: tuple[host_job.Stage, ...] = ("read", "infer", "convert", "job")
STEPS = ("decode", "scale", "encode")
MOST_OVER_FFMPEG = 1.5
MOST_WITHOUT_ENCODER_MS = 5.0
SUMS = ("the free model alone, in one process", "all of that, without the encoder", "the whole job")
"""Rows that are no stages."""


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
    """The runs of one clip with one encoder: of each stage of ours, and of each step of FFmpeg, by round."""

    clip: Clip
    encoder: str
    ours: dict[host_job.Stage, list[HostTimes]]
    theirs: dict[str, list[Run]]
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


def measure(plan: Plan, report: ReportWriter, *, on_gpu: bool = False) -> None:
    """Measure this part and add its tables, charts and notes to the report.

    Args:
        plan: how much to measure.
        report: gets them.
        on_gpu: whether Triton runs the free model on a GPU.
    """
    repository = plan.folder / "models"
    write_free_model(repository)
    measure_times(plan, report, repository, on_gpu=on_gpu)
    host_memory.measure(plan, report, repository, sizes=SIZES[:1] if plan.quick else SIZES)


def measure_times(
    plan: Plan,
    report: ReportWriter,
    repository: Path,
    *,
    on_gpu: bool = False,
    megapixels: float | None = None,
) -> None:
    """Measure CPU time by stage, and add its tables, chart and notes.

    Args:
        plan: how much to measure.
        report: gets the tables.
        repository: a model repository with the free model.
        on_gpu: see `measure`.
        megapixels: megapixels of output of each clip, about; None is CLIP_MEGAPIXELS, or half of it.
    """
    megapixels = megapixels or CLIP_MEGAPIXELS / (2 if plan.quick else 1)
    sizes = SIZES[:1] if plan.quick else SIZES
    clips = [_clip(plan, width, height, megapixels) for width, height in sizes]
    with ExitStack() as stack:
        job = stack.enter_context(ContenderProcess(host_job.MODULE, repository))
        peer = stack.enter_context(ContenderProcess(ffmpeg_peer.MODULE))
        ready = None
        if not on_gpu:
            onnx = repository / NAME / "1" / "model.onnx"
            ready = stack.enter_context(ContenderProcess(ceiling.MODULE, onnx, plan.cores))
        measured = [
            _rounds(plan, clip, encoder, job=job, peer=peer, ready=ready)
            for clip in clips
            for encoder in _encoders(clip)
        ]
    _add_tables(report, measured)


def _add_tables(report: ReportWriter, measured: list[Rounds]) -> None:
    names = [f"{one.clip.name}, {one.encoder}" for one in measured]
    stages = [one.stages_ms() for one in measured]
    report.table(
        ["CPU-ms a megapixel of output", *names],
        [[row, *(f"{times[row]:.2f}" for times in stages)] for row in stages[0]],
    )
    ratios = [one.over_ffmpeg(lambda run: run.total_s) for one in measured]
    unchecked = [one.over_ffmpeg(lambda run: run.total_s - run.check_s) for one in measured]
    before_ms = [one.before_encoder_ms for one in measured]
    rows = [
        (
            "CPU time of the whole job over that of FFmpeg",
            f"at most {MOST_OVER_FFMPEG} with x264",
            ratios,
        ),
        ("the same without the check of the finished file", "", unchecked),
        (
            "CPU-ms a megapixel without the encoder",
            f"at most {MOST_WITHOUT_ENCODER_MS:.0f}",
            before_ms,
        ),
    ]
    report.table(
        ["", "target", *names],
        [[row, target, *(f"{value:.2f}" for value in values)] for row, target, values in rows],
    )
    report.stack(
        "CPU-ms a megapixel of output",
        {
            name: {
                stage: max(0.0, ms)
                for stage, ms in times.items()
                if stage not in SUMS and not stage.startswith("FFmpeg")
            }
            for name, times in zip(names, stages, strict=True)
        },
    )
    clips = {one.clip.name: one.clip.frames for one in measured}
    counted = ", ".join(f"{frames} frames of {name}" for name, frames in clips.items())
    report.note(
        f"The free model repeats each sample {SCALE} x {SCALE}; its tiles and its halo are those of lite-x4. "
        f"{counted} ({workloads.SAMPLE.name}, enlarged); no tile equals the one before. CPU time of all "
        "processes, user and system; the time of importing modules and of starting Triton is not counted."
    )
    report.note(
        "A job is run up to each stage, with its later stages left out (`benchmarks/bench/host_job.py`); a "
        "stage costs the difference of the medians of two such runs, so that small ones may be below 0. "
        "Cutting and stitching is the time of the thread that does both. The finished file is "
        "checked once a job, where eight of its frames are decoded and compared: in a long video that hardly "
        "counts. FFmpeg decodes, repeats the "
        "pixels in YUV with swscale and encodes with the same settings, in one process with as many threads "
        "(`benchmarks/bench/ffmpeg_peer.py`). x264 is used for all sizes; `framewright upscale` would take "
        f"HEVC for pictures that are wider than {H264_MAX_SIDE_PX}."
    )


def _clip(plan: Plan, width: int, height: int, megapixels: float) -> Clip:
    frames = max(4, round(megapixels / (SCALE**2 * width * height / 1e6)))
    video = plan.folder / f"{width}x{height}.mp4"
    workloads.scale_clip(workloads.SAMPLE, video, width=width, height=height, frames=frames)
    return Clip(video=video, width=width, height=height, frames=frames)


def _encoders(clip: Clip) -> list[str]:
    """Return x264, and the encoder of NVENC for that size where it works."""
    is_large = max(clip.width, clip.height) * SCALE > H264_MAX_SIDE_PX
    nvenc = "hevc_nvenc" if is_large else "h264_nvenc"
    return ["libx264", nvenc] if probe_nvenc(nvenc) else ["libx264"]


def _rounds(
    plan: Plan,
    clip: Clip,
    encoder: str,
    *,
    job: ContenderProcess,
    peer: ContenderProcess,
    ready: ContenderProcess | None,
) -> Rounds:
    """Run everything in turns; the first job, which starts Triton and warms its memory, is not counted."""
    ours: dict[host_job.Stage, list[HostTimes]] = {stage: [] for stage in STAGES}
    theirs: dict[str, list[Run]] = {step: [] for step in STEPS}
    files = {"video": str(clip.video), "encoder": encoder}
    job.ask(until="infer", out="", **files)
    for number in range(1 if plan.quick else 3):
        for stage in STAGES:
            times = HostTimes(**job.ask(until=stage, out=str(plan.folder / "ours.mp4"), **files))
            if times.frames != clip.frames:
                raise RuntimeError(f"{times.frames} frames of {clip.frames} came out")
            if times.reused:
                raise RuntimeError(f"{times.reused:.0%} of the tiles did not change: that is no full job")
            ours[stage].append(times)
        for step in STEPS:
            out = str(plan.folder / "theirs.mp4")
            theirs[step].append(peer.run(until=step, out=out, scale=SCALE, **files))
        job_ms, peer_ms = (
            spent_s / clip.megapixels * 1e3
            for spent_s in (ours["job"][-1].total_s, theirs["encode"][-1].cpu_s)
        )
        print(
            f"  {clip.name}, {encoder}, round {number + 1}: {job_ms:.1f} CPU-ms a megapixel, FFmpeg "
            f"{peer_ms:.1f}",
            file=sys.stderr,
            flush=True,
        )
    return Rounds(
        clip=clip,
        encoder=encoder,
        ours=ours,
        theirs=theirs,
        model_ms=None if ready is None else _model_ms(clip, ready),
    )


def _model_ms(clip: Clip, ready: ContenderProcess) -> float:
    """Return what the free model alone takes for all tiles of a clip, in CPU-ms a megapixel of output."""
    grid = plan_grid(height=clip.height, width=clip.width, tile=TILE_PX, halo=HALO_PX, multiple=2)
    runs = clip.frames * len(grid.tiles)
    spent_s = [ready.run(shape=[1, grid.tile_height, grid.tile_width], runs=runs).cpu_s for _ in range(3)]
    return median(spent_s) / clip.megapixels * 1e3
