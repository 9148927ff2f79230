"""Measures PSNR and SSIM of lite-x4 on the held-out pictures: `python -m training.lite_sr.evaluate`.

It runs the ONNX file that Triton serves, without PyTorch.

PSNR and SSIM are computed on luma (BT.601 weights on nonlinear RGB, 0..255) without 4 pixels on each side, as
usual in papers on this task. SSIM is that of Wang et al., 2004: a Gaussian window of sigma 1.5, K1 0.01 and
K2 0.03. Bicubic (Keys, a = -0.5) and Lanczos (a = 3) are Pillow's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnxruntime
from PIL import Image
from skimage.metrics import structural_similarity

from export_onnx.upscaling.rgb_planes import upscaled
from orchestrator.errors import WorkerError
from orchestrator.settings import PROJECT_ROOT
from training.lite_sr.degradation import CLEAN, SCALE, STREAM, VIDEO, Degradation, degrade
from training.lite_sr.pictures import HELD_OUT, Picture, Pixels, load

MODEL = PROJECT_ROOT / "model_repository" / "lite-x4" / "1" / "model.onnx"
CONDITIONS = {"clean": CLEAN, "video": VIDEO, "stream": STREAM}

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601-7, section 2.5.1
_BORDER_PX = 4
_SEED = 2024

Upscaler = Callable[[Pixels], Pixels]
"""From uint8 [H, W, 3] RGB to uint8 [4H, 4W, 3] RGB."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How close an upscaled picture is to the original.

    Attributes:
        psnr_db: PSNR of luma.
        ssim: SSIM of luma, up to 1.
    """

    psnr_db: float
    ssim: float


def open_model(path: Path, name: str) -> Any:
    """Open an exported model in onnxruntime.

    Raises:
        click.ClickException: there is no such file.
    """
    if not path.is_file():
        raise click.ClickException(f"{path} does not exist: build it with `framewright models build {name}`")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def onnx_upscaler(model: Path) -> Upscaler:
    """Open an exported model; pictures go through it as planes of 16 bits."""
    session = open_model(model, "lite-x4")

    def upscale(picture: Pixels) -> Pixels:
        return np.asarray(upscaled(session, picture[None])[0], np.uint8)

    return upscale


def pillow_upscaler(resampling: Image.Resampling) -> Upscaler:
    """Return an upscaler with one of Pillow's filters."""

    def upscale(picture: Pixels) -> Pixels:
        size = (picture.shape[1] * SCALE, picture.shape[0] * SCALE)
        return np.asarray(Image.fromarray(picture).resize(size, resampling), np.uint8)

    return upscale


def score(picture: Pixels, original: Pixels) -> Score:
    """Compare two pictures of the same size, uint8 [H, W, 3] RGB."""
    ours, theirs = (
        (pixels @ np.array(_LUMA))[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX]
        for pixels in (picture, original)
    )
    mean_square = float(np.mean((ours - theirs) ** 2))
    return Score(
        psnr_db=float(10 * np.log10(255**2 / mean_square)) if mean_square else float("inf"),
        ssim=float(
            structural_similarity(  # type: ignore[no-untyped-call]
                ours, theirs, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        ),
    )


def held_out_pair(picture: Picture, degradation: Degradation) -> tuple[Pixels, Pixels]:
    """Return a held-out picture, degraded, and its original, cropped to sides that are multiples of 8.

    The same arguments give the same pixels in every run.

    Returns:
        uint8 [H, W, 3] and uint8 [4H, 4W, 3], RGB.

    Raises:
        InputNotFound: the package that holds the picture is not installed.
    """
    original = load(picture)
    height, width = (side // 8 * 8 for side in original.shape[:2])
    original = original[:height, :width]
    return degrade(original, degradation, np.random.default_rng(_SEED)), original


def table(upscalers: dict[str, Upscaler]) -> str:
    """Score every upscaler on every held-out picture in every condition.

    Returns:
        A Markdown table.

    Raises:
        InputNotFound: the package that holds the pictures is not installed.
    """
    lines = [
        f"| condition | picture | {' | '.join(upscalers)} |",
        "|---|---|" + "---|" * len(upscalers),
    ]
    for condition, degradation in CONDITIONS.items():
        rows = []
        for picture in HELD_OUT:
            small, original = held_out_pair(picture, degradation)
            rows.append([score(upscale(small), original) for upscale in upscalers.values()])
            lines.append(_row(condition, picture.name, rows[-1]))
        means = [
            Score(
                psnr_db=float(np.mean([one.psnr_db for one in column])),
                ssim=float(np.mean([one.ssim for one in column])),
            )
            for column in zip(*rows, strict=True)
        ]
        lines.append(_row(condition, "**mean**", means))
    return "\n".join(lines)


def _row(condition: str, name: str, scores: list[Score]) -> str:
    return (
        f"| {condition} | {name} | " + " | ".join(f"{s.psnr_db:.2f} dB, {s.ssim:.3f}" for s in scores) + " |"
    )


@click.command()
@click.option("--model-onnx", type=click.Path(path_type=Path), default=MODEL)
def main(*, model_onnx: Path) -> None:
    """Print PSNR and SSIM of bicubic, Lanczos and the exported lite model on the held-out pictures."""
    try:
        peers = {name: pillow_upscaler(Image.Resampling[name.upper()]) for name in ("bicubic", "Lanczos")}
        print(table(peers | {"lite-x4": onnx_upscaler(model_onnx)}))
    except WorkerError as exc:
        raise click.ClickException(str(exc)) from exc


if __name__ == "__main__":
    main()
