"""Tests the graph around a detector's network: NMS, sorting, padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="PyTorch is not installed: building models is an extra")
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export_onnx.detection import graph as detection_graph
from export_onnx.detection.yolo import OPSET, OpenedYoloDetector

Box = tuple[float, float, float, float, float, int]
"""x1, y1, x2, y2, score, class."""

CLASSES = 3


def network(scenes: list[NDArray[np.float32]], *, end_to_end: bool) -> OpenedYoloDetector:
    """A network that returns the scene whose number is the red level of the first pixel.

    Args:
        scenes: each float32 [4 + classes, boxes] or, end to end, [boxes, 6]; all of one shape.
        end_to_end: which of the two.
    """
    nodes = [
        helper.make_node("Slice", ["images", "start", "stop", "axes"], ["red"]),
        helper.make_node("Mul", ["red", "levels"], ["level"]),
        helper.make_node("Round", ["level"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["number"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["number", "axes"], ["scene"]),
        helper.make_node("Gather", ["scenes", "scene"], ["output0"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "start": np.array([0, 0, 0], np.int64),
        "stop": np.array([1, 1, 1], np.int64),
        "axes": np.array([1, 2, 3], np.int64),
        "levels": np.array(255, np.float32),
        "scenes": np.stack(scenes),
    }
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["batch", "a", "b"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    raw = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    names = tuple(f"class {number}" for number in range(CLASSES))
    return OpenedYoloDetector(
        classes=names, stride=32, end_to_end=end_to_end, imgsz=640, raw=raw, _network=None
    )


def dense(boxes: list[Box], *, anchors: int) -> NDArray[np.float32]:
    """A scene as an ordinary network returns it: float32 [4 + classes, anchors]."""
    scene = np.zeros((4 + CLASSES, anchors), np.float32)
    for index, (x1, y1, x2, y2, score, number) in enumerate(boxes):
        scene[:4, index] = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
        scene[4:, index] = score / 2
        scene[4 + number, index] = score
    return scene


def found(
    scenes: list[NDArray[np.float32]],
    order: list[int],
    *,
    end_to_end: bool = False,
    size: tuple[int, int] = (480, 640),
) -> list[NDArray[np.float32]]:
    """Return the boxes of the whole graph for images of these scenes, without the padding rows."""
    model = detection_graph.build_graph(
        network(scenes, end_to_end=end_to_end), score_threshold=0.1, iou_threshold=0.7
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.zeros((len(order), *size, 3), np.uint8)
    images[:, 0, 0, 0] = order
    rows, counts = session.run(["detections", "num_detections"], {"image": images})
    assert (rows.dtype, rows.shape) == (np.float32, (len(order), 300, 6))
    assert (counts.dtype, counts.shape) == (np.int32, (len(order),))
    for image, count in zip(rows, counts, strict=True):
        assert not np.nan_to_num(image[count:]).any()
    return [image[:count] for image, count in zip(rows, counts, strict=True)]


def iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:4], second[2:4])
    shared = np.prod(np.maximum(high - low, 0))
    areas = np.prod(first[2:4] - first[:2]) + np.prod(second[2:4] - second[:2])
    return float(shared / (areas - shared))


def suppressed(boxes: list[Box]) -> NDArray[np.float64]:
    """Greedy NMS within each class, as it is defined: one box after the other."""
    kept: list[NDArray[np.float64]] = []
    for box in sorted((np.array(box, np.float64) for box in boxes), key=lambda box: -box[4]):
        if box[4] > 0.1 and all(other[5] != box[5] or iou(other, box) <= 0.7 for other in kept):
            kept.append(box)
    return np.array(kept).reshape(-1, 6)


def test_of_boxes_of_one_class_that_overlap_the_best_is_kept() -> None:
    boxes: list[Box] = [
        (100, 100, 200, 200, 0.5, 1),
        (104, 100, 204, 200, 0.9, 1),
        (150, 100, 250, 200, 0.4, 1),
    ]
    (rows,) = found([dense(boxes, anchors=50)], [0])
    np.testing.assert_allclose(rows, [(104, 100, 204, 200, 0.9, 1), (150, 100, 250, 200, 0.4, 1)], rtol=1e-6)


def test_boxes_of_different_classes_do_not_suppress_each_other() -> None:
    boxes: list[Box] = [(100, 100, 200, 200, 0.5 + number / 10, number) for number in range(CLASSES)]
    (rows,) = found([dense(boxes, anchors=50)], [0])
    assert [row[5] for row in rows] == [2, 1, 0]
    assert np.ptp(rows[:, :4], axis=0).max() < 0.01


@given(
    st.lists(
        st.tuples(
            st.integers(0, 60), st.integers(0, 60), st.integers(1, 60), st.integers(1, 60), st.integers(0, 2)
        ),
        min_size=1,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_what_is_kept_is_greedy_nms_within_each_class(places: list[tuple[int, ...]], order: object) -> None:
    scores = np.linspace(0.05, 0.95, len(places))
    order.shuffle(scores)  # type: ignore[attr-defined]
    boxes: list[Box] = [
        (5.0 * x, 5.0 * y, 5.0 * (x + width), 5.0 * (y + height), float(score), number)
        for (x, y, width, height, number), score in zip(places, scores, strict=True)
    ]
    overlaps = [iou(np.array(a), np.array(b)) for i, a in enumerate(boxes) for b in boxes[:i]]
    if any(abs(overlap - 0.7) < 1e-3 for overlap in overlaps):
        return  # a tie, which rounding decides
    (rows,) = found([dense(boxes, anchors=64)], [0], size=(640, 640))
    np.testing.assert_allclose(rows, suppressed(boxes), atol=1e-3)


def test_scores_at_the_threshold_or_below_are_not_given() -> None:
    at = float(np.float32(0.1))
    boxes: list[Box] = [(0, 0, 9, 9, at, 0), (20, 20, 29, 29, 0.1001, 0), (40, 40, 49, 49, 0.05, 0)]
    (rows,) = found([dense(boxes, anchors=50)], [0])
    np.testing.assert_allclose(rows, [(20, 20, 29, 29, 0.1001, 0)], rtol=1e-6)


def test_at_most_300_boxes_come_the_best_ones_in_order() -> None:
    scores = np.random.default_rng(0).permutation(np.linspace(0.2, 0.9, 400))
    boxes: list[Box] = [
        (
            20 * (index % 20),
            20 * (index // 20),
            20 * (index % 20) + 9,
            20 * (index // 20) + 9,
            float(score),
            0,
        )
        for index, score in enumerate(scores)
    ]
    (rows,) = found([dense(boxes, anchors=500)], [0])
    np.testing.assert_allclose(rows[:, 4], np.sort(scores)[::-1][:300], rtol=1e-6)


@pytest.mark.parametrize("end_to_end", [False, True])
def test_boxes_are_cut_at_the_edges_of_the_picture(*, end_to_end: bool) -> None:
    box: Box = (-20, -30, 700, 500, 0.9, 2)
    scene = np.array([box], np.float32) if end_to_end else dense([box], anchors=21)
    (rows,) = found([scene], [0], end_to_end=end_to_end)
    np.testing.assert_allclose(rows, [(0, 0, 640, 480, 0.9, 2)], rtol=1e-6)


def test_an_empty_picture_has_no_boxes() -> None:
    (rows,) = found([dense([], anchors=21)], [0], size=(32, 32))
    assert len(rows) == 0


def test_what_is_found_in_an_image_does_not_depend_on_the_others_in_its_batch() -> None:
    random = np.random.default_rng(1)
    scenes = []
    for scale in (1, 3, 0.01, 40):
        corners = random.uniform(0, 100 * scale, (60, 2))
        boxes: list[Box] = [
            (x, y, x + 30 * scale, y + 30 * scale, float(score), int(number))
            for (x, y), score, number in zip(
                corners, random.uniform(0, 1, 60), random.integers(0, 3, 60), strict=True
            )
        ]
        scenes.append(dense(boxes, anchors=80))
    together = found(scenes, [0, 1, 2, 3, 1])
    for rows, number in zip(together, [0, 1, 2, 3, 1], strict=True):
        np.testing.assert_array_equal(rows, found(scenes, [number])[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 7), (5, 7)])
def test_a_value_that_is_no_number_spoils_its_image_and_no_other(
    place: tuple[int, int], value: float
) -> None:
    boxes: list[Box] = [(100, 100, 200, 200, 0.5, 1)]
    good, bad = dense(boxes, anchors=50), dense(boxes, anchors=50)
    bad[place] = value
    model = detection_graph.build_graph(
        network([good, bad], end_to_end=False), score_threshold=0.1, iou_threshold=0.7
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.zeros((3, 64, 64, 3), np.uint8)
    images[1, 0, 0, 0] = 1
    rows, counts = session.run(None, {"image": images})
    assert np.isnan(rows[1]).all()
    assert np.isfinite(rows[[0, 2]]).all()
    assert list(counts[[0, 2]]) == [1, 1]


def test_an_end_to_end_network_keeps_all_its_boxes_above_the_threshold_in_order() -> None:
    boxes: list[Box] = [(10, 10, 20, 20, 0.3, 1), (10, 10, 20, 20, 0.8, 1), (9, 9, 20, 20, 0.05, 1)]
    (rows,) = found([np.array(boxes, np.float32)], [0], end_to_end=True)
    np.testing.assert_allclose(rows, [boxes[1], boxes[0]], rtol=1e-6)
