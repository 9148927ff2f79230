"""Loads a super-resolution network from a weight file, in a form that can be exported, with its limits.

spandrel detects the architecture, scale and size rules of weights. The forward passes of some architectures
cannot be traced correctly (SwinIR, HAT, DAT, and RRDB with pixel-unshuffle): for them, our own forward passes
use spandrel's layers.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load as load_safetensors
from spandrel import (
    ImageModelDescriptor,
    ModelLoader,
    UnsupportedModelError,
    canonicalize_state_dict,
)
from spandrel.architectures.Compact import Compact
from spandrel.architectures.DAT import DAT
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.HAT import HAT
from spandrel.architectures.SwinIR import SwinIR
from torch import Tensor, nn

from export_onnx.upscaling.dat import ExportableDAT
from export_onnx.upscaling.hat import ExportableHAT
from export_onnx.upscaling.swinir import ExportableSwinIR, pixel_unshuffle
from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from export_onnx.weight_file import WeightFile


_ADVICE = "use the weights of a super-resolution network"


_TRANSFORMERS: dict[type, Any] = {DAT: ExportableDAT, HAT: ExportableHAT, SwinIR: ExportableSwinIR}
"""Our own forward passes by spandrel's networks."""


@dataclass(frozen=True, kw_only=True)
class UpscalingNetwork:
    """A loaded network.

    Attributes:
        exportable: float [N, 3, H, W] RGB 0..1 -> float [N, 3, scale*H, scale*W], not necessarily clamped;
            H and W multiples of size_multiple.
        reference: the same function as its authors wrote it, for comparison.
        architecture: spandrel's identifier.
        scale: output size over input size.
        size_multiple: input height and width must be multiples of it.
        receptive_field_px: input pixels on each side that can influence an output pixel; None if it is not
            known exactly, or is most of a picture.
        supports_half: whether it may run in half precision.
    """

    exportable: nn.Module
    reference: nn.Module
    architecture: str
    scale: int
    size_multiple: int
    receptive_field_px: int | None
    supports_half: bool


class ExportableUnshuffledRRDB(nn.Module):
    """RRDBNet after a pixel-unshuffle (RealESRGAN_x2plus), traceable at any size, without padding."""

    def __init__(self, rrdb: Any) -> None:
        super().__init__()
        self.body = rrdb.model
        self.factor: int = rrdb.shuffle_factor

    def forward(self, image: Tensor) -> Tensor:
        """From float [N, 3, H, W] 0..1, sides multiples of factor, to float [N, 3, scale*H, scale*W]."""
        upscaled: Tensor = self.body(pixel_unshuffle(image, self.factor))
        return upscaled


class DescriptorModule(nn.Module):
    """A spandrel descriptor as a module, for architectures whose own forward pass is exported."""

    def __init__(self, descriptor: ImageModelDescriptor[nn.Module]) -> None:
        super().__init__()
        self.net = descriptor.model
        self.descriptor = descriptor

    def forward(self, image: Tensor) -> Tensor:
        """From float [N, 3, H, W] 0..1 to float [N, 3, scale*H, scale*W], 0..1."""
        upscaled: Tensor = self.descriptor(image)
        return upscaled


def load(weights: WeightFile) -> UpscalingNetwork:
    """Open a weight file, as tensors only, and detect its network.

    Raises:
        WeightsRefused: it is damaged, holds more than tensors, is of no architecture that spandrel knows, or
            does not map RGB pictures to RGB pictures.
    """
    state = _state_dict(weights)
    try:
        with _quiet():
            descriptor = ModelLoader(device="cpu").load_from_state_dict(canonicalize_state_dict(state))
    except UnsupportedModelError as exc:
        raise WeightsRefused(f"{weights.file} is of no architecture that spandrel knows; {_ADVICE}") from exc
    except (
        Exception
    ) as exc:  # spandrel's detectors and constructors fail in many ways on a foreign state dict
        raise WeightsRefused(
            f"{weights.file} cannot be loaded as a network: {_line(exc)}; {_ADVICE}"
        ) from exc
    if not isinstance(descriptor, ImageModelDescriptor):
        raise WeightsRefused(f"{weights.file} needs a mask beside the picture; {_ADVICE}")
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
        raise WeightsRefused(
            f"{weights.file} takes {descriptor.input_channels} channels, gives {descriptor.output_channels}; "
            "use the weights of a network from RGB to RGB"
        )
    if descriptor.size_requirements.square:
        raise WeightsRefused(f"{weights.file} takes only square pictures, which tiles are not; {_ADVICE}")
    return _describe(descriptor.eval())


def _state_dict(weights: WeightFile) -> dict[str, Any]:
    try:
        if PurePath(weights.file).suffix.lower() == ".safetensors":
            state: Any = load_safetensors(weights.content)
        else:
            with _quiet():
                state = torch.load(io.BytesIO(weights.content), map_location="cpu", weights_only=True)
    except Exception as exc:  # a damaged or foreign file fails in many ways
        # PyTorch's own message would advise to run the code inside.
        raise WeightsRefused(
            f"{weights.file} is damaged, or holds more than tensors and was not opened; "
            "save its state dict alone, or as .safetensors"
        ) from exc
    if not isinstance(state, dict):
        raise WeightsRefused(f"{weights.file} holds no state dict; save the network's state_dict()")
    return state


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the warnings of PyTorch and spandrel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]


def _describe(descriptor: ImageModelDescriptor[nn.Module]) -> UpscalingNetwork:
    net = descriptor.model
    exportable: nn.Module = net
    reference: nn.Module = net
    supports_half = descriptor.supports_half
    receptive_field_px = None
    needs = descriptor.size_requirements
    size_multiple = needs.multiple_of
    if isinstance(net, tuple(_TRANSFORMERS)):
        transformer = _TRANSFORMERS[type(net)](net)
        exportable, size_multiple = transformer, transformer.size_multiple
        supports_half = True  # of our forward pass; spandrel's own does not
    elif isinstance(net, ESRGAN):
        size_multiple = net.shuffle_factor or 1
        if net.shuffle_factor:
            exportable = ExportableUnshuffledRRDB(net)
    elif isinstance(net, Compact):
        receptive_field_px = sum(isinstance(layer, nn.Conv2d) for layer in net.body)
    else:
        exportable = reference = DescriptorModule(descriptor)
        # A minimum size above the multiple becomes the multiple: padding then reaches it.
        size_multiple *= max(1, -(-needs.minimum // size_multiple))
    return UpscalingNetwork(
        exportable=exportable,
        reference=reference,
        architecture=descriptor.architecture.id,
        scale=descriptor.scale,
        size_multiple=size_multiple,
        receptive_field_px=receptive_field_px,
        supports_half=supports_half,
    )
