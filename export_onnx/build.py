"""Weight file -> proven ONNX model in the model repository, whatever the task.

The order is the point: the hash before the file is opened, parity before anything is installed.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import onnx

from export_onnx.catalog import CatalogDetector
from export_onnx.cpu_graph import for_cpu
from export_onnx.file_kind import check_kind
from export_onnx.repository import CPU_FILE, BuildRecord, install, staging
from export_onnx.weights import Weights, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from export_onnx.catalog import Catalog
    from export_onnx.config import Choices, ServedModel, Task


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
    task: Task = "upscale"
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


def build(
    name: str,
    weights: Weights,
    *,
    catalog: Catalog,
    given: Given,
    repository: Path,
    report: Callable[[str], None],
) -> BuildRecord:
    """Export one model, prove it and install it. The model that was there stays if any of that fails.

    Args:
        name: a model of the catalog, or a new name.
        weights: its weight file.
        catalog: what is known of it.
        given: what the person who builds says of it.
        repository: the model repository.
        report: is told each step, one line.

    Raises:
        WeightsRefused: the weights cannot be opened or are not of the network the catalog describes.
        ExportFailed: the network cannot be exported, or the graph is not the network.
        OutputRefused, DiskFull: the repository cannot be written.
    """
    prepared = _prepared(name, weights, catalog, given)
    with staging(repository, name) as folder:
        staged = folder / "model.onnx"
        report(f"{name}: exporting {prepared.description}")
        prepared.export(staged)
        report(f"{name}: proving parity with PyTorch")
        measured = prepared.prove(staged)
        header = onnx.load(str(staged))
        on_cpu = for_cpu(header)
        if on_cpu is not None:
            onnx.save(on_cpu, folder / CPU_FILE)
            prepared.prove(folder / CPU_FILE)
        record = BuildRecord(
            model=prepared.model,
            model_sha256=sha256_of(staged),
            cpu_model_sha256=None if on_cpu is None else sha256_of(folder / CPU_FILE),
            weights_file=weights.file,
            opset=header.opset_import[0].version,
            ir_version=header.ir_version,
            parity=asdict(measured),
            tools={tool: importlib.metadata.version(tool) for tool in prepared.tools},
            built=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        install(repository, folder, record)
    report(f"{name}: installed in {repository / name}; {measured.summary}")
    return record


def _prepared(name: str, weights: Weights, catalog: Catalog, given: Given) -> Prepared:
    """Only what the task needs is imported: each of spandrel and ultralytics takes seconds."""
    entry = catalog.models.get(name)
    own = entry is not None and entry.architecture == "LiteDetector"  # its weights are tensors only
    check_kind(weights, entry.task if entry is not None and not own else "upscale" if own else given.task)
    if isinstance(entry, CatalogDetector) or (entry is None and given.task == "detect"):
        from export_onnx import detector  # noqa: PLC0415

        return detector.prepare(name, weights, entry=entry, given=given)
    from export_onnx import upscaler  # noqa: PLC0415

    return upscaler.prepare(name, weights, entry=entry, catalog=catalog, given=given)
