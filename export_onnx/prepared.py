"""What a task brings to a build: the options of the build, and weights that are ready to be exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.config import Choices, ModelTask, ServedModel


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the person who builds a model says of it.

    Attributes:
        choices: of the build.
        licence: SPDX identifier of the weights' licence, where they are not the catalog's.
        task: of a model that is not in the catalog.
        halo: input pixels a tile needs on each side, for a model that is not in the catalog; None to choose.
        tile: side of its tiles in input pixels, without halo; None to choose.
    """

    choices: Choices
    licence: str = "unknown"
    task: ModelTask = "upscale"
    halo: int | None = None
    tile: int | None = None


class Prepared(Protocol):
    """Weights that were opened and found fit: what a task brings to a build.

    Attributes:
        tools: packages whose versions the record names.
        model: what will be served.
        description: of the network, for a person.
    """

    @property
    def tools(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def model(self) -> ServedModel: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102

    def export(self, path: Path) -> None:
        """Write the graph that Triton serves. Raises ExportFailed: it cannot be exported."""

    def prove(self, path: Path) -> Any:
        """Measure the graph against the network: a dataclass with a `summary`. Raises ExportFailed."""
