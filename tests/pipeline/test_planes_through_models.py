"""Tests that planes go through upscalers as they are: with an identity, in any format, in tiles and crops."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from orchestrator.frames import Frame, Planes, Samples
from orchestrator.framing.keyframes import CropPath
from orchestrator.inference.upscaler import TiledUpscaler
from orchestrator.jobs import ExportParams, UpscaleParams, UpscaleResult
from orchestrator.media.colour.chroma_location import POSITIONS
from orchestrator.media.colour.coded_planes import coded_format
from orchestrator.media.colour.pixel_format import chroma_subsampling
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export
from orchestrator.pipeline.single_image_inference import upscale_picture
from orchestrator.pipeline.upscale import upscale
from orchestrator.plane_format import PlaneFormat
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from tools.fixtures import clips


def displayable(planes: PlaneFormat, width: int, height: int, seed: int = 0) -> Planes:
    """Return noise whose colours are inside of RGB, however chroma is interpolated."""
    random, (across, down) = np.random.default_rng(seed), planes.chroma
    middle, step = 1 << (planes.bits - 1), 1 << (planes.bits - 8)
    less = (-(-height // down), -(-width // across))

    def noise(size: tuple[int, int], swing: int) -> Samples:
        levels = random.integers(middle - swing * step, middle + swing * step, size)
        return levels.astype(np.uint8) if planes.bits == 8 else levels.astype(np.uint16)

    return Planes(y=noise((height, width), 40), u=noise(less, 16), v=noise(less, 16))


def frame_with(picture: Planes, pixel_format: str) -> av.VideoFrame:
    """Return a frame with copies of planes."""
    height, width = picture.y.shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, samples in zip(frame.planes, picture, strict=True):
        rows = np.frombuffer(memoryview(plane), samples.dtype).reshape(plane.height, -1)
        rows[: samples.shape[0], : samples.shape[1]] = samples
    return frame


def lossless_clip(path: Path, pictures: list[Planes], pixel_format: str, matrix: int, *, full: bool) -> Path:
    frames = [frame_with(picture, pixel_format) for picture in pictures]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, pixel_format
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = matrix
        context.color_range = 2 if full else 1
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.colorspace, frame.color_range = matrix, context.color_range
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def planes_in(path: Path) -> list[Planes]:
    with VideoReader[Planes](path, probe(path), form="planes") as reader:
        return [frame.pixels for frame in reader.frames()]


def run(client: TritonClient, source: Path, output: Path, model: str, **params: Any) -> UpscaleResult:
    context = JobContext(connect=lambda: client, default_model=model)
    return upscale(source, output, UpscaleParams(model=model, **params), context)


def assert_same(ours: Planes, theirs: Planes) -> None:
    """Compare planes, without what an encoder adds to odd sides."""
    for one, other in zip(ours, theirs, strict=True):
        height, width = other.shape
        np.testing.assert_array_equal(one[:height, :width], other)


@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("pixel_format", "size"),
    [
        ("yuv420p", (150, 90)),
        ("yuv420p", (101, 67)),
        ("yuv422p", (101, 67)),
        ("yuv444p", (101, 67)),
        ("yuv420p10le", (150, 90)),
        ("yuv420p10le", (101, 67)),
        ("yuv422p10le", (150, 90)),
        ("yuv444p12le", (101, 67)),
    ],
)
def test_through_an_identity_every_sample_of_a_job_comes_back(
    client: TritonClient, tmp_path: Path, pixel_format: str, size: tuple[int, int], matrix: int, *, full: bool
) -> None:
    bits = 8 if pixel_format.endswith("p") else int(pixel_format.removesuffix("le")[-2:])
    planes = PlaneFormat(
        matrix=matrix,
        full_range=full,
        bits=bits,
        chroma=chroma_subsampling(pixel_format),
        siting=(0.0, 0.0),
    )
    pictures = [displayable(planes, *size, seed=seed) for seed in range(3)]
    source = lossless_clip(tmp_path / "in.mkv", pictures, pixel_format, matrix, full=full)
    result = run(client, source, tmp_path / "out.mkv", "identity", quality="lossless")
    out = probe(tmp_path / "out.mkv")
    assert (out.colour.matrix, out.colour.full_range, out.bit_depth) == (matrix, full, bits)
    assert out.pixel_format == (pixel_format.replace("yuv", "yuvj") if full and bits == 8 else pixel_format)
    if pixel_format.startswith("yuv420"):
        assert out.chroma_location == probe(source).chroma_location
    assert result.stats.tile != size[::-1]  # the pictures were cut into tiles
    assert not any("bits" in note for note in result.notes)
    for ours, theirs in zip(planes_in(tmp_path / "out.mkv"), pictures, strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("chroma", [(2, 2), (2, 1), (1, 2), (1, 1)])
@pytest.mark.parametrize("siting", [(0.0, 0.5), (0.5, 0.5), (0.0, 0.0), (0.0, 1.0)])
def test_tiles_change_nothing_whatever_the_subsampling_and_the_siting(
    client: TritonClient, bits: int, chroma: tuple[int, int], siting: tuple[float, float]
) -> None:
    at = (siting[0] if chroma[0] == 2 else 0.0, siting[1] if chroma[1] == 2 else 0.0)
    planes = PlaneFormat(matrix=1, full_range=False, bits=bits, chroma=chroma, siting=at)
    to = (2, 2) if chroma == (1, 2) else chroma  # models return no 4:4:0
    output = replace(planes, chroma=to, siting=(0.0 if chroma == (1, 2) else at[0], at[1]))
    picture = displayable(planes, 75, 53)
    client.load("nearest-x4")
    contract = client.contract("nearest-x4", UpscaleContract)
    results = []
    for tile, halo in ((128, 4), (16, 4)):
        with TiledUpscaler(
            client,
            replace(contract, tile=tile, halo=halo),
            height=53,
            width=75,
            planes=planes,
            output=output,
        ) as upscaler:
            (made,) = upscaler.run(iter([Frame(index=0, pts=0, pixels=picture)]))
            results.append((made.pixels, len(upscaler.grid.tiles)))
    (whole, one), (tiled, many) = results
    assert one == 1 < many
    assert whole.y.shape == (53 * 4, 75 * 4)
    assert whole.u.shape == (-(-53 * 4 // to[1]), -(-75 * 4 // to[0]))
    assert_same(whole, tiled)
    if chroma == (1, 1):
        assert_same(whole, Planes(**{n: getattr(picture, n).repeat(4, 0).repeat(4, 1) for n in "yuv"}))


def test_a_ramp_of_ten_bits_leaves_with_four_times_the_levels(client: TritonClient, tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(80, 920, 1000).astype(np.uint16), (96, 1))
    gray = np.full((48, 500), 512, np.uint16)
    deep = [Planes(y=ramp, u=gray, v=gray)] * 2
    shallow = [Planes(**{n: (getattr(one, n) >> 2).astype(np.uint8) for n in "yuv"}) for one in deep]
    levels = {}
    for name, pictures, pixel_format in (
        ("ten", deep, "yuv420p10le"),
        ("eight", shallow, "yuv420p"),
    ):
        source = lossless_clip(tmp_path / f"{name}.mkv", pictures, pixel_format, 1, full=False)
        out = tmp_path / f"{name}.mp4"
        run(client, source, out, "nearest-x4", quality="lossless")
        assert probe(out).bit_depth == probe(source).bit_depth
        levels[name] = len(np.unique(planes_in(out)[0].y))
    assert levels["ten"] >= 3.5 * levels["eight"] > 0


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_an_exact_crop_through_an_identity_is_that_of_the_source(
    client: TritonClient, tmp_path: Path, pixel_format: str
) -> None:
    planes = PlaneFormat(
        matrix=1,
        full_range=False,
        bits=8,
        chroma=chroma_subsampling(pixel_format),
        siting=(0.0, 0.0),
    )
    picture = displayable(planes, 150, 90)
    source = lossless_clip(tmp_path / "in.mkv", [picture] * 2, pixel_format, 1, full=False)
    context = JobContext(connect=lambda: client, default_model="identity")
    for x, y in ((20, 14), (21, 15)):
        params = ExportParams.model_validate(
            {"crop": {"x": x, "y": y, "w": 64, "h": 50}, "upscale": True, "quality": "lossless"}
        )
        export(source, tmp_path / "out.mkv", params, context, overwrite=True)
        out = planes_in(tmp_path / "out.mkv")[0]
        np.testing.assert_array_equal(out.y, picture.y[y : y + 50, x : x + 64])
        if pixel_format == "yuv444p" or not (x % 2 or y % 2):
            assert_same(out, picture.crop(x=x, y=y, width=64, height=50))


def test_a_crop_that_moves_shows_what_the_source_shows_there(client: TritonClient, tmp_path: Path) -> None:
    picture = clips.plain((128, 128, 128), 161, 91)
    picture[::] = np.linspace(40, 200, 161).astype(np.uint8)[:, None]
    source = clips.make_clip(
        tmp_path / "in.mp4", [picture] * 26, options={"crf": "0", "preset": "ultrafast"}, pix_fmt="yuv444p"
    )
    corners = [{"t": 0, "x": 0, "y": 0, "w": 60, "h": 40}, {"t": 1, "x": 101, "y": 51, "w": 60, "h": 40}]
    path = CropPath.parse(corners, width=161, height=91, clamp=False)
    params = ExportParams.model_validate({"crop": corners, "upscale": True, "quality": "lossless"})
    context = JobContext(connect=lambda: client, default_model="nearest-x4")
    export(source, tmp_path / "out.mkv", params, context)
    with VideoReader(tmp_path / "out.mkv", probe(tmp_path / "out.mkv")) as reader:
        for frame in reader.frames():
            wanted = 40 + path.at(frame.index / 25).x + (np.arange(240) + 0.5) / 4 - 0.5
            shown = frame.pixels[80, :, 0].astype(float)
            assert np.abs(shown - wanted)[8:-8].max() < 2.5


def test_infer_gives_back_every_colour_of_a_picture(client: TritonClient) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (37, 53, 3), np.uint8)
    picture[0, :8] = [(255 * (n & 1), 255 * (n >> 1 & 1), 255 * (n >> 2)) for n in range(8)]
    client.load("identity")
    result, _, sent = upscale_picture(client, client.contract("identity", UpscaleContract), picture)
    np.testing.assert_array_equal(result, picture)
    assert sent == (1, 2, 38, 54)


def test_pictures_without_planes_pass_as_they_would_without_a_model(
    client: TritonClient, tmp_path: Path
) -> None:
    pictures = [clips.numbered(number, 120, 80) for number in range(3)]
    source = clips.make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
    run(client, source, tmp_path / "model.mkv", "identity", quality="lossless")
    with VideoReader(tmp_path / "model.mkv", probe(tmp_path / "model.mkv")) as reader:
        for frame, picture in zip(reader.frames(), pictures, strict=True):
            assert np.abs(frame.pixels.astype(int) - picture).max() <= 2  # one rounding to 8 bits
    assert coded_format(probe(tmp_path / "model.mkv")).chroma == (1, 1)


def test_rotated_planes_pass_as_their_upright_pictures(client: TritonClient, tmp_path: Path) -> None:
    pictures = [clips.numbered(number, 96, 64) for number in range(3)]
    source = clips.make_clip(tmp_path / "in.mp4", pictures, pix_fmt="yuv422p", rotation=90)
    run(client, source, tmp_path / "out.mp4", "identity", quality="lossless")
    shown = []
    for path in (source, tmp_path / "out.mp4"):
        with VideoReader(path, probe(path)) as reader:
            shown.append([frame.pixels.astype(int) for frame in reader.frames()])
    for before, after in zip(*shown, strict=True):
        assert before.shape == after.shape == (96, 64, 3)
        assert np.abs(before - after).mean() < 1.5  # chroma is subsampled along the other axis, too


@pytest.mark.parametrize("turn", [{"rotation": 90}, {"rotation": 180}, {"rotation": 270}, {"hflip": True}])
@pytest.mark.parametrize(
    ("codec", "size", "lossless"), [("libx264", (40, 36), "qp"), ("libvpx-vp9", (41, 37), "lossless")]
)
def test_chroma_stays_with_luma_however_pictures_are_turned(
    client: TritonClient,
    tmp_path: Path,
    codec: str,
    size: tuple[int, int],
    lossless: str,
    turn: dict[str, Any],
) -> None:
    width, height = size
    u, v = (plane.astype(np.uint8) for plane in 80 + 4 * np.mgrid[: (height + 1) // 2, : (width + 1) // 2])
    picture = clips.coded([np.full((height, width), 126, np.uint8), u, v], "yuv420p")
    options = {lossless: str(int(lossless == "lossless"))}
    source = clips.make_clip(
        tmp_path / "in.mp4", [picture] * 2, codec=codec, options=options, matrix=1, **turn
    )
    run(client, source, tmp_path / "out.mkv", "identity", quality="lossless")
    info, out = probe(source), probe(tmp_path / "out.mkv")
    place = {"libx264": (0.0, 0.5), "libvpx-vp9": (0.5, 0.5)}[codec]
    (result, *_), (x, y) = planes_in(tmp_path / "out.mkv"), POSITIONS[str(out.chroma_location)]
    coded = np.mgrid[0.0:height, 0.0:width]  # the row and the column of each pixel as it is coded
    for samples, position, first in zip((result.u, result.v), coded, place[::-1], strict=True):
        upright = np.rot90(position[:, ::-1] if info.mirrored else position, info.rotation // 90)
        upright = upright[: upright.shape[0] // 2 * 2, : upright.shape[1] // 2 * 2]
        rows = upright[::2] * (1 - y) + upright[1::2] * y
        expected = 80 + 2 * (rows[:, ::2] * (1 - x) + rows[:, 1::2] * x - first)
        off = samples[: expected.shape[0], : expected.shape[1]] - expected
        assert np.abs(off[2:-2, 2:-2]).max() <= 0.51  # half a pixel is one level


def test_a_gif_keeps_its_colours_through_a_model(client: TritonClient, tmp_path: Path) -> None:
    colours = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (200, 30, 60)]
    picture = np.repeat(np.repeat(np.array([colours, colours[::-1]], np.uint8), 24, 0), 16, 1)
    source = clips.make_clip(tmp_path / "in.mkv", [picture] * 2, codec="ffv1", pix_fmt="bgr0")
    for name in ("one.gif", "two.gif"):
        run(client, source, tmp_path / name, "nearest-x4")
        source = tmp_path / name
    with VideoReader(source, probe(source)) as reader:
        for frame in reader.frames():
            np.testing.assert_array_equal(frame.pixels, picture.repeat(16, 0).repeat(16, 1))
