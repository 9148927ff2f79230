"""Defines the options of a build, and the interface of an opened model that can be exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from export_onnx.model_config import ModelConfig, ModelTask, ServingOptions


@dataclass(frozen=True, kw_only=True)
class ModelBuildOptions:
    """How to build a model; all but `choices` describe weights that are not in the catalog.

    Attributes:
        choices: the choices that config.pbtxt depends on.
        licence: SPDX identifier of the weights' licence.
        task: the task of the model.
        halo: input pixels that a tile needs on each side; None for a default.
        tile: side of a tile in input pixels, without halo; None for a default.
    """

    choices: ServingOptions
    licence: str = "unknown"
    task: ModelTask = "upscale"
    halo: int | None = None
    tile: int | None = None


class ExportableModel(Protocol):
    """An opened model of any task, ready to be exported.

    Attributes:
        tools: packages whose versions the build record names.
        model: the content of its config.pbtxt.
        description: the network in a few words, for a progress line.
    """

    @property
    def tools(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def model(self) -> ModelConfig: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102

    def export(self, path: Path) -> None:
        """Write the graph that Triton serves. Raises ModelBuildFailed: it cannot be exported."""

    def for_cpu(self, model: onnx.ModelProto) -> onnx.ModelProto | None:
        """Return the exported graph in operators that are fast on a CPU; None if it gains nothing."""

    def prove(self, path: Path) -> Any:
        """Compare the graph with the network; return a record with a `summary`. Raises ModelBuildFailed."""
