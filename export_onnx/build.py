"""Weight file -> proven ONNX model in the model repository, whatever the task.

The order is the point: the hash before the file is opened, parity before anything is installed.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import onnx

from export_onnx.catalog import CatalogDetector
from export_onnx.cpu_graph import for_cpu
from export_onnx.repository import CPU_FILE, BuildRecord, install, staging
from export_onnx.weights import Weights, sha256_of
from export_onnx.weights_file_kind import check_kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from export_onnx.catalog import Catalog
    from export_onnx.prepared import Given, Prepared


def build(
    name: str,
    weights: Weights,
    *,
    catalog: Catalog,
    given: Given,
    repository: Path,
    on_progress: Callable[[str], None],
) -> BuildRecord:
    """Export one model, prove it and install it. The model that was there stays if any of that fails.

    Args:
        name: a model of the catalog, or a new name.
        weights: its weight file.
        catalog: what is known of it.
        given: what the person who builds says of it.
        repository: the model repository.
        on_progress: is told each step, one line.

    Raises:
        WeightsRefused: the weights cannot be opened or are not of the network the catalog describes.
        ModelBuildFailed: the network cannot be exported, or the graph is not the network.
        OutputRefused, DiskFull: the repository cannot be written.
    """
    prepared = _prepared(name, weights, catalog, given)
    with staging(repository, name) as folder:
        staged = folder / "model.onnx"
        on_progress(f"{name}: exporting {prepared.description}")
        prepared.export(staged)
        on_progress(f"{name}: proving parity with PyTorch")
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
    on_progress(f"{name}: installed in {repository / name}; {measured.summary}")
    return record


def _prepared(name: str, weights: Weights, catalog: Catalog, given: Given) -> Prepared:
    """Open the weights. Imports only what the task needs: spandrel and ultralytics take seconds each."""
    entry = catalog.models.get(name)
    if isinstance(entry, CatalogDetector) or (entry is None and given.task == "detect"):
        from export_onnx.detection import prepare as detector  # noqa: PLC0415

        tensors_only = entry is not None and entry.architecture in detector.TENSOR_FAMILIES
        check_kind(weights, "upscale" if tensors_only else "detect")
        return detector.prepare(name, weights, entry=entry, given=given)
    from export_onnx.upscaling import prepare as upscaler  # noqa: PLC0415

    check_kind(weights, "upscale")
    return upscaler.prepare(name, weights, entry=entry, catalog=catalog, given=given)
