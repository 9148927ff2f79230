"""Builds models from weights as a user does, and makes weight files that are attacks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from export_onnx.build import build
from export_onnx.catalog import load_catalog
from export_onnx.exportable_model import ModelBuildOptions
from export_onnx.model_config import ServingOptions
from export_onnx.repository import BuildRecord
from export_onnx.upscaling.rgb_planes import upscaled
from export_onnx.weight_file import read_custom, read_official

ROOT = Path(__file__).resolve().parents[2]


def build_upscaler(
    repository: Path, weights: Path, name: str = "mine", *, halo: int | None = None, **choices: Any
) -> BuildRecord:
    options = ModelBuildOptions(choices=ServingOptions(**choices), halo=halo)
    return _build(name, weights, options, repository)


def build_official(repository: Path, name: str, weights_dir: Path, **choices: Any) -> BuildRecord:
    """Build a model of the catalog from its weight file in a folder."""
    catalog = load_catalog()
    return build(
        name,
        read_official(catalog.get(name), weights_dir),
        catalog=catalog,
        options=ModelBuildOptions(choices=ServingOptions(**choices)),
        repository=repository,
        on_progress=print,
    )


def onnx_upscaler(path: Path) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return a function that runs a built upscaler: uint8 [H, W, 3] -> [scale*H, scale*W, 3]."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def upscale(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(upscaled(session, picture[None])[0])

    return upscale


def build_detector(repository: Path, weights: Path, name: str = "mine", **choices: Any) -> BuildRecord:
    return _build(
        name, weights, ModelBuildOptions(choices=ServingOptions(**choices), task="detect"), repository
    )


def _build(name: str, weights: Path, options: ModelBuildOptions, repository: Path) -> BuildRecord:
    return build(
        name,
        read_custom(weights),
        catalog=load_catalog(),
        options=options,
        repository=repository,
        on_progress=print,
    )


def framewright_models(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `framewright models` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "export_onnx", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class MaliciousPickle:
    """Makes a folder when it is unpickled carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, (str(self.path),))
