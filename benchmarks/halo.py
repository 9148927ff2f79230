"""Measures the halo of a built model: how many pixels around a tile change its output.

    python -m benchmarks.halo RealESRGAN_x4plus
    python -m benchmarks.halo RealESRGAN_x4plus SwinIR_4x_GAN --image picture.png --side 192

The model upscales a picture as a whole, and each of its four halves alone. Near the cut a half differs from
the whole; the largest distance from the cut at which it differs is the halo that the network needs. Pictures
are 4:4:4, so the 3 pixels that subsampled chroma adds to the configured halo are not seen here. It needs the
export environment, and models from `framewright models build`; it reads MODEL_REPOSITORY.
"""

from __future__ import annotations

import argparse
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnxruntime

from export_onnx.model_config import UpscalerConfig
from export_onnx.repository import model_path, read_record
from export_onnx.upscaling.parity import photo
from export_onnx.upscaling.rgb_planes import upscaled
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

EDGE_PX = 4
"""Width in input pixels of the strip inside a tile's edge where a seam would be visible."""


@dataclass(frozen=True, kw_only=True)
class Seam:
    """The difference between a tile with a halo and the whole picture, in levels of 0..255.

    Attributes:
        halo: input pixels beyond the tile.
        worst: the largest difference of a value anywhere in the tile.
        share: the share of values in the strip inside the edge that differ by more than one level, 0..1.
        mean: the mean difference in that strip.
    """

    halo: int
    worst: int
    share: float
    mean: float


def measure(
    upscale: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    picture: NDArray[np.uint8],
    *,
    scale: int,
    multiple: int,
) -> list[Seam]:
    """Measure the seam for growing halos, in steps of `multiple` or 2 px, until it is gone or the half ends.

    Args:
        upscale: uint8 [H, W, 3] -> uint8 [scale*H, scale*W, 3].
        picture: uint8 [H, H, 3]; H an even number of multiples.
        scale: output size over input size.
        multiple: sizes and positions of tiles are multiples of it.
    """
    middle = picture.shape[0] // 2
    whole = upscale(picture).astype(np.int16)
    cut = scale * middle
    halves = (
        np.abs(upscale(picture[:, middle:]) - whole[:, cut:]).swapaxes(0, 1),
        np.abs(upscale(picture[:, :middle]) - whole[:, :cut]).swapaxes(0, 1)[::-1],
        np.abs(upscale(picture[middle:]) - whole[cut:]),
        np.abs(upscale(picture[:middle]) - whole[:cut])[::-1],
    )
    difference = np.stack(halves)  # [4, distance from the cut, along the cut, 3]
    seams = []
    for halo in range(0, middle - EDGE_PX, max(multiple, 2)):
        edge = difference[:, scale * halo : scale * (halo + EDGE_PX)]
        seams.append(
            Seam(
                halo=halo,
                worst=int(difference[:, scale * halo :].max()),
                share=float((edge > 1).mean()),
                mean=float(edge.mean()),
            )
        )
        if seams[-1].worst == 0:
            break
    return seams


def main() -> None:
    """Print a table for each model named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument(
        "--image",
        type=Path,
        help="a picture, of which the middle is used (default: the committed photograph)",
    )
    parser.add_argument("--side", type=int, default=160, help="side of that square, in pixels")
    arguments = parser.parse_args()
    repository = Settings.from_env().model_repository
    print(f"{' '.join(sys.argv)}; onnxruntime {onnxruntime.__version__}, {platform.processor() or 'CPU'}")
    for name in arguments.names:
        record = read_record(repository, name)
        if record is None:
            sys.exit(f"error: {name} is not built; run `framewright models build {name}`")
        model = record.model
        if not isinstance(model, UpscalerConfig):
            sys.exit(f"error: {name} is a detector; choose an upscaler")
        side = arguments.side // (2 * model.size_multiple) * 2 * model.size_multiple
        picture = _middle(arguments.image, side) if arguments.image else photo(side, side)
        session: Any = onnxruntime.InferenceSession(
            str(model_path(repository, name)), providers=["CPUExecutionProvider"]
        )

        def upscale(image: NDArray[np.uint8], session: Any = session) -> NDArray[np.uint8]:
            return np.asarray(upscaled(session, image[None])[0])

        print(f"\n{name} (configured halo {model.halo}), {side}x{side}, weights {model.weights_sha256[:12]}")
        print("halo   worst level   share > 1 level at the edge   mean level at the edge")
        for seam in measure(upscale, picture, scale=model.scale, multiple=model.size_multiple):
            print(f"{seam.halo:4}   {seam.worst:11}   {seam.share:27.3%}   {seam.mean:22.4f}")


def _middle(path: Path, side: int) -> NDArray[np.uint8]:
    stored = cv2.imread(str(path))
    if stored is None or min(stored.shape[:2]) < side:
        sys.exit(
            f"error: {path} is not a picture of at least {side}x{side}; choose another, or a smaller --side"
        )
    top, left = (stored.shape[0] - side) // 2, (stored.shape[1] - side) // 2
    return np.ascontiguousarray(stored[top : top + side, left : left + side, ::-1], dtype=np.uint8)


if __name__ == "__main__":
    main()
