"""Reads a model's contract from its Triton config: its inputs, its outputs and how to use it.

`export_onnx` writes the facts into the `parameters` of config.pbtxt and this module reads them over gRPC, so
that each stands in one place. Models take and return by task:

    upscale   `luma` uint8 [N, B, H, W], `chroma` uint8 [N, 2, B, h, w], `colour` float32 [N, n], and
              `upscaled_luma` uint8 [N, B, scale*H, scale*W], `upscaled_chroma` uint8 [N, 2, B, h', w']
    detect    `image` uint8 [N, H, W, 3] RGB, and
              `detections` float32 [N, max_detections, 6] and `num_detections` int32 [N, 1]

`colour_tensor` describes the planes of an upscaler.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import InferenceFailed
from orchestrator.triton.colour_tensor import PlaneColour
from orchestrator.triton.config_reader import ConfigReader

Answer = TypeVar("Answer")

UpscaledPlanes = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Luma, uint8 [N, B, H, W], and chroma, uint8 [N, 2, B, h, w]: B is 1, or 2 with the low byte first."""


@dataclass(frozen=True, kw_only=True)
class ModelTensor:
    """One input or output of a model: its name, Triton's name of its type, and its shape for one image.

    A request and its answer have one more axis, the images, in front.
    """

    name: str
    datatype: Literal["UINT8", "FP32", "INT32"]
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class RequestPlanes:
    """The planes of the requests to an upscaler.

    Attributes:
        colour: how they are coded.
        chroma: how many columns and rows of luma share a sample of chroma in the input.
    """

    colour: PlaneColour = field(
        default_factory=lambda: PlaneColour(matrix=1, full_range=True, bits=8, output_subsampling="444")
    )
    chroma: tuple[int, int] = (1, 1)

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample."""
        return 1 if self.colour.bits == 8 else 2

    @property
    def output_chroma(self) -> tuple[int, int]:
        """How many columns and rows of luma share a sample of chroma in the output."""
        return OUTPUT_CHROMA[self.colour.output_subsampling]


OUTPUT_CHROMA: dict[str, tuple[int, int]] = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}
"""The subsamplings that upscalers return."""

RGB_LIKE = RequestPlanes()
"""Planes of one sample for each pixel, BT.709, full range, 8 bits."""


@dataclass(frozen=True, kw_only=True)
class ModelContract(ABC, Generic[Answer]):
    """Base class: what the contracts of all tasks have in common. `Answer` is the type of an answer.

    Attributes:
        tensors: what requests consist of: planes of Y'CbCr, or one image.
        size_multiple: input height and width must be multiples of this, in pixels.
        max_batch: maximum number of images in one request.
        precision: precision of its weights and arithmetic.
        weights_sha256: SHA-256 of the weight file, 64 lowercase hexadecimal digits.
        weights_source: `catalog`, or `custom` for a file that somebody named.
        gpu: CUDA's number, as the server counts, of the GPU on which all its instances run; None if they run
            on the CPU or on several GPUs.
    """

    task: ClassVar[Literal["upscale", "detect"]]
    tensors: ClassVar[Literal["planes", "image"]]
    name: str
    size_multiple: int
    max_batch: int
    architecture: str
    precision: Literal["fp32", "fp16"]
    weights_sha256: str
    weights_source: str
    licence: str
    gpu: int | None = None

    @abstractmethod
    def inputs(self, height: int, width: int, planes: RequestPlanes = RGB_LIKE) -> tuple[ModelTensor, ...]:
        """Return the input tensors for images of that size in pixels; `planes` are those of an upscaler."""

    @abstractmethod
    def outputs(self, height: int, width: int, planes: RequestPlanes = RGB_LIKE) -> tuple[ModelTensor, ...]:
        """Return the output tensors, as for `inputs`."""

    @abstractmethod
    def answer(self, arrays: Sequence[NDArray[Any]]) -> Answer:
        """Convert the tensors of an answer, without copying if possible.

        Args:
            arrays: one for each of `outputs`, in their order, with the images in front.

        Raises:
            InferenceFailed: their values break the contract.
        """


@dataclass(frozen=True, kw_only=True)
class UpscaleContract(ModelContract[UpscaledPlanes]):
    """The contract of an upscaler. Its answer is `UpscaledPlanes` of scale*H x scale*W pixels.

    Attributes:
        scale: output size over input size, in each direction.
        halo: input pixels on each side of a tile that its output depends on.
        tile: recommended side of a tile, without its halo, in input pixels; a multiple of `size_multiple`.
    """

    task = "upscale"
    tensors = "planes"
    scale: int
    halo: int
    tile: int

    def inputs(self, height: int, width: int, planes: RequestPlanes = RGB_LIKE) -> tuple[ModelTensor, ...]:  # noqa: D102  described in the base
        luma, chroma = _plane_shapes(height, width, planes.chroma, planes.sample_bytes)
        return (
            ModelTensor(name="luma", datatype="UINT8", shape=luma),
            ModelTensor(name="chroma", datatype="UINT8", shape=chroma),
            ModelTensor(name="colour", datatype="FP32", shape=planes.colour.tensor().shape[1:]),
        )

    def outputs(self, height: int, width: int, planes: RequestPlanes = RGB_LIKE) -> tuple[ModelTensor, ...]:  # noqa: D102
        size = height * self.scale, width * self.scale
        luma, chroma = _plane_shapes(*size, planes.output_chroma, planes.sample_bytes)
        return (
            ModelTensor(name="upscaled_luma", datatype="UINT8", shape=luma),
            ModelTensor(name="upscaled_chroma", datatype="UINT8", shape=chroma),
        )

    def answer(self, arrays: Sequence[NDArray[Any]]) -> UpscaledPlanes:  # noqa: D102
        luma, chroma = arrays
        return luma, chroma


@dataclass(frozen=True, kw_only=True)
class DetectContract(ModelContract[tuple[NDArray[np.float32], ...]]):
    """The contract of a detector.

    Its answer is, for each image, float32 [n, 6]: x1, y1, x2, y2 in pixels of the image and inside it, score
    0..1 above `score_threshold`, class from 0; highest score first. There are at most `max_detections`. Of
    boxes of one class that overlap by more than `iou_threshold`, only the best is returned.

    Attributes:
        classes: class names, by class number.
        side: the longer side of the pictures that the network expects, in pixels.
        max_detections: maximum number of boxes in an image; if an image has that many, others may be missing.
        score_threshold: boxes of this score or less are not returned, 0..1.
        iou_threshold: intersection over union, 0..1; 1 if the network itself returns one box per object.
        fit: `letterbox` if pictures keep their shape, in a gray border; `stretch` if they are stretched to a
            square of `side`, the only size that the network takes.
    """

    task = "detect"
    tensors = "image"
    classes: tuple[str, ...]
    side: int
    max_detections: int
    score_threshold: float
    iou_threshold: float
    fit: Literal["letterbox", "stretch"] = "letterbox"

    def inputs(self, height: int, width: int, planes: RequestPlanes = RGB_LIKE) -> tuple[ModelTensor, ...]:  # noqa: ARG002, D102
        return (ModelTensor(name="image", datatype="UINT8", shape=(height, width, 3)),)

    def outputs(self, height: int, width: int, planes: RequestPlanes = RGB_LIKE) -> tuple[ModelTensor, ...]:  # noqa: ARG002, D102  the same for any size
        return (
            ModelTensor(name="detections", datatype="FP32", shape=(self.max_detections, 6)),
            ModelTensor(name="num_detections", datatype="INT32", shape=(1,)),
        )

    def answer(self, arrays: Sequence[NDArray[Any]]) -> tuple[NDArray[np.float32], ...]:  # noqa: D102
        detections, counts = arrays
        if not np.isfinite(detections).all():
            raise InferenceFailed(
                f"model {self.name!r} computed values that are no numbers, so its boxes mean nothing: "
                f"its weights are damaged or overflow in {self.precision}; build it again, in fp32"
            )
        if counts.min() < 0 or counts.max() > self.max_detections:
            raise self._broken(
                f"{counts.min()} to {counts.max()} boxes in an image", f"0 to {self.max_detections}"
            )
        classes = detections[:, :, 5]
        if classes.min() < 0 or classes.max() >= len(self.classes):
            raise self._broken(f"class {classes.max():g}", f"0 to {len(self.classes) - 1}")
        return tuple(rows[:count] for rows, (count,) in zip(detections, counts, strict=True))

    def _broken(self, found: str, expected: str) -> InferenceFailed:
        return InferenceFailed(
            f"model {self.name!r} breaks its contract: it gave {found}, not {expected}; "
            f"build it with `framewright models build {self.name}`"
        )


def parse_contract(config: Any) -> UpscaleContract | DetectContract:
    """Read a contract from a `ModelConfig` protobuf message.

    Raises:
        InferenceFailed: a parameter is missing or out of range, or an input or output is not the task's.
    """
    reader = ConfigReader(config)
    task = reader.text("task")
    if task == UpscaleContract.task:
        return _upscale(reader)
    if task == DetectContract.task:
        return _detect(reader)
    raise reader.broken("parameter task", f"{UpscaleContract.task} or {DetectContract.task}", task)


def _plane_shapes(
    height: int, width: int, chroma: tuple[int, int], sample_bytes: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    across, down = chroma
    return (sample_bytes, height, width), (2, sample_bytes, height // down, width // across)


def _upscale(reader: ConfigReader) -> UpscaleContract:
    planes, colour = "[-1, -1, -1]", "colour TYPE_FP32 [-1]"
    reader.check_tensors("input", f"luma TYPE_UINT8 {planes}", "chroma TYPE_UINT8 [2, -1, -1, -1]", colour)
    reader.check_tensors(
        "output", f"upscaled_luma TYPE_UINT8 {planes}", "upscaled_chroma TYPE_UINT8 [2, -1, -1, -1]"
    )
    size_multiple = reader.number("size_multiple", at_least=2)
    if size_multiple % 2:
        raise reader.broken("parameter size_multiple", "an even number", size_multiple)
    tile = reader.number("tile", at_least=1)
    if tile % size_multiple:
        raise reader.broken("parameter tile", f"a multiple of size_multiple {size_multiple}", tile)
    return UpscaleContract(
        scale=reader.number("scale", at_least=1),
        size_multiple=size_multiple,
        halo=reader.number("halo", at_least=0),
        tile=tile,
        **reader.common(),
    )


def _detect(reader: ConfigReader) -> DetectContract:
    most = reader.rows("detections")
    reader.check_tensors("input", "image TYPE_UINT8 [-1, -1, 3]")
    reader.check_tensors(
        "output", f"detections TYPE_FP32 [{most or 'N'}, 6]", "num_detections TYPE_INT32 [1]"
    )
    side, stride = reader.number("side", at_least=1), reader.number("stride", at_least=1)
    fit = reader.choice("fit", "letterbox", "stretch") if reader.has("fit") else "letterbox"
    if fit == "stretch" and stride != side:
        raise reader.broken("parameter stride", f"the side, {side}, because pictures are stretched", stride)
    return DetectContract(
        size_multiple=stride,
        side=side,
        fit=cast("Literal['letterbox', 'stretch']", fit),
        max_detections=most,
        classes=reader.names("classes"),
        score_threshold=reader.share("score_threshold"),
        iou_threshold=reader.share("iou_threshold"),
        **reader.common(),
    )
