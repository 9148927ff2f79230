"""Weight file -> proven ONNX model in the model repository.

The order is the point: the hash before the file is opened, parity before anything is installed.
"""

from __future__ import annotations

import importlib.metadata
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import onnx

from export_onnx import graph, parity
from export_onnx.config import Choices, ServedModel
from export_onnx.repository import BuildRecord, install, staging
from export_onnx.super_resolution import SuperResolution, load
from export_onnx.weights import Weights, sha256_of
from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from export_onnx.catalog import Catalog, CatalogModel

TOOLS = ("torch", "spandrel", "onnx", "onnxruntime")


# For architectures that the catalog has none of: the largest halo it has, and what goes with that.
UNKNOWN_HALO, UNKNOWN_TILE, UNKNOWN_BATCH = 64, 384, 2


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the person who builds a model says of it.

    Attributes:
        choices: of the build.
        licence: SPDX identifier of the weights' licence, where they are not the catalog's.
        halo: input pixels a tile needs on each side, for a model that is not in the catalog; None to choose.
        tile: side of its tiles in input pixels, without halo; None to choose.
    """

    choices: Choices
    licence: str = "unknown"
    halo: int | None = None
    tile: int | None = None


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
    network, precision = load(weights), given.choices.precision
    entry = catalog.models.get(name)
    if entry is not None:
        _check_against(entry, network, weights)
        model = entry.served(choices=given.choices, weights_sha256=weights.sha256, licence=given.licence)
    else:
        model = _unlisted(name, catalog, network, weights, given)
    if precision == "fp16" and not network.supports_half:
        raise WeightsRefused(
            f"{network.architecture} does not run in half precision; build it with --precision fp32"
        )
    with staging(repository, name) as folder:
        staged = folder / "model.onnx"
        report(f"{name}: exporting {network.architecture} x{network.scale}, {precision}")
        graph.export(
            network.exportable,
            staged,
            precision=precision,
            size=parity.traced_size(network.size_multiple),
        )
        report(f"{name}: proving parity with PyTorch")
        measured = parity.measure(
            network.reference,
            staged,
            scale=network.scale,
            size_multiple=network.size_multiple,
            seed=secrets.randbits(32),
        )
        parity.require(measured, precision)
        header = onnx.load(str(staged), load_external_data=False)
        record = BuildRecord(
            model=model,
            model_sha256=sha256_of(staged),
            weights_file=weights.file,
            opset=header.opset_import[0].version,
            ir_version=header.ir_version,
            parity=asdict(measured),
            tools={tool: importlib.metadata.version(tool) for tool in TOOLS},
            built=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        install(repository, folder, record)
    return record


def _check_against(entry: CatalogModel, network: SuperResolution, weights: Weights) -> None:
    """Refuse weights of another network than the catalog describes."""
    found = {
        "architecture": network.architecture,
        "scale": network.scale,
        "size_multiple": network.size_multiple,
    }
    if network.receptive_field_px is not None:
        found["halo"] = _rounded_up(network.receptive_field_px, network.size_multiple)
    for key, value in found.items():
        if value != (expected := getattr(entry, key)):
            raise WeightsRefused(
                f"{weights.file} has {key} {value}, where the catalog says {expected} for {entry.name}; "
                "build it under a name of its own with --name"
            )


def _unlisted(
    name: str, catalog: Catalog, network: SuperResolution, weights: Weights, given: Given
) -> ServedModel:
    """A model that the catalog does not list: facts from the weights, tiling as given or its relatives'."""
    multiple = network.size_multiple
    relatives = catalog.family(network.architecture)
    # In units of the size multiple: what is behind a pixel-unshuffle sees that many times further.
    halo = max((model.halo // model.size_multiple * multiple for model in relatives), default=UNKNOWN_HALO)
    tile = min((model.tile // model.size_multiple * multiple for model in relatives), default=UNKNOWN_TILE)
    return ServedModel(
        name=name,
        architecture=network.architecture,
        scale=network.scale,
        size_multiple=multiple,
        halo=_rounded_up(given.halo or network.receptive_field_px or halo, multiple),
        tile=_rounded_up(given.tile or tile, multiple),
        max_batch=min((model.max_batch for model in relatives), default=UNKNOWN_BATCH),
        weights_sha256=weights.sha256,
        weights_source="custom",
        licence=given.licence,
        choices=given.choices,
    )


def _rounded_up(value: int, multiple: int) -> int:
    return multiple * -(-value // multiple)
