"""Tests that unchanged tiles are not inferred again, and that this changes no result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadRequest
from orchestrator.frames import PADDING_LEVEL, Frame, Pixels
from orchestrator.inference.detector import BatchedDetector, DetectedFrame
from orchestrator.inference.upscaler import TiledUpscaler, UpscaledFrame
from orchestrator.jobs import ExportParams, TrackParams, UpscaleParams, parse
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.pipeline.upscale import upscale
from orchestrator.tiles.grid import Tile
from orchestrator.tiles.letterbox import letterbox
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract, UpscaleContract
from tools.fixtures import clips
from tools.fixtures.rgb_planes import FORMAT, frames_of_pictures, pixels_of

HEIGHT, WIDTH, TILE = 48, 64, 16


@pytest.fixture
def contract(client: TritonClient) -> UpscaleContract:
    client.load("nearest-x4")
    return replace(client.contract("nearest-x4", UpscaleContract), tile=TILE, halo=4)


def frames(pictures: list[Pixels]) -> Iterator[Frame]:
    return (Frame(index=i, pts=i, pixels=picture) for i, picture in enumerate(pictures))


def tiled(
    client: TritonClient,
    contract: UpscaleContract,
    *,
    height: int = HEIGHT,
    width: int = WIDTH,
    tolerance: int = 0,
) -> TiledUpscaler:
    return TiledUpscaler(
        client, contract, height=height, width=width, planes=FORMAT, output=FORMAT, tolerance=tolerance
    )


def upscaled(
    client: TritonClient, contract: UpscaleContract, pictures: list[Pixels]
) -> tuple[list[Pixels], TiledUpscaler]:
    with tiled(client, contract) as model:
        return [pixels_of(item.pixels) for item in model.run(frames_of_pictures(pictures))], model


def enlarged(picture: Pixels) -> Pixels:
    return picture.repeat(4, 0).repeat(4, 1)


def share_of(tile: Tile) -> float:
    """Return the share of the picture that a tile covers."""
    return (tile.y.last - tile.y.first) * (tile.x.last - tile.x.first) / (HEIGHT * WIDTH)


def noise(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def test_equal_frames_are_inferred_once(client: TritonClient, contract: UpscaleContract) -> None:
    held = [noise(number).copy() for number in (1, 1, 1, 2, 2, 3) for _ in range(4)]
    before = client.statistics("nearest-x4")
    results, model = upscaled(client, contract, held)
    images = client.statistics("nearest-x4").since(before).images
    assert all(np.array_equal(enlarged(one), other) for one, other in zip(held, results, strict=True))
    assert images == 3 * len(model.grid.tiles)
    assert model.reused == 21 / 24


def test_only_tiles_that_see_a_change_are_inferred(client: TritonClient, contract: UpscaleContract) -> None:
    still = noise(5)
    moved = still.copy()
    moved[0, 0] ^= 1
    before = client.statistics("nearest-x4")
    results, model = upscaled(client, contract, [still, moved])
    assert np.array_equal(results[1], enlarged(moved))
    assert client.statistics("nearest-x4").since(before).images == len(model.grid.tiles) + 1
    assert model.reused == (1 - share_of(model.grid.tiles[0])) / 2


def test_a_change_in_the_halo_alone_counts(client: TritonClient, contract: UpscaleContract) -> None:
    still = noise(6)
    grid = tiled(client, contract).grid
    tile = grid.tiles[0]
    moved = still.copy()
    moved[tile.y.last + 1, 0] ^= 1
    _, model = upscaled(client, contract, [still, moved])
    below = next(other for other in grid.tiles if other.y.first == tile.y.last and other.x == tile.x)
    assert model.reused == (1 - share_of(tile) - share_of(below)) / 2


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.lists(st.tuples(st.integers(0, 47), st.integers(0, 63)), max_size=2), max_size=40))
def test_whatever_changes_the_result_is_that_of_each_frame_alone(
    client: TritonClient, contract: UpscaleContract, changes: list[list[tuple[int, int]]]
) -> None:
    pictures = [noise(7)]
    for places in changes:
        pictures.append(pictures[-1].copy())
        for y, x in places:
            pictures[-1][y, x] += 1
    results, _ = upscaled(client, contract, pictures)
    assert all(np.array_equal(enlarged(one), other) for one, other in zip(pictures, results, strict=True))


def test_a_long_still_does_not_fill_memory(client: TritonClient, contract: UpscaleContract) -> None:
    """Frames are yielded while no request is sent, so the number of waiting frames is bounded."""
    with tiled(client, replace(contract, tile=HEIGHT * 2)) as model:
        assert most_waiting(lambda still: model.run(frames_of_pictures(f.pixels for f in still))) < 40


@pytest.fixture
def large(contract: UpscaleContract) -> UpscaleContract:
    """A contract by which a picture of 200x300 is one tile, and 4 by 5 parts."""
    return replace(contract, tile=512)


def tolerant(
    client: TritonClient, contract: UpscaleContract, pictures: list[Pixels], tolerance: int
) -> tuple[list[Pixels], int]:
    """Return the results, and how many images the server saw for them."""
    before = client.statistics("nearest-x4")
    with tiled(client, contract, height=200, width=300, tolerance=tolerance) as model:
        results = [pixels_of(item.pixels) for item in model.run(frames_of_pictures(pictures))]
    return results, client.statistics("nearest-x4").since(before).images


def test_what_differs_by_a_few_levels_is_kept_but_never_drifts(
    client: TritonClient, large: UpscaleContract
) -> None:
    pictures = [np.full((200, 300, 3), 100 + number, np.uint8) for number in range(9)]
    results, images = tolerant(client, large, pictures, 2)
    assert [int(result[0, 0, 0]) for result in results] == [100, 100, 100, 103, 103, 103, 106, 106, 106]
    assert images == 3


def test_of_a_tile_that_has_changed_only_the_parts_that_have_are_inferred(
    client: TritonClient, large: UpscaleContract
) -> None:
    still = np.full((200, 300, 3), 100, np.uint8)
    moved = still.copy()
    moved[70:80, 90:100] = 200
    results, images = tolerant(client, large, [still, moved, still], 2)
    assert images == 3
    for result, picture in zip(results, (still, moved, still), strict=True):
        assert np.array_equal(result, enlarged(picture))


def test_noise_is_tolerated_where_a_shade_that_would_show_an_edge_is_not(
    client: TritonClient, large: UpscaleContract
) -> None:
    still = np.full((200, 300, 3), 100, np.uint8)
    noisy = still + np.random.default_rng(1).integers(-6, 7, still.shape).astype(np.uint8)
    shaded = still.copy()
    shaded[:100] += 6
    results, _ = tolerant(client, large, [still, noisy, shaded], 8)
    assert np.array_equal(results[1], enlarged(still))
    assert np.array_equal(results[2], enlarged(shaded))


def test_a_shade_is_kept_up_to_three_levels_on_average(client: TritonClient, large: UpscaleContract) -> None:
    still = np.full((200, 300, 3), 100, np.uint8)
    darker, lighter = still + 3, still + 3
    darker[::2, ::2] -= 1  # 2.75 on average
    lighter[::2, ::2] += 1  # 3.25
    results, _ = tolerant(client, large, [still, darker, lighter], 8)
    assert np.array_equal(results[1], enlarged(still))
    assert np.array_equal(results[2], enlarged(lighter))


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), tolerance=st.integers(1, 16))
def test_no_level_is_ever_further_off_than_was_tolerated(
    client: TritonClient, large: UpscaleContract, seed: int, tolerance: int
) -> None:
    random = np.random.default_rng(seed)
    pictures = [random.integers(50, 200, (200, 300, 3), np.uint8)]
    for _ in range(6):
        top, left = random.integers(0, 150), random.integers(0, 250)
        pictures.append(pictures[-1].copy())
        pictures[-1][top : top + 50, left : left + 50] += random.integers(0, 5, (50, 50, 3), np.uint8)
    results, _ = tolerant(client, large, pictures, tolerance)
    for result, picture in zip(results, pictures, strict=True):
        assert np.abs(result.astype(np.int16) - enlarged(picture)).max() <= tolerance


def test_a_tolerance_is_a_few_levels_and_for_what_is_inferred() -> None:
    with pytest.raises(BadRequest, match="reuse_tolerance 17"):
        parse(UpscaleParams, {"reuse_tolerance": 17})
    with pytest.raises(BadRequest, match="reuse_tolerance without upscale"):
        parse(ExportParams, {"reuse_tolerance": 4})


@pytest.fixture
def finder(client: TritonClient) -> DetectContract:
    client.load("colour-finder")
    return client.contract("colour-finder", DetectContract)


def detector(client: TritonClient, contract: DetectContract, *, stride: int = 1) -> BatchedDetector:
    box = letterbox(width=WIDTH, height=HEIGHT, side=WIDTH, multiple=32)
    return BatchedDetector(client, contract, box, batch=4, stride=stride)


def boxed(picture: Pixels) -> Pixels:
    return np.pad(picture, ((8, 8), (0, 0), (0, 0)), constant_values=PADDING_LEVEL)


def thing(x: int) -> Pixels:
    """Return a picture with a red object in it."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[10:20, x : x + 10] = (255, 0, 0)
    return boxed(picture)


