"""Checks a model from its weight file to its config.pbtxt, without PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from export_onnx.repository import CPU_FILE, model_path, read_record
from export_onnx.triton_config import render
from export_onnx.weight_file import how_to_get, mismatch_message, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.catalog_model import CatalogModel
    from export_onnx.repository import BuildRecord


def problems(name: str, entry: CatalogModel | None, *, weights_dir: Path, repository: Path) -> list[str]:
    """Return the problems of a model, one line each with its remedy; empty if there are none.

    The catalog's weight file may be missing if the model was built from other weights.

    Args:
        name: the name of the model.
        entry: its catalog entry; None if it has none.
        weights_dir: the folder of downloaded weight files.
        repository: the model repository.
    """
    record = read_record(repository, name)
    found: list[str] = []
    if entry is not None:
        found += _weights(
            entry, weights_dir, needed=record is None or record.model.weights_source == "catalog"
        )
    if record is None:
        if model_path(repository, name).exists():
            found.append(f"its build record is missing or damaged; {_rebuild(name, entry)}")
        elif entry is None:
            found.append(f"there is no such model in {repository}; {_rebuild(name, entry)}")
        return found
    return found + _built(record, entry, repository)


def _weights(entry: CatalogModel, weights_dir: Path, *, needed: bool) -> list[str]:
    path, sha256, _ = entry.present(weights_dir)
    try:
        actual = sha256_of(path)
    except FileNotFoundError:
        return [f"its weight file {path} is missing; {how_to_get(entry)}"] if needed else []
    except OSError as exc:
        return [f"its weight file {path} cannot be read: {exc.strerror}; {how_to_get(entry)}"]
    return [] if actual == sha256 else [mismatch_message(entry, path, actual)]


def _built(record: BuildRecord, entry: CatalogModel | None, repository: Path) -> list[str]:
    built = record.model
    name = built.name
    found = []
    path = model_path(repository, name)
    files = {path: record.model_sha256}
    if record.cpu_model_sha256 is not None:
        files[path.with_name(CPU_FILE)] = record.cpu_model_sha256
    for file, sha256 in files.items():
        try:
            if sha256_of(file) != sha256:
                found.append(f"{file} is not the file that was built; {_rebuild(name, entry)}")
        except OSError as exc:
            found.append(f"{file} cannot be read: {exc.strerror}; {_rebuild(name, entry)}")
    config = repository / name / "config.pbtxt"
    try:
        text = config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    expected = built
    if entry is not None:
        expected = entry.served(
            choices=built.choices, weights_sha256=built.weights_sha256, licence=built.licence
        )
    if expected.weights_source != built.weights_source:
        found.append(f"it was built from weights that the catalog no longer names; {_rebuild(name, entry)}")
    elif text != render(expected):
        found.append(f"{config} is not what the catalog and the build say; {_rebuild(name, entry)}")
    return found


def _rebuild(name: str, entry: CatalogModel | None) -> str:
    if entry is None:
        return f"run `framewright models build --weights FILE --name {name}`"
    return f"run `framewright models build {name}`"
