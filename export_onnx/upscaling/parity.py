"""Compares an exported graph in ONNX Runtime with PyTorch, on other inputs than those of the export.

The reference is the network as its authors wrote it, in fp32, with conversion and rounding in NumPy. Pictures
go through the graph's own conversion, as planes of 16 bits (rgb_planes.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime
import torch
from torch import nn

from export_onnx.upscaling import rgb_planes
from orchestrator.errors import ModelBuildFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from export_onnx.tensor_names import Precision

PHOTO = Path(__file__).resolve().parents[1] / "photo.png"
"""160x160 of "Chelsea the cat" by Stefan van der Walt, CC0, from scikit-image."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The largest allowed differences, in levels of 0..255.

    Attributes:
        max_levels: the largest difference of one value.
        mean_levels: the mean difference of all values.
    """

    max_levels: int
    mean_levels: float


BOUNDS: dict[Precision, Bound] = {
    # Another order of summation changes the rounding of 1e-5 to 2e-4 of the values, by one level. A graph
    # with its batch or size baked in may stay within one level too, but on far more values: hence the mean.
    "fp32": Bound(max_levels=1, mean_levels=0.005),
    # Networks that run well in fp16 were measured at 1 to 4 levels and 0.001 to 0.034 on average
    # (docs/models.md); an overflow or a lost residual is far beyond this.
    "fp16": Bound(max_levels=16, mean_levels=0.25),
}


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Measured differences between ONNX Runtime and PyTorch, in levels of 0..255.

    Attributes:
        max_levels: the largest difference.
        mean_levels: the mean difference.
        share_different: the share of values that differ at all, 0..1.
        inputs: the [N, H, W] of each input.
        seed: the seed of the random inputs.
    """

    max_levels: int
    mean_levels: float
    share_different: float
    inputs: tuple[tuple[int, int, int], ...]
    seed: int

    @property
    def summary(self) -> str:
        """The result in a sentence."""
        return (
            f"differs from PyTorch by at most {self.max_levels} of 255 levels, "
            f"on {self.share_different:.3%} of the values"
        )


def size_unit(size_multiple: int) -> int:
    """Return the unit of the sizes here: the smallest multiple of `size_multiple` of at least 8."""
    return size_multiple * -(-8 // size_multiple)


def traced_size(size_multiple: int) -> tuple[int, int]:
    """Return the height and width for tracing, which `measure` does not use."""
    return 2 * size_unit(size_multiple), 3 * size_unit(size_multiple)


def measure(reference: nn.Module, model: Path, *, scale: int, size_multiple: int, seed: int) -> Parity:
    """Run both on noise and on a photograph, with 1 to 3 pictures, in sizes from the smallest.

    Args:
        reference: float [N, 3, H, W] RGB 0..1 -> float [N, 3, scale*H, scale*W].
        model: the ONNX file, with planes at both ends.
        scale: output size over input size.
        size_multiple: sizes are multiples of it.
        seed: the seed of the random inputs.

    Raises:
        ModelBuildFailed: ONNX Runtime refuses the graph or an input, the output has another shape, or the
            network's own output is not finite.
    """
    try:
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    except Exception as exc:  # onnxruntime's exceptions have no common base
        raise ModelBuildFailed(
            f"ONNX Runtime cannot load the graph: {_line(exc)}; use another architecture"
        ) from exc
    worst, total, different, values = 0, 0.0, 0, 0
    images = make_inputs(size_multiple, np.random.default_rng(seed))
    for image in images:
        planes = rgb_planes.planes_of(image / 255)
        try:
            actual = rgb_planes.to_bytes(rgb_planes.rgb_of(*rgb_planes.run(session, planes)))
        except Exception as exc:
            raise ModelBuildFailed(
                f"the graph fails at {_shape(image)}, a size it was not traced at: {_line(exc)}; "
                "use an architecture without fixed sizes"
            ) from exc
        expected = _expected(reference, planes)
        if actual.shape != (image.shape[0], scale * image.shape[1], scale * image.shape[2], 3):
            raise ModelBuildFailed(
                f"the graph turns {_shape(image)} into {_shape(actual)}, not into {_shape(expected)}; "
                "use an architecture without fixed sizes"
            )
        difference = np.abs(actual.astype(np.int16) - expected.astype(np.int16))
        worst = max(worst, int(difference.max()))
        total += float(difference.sum())
        different += int(np.count_nonzero(difference))
        values += difference.size
    return Parity(
        max_levels=worst,
        mean_levels=total / values,
        share_different=different / values,
        inputs=tuple(image.shape[:3] for image in images),
        seed=seed,
    )


def make_inputs(size_multiple: int, random: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Return the inputs for `measure`: noise in three batch sizes and shapes, and a photograph.

    Args:
        size_multiple: sizes are multiples of it.
        random: the generator of the noise.

    Returns:
        Each uint8 [N, H, W, 3] RGB.
    """
    m, u = size_multiple, size_unit(size_multiple)
    sizes = ((1, m, m), (2, 4 * u + m, 2 * u + m), (3, u + m, 5 * u + m))
    noise = [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    large = photo(12 * u, 16 * u)
    natural = np.stack([large[:, : 8 * u], large[:, 8 * u :]])
    return [*noise, natural]


def check(parity: Parity, precision: Precision) -> None:
    """Refuse a graph that differs too much from the network.

    Raises:
        ModelBuildFailed: the differences exceed the bound for this precision.
    """
    bound = BOUNDS[precision]
    if parity.max_levels > bound.max_levels or parity.mean_levels > bound.mean_levels:
        advice = "build it with --precision fp32" if precision == "fp16" else "use another architecture"
        raise ModelBuildFailed(
            f"parity failed: ONNX Runtime differs from PyTorch by up to {parity.max_levels} levels, "
            f"{parity.mean_levels:.4f} on average (allowed in {precision}: {bound.max_levels} and "
            f"{bound.mean_levels}); nothing was installed, {advice}"
        )


def photo(height: int, width: int) -> NDArray[np.uint8]:
    """Return the photograph of the repository, tiled if necessary, cropped to a size.

    Returns:
        uint8 [height, width, 3], RGB.

    Raises:
        ModelBuildFailed: the photograph cannot be read.
    """
    stored = cv2.imread(str(PHOTO))
    if stored is None:
        raise ModelBuildFailed(f"cannot read {PHOTO}; restore it from the repository")
    picture = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
    rows, columns = -(-height // picture.shape[0]), -(-width // picture.shape[1])
    mosaic = np.tile(picture, (rows, columns, 1))
    return np.ascontiguousarray(mosaic[:height, :width], dtype=np.uint8)


def _expected(reference: nn.Module, planes: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    rgb = np.moveaxis(rgb_planes.rgb_of(*planes), -1, 1).astype(np.float32)
    with torch.inference_mode():
        upscaled = reference(torch.from_numpy(np.ascontiguousarray(rgb))).permute(0, 2, 3, 1).numpy()
    if not np.isfinite(upscaled).all():
        raise ModelBuildFailed("the network's own output is not finite; the weights are damaged, use others")
    clamped = np.clip(upscaled, 0.0, 1.0).astype(np.float64)
    return rgb_planes.to_bytes(rgb_planes.rgb_of(*rgb_planes.planes_of(clamped)))


def _shape(array: NDArray[np.generic]) -> str:
    return "x".join(str(side) for side in array.shape)


def _line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
