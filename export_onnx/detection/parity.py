"""Compares the graph of a detector in ONNX Runtime with the network's own `predict`.

Both get pictures whose sides are multiples of the stride, so that neither has to scale them. They are
compared at the score threshold that is served and at a much lower one, where every network returns many
boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime

from export_onnx.tensor_names import DETECTIONS, INPUT, MAX_DETECTIONS, NUM_DETECTIONS, Precision
from orchestrator.errors import ModelBuildFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import onnx
    from numpy.typing import NDArray

    from export_onnx.detection.opened_detector import OpenedDetector

MAX_PX, MAX_SCORE = 1.0, 0.01
"""Two boxes match if they have the same class and differ by at most this much."""

SQUARE_MAX_PX = 0.5
"""MAX_PX for networks that take squares of one size: they scale and round nothing."""

LOW_FLOOR = 0.001

UNMATCHED: dict[Precision, float] = {
    # Rounding decides about boxes that overlap by exactly the threshold or have equal scores. Trained weights
    # showed none of them, random weights 0 to 3 in 1000.
    "fp32": 0.005,
    # Measured with yolov8n: none of 73 at the served threshold, 16 of 1000 at the low one.
    "fp16": 0.05,
}
"""The largest allowed share of boxes without a match."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Measured differences between ONNX Runtime and the network's own predictions.

    Attributes:
        boxes: how many boxes both returned.
        unmatched: how many boxes only one of them returned, not counting those within MAX_SCORE of the floor.
        max_px: the largest difference of a coordinate, in pixels.
        max_score: the largest difference of a score, 0..1.
        inputs: the [N, H, W] of each input.
    """

    boxes: int
    unmatched: int
    max_px: float
    max_score: float
    inputs: tuple[tuple[int, int, int], ...]

    @property
    def summary(self) -> str:
        """The result in a sentence."""
        return (
            f"{self.boxes} boxes differ from the network's own by at most {self.max_px:.3f} px and "
            f"{self.max_score:.6f} in score, {self.unmatched} have no partner"
        )


def measure(
    network: OpenedDetector,
    served: Callable[[float], onnx.ModelProto],
    *,
    floors: Iterable[float],
    iou_threshold: float,
    max_detections: int = MAX_DETECTIONS,
    images: Iterable[NDArray[np.uint8]],
    providers: Sequence[str] = ("CPUExecutionProvider",),
) -> Parity:
    """Compare the graph and the network on every batch of images, at every score threshold.

    Args:
        network: the opened detector.
        served: returns the graph with a given score threshold.
        floors: the score thresholds to compare at.
        iou_threshold: the IoU threshold of the graph.
        max_detections: the maximum number of boxes in a picture.
        images: batches, each uint8 [N, H, W, 3] RGB, sides multiples of the stride.
        providers: what ONNX Runtime computes with, the preferred one first.

    Raises:
        ModelBuildFailed: ONNX Runtime refuses the graph or an input, or lacks the preferred provider.
    """
    images = list(images)
    max_distance_px = SQUARE_MAX_PX if network.square_side else MAX_PX
    boxes = unmatched = 0
    max_px = max_score = 0.0
    for floor in floors:
        try:
            session = onnxruntime.InferenceSession(
                served(floor).SerializeToString(), providers=list(providers)
            )
            if session.get_providers()[0] != providers[0]:
                raise RuntimeError(f"{providers[0]} does not start")  # noqa: TRY301
            answers = [session.run([DETECTIONS, NUM_DETECTIONS], {INPUT: batch}) for batch in images]
        except Exception as exc:  # onnxruntime's exceptions have no common base
            reason = (str(exc).splitlines() or [type(exc).__name__])[0]
            raise ModelBuildFailed(
                f"ONNX Runtime cannot run the graph: {reason}; use another detector"
            ) from exc
        for batch, (rows, counts) in zip(images, answers, strict=True):
            own = network.predict(
                batch,
                score_threshold=floor,
                iou_threshold=iou_threshold,
                max_detections=max_detections,
            )
            for expected, found, count in zip(own, rows, counts, strict=True):
                if not np.isfinite(found).all() or not np.isfinite(expected).all():
                    raise ModelBuildFailed(
                        "the network computes values that are no numbers; use other weights"
                    )
                same = compare(found[:count], expected, floor=floor, max_distance_px=max_distance_px)
                boxes += same.boxes
                unmatched += same.unmatched
                max_px, max_score = max(max_px, same.max_px), max(max_score, same.max_score)
    inputs = tuple((len(batch), *batch.shape[1:3]) for batch in images)
    return Parity(boxes=boxes, unmatched=unmatched, max_px=max_px, max_score=max_score, inputs=inputs)


def compare(
    found: NDArray[np.float32],
    expected: NDArray[np.float32],
    *,
    floor: float,
    max_distance_px: float = MAX_PX,
) -> Parity:
    """Match the boxes of one picture, best score first, each with the nearest box of its class.

    Args:
        found: float32 [n, 6], x1, y1, x2, y2 in pixels, score, class.
        expected: the same of the reference.
        floor: the score threshold of both.
        max_distance_px: how far the coordinates of two boxes may be apart that match.
    """
    distance = np.abs(found[None, :, :4] - expected[:, None, :4]).max(axis=2)
    score = np.abs(found[None, :, 4] - expected[:, None, 4])
    allowed = (
        (distance <= max_distance_px) & (score <= MAX_SCORE) & (found[None, :, 5] == expected[:, None, 5])
    )
    distance = np.where(allowed, distance, np.inf)
    free = np.ones(len(found), bool)
    missed = np.zeros(len(expected), bool)
    max_px = max_score = 0.0
    for index, row in enumerate(distance):
        open_row = np.where(free, row, np.inf)
        if not len(found) or np.isinf(open_row).all():
            missed[index] = True
            continue
        partner = int(open_row.argmin())
        free[partner] = False
        max_px = max(max_px, float(row[partner]))
        max_score = max(max_score, float(score[index, partner]))
    certain = floor + MAX_SCORE
    unmatched = np.count_nonzero(missed & (expected[:, 4] > certain)) + np.count_nonzero(
        free & (found[:, 4] > certain)
    )
    return Parity(
        boxes=int(np.count_nonzero(~missed)),
        unmatched=int(unmatched),
        max_px=max_px,
        max_score=max_score,
        inputs=(),
    )


def make_inputs(
    examples: Sequence[NDArray[np.uint8]], *, stride: int, side: int, is_square: bool = False
) -> list[NDArray[np.uint8]]:
    """Return the batches for `measure`: 1 to 3 pictures in four shapes, down to the smallest, or squares.

    Args:
        examples: pictures of objects that the network detects, each uint8 [H, W, 3] RGB.
        stride: sizes are multiples of it.
        side: the longer side of the network's training pictures, in pixels.
        is_square: whether the network takes squares of that side only.

    Returns:
        Each uint8 [N, H, W, 3] RGB.
    """
    pictures = [view for picture in examples for view in (picture, picture[:, ::-1])]
    short, half = (max(stride, side * part // 20 // stride * stride) for part in (12, 10))
    shapes: tuple[tuple[int, int, int], ...] = (
        (1, short, side),
        (2, side, short),
        (3, half, half),
        (1, stride, stride),
    )
    if is_square:
        shapes = ((1, side, side), (2, side, side))
    return [
        np.stack(
            [cv2.resize(pictures[i % len(pictures)], (width, height)) for i in range(first, first + count)]
        )
        for first, (count, height, width) in enumerate(shapes)
    ]


def check(parity: Parity, precision: Precision) -> None:
    """Refuse a graph that differs too much from the network.

    Raises:
        ModelBuildFailed: too many boxes have no match, or there are no boxes to compare.
    """
    if not parity.boxes and not parity.unmatched:
        raise ModelBuildFailed(
            "the network finds nothing at all, so nothing proves its export; use trained weights"
        )
    share = parity.unmatched / (parity.boxes + parity.unmatched)
    if share > UNMATCHED[precision]:
        raise ModelBuildFailed(
            f"parity failed: {parity.unmatched} boxes are found only by ONNX Runtime or only by the network, "
            f"{share:.1%} of all (allowed in {precision}: {UNMATCHED[precision]:.1%}); nothing was installed"
        )
