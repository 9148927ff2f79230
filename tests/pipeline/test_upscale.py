"""Tests the upscale job through a real tritonserver: frames, times, colours, tiles, audio and errors."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import (
    BadRequest,
    ModelOutOfMemory,
    OutputPathRefused,
    UnsupportedMedia,
)
from orchestrator.frames import Frame, Pixels, Planes
from orchestrator.inference.upscaler import TiledUpscaler
from orchestrator.jobs import UpscaleParams, UpscaleResult
from orchestrator.media.colour.coded_planes import coded_format
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.upscale import upscale
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer
from tests.support import cuda_stand_in
from tests.support.server_processes import stub_of
from tools.fixtures import clips, upscalers
from tools.fixtures.rgb_planes import FORMAT, frames_of_pictures, pixels_of

ROOT = Path(__file__).resolve().parents[2]
REAL_CLIP = ROOT.parent / "shared" / "real" / "media" / "onepiece_demo.mp4"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    repository = tmp_path_factory.mktemp("repository")
    upscalers.write_identity(repository)
    upscalers.write_nearest_x4(repository)
    upscalers.write_identity(repository, "identity-of-8", size_multiple=8, halo=8, tile=32)
    upscalers.write_memory_hungry(repository, tile=128)
    folder = upscalers.write_memory_hungry(repository, "hungry-one-by-one", tile=128, max_batch=1)
    with (folder / "config.pbtxt").open("a") as config:  # one image and thread, so that it is known what fits
        config.write('parameters { key: "intra_op_thread_count" value { string_value: "1" } }\n')
    shutil.copytree(ROOT / "model_repository" / "lite-x4", repository / "lite-x4")
    with TritonServer(model_repository=repository, start_timeout_s=60) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: TritonServer) -> Iterator[TritonClient]:
    with TritonClient(server.url, infer_timeout_s=60) as connected:
        connected.wait_ready(10)
        yield connected


@pytest.fixture(scope="module")
def run(client: TritonClient) -> Callable[..., UpscaleResult]:
    def run(source: Path, output: Path, *, model: str = "identity", **params: Any) -> UpscaleResult:
        return upscale(
            source,
            output,
            UpscaleParams(model=model, **params),
            JobContext(connect=lambda: client, default_model="identity"),
        )

    return run


def frames_of(path: Path) -> list[Frame]:
    with VideoReader(path, probe(path)) as reader:
        return list(reader.frames())


def test_every_frame_comes_back_in_order_four_times_as_large(
    run: Callable[..., UpscaleResult], tmp_path: Path
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 57)
    result = run(source, tmp_path / "out.mp4", model="nearest-x4")
    out = frames_of(tmp_path / "out.mp4")
    assert [clips.number_of(frame.pixels) for frame in out] == list(range(57))
    assert {frame.pixels.shape for frame in out} == {(4 * clips.HEIGHT, 4 * clips.WIDTH, 3)}
    assert (result.stats.frames, result.stats.width, result.stats.height) == (57, 384, 256)
    assert result.stats.duration_sec == pytest.approx(57 / 25)
    assert result.output_url == (tmp_path / "out.mp4").as_uri()


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_irregular_times_come_back_exactly(
    run: Callable[..., UpscaleResult], tmp_path: Path, suffix: str
) -> None:
    pts = [0, 3000, 3001, 9000, 12345, 30000, 31000, 90000]
    source = clips.make_clip(tmp_path / f"in{suffix}", len(pts), pts=pts, time_base=Fraction(1, 90_000))
    run(source, tmp_path / f"out{suffix}")
    times = [
        [frame.pts * probe(path).time_base for frame in frames_of(path)]
        for path in (source, tmp_path / f"out{suffix}")
    ]
    assert times[0] == times[1]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.integers(1, 90_000), min_size=1, max_size=12))
def test_any_spacing_of_frames_is_kept(
    run: Callable[..., UpscaleResult], tmp_path: Path, gaps: list[int]
) -> None:
    pts = [0, *np.cumsum(gaps).tolist()]
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    out.unlink(missing_ok=True)
    clips.make_clip(source, len(pts), pts=pts, time_base=Fraction(1, 90_000))
    run(source, out)
    assert [frame.pts for frame in frames_of(out)] == pts


@pytest.mark.parametrize(("matrix", "full"), [(1, False), (6, False), (1, True), (6, True)])
def test_known_colours_come_back_within_two_levels(
    run: Callable[..., UpscaleResult], tmp_path: Path, matrix: int, full: bool
) -> None:
    colours = [(200, 30, 60), (20, 180, 40), (40, 60, 210), (128, 128, 128), (250, 240, 10), (3, 7, 250)]
    source = clips.make_clip(
        tmp_path / "in.mp4",
        [clips.plain(colour) for colour in colours],
        options={"crf": "0", "preset": "ultrafast"},
        matrix=matrix,
        primaries=matrix,
        transfer=matrix,
        range_=2 if full else 1,
    )
    run(source, tmp_path / "out.mp4")
    before, after = frames_of(source), frames_of(tmp_path / "out.mp4")
    for colour, was, came in zip(colours, before, after, strict=True):
        centre = came.pixels[20:44, 30:66].reshape(-1, 3).astype(int)
        assert np.abs(centre - was.pixels[20:44, 30:66].reshape(-1, 3)).max() <= 2
        assert np.abs(centre.mean(0) - colour).max() <= 4  # two roundings to 8-bit YUV: the source had one
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        tags = (video.colorspace, video.color_primaries, video.color_trc, video.color_range)
        assert [int(tag) for tag in tags] == [matrix, matrix, matrix, 2 if full else 1]


@pytest.mark.parametrize(
    ("scale", "size"), [(1, (96, 64)), (2, (192, 128)), (2.5, (240, 160)), (4, (384, 256)), (6, (576, 384))]
)
def test_any_scale_gives_exactly_that_size(
    run: Callable[..., UpscaleResult], tmp_path: Path, scale: float, size: tuple[int, int]
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 5)
    run(source, tmp_path / "out.mp4", model="nearest-x4", scale=scale)
    out = frames_of(tmp_path / "out.mp4")
    assert {(frame.pixels.shape[1], frame.pixels.shape[0]) for frame in out} == {size}
    assert [clips.number_of(frame.pixels) for frame in out] == list(range(5))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 5), (2, 300), (130, 3)])
def test_tiny_and_odd_pictures_work(
    run: Callable[..., UpscaleResult], tmp_path: Path, width: int, height: int
) -> None:
    pictures = [clips.plain((40 * i, 80, 200), width, height) for i in range(5)]
    source = clips.make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
    result = run(source, tmp_path / "out.mp4", model="nearest-x4")
    out = frames_of(tmp_path / "out.mp4")
    assert len(out) == 5
    assert (result.stats.width, result.stats.height) == (4 * width, 4 * height)
    assert out[0].pixels.shape == (4 * height, 4 * width, 3)


def test_a_size_multiple_and_tiles_change_nothing(run: Callable[..., UpscaleResult], tmp_path: Path) -> None:
    pictures = [clips.numbered(i, 150, 90) for i in range(6)]
    source = clips.make_clip(tmp_path / "in.mp4", pictures)
    run(source, tmp_path / "whole.mp4")
    run(source, tmp_path / "tiled.mp4", model="identity-of-8")
    for whole, tiled in zip(
        frames_of(tmp_path / "whole.mp4"), frames_of(tmp_path / "tiled.mp4"), strict=True
    ):
        assert np.array_equal(whole.pixels, tiled.pixels)


def tiled(client: TritonClient, contract: UpscaleContract, height: int, width: int) -> TiledUpscaler:
    return TiledUpscaler(client, contract, height=height, width=width, planes=FORMAT, output=FORMAT)


def upscaled(client: TritonClient, pixels: Pixels, model: str, tile: int | None = None) -> Pixels:
    client.load(model)
    contract = client.contract(model, UpscaleContract)
    height, width = pixels.shape[:2]
    with tiled(client, replace(contract, tile=tile or max(height, width)), height, width) as upscaler:
        (result,) = upscaler.run(frames_of_pictures([pixels]))
    return pixels_of(result.pixels)


@pytest.mark.parametrize(("width", "height", "tile"), [(320, 180, 64), (317, 177, 50), (101, 67, 16)])
def test_tiled_equals_untiled_within_one_level(
    client: TritonClient, width: int, height: int, tile: int
) -> None:
    picture = frames_of(ROOT / "examples" / "sample.mp4")[40].pixels[:height, :width]
    whole = upscaled(client, picture, "lite-x4").astype(int)
    assert np.abs(whole - upscaled(client, picture, "lite-x4", tile)).max() <= 1


@pytest.mark.parametrize(("width", "height", "tile"), [(320, 180, 64), (317, 177, 50), (101, 67, 16)])
def test_tiles_of_subsampled_planes_show_no_seams(
    client: TritonClient, width: int, height: int, tile: int
) -> None:
    path = ROOT / "examples" / "sample.mp4"
    with VideoReader[Planes](path, probe(path), form="planes") as reader:
        whole = next(frame.pixels for frame in reader.frames() if frame.index == 40)
    picture = whole.crop(x=0, y=0, width=width, height=height)
    coded = coded_format(probe(path))
    assert coded.chroma == (2, 2)
    client.load("lite-x4")
    contract = client.contract("lite-x4", UpscaleContract)
    results = []
    for side in (max(width, height), tile):
        size = {"height": height, "width": width}
        with TiledUpscaler(
            client, replace(contract, tile=side), **size, planes=coded, output=coded
        ) as upscaler:
            (made,) = upscaler.run(iter([Frame(index=0, pts=0, pixels=picture)]))
            results.append(made.pixels)
    assert results[0].u.shape == (-(-height * 4 // 2), -(-width * 4 // 2))
    for one, other in zip(*results, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_too_small_a_halo_would_show(client: TritonClient) -> None:
    """The test above can fail: without the halo the seams differ."""
    picture = frames_of(ROOT / "examples" / "sample.mp4")[40].pixels
    client.load("lite-x4")
    contract = client.contract("lite-x4", UpscaleContract)
    with tiled(client, replace(contract, tile=64, halo=0), 180, 320) as without:
        (seamed,) = without.run(frames_of_pictures([picture]))
    whole = upscaled(client, picture, "lite-x4").astype(int)
    assert np.abs(whole - pixels_of(seamed.pixels)).max() > 1


def test_a_network_gives_the_same_bits_whether_equal_tiles_are_inferred_again_or_not(
    client: TritonClient,
) -> None:
    still = frames_of(ROOT / "examples" / "sample.mp4")[40].pixels
    pictures = [still.copy() for _ in range(5)]
    pictures[2][100:, 200:] //= 2
    pictures[3][100:, 200:] //= 2
    alone = [upscaled(client, picture, "lite-x4", 64) for picture in pictures]
    contract = client.contract("lite-x4", UpscaleContract)
    with tiled(client, replace(contract, tile=64), 180, 320) as upscaler:
        together = [pixels_of(item.pixels) for item in upscaler.run(frames_of_pictures(pictures))]
    assert upscaler.reused > 0.6
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)


def test_all_transports_give_the_same_pixels(server: TritonServer, client: TritonClient) -> None:
    frame = frames_of(ROOT / "examples" / "sample.mp4")[10].pixels
    expected = upscaled(client, frame, "lite-x4", 64)
    with TritonClient(server.url, infer_timeout_s=60, transport="grpc") as plain:
        assert np.array_equal(upscaled(plain, frame, "lite-x4", 64), expected)
    with (
        cuda_stand_in.installed() as stand_in,
        stand_in.attached(
            TritonClient(server.url, infer_timeout_s=60, transport="cuda_shared_memory")
        ) as cuda,
    ):
        assert np.array_equal(upscaled(cuda, frame, "lite-x4", 64), expected)
    assert len(stand_in.copies) == 2
    assert all(count > 3 for count in stand_in.copies.values())
    assert stand_in.mistakes == []


def test_sound_is_carried_over(run: Callable[..., UpscaleResult], tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 50, audio=[{"seconds": 2.0}])
    run(source, tmp_path / "out.mp4")

    def packets(path: Path) -> list[tuple[Fraction, bytes]]:
        with av.open(str(path)) as container:
            return [(p.pts * p.time_base, bytes(p)) for p in container.demux(audio=0) if p.pts is not None]

    assert packets(tmp_path / "out.mp4") == packets(source)


def test_when_memory_is_short_the_tile_halves_and_no_frame_is_skipped(
    run: Callable[..., UpscaleResult], client: TritonClient, tmp_path: Path
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [clips.numbered(i, 192, 128) for i in range(6)])
    client.load("hungry-one-by-one")
    stub = stub_of("hungry-one-by-one")
    # Windows of 100 x 128, 54 x 68 and 36 x 38 pixels take 293, 84 and 31 MiB.
    used = stub.memory_info().data
    stub.rlimit(psutil.RLIMIT_DATA, (used + 80 * 2**20, psutil.RLIM_INFINITY))
    try:
        result = run(source, tmp_path / "out.mp4", model="hungry-one-by-one", reuse_tolerance=1)
    finally:
        stub.rlimit(psutil.RLIMIT_DATA, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    out = frames_of(tmp_path / "out.mp4")
    assert [clips.number_of(frame.pixels) for frame in out] == list(range(6))
    assert result.stats.tile[0] * result.stats.tile[1] < 192 * 128
    assert any("memory was short" in note for note in result.notes)


def test_memory_that_is_short_at_the_smallest_tile_is_an_error_and_leaves_nothing(
    run: Callable[..., UpscaleResult], client: TritonClient, tmp_path: Path
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", [clips.numbered(i, 192, 128) for i in range(3)])
    client.unload("memory-hungry")  # what it has allocated it would use again
    client.load("memory-hungry")
    run(
        clips.make_clip(tmp_path / "small.mp4", [clips.numbered(1, 16, 16)]),
        tmp_path / "a.mp4",
        model="memory-hungry",
    )
    for path in tmp_path.glob("[as]*.mp4"):
        path.unlink()  # the process has imported by now what it needs
    stub = stub_of("memory-hungry")
    stub.rlimit(psutil.RLIMIT_DATA, (stub.memory_info().data + 10 * 2**20, psutil.RLIM_INFINITY))
    try:
        with pytest.raises(ModelOutOfMemory, match="even on tiles"):
            run(source, tmp_path / "out.mp4", model="memory-hungry")
    finally:
        stub.rlimit(psutil.RLIMIT_DATA, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_hdr_is_refused(run: Callable[..., UpscaleResult], tmp_path: Path) -> None:
    source = clips.make_clip(
        tmp_path / "in.mp4", 3, matrix=9, primaries=9, transfer=16, pix_fmt="yuv420p10le"
    )
    with pytest.raises(UnsupportedMedia, match="HDR"):
        run(source, tmp_path / "out.mp4")


def test_the_input_is_never_replaced(client: TritonClient, tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 3)
    with pytest.raises(OutputPathRefused, match="itself"):
        upscale(
            source,
            source,
            UpscaleParams(),
            JobContext(connect=lambda: client, default_model="identity"),
            overwrite=True,
        )


def test_a_result_that_no_player_takes_is_refused(run: Callable[..., UpscaleResult], tmp_path: Path) -> None:
    pictures = [clips.plain((9, 9, 9), 2000, 2)]
    source = clips.make_clip(tmp_path / "in.mp4", pictures)
    with pytest.raises(BadRequest, match=r"at most 8\.19"):
        run(source, tmp_path / "out.mp4", scale=16)


@pytest.mark.slow
@pytest.mark.skipif(not REAL_CLIP.exists(), reason="the real clip is not on this machine")
def test_a_real_clip_keeps_its_frames_times_and_sound(
    run: Callable[..., UpscaleResult], tmp_path: Path
) -> None:
    result = run(REAL_CLIP, tmp_path / "out.mp4")
    before, after = frames_of(REAL_CLIP), frames_of(tmp_path / "out.mp4")
    assert result.stats.frames == 181
    assert [frame.pts for frame in before] == [frame.pts for frame in after]
    # A crf 18-ish encode of the same pictures: close, and not shifted in time or colour.
    worst = max(
        np.abs(a.pixels.astype(int) - b.pixels).mean() for a, b in zip(before[::20], after[::20], strict=True)
    )
    assert worst < 3
