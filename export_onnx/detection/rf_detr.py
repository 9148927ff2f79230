"""Opens RF-DETR weights with the `rfdetr` package, exports their network, and runs its `predict`.

This is the only importer of rfdetr (Apache-2.0). Weight files are opened as tensors, without running code;
the package's own loader, which would download what is missing, is not used.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from export_onnx.catalog_model import CATALOG
from export_onnx.detection.transformer_detector import (
    BestPairs,
    OpenedTransformerDetector,
    check_most,
    export_raw,
    halved,
    published_tensors,
)
from export_onnx.tensor_names import MAX_DETECTIONS, Precision
from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from export_onnx.weight_file import WeightFile

CLASSES_BY_GRID = {24: "RFDETRNano", 32: "RFDETRSmall", 36: "RFDETRMedium", 44: "RFDETRLarge"}
"""The class in rfdetr of each size, by the side of its grid of position embeddings."""

_POSITIONS = "backbone.0.encoder.encoder.embeddings.position_embeddings"
_HEAD = "class_embed.bias"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, as in the package's `predict`."""

_COMPUTED = {"_kp_active_mask"}
"""A buffer that the published files lack, and only networks for key points use."""

_ADVICE = "use the weights of RF-DETR nano, small, medium or large, trained on COCO"


class _LogitsAndBoxes(torch.nn.Module):
    """Runs the network in the form that the package has for exports, which returns tensors only."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits [N, Q, C] and boxes [N, Q, 4]."""
        boxes, logits = self.network(pictures)[:2]
        return logits, boxes


def open_weights(
    weights: WeightFile, precision: Precision, *, max_detections: int = MAX_DETECTIONS
) -> OpenedTransformerDetector:
    """Open a weight file and export its network.

    Args:
        weights: the weight file of an RF-DETR detector.
        precision: the precision of the exported backbone; `predict` is always fp32.
        max_detections: the maximum number of boxes in a picture.

    Raises:
        BadRequest: the network has fewer queries than `max_detections`.
        WeightsRefused: it is not an RF-DETR detector of COCO's classes, or is damaged.
        ModelBuildFailed: it cannot be exported.
    """
    state = published_tensors(weights, "RF-DETR", {_POSITIONS, _HEAD}, advice=_ADVICE)
    with _quiet():
        detector = new_detector(_grid(state, weights.file))
        network = detector.model.model
        try:
            missing = set(network.load_state_dict(state, strict=False).missing_keys) - _COMPUTED
        except RuntimeError as exc:
            raise WeightsRefused(
                f"{weights.file} has tensors of other sizes than RF-DETR; {_ADVICE}"
            ) from exc
        if missing:
            raise WeightsRefused(f"{weights.file} lacks {min(missing)!r} of RF-DETR; {_ADVICE}")
        network.eval()
        check_most(max_detections, network.num_queries)
        names, numbers = _classes()
        exportable: Any = halved(network, ("backbone",) if precision == "fp16" else ())
        exportable.export()
        pairs = BestPairs(
            _LogitsAndBoxes(exportable),
            side=detector.model.resolution,
            class_numbers=numbers,
            most=max_detections,
            mean=_MEAN,
            std=_STD,
        )
        raw = export_raw(pairs)

    def predict(images: NDArray[np.uint8], score_threshold: float) -> list[NDArray[np.float32]]:
        with _quiet(), torch.no_grad():
            results = detector.predict(
                [np.ascontiguousarray(image) for image in images],
                threshold=score_threshold,
                include_source_image=False,
            )
        return [_rows(result, numbers) for result in results]

    return OpenedTransformerDetector(
        classes=names,
        square_side=detector.model.resolution,
        raw=raw,
        own_predict=predict,
        tools=("torch", "rfdetr", "transformers", "onnx", "onnxruntime"),
    )


def new_detector(grid: int) -> Any:
    """Return an RF-DETR detector with random weights, of the size with that grid of position embeddings."""
    import rfdetr  # noqa: PLC0415  takes seconds

    return getattr(rfdetr, CLASSES_BY_GRID[grid])(pretrain_weights=None, device="cpu")


def _grid(state: dict[str, torch.Tensor], file: str) -> int:
    """Return the side of the grid of position embeddings, which tells the sizes of RF-DETR apart."""
    grid = int((state[_POSITIONS].shape[1] - 1) ** 0.5)
    classes = len(state[_HEAD])
    if grid not in CLASSES_BY_GRID or classes != len(_classes()[1]):
        raise WeightsRefused(
            f"{file} is an RF-DETR network of another kind: {classes} outputs for classes and a grid of "
            f"{grid}; {_ADVICE}"
        )
    return grid


def _classes() -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return our classes, and the number of ours for each output: outputs are COCO's ids, which have gaps."""
    from rfdetr.assets.coco_classes import COCO_CLASSES  # noqa: PLC0415

    names = tuple(CATALOG.with_name("coco.txt").read_text(encoding="utf-8").splitlines())
    ids = sorted(COCO_CLASSES)
    if tuple(COCO_CLASSES[identifier] for identifier in ids) != names:
        raise WeightsRefused("this version of rfdetr has other classes than coco.txt; install the pinned one")
    numbers = {identifier: number for number, identifier in enumerate(ids)}
    return names, tuple(numbers.get(identifier, -1) for identifier in range(max(ids) + 1))


def _rows(result: Any, numbers: tuple[int, ...]) -> NDArray[np.float32]:
    """Return one picture's result of the package as float32 [n, 6], without ids that are no class."""
    number = np.array(numbers, np.float32)[np.asarray(result.class_id, int)]
    rows = np.column_stack([result.xyxy, result.confidence, number]).astype(np.float32)
    return np.asarray(rows[number >= 0], np.float32)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the warnings and the log of rfdetr."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
