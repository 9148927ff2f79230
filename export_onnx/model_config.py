"""Describes a built model: its tensors, what the orchestrator must know of it, and the choices of its build.

triton_config.py writes config.pbtxt from it.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, get_args

from export_onnx.tensor_names import (
    CHROMA,
    COLOUR,
    DETECTIONS,
    INPUT,
    LUMA,
    MAX_DETECTIONS,
    NUM_DETECTIONS,
    UPSCALED_CHROMA,
    UPSCALED_LUMA,
    Precision,
)
from orchestrator.triton.colour_tensor import COLOUR_FLOATS, MOST_COLOUR_FLOATS

ModelTask = Literal["upscale", "detect"]
TASKS: tuple[ModelTask, ...] = get_args(ModelTask)

Accelerator = Literal["none", "cuda", "tensorrt"]
ACCELERATORS: tuple[Accelerator, ...] = get_args(Accelerator)
WeightsSource = Literal["catalog", "custom"]
Fit = Literal["letterbox", "stretch"]

CHROMA_HALO = 3
"""Input pixels that chroma adds to a network's halo on each side: its interpolation reaches one pixel beyond
a window, and the filter before it is subsampled two output pixels."""


def even_tiling(*, size_multiple: int, halo: int, tile: int) -> dict[str, int]:
    """Return how an upscaler is tiled, as its config says: by what its network needs, and for planes.

    Tiles and windows begin and end at even pixels, because chroma may be subsampled, and their halo includes
    that of chroma.

    Args:
        size_multiple, halo, tile: of the network, in input pixels.
    """
    multiple = math.lcm(size_multiple, 2)
    return {
        "size_multiple": multiple,
        "halo": multiple * -(-(halo + CHROMA_HALO) // multiple),
        "tile": multiple * -(-tile // multiple),
    }


@dataclass(frozen=True, kw_only=True)
class ServingOptions:
    """The choices of a build that config.pbtxt depends on.

    Attributes:
        precision: the precision of the network inside the graph.
        accelerator: none runs wherever Triton runs; cuda and tensorrt need a GPU, and Triton refuses to load
            the model on a machine without one.
        engine_cache: the folder on the server where TensorRT keeps its engines; None unless tensorrt.
        warm_up: whether to run the model once for each of `ModelConfig.warm_up_shapes` before it counts as
            ready; needs an accelerator.
        instances: copies of the model that Triton runs side by side, on each GPU if there are GPUs.
        side: for a detector, the longer side of its input pictures in pixels; None for the side of its
            training pictures.
        max_detections: for a detector, the most boxes in a picture.
    """

    precision: Precision = "fp32"
    accelerator: Accelerator = "none"
    engine_cache: str | None = None
    warm_up: bool = False
    instances: int = 1
    side: int | None = None
    max_detections: int = MAX_DETECTIONS


@dataclass(frozen=True, kw_only=True)
class InputTensor:
    """One input of a model.

    Attributes:
        name: its name.
        datatype: Triton's name of its type.
        dims: its shape for one picture in config.pbtxt; -1 is any length.
        smallest, usual, largest: its shapes, for one picture, between which TensorRT's engine works, and the
            one for which it is fastest.
    """

    name: str
    datatype: Literal["TYPE_UINT8", "TYPE_FP32"]
    dims: tuple[int, ...]
    smallest: tuple[int, ...]
    usual: tuple[int, ...]
    largest: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ModelConfig(ABC):
    """The content of a config.pbtxt, for any task.

    Attributes:
        name: the name of the model's folder, and of the model on the server.
        task: upscale or detect.
        architecture: the name of the network's architecture.
        size_multiple: input height and width must be multiples of it.
        max_batch: the maximum number of pictures that Triton may run as one batch.
        weights_sha256: the hash of the weight file that the model was built from.
        weights_source: catalog if that is the hash in the catalog, else custom.
        licence: SPDX identifier of the weights' licence, or unknown.
        choices: the choices of the build.
    """

    name: str
    task: ModelTask
    architecture: str
    size_multiple: int
    max_batch: int
    weights_sha256: str
    weights_source: WeightsSource
    licence: str
    choices: ServingOptions

    @property
    @abstractmethod
    def inputs(self) -> tuple[InputTensor, ...]:
        """The inputs, in the order of config.pbtxt."""

    @property
    def warm_up_shapes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """The shapes of the inputs, for one picture, in the requests of a warm-up, by a name for each."""
        return {"tile": tuple(tensor.usual for tensor in self.inputs)}

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """The body of each `output` block of config.pbtxt."""

    @property
    @abstractmethod
    def contract_parameters(self) -> dict[str, object]:
        """The `parameters` that belong to the task, in order."""

    @property
    @abstractmethod
    def largest_side_px(self) -> int:
        """The longest side of the inputs that the worker sends as a rule, in pixels."""


@dataclass(frozen=True, kw_only=True)
class UpscalerConfig(ModelConfig):
    """The content of the config.pbtxt of a super-resolution model.

    Attributes:
        scale: output size over input size.
        halo: input pixels a tile needs on each side; that of the network and of chroma.
        tile: recommended side of a tile in input pixels, without halo.
    """

    task: Literal["upscale"] = "upscale"
    scale: int
    halo: int
    tile: int

    @property
    def inputs(self) -> tuple[InputTensor, ...]:  # noqa: D102  described in the base
        least, side = self.size_multiple, self.largest_side_px
        return (
            InputTensor(
                name=LUMA,
                datatype="TYPE_UINT8",
                dims=(-1, -1, -1),
                smallest=(1, least, least),
                usual=(1, side, side),
                largest=(2, side, side),
            ),
            InputTensor(
                name=CHROMA,
                datatype="TYPE_UINT8",
                dims=(2, -1, -1, -1),
                smallest=(2, 1, least // 2, least // 2),
                usual=(2, 1, side // 2, side // 2),
                largest=(2, 2, side, side),
            ),
            InputTensor(
                name=COLOUR,
                datatype="TYPE_FP32",
                dims=(-1,),
                smallest=(COLOUR_FLOATS,),
                usual=(COLOUR_FLOATS,),
                largest=(MOST_COLOUR_FLOATS,),
            ),
        )

    @property
    def warm_up_shapes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """A tile of 8 bits, and one of more, whose samples have two bytes; chroma is 4:2:0 in both."""
        side = self.largest_side_px
        deep = (2, side, side), (2, 2, side // 2, side // 2), (COLOUR_FLOATS,)
        return super().warm_up_shapes | {"tile of more than 8 bits": deep}

    @property
    def outputs(self) -> tuple[str, ...]:  # noqa: D102
        return (
            f'name: "{UPSCALED_LUMA}"\n  data_type: TYPE_UINT8\n  dims: [ -1, -1, -1 ]',
            f'name: "{UPSCALED_CHROMA}"\n  data_type: TYPE_UINT8\n  dims: [ 2, -1, -1, -1 ]',
        )

    @property
    def contract_parameters(self) -> dict[str, object]:  # noqa: D102
        return {
            "scale": self.scale,
            "size_multiple": self.size_multiple,
            "halo": self.halo,
            "tile": self.tile,
        }

    @property
    def largest_side_px(self) -> int:
        """A tile with its halo, rounded up to the size multiple."""
        return self.tile + 2 * -(-self.halo // self.size_multiple) * self.size_multiple


@dataclass(frozen=True, kw_only=True)
class DetectorConfig(ModelConfig):
    """The content of the config.pbtxt of a detector.

    Attributes:
        classes: the names of the classes, by class number.
        side: the longer side of the input pictures, in pixels.
        score_threshold: boxes of this score or less are dropped, 0..1.
        iou_threshold: the threshold of NMS within a class; 1 keeps all boxes, for an end-to-end network.
        fit: how pictures are brought to the input's size: letterboxed, or stretched to a square of `side`.
    """

    task: Literal["detect"] = "detect"
    classes: tuple[str, ...]
    side: int
    score_threshold: float
    iou_threshold: float
    fit: Fit = "letterbox"

    @property
    def max_detections(self) -> int:
        """The maximum number of boxes in a picture."""
        return self.choices.max_detections

    @property
    def inputs(self) -> tuple[InputTensor, ...]:  # noqa: D102
        least, side = self.size_multiple, self.largest_side_px
        return (
            InputTensor(
                name=INPUT,
                datatype="TYPE_UINT8",
                dims=(-1, -1, 3),
                smallest=(least, least, 3),
                usual=(side, side, 3),
                largest=(side, side, 3),
            ),
        )

    @property
    def outputs(self) -> tuple[str, ...]:  # noqa: D102
        return (
            f'name: "{DETECTIONS}"\n  data_type: TYPE_FP32\n  dims: [ {self.max_detections}, 6 ]',
            # Triton needs a dimension: the graph returns [N], the client sees [N, 1].
            f'name: "{NUM_DETECTIONS}"\n  data_type: TYPE_INT32\n  dims: [ 1 ]\n  reshape {{ shape: [ ] }}',
        )

    @property
    def contract_parameters(self) -> dict[str, object]:  # noqa: D102
        return {
            "classes": json.dumps(self.classes, ensure_ascii=False),
            "stride": self.size_multiple,
            "side": self.side,
            "score_threshold": self.score_threshold,
            "iou_threshold": self.iou_threshold,
        } | ({} if self.fit == "letterbox" else {"fit": self.fit})

    @property
    def largest_side_px(self) -> int:
        """A square letterbox."""
        return self.side
