"""Builds a model: opens its weights, exports it to ONNX, proves parity with PyTorch and installs it.

The order matters: the hash is checked before the file is opened, parity before anything is installed.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import onnx

from export_onnx.catalog_model import CatalogDetector
from export_onnx.repository import CPU_FILE, BuildRecord, install, staging
from export_onnx.weight_file import WeightFile, sha256_of
from export_onnx.weight_file_kind import check_kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from export_onnx.catalog import Catalog
    from export_onnx.exportable_model import ExportableModel, ModelBuildOptions


def build(
    name: str,
    weights: WeightFile,
    *,
    catalog: Catalog,
    options: ModelBuildOptions,
    repository: Path,
    on_progress: Callable[[str], None],
) -> BuildRecord:
    """Export one model, prove its parity and install it; if a step fails, an older model of that name stays.

    Args:
        name: a model of the catalog, or a new name.
        weights: its weight file.
        catalog: the known models.
        options: how to build it.
        repository: the model repository.
        on_progress: called with a line of text before each step.

    Raises:
        WeightsRefused: the weights cannot be opened, or belong to another network than the catalog describes.
        ModelBuildFailed: the network cannot be exported, or the graph differs from the network.
        OutputPathRefused, DiskFull: the repository cannot be written.
    """
    prepared = _prepare(name, weights, catalog, options)
    with staging(repository, name) as folder:
        staged = folder / "model.onnx"
        on_progress(f"{name}: exporting {prepared.description}")
        prepared.export(staged)
        on_progress(f"{name}: proving parity")
        measured = prepared.prove(staged)
        header = onnx.load(str(staged))
        on_cpu = prepared.for_cpu(header)
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
    on_progress(f"{name}: installed in {repository / name}; {measured.summary}")
    return record


def _prepare(name: str, weights: WeightFile, catalog: Catalog, options: ModelBuildOptions) -> ExportableModel:
    """Open the weights; imports only what the task needs, as spandrel and ultralytics take seconds each."""
    entry = catalog.models.get(name)
    if isinstance(entry, CatalogDetector) or (entry is None and options.task == "detect"):
        from export_onnx.detection import exportable_detector as detector  # noqa: PLC0415

        return detector.prepare(name, weights, entry=entry, options=options)
    from export_onnx.upscaling import exportable_upscaler as upscaler  # noqa: PLC0415

    check_kind(weights, "upscale")
    return upscaler.prepare(name, weights, entry=entry, catalog=catalog, options=options)
