"""Opens the weights of the project's own detector, exports its network, and runs it in PyTorch.

The weights are tensors only. NMS is implemented here in NumPy, box by box, as the reference for the graph.
"""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnx
import torch

from export_onnx.detection.yolo import OPSET, RAW_INPUT, RAW_OUTPUT
from export_onnx.tensor_names import MAX_DETECTIONS, Precision
from export_onnx.upscaling.parity import PHOTO
from orchestrator.errors import ModelBuildFailed, WeightsRefused
from training.lite_detector.net import MULTIPLE_PX, LiteDetector, RawDetector
from training.lite_detector.scenes import CLASSES, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export_onnx.weight_file import WeightFile

ARCHITECTURE = "LiteDetector"

_EXAMPLES = 4
_TRACED_PX = (64, 96)


@dataclass(frozen=True, kw_only=True)
class OpenedLiteDetector:
    """An opened lite detector; implements `OpenedDetector`."""

    raw: onnx.ModelProto
    _network: LiteDetector
    classes: tuple[str, ...] = CLASSES
    stride: int = MULTIPLE_PX
    square_side: None = None
    imgsz: None = None
    published_as: None = None
    end_to_end: bool = False
    tools: tuple[str, ...] = ("torch", "onnx", "onnxruntime")

    def predict(  # noqa: D102  described in the protocol
        self,
        images: NDArray[np.uint8],
        *,
        score_threshold: float,
        iou_threshold: float,
        max_detections: int = MAX_DETECTIONS,
    ) -> list[NDArray[np.float32]]:
        scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            logits, boxes = self._network(scaled)
        limits = np.array([images.shape[2], images.shape[1]] * 2, np.float32)
        found = []
        for scores, corners in zip(
            logits.sigmoid().flatten(2).numpy(), boxes.flatten(2).numpy(), strict=True
        ):
            best = scores.max(axis=0)
            rows = np.vstack([corners, best, scores.argmax(axis=0)]).T[best > score_threshold]
            kept = suppress_overlaps(rows, iou_threshold)[:max_detections]
            kept[:, :4] = np.clip(kept[:, :4], 0, limits)
            found.append(np.asarray(kept, np.float32))
        return found

    def examples(self) -> Sequence[NDArray[np.uint8]]:
        """Return the same few scenes, over a photograph that the network was not trained on."""
        photograph = cv2.imread(str(PHOTO), cv2.IMREAD_COLOR_RGB)
        if photograph is None:
            raise ModelBuildFailed(f"{PHOTO} cannot be read; restore it from the repository")
        background = np.asarray(photograph, np.uint8)
        return [draw([background], np.random.default_rng(seed)).picture for seed in range(_EXAMPLES)]


def suppress_overlaps(rows: NDArray[np.float32], iou_threshold: float) -> NDArray[np.float32]:
    """Remove boxes that overlap a better one of their class with an IoU above `iou_threshold`.

    Args:
        rows: float32 [n, 6]: x1, y1, x2, y2, score, class.
        iou_threshold: 0..1.

    Returns:
        float32 [m, 6], highest score first.
    """
    waiting = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        sides = np.minimum(best[2:4], waiting[:, 2:4]) - np.maximum(best[:2], waiting[:, :2])
        common = sides.clip(min=0).prod(axis=1)
        areas = (waiting[:, 2:4] - waiting[:, :2]).prod(axis=1) + (best[2:4] - best[:2]).prod()
        other = (waiting[:, 5] != best[5]) | (common <= iou_threshold * (areas - common))
        waiting = waiting[other]
    return np.array(kept, np.float32).reshape(-1, 6)


def open_weights(
    weights: WeightFile,
    precision: Precision,
    *,
    max_detections: int = MAX_DETECTIONS,  # noqa: ARG001  the graph around the network keeps to it
) -> OpenedLiteDetector:
    """Open a weight file and export its network.

    Args:
        weights: the weight file of a lite detector.
        precision: the precision of the exported network; `predict` is always fp32.
        max_detections: the maximum number of boxes in a picture.

    Raises:
        WeightsRefused: it is not a lite detector, or is damaged.
        ModelBuildFailed: it cannot be exported.
    """
    network = LiteDetector(classes=len(CLASSES))
    try:
        state = torch.load(io.BytesIO(weights.content), weights_only=True, map_location="cpu")
        network.load_state_dict(state["params"])
    except (RuntimeError, KeyError, TypeError, EOFError, ValueError, pickle.UnpicklingError) as exc:
        raise WeightsRefused(
            f"{weights.file} holds no weights of a lite detector; use those that "
            "`python -m training.lite_detector.train` writes"
        ) from exc
    network.eval()
    return OpenedLiteDetector(raw=_export(network, precision), _network=network)


def _export(network: LiteDetector, precision: Precision) -> onnx.ModelProto:
    """Return the network in ONNX, with batch normalisation folded into its convolutions."""
    dtype = torch.float16 if precision == "fp16" else torch.float32
    with tempfile.TemporaryDirectory(prefix="framewright-lite-") as folder:
        path = Path(folder) / "raw.onnx"
        _write(copy.deepcopy(network).to(dtype).eval(), dtype, path)
        return onnx.load(str(path))


def _write(network: LiteDetector, dtype: torch.dtype, path: Path) -> None:
    try:
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # the tracing exporter is deprecated; parity.py checks its result
            torch.onnx.export(
                RawDetector(network, dtype),
                (torch.zeros(1, 3, *_TRACED_PX),),
                str(path),
                input_names=[RAW_INPUT],
                output_names=[RAW_OUTPUT],
                opset_version=OPSET,
                dynamic_axes={
                    RAW_INPUT: {0: "batch", 2: "height", 3: "width"},
                    RAW_OUTPUT: {0: "batch", 2: "anchors"},
                },
                dynamo=False,
            )
    except Exception as exc:  # the exporter raises whatever a network's operations raise
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise ModelBuildFailed(f"the lite detector cannot be exported to ONNX: {reason}") from exc
