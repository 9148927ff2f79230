"""The models Framewright knows: `weights/catalog.toml` as frozen data.

Does NOT know whether a model is fetched or built, nor what is inside a weight file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from export_onnx.config import Choices, ServedModel
from orchestrator.errors import ExportFailed, UnknownModel
from orchestrator.settings import PROJECT_ROOT

CATALOG = PROJECT_ROOT / "weights" / "catalog.toml"


@dataclass(frozen=True, kw_only=True)
class CatalogModel:
    """One super-resolution model and its official weight file.

    Attributes:
        name: in the catalog, in the model repository and on the server.
        file: name of the weight file.
        url: where it is published; None when the file is carried beside the catalog.
        bytes: its exact length; None where no publisher tells it.
        sha256: its hash, 64 lowercase hexadecimal digits.
        licence: SPDX identifier of the weights' licence.
        source: who published the weights.
        good_for: what to use it for, for a person.
        architecture: spandrel's identifier of the network.
        scale: output size over input size.
        size_multiple: input height and width must be multiples of it.
        halo: input pixels a tile needs on each side; a multiple of size_multiple.
        tile: recommended side of a tile in input pixels, without halo; a multiple of size_multiple.
        max_batch: tiles that Triton may join in one run.
    """

    name: str
    file: str
    url: str | None = None
    bytes: int | None = None
    sha256: str
    licence: str
    source: str
    good_for: str
    architecture: str
    scale: int
    size_multiple: int
    halo: int
    tile: int
    max_batch: int

    def served(
        self, *, choices: Choices, weights_sha256: str | None = None, licence: str = "unknown"
    ) -> ServedModel:
        """What the config.pbtxt says of this model once it is built.

        Args:
            choices: of the build.
            weights_sha256: hash of the weights it is built from; None for the catalog's own.
            licence: of the weights, where they are not the catalog's own.
        """
        official = weights_sha256 in {None, self.sha256}
        return ServedModel(
            name=self.name,
            architecture=self.architecture,
            scale=self.scale,
            size_multiple=self.size_multiple,
            halo=self.halo,
            tile=self.tile,
            max_batch=self.max_batch,
            weights_sha256=weights_sha256 or self.sha256,
            weights_source="catalog" if official else "custom",
            licence=self.licence if official else licence,
            choices=choices,
        )

    def path(self, weights_dir: Path) -> Path:
        """Where the weight file belongs: in `weights_dir`, or beside the catalog when it is carried."""
        return (weights_dir if self.url else CATALOG.parent) / self.file


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All models, by name, in the order of the file."""

    models: dict[str, CatalogModel]

    def get(self, name: str) -> CatalogModel:
        """The model of that name.

        Raises:
            UnknownModel: there is none; the message names the nearest one.
        """
        if name in self.models:
            return self.models[name]
        near = difflib.get_close_matches(name, self.models, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "see `framewright models list`"
        raise UnknownModel(f"no model {name!r} in the catalog; {hint}")

    def family(self, architecture: str) -> tuple[CatalogModel, ...]:
        """The models of one architecture, in catalog order; empty for one the catalog does not have."""
        return tuple(model for model in self.models.values() if model.architecture == architecture)


def load_catalog(path: Path = CATALOG) -> Catalog:
    """Read and check a catalog.

    Raises:
        ExportFailed: the file is missing, not TOML, or an entry has a missing, unknown or impossible value.
    """
    try:
        with path.open("rb") as file:
            entries = tomllib.load(file)
    except OSError as exc:
        raise ExportFailed(
            f"cannot read the catalog {path}: {exc.strerror}; restore it from the repository"
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ExportFailed(f"{path} is not TOML: {exc}; correct it") from exc
    return Catalog(models={name: _model(path, name, entry) for name, entry in entries.items()})


def _model(path: Path, name: str, entry: Any) -> CatalogModel:
    try:
        _check_types(entry)
        model = CatalogModel(name=name, **entry)
        _check_values(model)
    except (TypeError, ValueError) as exc:
        raise ExportFailed(f"{path}: [{name}] {exc}; correct it") from exc
    return model


def _check_types(entry: Any) -> None:
    if not isinstance(entry, dict):
        raise TypeError("is not a table")
    known = {field.name: field for field in fields(CatalogModel) if field.name != "name"}
    if unknown := sorted(entry.keys() - known.keys()):
        raise ValueError(f"has an unknown key {unknown[0]!r}")
    for key, field in known.items():
        if key not in entry:
            if field.default is MISSING:
                raise ValueError(f"has no {key!r}")
        elif "int" in str(field.type):
            if type(entry[key]) is not int or entry[key] < 1:
                raise ValueError(f"has {key} = {entry[key]!r}, which is not a positive integer")
        elif not isinstance(entry[key], str) or not entry[key]:
            raise ValueError(f"has {key} = {entry[key]!r}, which is not a text")


def _check_values(model: CatalogModel) -> None:
    if not re.fullmatch(r"[0-9a-f]{64}", model.sha256):
        raise ValueError("has a sha256 that is not 64 lowercase hexadecimal digits")
    if model.url is not None and not model.url.startswith("https://"):
        raise ValueError("has a url that is not https")
    if Path(model.file).name != model.file:
        raise ValueError("has a file that is not a plain file name")
    if model.halo % model.size_multiple or model.tile % model.size_multiple:
        raise ValueError("has a halo or tile that is not a multiple of size_multiple")
