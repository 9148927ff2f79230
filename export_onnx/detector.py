"""A detector's weights, ready to be built: what will be served, its export, its proof.

Does NOT know where the model goes (build.py), nor what is inside the weights (yolo.py, lite.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from export_onnx import detection_graph, detection_parity, lite, yolo
from export_onnx.catalog import IOU_THRESHOLD, NO_NMS, SCORE_THRESHOLD, CatalogDetector
from export_onnx.config import ServedDetector
from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.build import Given
    from export_onnx.detection_network import DetectionNetwork
    from export_onnx.weights import Weights

# For detectors that the catalog does not list: as ultralytics trains by default, and as the catalog's.
UNKNOWN_SIDE, UNKNOWN_BATCH = 640, 8


@dataclass(frozen=True, kw_only=True)
class Detector:
    """A network that was found fit to be built; see `build.Prepared`."""

    model: ServedDetector
    network: DetectionNetwork

    @property
    def tools(self) -> tuple[str, ...]:
        """Packages whose versions the record names."""
        return self.network.tools

    @property
    def description(self) -> str:
        """Of the network, for a person."""
        kind = "end to end" if self.network.end_to_end else "with NMS"
        return f"a detector of {len(self.model.classes)} classes, {kind}, {self.model.choices.precision}"

    def export(self, path: Path) -> None:
        """Write the graph. Raises ExportFailed: it cannot be exported."""
        onnx.save(self._graph(self.model.score_threshold), str(path))

    def prove(self, path: Path) -> detection_parity.Parity:
        """Measure the graph against the network. Raises ExportFailed: they differ."""
        installed = onnx.load(str(path))
        parity = detection_parity.measure(
            self.network,
            lambda floor: installed if floor == self.model.score_threshold else self._graph(floor),
            floors=(self.model.score_threshold, detection_parity.LOW_FLOOR),
            iou_threshold=self.model.iou_threshold,
            images=detection_parity.inputs(
                self.network.examples(), stride=self.model.size_multiple, side=self.model.side
            ),
        )
        detection_parity.require(parity, self.model.choices.precision)
        return parity

    def _graph(self, score_threshold: float) -> onnx.ModelProto:
        return detection_graph.served(
            self.network, score_threshold=score_threshold, iou_threshold=self.model.iou_threshold
        )


def prepare(name: str, weights: Weights, *, entry: CatalogDetector | None, given: Given) -> Detector:
    """Open the weights and find out what they will be served as.

    Args:
        name: of the model.
        weights: its weight file, checked against the catalog or named on purpose: opening one for ultralytics
            runs it.
        entry: what the catalog says of that name; None where it is new.
        given: what the person who builds says of it.

    Raises:
        WeightsRefused: the weights cannot be opened, or are not of the network the catalog describes.
        ExportFailed: the network cannot be exported.
    """
    own = entry is not None and entry.architecture == lite.ARCHITECTURE
    network = (lite if own else yolo).opened(weights, given.choices.precision)
    if entry is None:
        return Detector(model=_unlisted(name, network, weights, given), network=network)
    found = {
        "classes": network.classes,
        "size_multiple": network.stride,
        "end_to_end": network.end_to_end,
    }
    for key, value in found.items():
        if value != getattr(entry, key):
            raise WeightsRefused(
                f"{weights.file} has other {key.replace('_', ' ')} than the catalog says for {entry.name}; "
                "build it under a name of its own with --name and --task detect"
            )
    model = entry.served(choices=given.choices, weights_sha256=weights.sha256, licence=given.licence)
    return Detector(model=model, network=network)


def _unlisted(name: str, network: DetectionNetwork, weights: Weights, given: Given) -> ServedDetector:
    return ServedDetector(
        name=name,
        architecture="YOLO",
        size_multiple=network.stride,
        max_batch=UNKNOWN_BATCH,
        classes=network.classes,
        side=-(-UNKNOWN_SIDE // network.stride) * network.stride,
        score_threshold=SCORE_THRESHOLD,
        iou_threshold=NO_NMS if network.end_to_end else IOU_THRESHOLD,
        weights_sha256=weights.sha256,
        weights_source="custom",
        licence=given.licence,
        choices=given.choices,
    )
