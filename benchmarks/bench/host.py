"""Measures what the host does in an upscaling job: with a model that costs nothing, beside FFmpeg alone.

The whole job and its first stages run in turns (`host_job.py`), as do the steps of FFmpeg (`ffmpeg_peer.py`),
on the same clip with the same encoder settings (`host_rounds.py`).
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.bench import ceiling, ffmpeg_peer, host_job, host_memory, workloads
from benchmarks.bench.contender_process import ContenderProcess
from benchmarks.bench.free_model import NAME, SCALE, write_free_model
from benchmarks.bench.host_rounds import SHORTER, Clip, Rounds, run_rounds, write_clip
from orchestrator.media.write.encoder_selection import H264_MAX_SIDE_PX, probe_nvenc

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench.part import Plan, ReportWriter

SIZES = ((640, 480), (1280, 720), (1920, 1080))
CLIP_MEGAPIXELS = 700
"""Megapixels of output of each clip, about: at the smallest size that is the sample from end to end. In
shorter clips, what a job does once, such as the check of its file, would count for more."""
MOST_OVER_FFMPEG = 1.5
MOST_WITHOUT_ENCODER_MS = 5.0
SUMS = ("the free model alone, in one process", "all of that, without the encoder", "the whole job")
"""Rows that are no stages."""


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
    clips = [write_clip(plan, width, height, megapixels) for width, height in sizes]
    with ExitStack() as stack:
        job = stack.enter_context(ContenderProcess(host_job.MODULE, repository))
        peer = stack.enter_context(ContenderProcess(ffmpeg_peer.MODULE))
        ready = None
        if not on_gpu:
            onnx = repository / NAME / "1" / "model.onnx"
            ready = stack.enter_context(ContenderProcess(ceiling.MODULE, onnx, plan.cores))
        measured = [
            run_rounds(plan, clip, encoder, job=job, peer=peer, ready=ready)
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
    splits = [(one.ours_split(), one.theirs_split()) for one in measured]
    rows_split = [
        ("a whole job, CPU-s once", [ours[0] for ours, _ in splits]),
        ("... and CPU-ms for each megapixel more", [ours[1] for ours, _ in splits]),
        ("FFmpeg, CPU-s once", [theirs[0] for _, theirs in splits]),
        ("... and CPU-ms for each megapixel more", [theirs[1] for _, theirs in splits]),
        ("each megapixel more, over FFmpeg", [ours[1] / theirs[1] for ours, theirs in splits]),
    ]
    report.table(
        ["what a job costs once, and what it costs with its length", *names],
        [[row, *(f"{value:.2f}" for value in values)] for row, values in rows_split],
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
        "A job is run up to each stage, with its later stages left out (`benchmarks/bench/host_job.py`); "
        "a stage costs the difference of the medians of two such runs, so that small ones may be below 0. "
        "Cutting and stitching is the time of the thread that does both. The finished file is checked "
        "once a job, where at most eight of its frames are compared. What a job costs once, and with its "
        f"length, is the line through two clips, one with 1 / {SHORTER} of the frames. The check decodes "
        "what the compared frames refer to, from a keyframe on, and x264 makes one in 250 frames: of such "
        "short clips it decodes more the longer they are, so that it counts as a cost of length. A number "
        "below 0 says that the first frames are easier to encode. FFmpeg decodes, repeats the pixels in "
        "YUV with swscale and encodes with the same settings, in one process with as many threads "
        "(`benchmarks/bench/ffmpeg_peer.py`). x264 is used for all sizes; `framewright upscale` would "
        f"take HEVC for pictures that are wider than {H264_MAX_SIDE_PX}."
    )


def _encoders(clip: Clip) -> list[str]:
    """Return x264, and the encoder of NVENC for that size where it works."""
    is_large = max(clip.width, clip.height) * SCALE > H264_MAX_SIDE_PX
    nvenc = "hevc_nvenc" if is_large else "h264_nvenc"
    return ["libx264", nvenc] if probe_nvenc(nvenc) else ["libx264"]
