"""Super-resolution weights, ready to be built: what will be served, its export, its proof.

Does NOT know where the model goes (build.py), nor what is inside the weights (super_resolution.py).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from export_onnx.config import ServedUpscaler
from export_onnx.upscaling import graph, parity
from export_onnx.upscaling.network import SuperResolution, load
from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.catalog import Catalog, CatalogUpscaler
    from export_onnx.prepared import Given
    from export_onnx.weights import Weights

# For architectures that the catalog has none of: the largest halo it has, and what goes with that.
UNKNOWN_HALO, UNKNOWN_TILE, UNKNOWN_BATCH = 64, 384, 2


@dataclass(frozen=True, kw_only=True)
class Upscaler:
    """A network that was found fit to be built; see `build.Prepared`."""

    model: ServedUpscaler
    network: SuperResolution
    tools: tuple[str, ...] = ("torch", "spandrel", "onnx", "onnxruntime")

    @property
    def description(self) -> str:
        """Of the network, for a person."""
        return f"{self.model.architecture} x{self.model.scale}, {self.model.choices.precision}"

    def export(self, path: Path) -> None:
        """Write the graph. Raises ModelBuildFailed: it cannot be exported."""
        graph.export(
            self.network.exportable,
            path,
            precision=self.model.choices.precision,
            size=parity.traced_size(self.model.size_multiple),
        )

    def prove(self, path: Path) -> parity.Parity:
        """Measure the graph against the network. Raises ModelBuildFailed: they differ."""
        measured = parity.measure(
            self.network.reference,
            path,
            scale=self.model.scale,
            size_multiple=self.model.size_multiple,
            seed=secrets.randbits(32),
        )
        parity.require(measured, self.model.choices.precision)
        return measured


def prepare(
    name: str, weights: Weights, *, entry: CatalogUpscaler | None, catalog: Catalog, given: Given
) -> Upscaler:
    """Open the weights and find out what they will be served as.

    Args:
        name: of the model.
        weights: its weight file.
        entry: what the catalog says of that name; None where it is new.
        catalog: all models, for what is usual for an architecture.
        given: what the person who builds says of it.

    Raises:
        WeightsRefused: the weights cannot be opened, are not of the network the catalog describes, or cannot
            be built as asked.
    """
    network = load(weights)
    if given.choices.precision == "fp16" and not network.supports_half:
        raise WeightsRefused(
            f"{network.architecture} does not run in half precision; build it with --precision fp32"
        )
    if entry is None:
        return Upscaler(model=_unlisted(name, catalog, network, weights, given), network=network)
    _check_against(entry, network, weights)
    model = entry.served(choices=given.choices, weights_sha256=weights.sha256, licence=given.licence)
    return Upscaler(model=model, network=network)


def _check_against(entry: CatalogUpscaler, network: SuperResolution, weights: Weights) -> None:
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
) -> ServedUpscaler:
    """A model that the catalog does not list: facts from the weights, tiling as given or its relatives'."""
    multiple = network.size_multiple
    relatives = catalog.family(network.architecture)
    # In units of the size multiple: what is behind a pixel-unshuffle sees that many times further.
    halo = max((model.halo // model.size_multiple * multiple for model in relatives), default=UNKNOWN_HALO)
    tile = min((model.tile // model.size_multiple * multiple for model in relatives), default=UNKNOWN_TILE)
    return ServedUpscaler(
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
