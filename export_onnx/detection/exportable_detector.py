"""Opens the weights of a detector, checks them against the catalog, and prepares its export."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import onnx
import onnxruntime

from export_onnx.catalog_model import IOU_THRESHOLD, NO_NMS, SCORE_THRESHOLD, CatalogDetector
from export_onnx.cpu_graph import rewrite_for_cpu
from export_onnx.detection import centerface, tensor_families, yolo
from export_onnx.detection import graph as detection_graph
from export_onnx.detection import parity as detection_parity
from export_onnx.model_config import DetectorConfig
from export_onnx.weight_file_kind import check_kind
from orchestrator.errors import BadRequest, ModelBuildFailed, WeightsRefused

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.detection.opened_detector import OpenedDetector
    from export_onnx.exportable_model import ModelBuildOptions
    from export_onnx.weight_file import WeightFile

# For detectors that the catalog does not list: ultralytics' default size, and the batch of the catalog's.
UNKNOWN_SIDE, UNKNOWN_BATCH = 640, 8

ONNX_FAMILIES = {centerface.ARCHITECTURE: centerface.open_weights}
"""How to open the families whose weights are an ONNX file, which holds no code. tensor_families.py lists
those whose weights are tensors; ultralytics opens all others, and runs the code in their weights."""

ACCELERATOR_PROVIDERS = {
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"),
}
"""What ONNX Runtime computes a transformer with, by the accelerator that it is built for."""

LARGEST_SIDE = 4096
"""The longest side of a detector's pictures in pixels, as for a track job."""

LONGEST_NAME = 200
"""The longest name of a class in characters, as for a track job; a test compares them."""

NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that a class of a track job cannot have: controls, line separators, lone surrogates."""


@dataclass(frozen=True, kw_only=True)
class ExportableDetector:
    """An opened detector that can be exported; implements `ExportableModel`."""

    model: DetectorConfig
    network: OpenedDetector

    @property
    def tools(self) -> tuple[str, ...]:
        """The packages that took part, for the build record."""
        return self.network.tools

    @property
    def description(self) -> str:
        """The network in a few words."""
        kind = "end to end" if self.network.end_to_end else "with NMS"
        return (
            f"a detector of {len(self.model.classes)} classes in pictures of {self.model.side} px, {kind}, "
            f"{self.model.choices.precision}"
        )

    def export(self, path: Path) -> None:
        """Write the graph. Raises ModelBuildFailed: it cannot be exported."""
        onnx.save(self._graph(self.model.score_threshold), str(path))

    def for_cpu(self, model: onnx.ModelProto) -> onnx.ModelProto | None:
        """Return the exported graph in operators that are fast on a CPU; None if it gains nothing."""
        return rewrite_for_cpu(model)

    def prove(self, path: Path) -> detection_parity.Parity:
        """Compare the graph with the network. Raises ModelBuildFailed: they differ."""
        installed = onnx.load(str(path))
        providers: tuple[str, ...] = ("CPUExecutionProvider",)
        if self.network.square_side and self.model.choices.accelerator != "none":
            providers = ACCELERATOR_PROVIDERS[self.model.choices.accelerator]
            _check_provider(providers[0], self.model.choices.accelerator)
        parity = detection_parity.measure(
            self.network,
            lambda floor: installed if floor == self.model.score_threshold else self._graph(floor),
            floors=(self.model.score_threshold, detection_parity.LOW_FLOOR),
            iou_threshold=self.model.iou_threshold,
            max_detections=self.model.max_detections,
            images=detection_parity.make_inputs(
                self.network.examples(),
                stride=self.model.size_multiple,
                side=self.model.side,
                is_square=bool(self.network.square_side),
            ),
            providers=providers,
        )
        detection_parity.check(parity, self.model.choices.precision)
        return parity

    def _graph(self, score_threshold: float) -> onnx.ModelProto:
        return detection_graph.build_graph(
            self.network,
            score_threshold=score_threshold,
            iou_threshold=self.model.iou_threshold,
            max_detections=self.model.max_detections,
        )


def _check_provider(provider: str, accelerator: str) -> None:
    """Refuse to build a transformer for a GPU that it cannot be proved on.

    Raises:
        ModelBuildFailed: the ONNX Runtime here has no such provider.
    """
    if provider not in onnxruntime.get_available_providers():
        raise ModelBuildFailed(
            f"a detection transformer for {accelerator} is proved on a GPU before it is installed, and the "
            f"ONNX Runtime of this machine has no {provider}; build it on a machine with a GPU and "
            "onnxruntime-gpu, or leave --accelerator out"
        )


def prepare(
    name: str, weights: WeightFile, *, entry: CatalogDetector | None, options: ModelBuildOptions
) -> ExportableDetector:
    """Open the weights and describe the model that will be served.

    Args:
        name: the name of the model.
        weights: its weight file, verified, or named by the user: ultralytics runs the code in it.
        entry: the catalog entry of that name; None if there is none.
        options: how to build it.

    Raises:
        BadRequest: the chosen side is not a multiple of the network's stride.
        WeightsRefused: the weights cannot be opened, are of another network than the catalog describes, have
            a class without a usable name, or an impossible picture size.
        ModelBuildFailed: the network cannot be exported.
    """
    choices = options.choices
    network: OpenedDetector
    family = tensor_families.family_of(weights, entry)
    if entry is not None and entry.architecture in ONNX_FAMILIES:
        network = ONNX_FAMILIES[entry.architecture](weights, choices.precision)
    elif family is not None:
        check_kind(weights, "upscale", harmless=family.harmless_classes)
        network = family.open_weights(weights, choices.precision, choices.max_detections)
    else:
        check_kind(weights, "detect")
        network = yolo.open_weights(weights, choices.precision, max_detections=choices.max_detections)
    check_classes(network.classes, weights.file)
    side = side_of(network, weights.file, chosen=choices.side)
    if entry is None:
        architecture = "YOLO" if family is None else family.architecture
        return ExportableDetector(
            model=_describe_unlisted(name, network, weights, options, architecture=architecture, side=side),
            network=network,
        )
    found = {
        "classes": network.classes,
        "size_multiple": network.stride,
        "end_to_end": network.end_to_end,
        "stretched": bool(network.square_side),
    }
    for key, value in found.items():
        if value != getattr(entry, key):
            raise WeightsRefused(
                f"{weights.file} has other {key.replace('_', ' ')} than the catalog says for {entry.name}; "
                "build it under a name of its own with --name and --task detect"
            )
    stated = network.published_as
    if stated not in {None, entry.name} and not entry.has_hash(weights.sha256):
        raise WeightsRefused(
            f"{weights.file} is a network of {stated}, not of {entry.name}; build it under that name, or "
            "under one of its own with --name and --task detect"
        )
    if choices.side is None and network.imgsz is not None and side != entry.side:
        choices = replace(choices, side=side)  # the catalog's side holds for its own weights only
    model = entry.served(choices=choices, weights_sha256=weights.sha256, licence=options.licence)
    return ExportableDetector(model=model, network=network)


def side_of(network: OpenedDetector, file: str, *, chosen: int | None) -> int:
    """Return the longer side of a network's input pictures in pixels, a multiple of its stride.

    A detector recognises objects at the sizes of its training, so its input has the size of its training
    pictures: the longer of two sides, rounded up to the stride, as in ultralytics.

    Args:
        network: the opened detector.
        file: the name of the weight file.
        chosen: the side that the user chose; None to use the size in the weights.

    Raises:
        BadRequest: the chosen side is not a multiple of the stride, or not the only one of the network.
        WeightsRefused: the weights name an impossible picture size.
    """
    stride = network.stride
    if network.square_side is not None:
        if chosen not in {None, network.square_side}:
            raise BadRequest(
                f"--side {chosen} is not the size of this network, which takes {network.square_side} only; "
                "drop it"
            )
        return network.square_side
    if chosen is not None:
        if chosen % stride:
            lower = chosen // stride * stride
            near = f"{lower} or {lower + stride}" if lower else f"{stride}"
            raise BadRequest(f"--side {chosen} is not a multiple of this network's {stride}; give {near}")
        return chosen
    imgsz = UNKNOWN_SIDE if network.imgsz is None else network.imgsz
    sides = tuple(imgsz) if isinstance(imgsz, (list, tuple)) else (imgsz,)
    if not 1 <= len(sides) <= 2 or not all(type(px) is int and 0 < px <= LARGEST_SIDE for px in sides):
        raise WeightsRefused(
            f"{file} says that it was trained on pictures of imgsz={str(imgsz)[:80]!r}, which is no size "
            f"from 1 to {LARGEST_SIDE} pixels; say it with --side"
        )
    longer: int = max(sides)
    return -(-longer // stride) * stride


def check_classes(names: tuple[str, ...], file: str) -> None:
    """Refuse classes that a job could not name, or that would break a line of text.

    Two classes may share a name: a job that names it gets both.

    Raises:
        WeightsRefused: a class has no name, a name that is too long, or one with a character that is not
            text.
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


def _describe_unlisted(
    name: str,
    network: OpenedDetector,
    weights: WeightFile,
    options: ModelBuildOptions,
    *,
    architecture: str,
    side: int,
) -> DetectorConfig:
    return DetectorConfig(
        name=name,
        architecture=architecture,
        size_multiple=network.stride,
        max_batch=UNKNOWN_BATCH,
        classes=network.classes,
        side=side,
        score_threshold=SCORE_THRESHOLD,
        iou_threshold=NO_NMS if network.end_to_end else IOU_THRESHOLD,
        fit="stretch" if network.square_side else "letterbox",
        weights_sha256=weights.sha256,
        weights_source="custom",
        licence=options.licence,
        choices=options.choices,
    )
