"""A detector's weights, ready to be built: what will be served, its export, its proof.

Does NOT know where the model goes (build.py), nor what is inside the weights (yolo.py, lite.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import onnx

from export_onnx.catalog import IOU_THRESHOLD, NO_NMS, SCORE_THRESHOLD, CatalogDetector
from export_onnx.config import ServedDetector
from export_onnx.detection import graph as detection_graph
from export_onnx.detection import lite, yolo
from export_onnx.detection import parity as detection_parity
from orchestrator.errors import BadRequest, WeightsRefused

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.detection.network import DetectionNetwork
    from export_onnx.prepared import Given
    from export_onnx.weights import Weights

# For detectors that the catalog does not list: as ultralytics trains by default, and as the catalog's.
UNKNOWN_SIDE, UNKNOWN_BATCH = 640, 8

TENSOR_FAMILIES = {lite.ARCHITECTURE: lite.opened}
"""The detector families whose weights are tensors only, by the catalog's `architecture`, and what opens them.
ultralytics opens all others, and runs the code in their weights."""

LARGEST_SIDE = 4096
"""Longest side of a detector's pictures, in pixels: the longest that a track job may ask for."""

LONGEST_NAME = 200
"""Characters of a class name at most: as many as a track job may name, which a test compares."""

NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that a track job may not name: control characters, separators of lines, halves of characters."""


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
        return (
            f"a detector of {len(self.model.classes)} classes in pictures of {self.model.side} px, {kind}, "
            f"{self.model.choices.precision}"
        )

    def export(self, path: Path) -> None:
        """Write the graph. Raises ModelBuildFailed: it cannot be exported."""
        onnx.save(self._graph(self.model.score_threshold), str(path))

    def prove(self, path: Path) -> detection_parity.Parity:
        """Measure the graph against the network. Raises ModelBuildFailed: they differ."""
        installed = onnx.load(str(path))
        parity = detection_parity.measure(
            self.network,
            lambda floor: installed if floor == self.model.score_threshold else self._graph(floor),
            floors=(self.model.score_threshold, detection_parity.LOW_FLOOR),
            iou_threshold=self.model.iou_threshold,
            max_detections=self.model.max_detections,
            images=detection_parity.inputs(
                self.network.examples(), stride=self.model.size_multiple, side=self.model.side
            ),
        )
        detection_parity.require(parity, self.model.choices.precision)
        return parity

    def _graph(self, score_threshold: float) -> onnx.ModelProto:
        return detection_graph.served(
            self.network,
            score_threshold=score_threshold,
            iou_threshold=self.model.iou_threshold,
            max_detections=self.model.max_detections,
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
        BadRequest: the side that was chosen is not a multiple of the network's stride.
        WeightsRefused: the weights cannot be opened, are not of the network the catalog describes, have a
            class that cannot be named, or say no size of pictures that can be.
        ModelBuildFailed: the network cannot be exported.
    """
    choices = given.choices
    network: DetectionNetwork
    if entry is not None and entry.architecture in TENSOR_FAMILIES:
        network = TENSOR_FAMILIES[entry.architecture](weights, choices.precision)
    else:
        network = yolo.opened(weights, choices.precision, max_detections=choices.max_detections)
    check_classes(network.classes, weights.file)
    side = side_of(network, weights.file, chosen=choices.side)
    if entry is None:
        return Detector(model=_unlisted(name, network, weights, given, side), network=network)
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
    if choices.side is None and network.imgsz is not None and side != entry.side:
        choices = replace(choices, side=side)  # the catalog knows that of its own weights only
    model = entry.served(choices=choices, weights_sha256=weights.sha256, licence=given.licence)
    return Detector(model=model, network=network)


def side_of(network: DetectionNetwork, file: str, *, chosen: int | None) -> int:
    """The longer side of the pictures that a network is given, in pixels: a multiple of its stride.

    A detector knows things by their size in pixels, so it is given pictures of the size it was trained on. As
    ultralytics does, the longer of two sides is taken, and rounded up to the stride.

    Args:
        network: that was opened.
        file: name of the weight file.
        chosen: what the person who builds wants; None to take what the weights say.

    Raises:
        BadRequest: the side that was chosen is not a multiple of the stride.
        WeightsRefused: what the weights say is no size of pictures.
    """
    stride = network.stride
    if chosen is not None:
        if chosen % stride:
            lower = chosen // stride * stride
            near = f"{lower} or {lower + stride}" if lower else f"{stride}"
            raise BadRequest(f"--side {chosen} is not a multiple of this network's {stride}; give {near}")
        return chosen
    told = UNKNOWN_SIDE if network.imgsz is None else network.imgsz
    sides = tuple(told) if isinstance(told, (list, tuple)) else (told,)
    if not 1 <= len(sides) <= 2 or not all(type(px) is int and 0 < px <= LARGEST_SIDE for px in sides):
        raise WeightsRefused(
            f"{file} says that it was trained on pictures of imgsz={str(told)[:80]!r}, which is no size from "
            f"1 to {LARGEST_SIDE} pixels; say it with --side"
        )
    longer: int = max(sides)
    return -(-longer // stride) * stride


def check_classes(names: tuple[str, ...], file: str) -> None:
    """Refuse classes that nobody could ask for, or that would spoil a line of text.

    Two classes may have one name: who asks for it gets both.

    Raises:
        WeightsRefused: a class has no name, one that is too long, or one with a character that is not text.
    """
    for number, name in enumerate(names):
        if not name.strip():
            problem = "has no name"
        elif len(name) > LONGEST_NAME:
            problem = f"has a name of {len(name)} characters, and {LONGEST_NAME} are the most"
        elif NO_TEXT.search(name):
            problem = f"is named {name!r}, with a character that cannot be printed"
        else:
            continue
        raise WeightsRefused(
            f"class {number} of {file} {problem}; name it, as in `model = YOLO({file!r}); "
            f"model.model.names[{number}] = 'car'; model.save('named.pt')`, and build from the new file"
        )


def _unlisted(
    name: str, network: DetectionNetwork, weights: Weights, given: Given, side: int
) -> ServedDetector:
    return ServedDetector(
        name=name,
        architecture="YOLO",
        size_multiple=network.stride,
        max_batch=UNKNOWN_BATCH,
        classes=network.classes,
        side=side,
        score_threshold=SCORE_THRESHOLD,
        iou_threshold=NO_NMS if network.end_to_end else IOU_THRESHOLD,
        weights_sha256=weights.sha256,
        weights_source="custom",
        licence=given.licence,
        choices=given.choices,
    )
