"""Opens super-resolution weights, checks them against the catalog, and prepares their export."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from export_onnx.cpu_graph import rewrite_for_cpu
from export_onnx.model_config import UpscalerConfig, even_tiling
from export_onnx.upscaling import graph, parity, planes_graph
from export_onnx.upscaling.load_network import UpscalingNetwork, load
from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from export_onnx.catalog import Catalog
    from export_onnx.catalog_model import CatalogUpscaler
    from export_onnx.exportable_model import ModelBuildOptions
    from export_onnx.weight_file import WeightFile

# For architectures that the catalog lacks: the largest halo in the catalog, and a tile and batch to match.
UNKNOWN_HALO, UNKNOWN_TILE, UNKNOWN_BATCH = 64, 384, 2


@dataclass(frozen=True, kw_only=True)
class ExportableUpscaler:
    """An opened network that can be exported; implements `ExportableModel`."""

    model: UpscalerConfig
    network: UpscalingNetwork
    tools: tuple[str, ...] = ("torch", "spandrel", "onnx", "onnxruntime")

    @property
    def description(self) -> str:
        """The network in a few words."""
        return f"{self.model.architecture} x{self.model.scale}, {self.model.choices.precision}"

    def export(self, path: Path) -> None:
        """Write the graph. Raises ModelBuildFailed: it cannot be exported."""
        graph.export(
            self.network.exportable,
            path,
            precision=self.model.choices.precision,
            size=parity.traced_size(self.model.size_multiple),
        )

    def for_cpu(self, model: onnx.ModelProto) -> onnx.ModelProto | None:
        """Return the exported graph with a rewritten network; None if there is nothing to rewrite."""
        network = rewrite_for_cpu(planes_graph.network_of(model))
        return None if network is None else planes_graph.with_planes(network, on_cpu=True)

    def prove(self, path: Path) -> parity.Parity:
        """Compare the graph with the network. Raises ModelBuildFailed: they differ."""
        measured = parity.measure(
            self.network.reference,
            path,
            scale=self.model.scale,
            size_multiple=self.model.size_multiple,
            seed=secrets.randbits(32),
        )
        parity.check(measured, self.model.choices.precision)
        return measured


def prepare(
    name: str,
    weights: WeightFile,
    *,
    entry: CatalogUpscaler | None,
    catalog: Catalog,
    options: ModelBuildOptions,
) -> ExportableUpscaler:
    """Open the weights and describe the model that will be served.

    Args:
        name: the name of the model.
        weights: its weight file.
        entry: the catalog entry of that name; None if there is none.
        catalog: all models, for the defaults of an architecture.
        options: how to build it.

    Raises:
        WeightsRefused: the weights cannot be opened, are of another network than the catalog describes, or do
            not run in the chosen precision.
    """
    network = load(weights)
    if options.choices.precision == "fp16" and not network.supports_half:
        raise WeightsRefused(
            f"{network.architecture} does not run in half precision; build it with --precision fp32"
        )
    if entry is None:
        return ExportableUpscaler(
            model=_describe_unlisted(name, catalog, network, weights, options), network=network
        )
    _check_against(entry, network, weights)
    model = entry.served(choices=options.choices, weights_sha256=weights.sha256, licence=options.licence)
    return ExportableUpscaler(model=model, network=network)


def _check_against(entry: CatalogUpscaler, network: UpscalingNetwork, weights: WeightFile) -> None:
    """Refuse weights of another network than the catalog describes."""
    found = {
        "architecture": network.architecture,
        "scale": network.scale,
        "size_multiple": network.size_multiple,
    }
    if network.receptive_field_px is not None:
        found["halo"] = _round_up(network.receptive_field_px, network.size_multiple)
    for key, value in found.items():
        if value != (expected := getattr(entry, key)):
            raise WeightsRefused(
                f"{weights.file} has {key} {value}, where the catalog says {expected} for {entry.name}; "
                "build it under a name of its own with --name"
            )


def _describe_unlisted(
    name: str, catalog: Catalog, network: UpscalingNetwork, weights: WeightFile, options: ModelBuildOptions
) -> UpscalerConfig:
    """Describe a model that the catalog does not list; the user or its architecture determines its tiling."""
    multiple = network.size_multiple
    relatives = catalog.family(network.architecture)
    # In units of the size multiple: after a pixel-unshuffle a network sees that many times further.
    halo = max((model.halo // model.size_multiple * multiple for model in relatives), default=UNKNOWN_HALO)
    tile = min((model.tile // model.size_multiple * multiple for model in relatives), default=UNKNOWN_TILE)
    halo = options.halo or network.receptive_field_px or halo
    tiling = even_tiling(size_multiple=multiple, halo=halo, tile=options.tile or tile)
    return UpscalerConfig(
        name=name,
        architecture=network.architecture,
        scale=network.scale,
        size_multiple=tiling["size_multiple"],
        halo=tiling["halo"],
        tile=tiling["tile"],
        max_batch=min((model.max_batch for model in relatives), default=UNKNOWN_BATCH),
        weights_sha256=weights.sha256,
        weights_source="custom",
        licence=options.licence,
        choices=options.choices,
    )


def _round_up(value: int, multiple: int) -> int:
    return multiple * -(-value // multiple)
