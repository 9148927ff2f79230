"""Tests that options change the output of the whole job, where other tests check only parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from orchestrator.errors import LimitExceeded
from orchestrator.framing.track_file_reader import parse_tracks
from orchestrator.jobs import (
    ExportParams,
    ExportResult,
    JobCost,
    TrackParams,
    UpscaleParams,
    UpscaleResult,
    parse,
)
from orchestrator.limits import Limits
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.pipeline.upscale import upscale
from tests.pipeline.test_export_job import LOSSLESS, gradient, keyframes, tracks, walker
from tools.fixtures import clips

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from orchestrator.triton.client import TritonClient

    Array = NDArray[np.float64]
    Result = ExportResult | UpscaleResult
    Run = Callable[..., Result]


def run_export(source: Path, output: Path, client: TritonClient, *, job: Any = None, **params: Any) -> Result:
    asked = parse(ExportParams, params)
    subjects = parse_tracks(asked.tracks) if isinstance(asked.tracks, dict) else None
    return export(
        source,
        output,
        asked,
        JobContext(connect=lambda: client, default_model="nearest-x4", **(job or {})),
        subjects=subjects,
    )


def run_upscale(
    source: Path, output: Path, client: TritonClient, *, job: Any = None, **params: Any
) -> Result:
    asked = parse(UpscaleParams, params)
    return upscale(
        source, output, asked, JobContext(connect=lambda: client, default_model="nearest-x4", **(job or {}))
    )


def run_enlarging_export(
    source: Path, output: Path, client: TritonClient, *, job: Any = None, **params: Any
) -> Result:
    return run_export(source, output, client, job=job, upscale=True, **params)


upscaling = pytest.mark.parametrize("run", [run_upscale, run_enlarging_export])


def pictures(path: Path) -> list[Array]:
    """Return the pictures, decoded by PyAV alone, float [H, W, 3] R'G'B' of 0..255."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(float) for frame in container.decode(video=0)]


@upscaling
def test_quality_is_that_of_the_encoding(tmp_path: Path, client: TritonClient, run: Run) -> None:
    noise = np.random.default_rng(1)
    frames = [
        np.clip(gradient(i) + noise.normal(0, 12, (64, 96, 1)), 0, 255).astype(np.uint8) for i in range(6)
    ]
    source = clips.make_clip(tmp_path / "in.mkv", frames, codec="ffv1", pix_fmt="yuv444p", matrix=1)
    errors, sizes = [], []
    for quality in ("high", "medium", "low"):
        output = tmp_path / f"{quality}.mp4"
        run(source, output, client, quality=quality)
        wanted = [picture.repeat(4, 0).repeat(4, 1) for picture in pictures(source)]
        errors.append(np.mean([(a - b) ** 2 for a, b in zip(pictures(output), wanted, strict=True)]))
        sizes.append(output.stat().st_size)
    assert sizes[0] > sizes[1] > sizes[2]
    assert errors[0] < errors[1] < errors[2]


@upscaling
def test_a_tolerance_keeps_what_hardly_changes(tmp_path: Path, client: TritonClient, run: Run) -> None:
    still = gradient(0).astype(int)
    flicker = [np.asarray(still + np.indices(still.shape).sum(0) % 2 * (i % 2), np.uint8) for i in range(8)]
    source = clips.make_clip(tmp_path / "in.mkv", flicker, codec="ffv1", pix_fmt="yuv444p")
    strict = run(source, tmp_path / "0.mkv", client)
    tolerant = run(source, tmp_path / "4.mkv", client, reuse_tolerance=4)
    assert strict.stats.reused == 0
    assert tolerant.stats.reused == pytest.approx(7 / 8)


def test_keyframes_that_leave_the_picture_may_be_moved_back(tmp_path: Path, client: TritonClient) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [gradient(0) for _ in range(25)], options=LOSSLESS)
    path = keyframes((0, -40, 10, 48, 32), (1, 90, 10, 48, 32))
    result = run_export(source, tmp_path / "out.mkv", client, crop=path, clamp=True, quality="lossless")
    assert isinstance(result, ExportResult)
    assert result.keyframes is not None
    assert [(frame.x, frame.y) for frame in result.keyframes] == [(0, 10), (48, 10)]
    red = [picture[..., 0].mean() - 60 - 23.5 for picture in pictures(tmp_path / "out.mkv")]
    assert red[0] == pytest.approx(0, abs=1.5)
    assert red[-1] == pytest.approx(48, abs=1.5)


@pytest.mark.parametrize("zoom", [2.0, 4.0])
def test_a_followed_crop_is_smaller_by_its_zoom(tmp_path: Path, client: TritonClient, zoom: float) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [gradient(0) for _ in range(50)], options=LOSSLESS)
    result = run_export(
        source,
        tmp_path / "out.mkv",
        client,
        follow={"track": 1, "aspect": "1:1", "zoom": zoom},
        tracks=tracks(walker()),
        size="64x64",
    )
    assert isinstance(result, ExportResult)
    assert result.stats.crop[2:] == (64 / zoom, 64 / zoom)
    span = np.ptp(pictures(tmp_path / "out.mkv")[0][32, :, 0])  # the gradient rises by one a pixel
    assert span == pytest.approx(64 / zoom, abs=3)


@upscaling
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(duration_s=1.5), "2 s"),
        (Limits(frames=49), "49 frames"),
        (Limits(source_px=96 * 64 - 1), "96x64"),
        (Limits(output_px=384 * 256 - 1), "384x256"),
    ],
)
def test_what_is_more_than_the_limits_is_refused_and_leaves_nothing(
    tmp_path: Path, client: TritonClient, run: Run, limits: Limits, words: str
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 50)
    with pytest.raises(LimitExceeded, match=words):
        run(source, tmp_path / "out.mp4", client, job={"limits": limits})
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("limits", [Limits(duration_s=1.5), Limits(frames=49), Limits(source_px=96 * 64 - 1)])
def test_a_video_that_is_more_than_the_limits_is_not_tracked(
    tmp_path: Path, client: TritonClient, limits: Limits
) -> None:
    source, outputs = clips.make_clip(tmp_path / "in.mp4", 50), TrackOutputs(tracks=tmp_path / "tracks.json")
    params = parse(TrackParams, {"model": "colour-finder", "side": 64})
    with pytest.raises(LimitExceeded):
        track(source, params, outputs, JobContext(connect=lambda: client, limits=limits))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_of_an_export_the_part_that_is_needed_counts(tmp_path: Path, client: TritonClient) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 50)
    limits = Limits(duration_s=1.5, frames=40)
    result = run_export(source, tmp_path / "out.mp4", client, job={"limits": limits}, start=1.0)
    assert result.stats.frames == 25


@upscaling
def test_what_the_job_cost_is_in_its_statistics(tmp_path: Path, client: TritonClient, run: Run) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 3)

    def cost_of(seconds: float) -> JobCost:
        return JobCost(gpu="A40", seconds=seconds, dollars=seconds * 0.5, price_source="a test")

    stats = run(source, tmp_path / "out.mp4", client, job={"cost_of": cost_of}).stats
    assert stats.cost is not None
    assert stats.cost.seconds == pytest.approx(stats.wall_sec, abs=0.01)
    assert stats.cost.dollars == pytest.approx(stats.wall_sec / 2, abs=0.01)