@pytest.mark.parametrize("stride", [1, 2])
def test_equal_frames_are_looked_at_once_and_show_the_same(
    client: TritonClient, finder: DetectContract, stride: int
) -> None:
    places = [x for x in (5, 30, 5, 40) for _ in range(6)]
    before = client.statistics("colour-finder")
    with detector(client, finder, stride=stride) as model:
        results = list(model.run(frames([thing(x) for x in places])))
    assert client.statistics("colour-finder").since(before).images == 4
    assert model.reused == pytest.approx(1 - 4 * stride / 24)
    assert [result.index for result in results] == list(range(24))
    for result, x in zip(results, places, strict=True):
        if result.index % stride:
            assert result.detections is None
        else:
            assert result.detections is not None
            assert result.detections[:, :4].tolist() == [[x, 10, x + 10, 20]]


def test_a_long_still_does_not_fill_the_memory_of_the_detector(
    client: TritonClient, finder: DetectContract
) -> None:
    with detector(client, finder) as model:
        assert most_waiting(model.run, boxed(noise(8))) < 80


def most_waiting(
    run: Callable[[Iterator[Frame]], Iterator[UpscaledFrame | DetectedFrame]], picture: Pixels | None = None
) -> int:
    """Return the most equal frames that were read before one was yielded."""
    taken = 0

    def still() -> Iterator[Frame]:
        nonlocal taken
        for taken in range(500):
            yield Frame(index=taken, pts=taken, pixels=noise(8) if picture is None else picture.copy())

    return max(taken - index for index, _ in enumerate(run(still())))


def test_the_results_of_jobs_tell_how_much_was_not_inferred_again(
    client: TritonClient, finder: DetectContract, tmp_path: Path
) -> None:
    held = [thing(x)[8:56] for x in (5, 30) for _ in range(4)]
    source = clips.make_clip(tmp_path / "in.mkv", held, codec="ffv1", pix_fmt="bgr0")
    params = UpscaleParams(model="nearest-x4")
    enlarged_ = upscale(source, tmp_path / "out.mp4", params, JobContext(connect=lambda: client))
    assert enlarged_.stats.reused == 0.75
    seen = track(
        source, TrackParams(model=finder.name, side=64), TrackOutputs(), JobContext(connect=lambda: client)
    )
    assert seen.result.stats.reused == 0.75
