"""Defines what the benchmark tries: frame sizes, precisions, accelerators, tiles, batches, instances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from export_onnx.model_config import Accelerator, DetectorConfig, ModelConfig, UpscalerConfig
from orchestrator.tiles.grid import plan_grid
from orchestrator.tiles.letterbox import letterbox

if TYPE_CHECKING:
    from export_onnx.tensor_names import Precision


@dataclass(frozen=True)
class Picture:
    """A frame size, and the maximum number of frames of a job, which are all in memory before encoding."""

    name: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the benchmark tries.

    Attributes:
        device: cuda or cpu.
        pictures: frame sizes, the largest last; settings are chosen at the largest.
        precisions: precisions of the networks, the fastest last; settings are chosen in the fastest.
        accelerators: as `framewright models build` names them; the first is in every comparison.
        tiles: longest sides of a tile without its halo, in pixels.
        batches: windows in a run, smallest first.
        instances: copies of a model in Triton.
        seconds: how long each measurement takes.
        longest_run_ms: after a longer run no larger batch is tried, as it fills the device already.
        compiled: whether to measure `torch.compile`, which takes minutes.
    """

    device: str
    pictures: tuple[Picture, ...]
    precisions: tuple[Precision, ...]
    accelerators: tuple[Accelerator, ...]
    tiles: tuple[int, ...]
    batches: tuple[int, ...]
    instances: tuple[int, ...]
    seconds: float
    longest_run_ms: float
    compiled: bool


GPU = Plan(
    device="cuda",
    pictures=(
        Picture("480p", 854, 480, 120),
        Picture("720p", 1280, 720, 60),
        Picture("1080p", 1920, 1080, 32),
    ),
    precisions=("fp32", "fp16"),
    accelerators=("cuda", "tensorrt"),
    tiles=(192, 256, 384, 512, 768, 1024, 1920),
    batches=(1, 2, 4, 8, 16),
    instances=(1, 2, 3),
    seconds=2.0,
    longest_run_ms=500.0,
    compiled=True,
)

QUICK = replace(
    GPU,
    pictures=(Picture("720p", 1280, 720, 30),),
    tiles=(256, 512, 1024),
    batches=(1, 4),
    instances=(1, 2),
    seconds=0.5,
    compiled=False,
)

CPU = Plan(
    device="cpu",
    pictures=(Picture("96p", 160, 96, 8), Picture("144p", 256, 144, 8)),
    precisions=("fp32",),
    accelerators=("none",),
    tiles=(64, 128),
    batches=(1, 2),
    instances=(1, 2),
    seconds=0.2,
    longest_run_ms=500.0,
    compiled=False,
)


@dataclass(frozen=True)
class Windows:
    """The inputs of a network that cover a frame.

    Attributes:
        tile: longest side of a tile without its halo, in pixels; 0 for a detector.
        height, width: the size of each window, in pixels.
        count: how many windows cover a frame.
    """

    tile: int
    height: int
    width: int
    count: int


def windows(model: ModelConfig, picture: Picture, tile: int = 0) -> Windows:
    """Return the windows of a frame: tiles with their halo, or the letterbox of a detector."""
    if isinstance(model, UpscalerConfig):
        grid = plan_grid(
            height=picture.height,
            width=picture.width,
            tile=tile,
            halo=model.halo,
            multiple=model.size_multiple,
        )
        return Windows(tile, grid.tile_height, grid.tile_width, len(grid.tiles))
    if not isinstance(model, DetectorConfig):
        raise TypeError(f"{model.name} is neither an upscaler nor a detector")
    box = letterbox(width=picture.width, height=picture.height, side=model.side, multiple=model.size_multiple)
    return Windows(0, box.height, box.width, 1)


def window_layouts(model: ModelConfig, picture: Picture, tiles: tuple[int, ...]) -> list[Windows]:
    """Return the windows for each tile size, without duplicates."""
    if not isinstance(model, UpscalerConfig):
        return [windows(model, picture)]
    found: dict[tuple[int, int, int], Windows] = {}
    for tile in tiles:
        rounded = max(tile // model.size_multiple, 1) * model.size_multiple
        way = windows(model, picture, rounded)
        found.setdefault((way.height, way.width, way.count), way)
    return list(found.values())
