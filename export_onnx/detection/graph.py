"""Builds the ONNX graph of a detector that Triton serves: uint8 pictures in, boxes out.

The exported network gets one graph in front (scaling) and one behind (decoding, NMS, sorting, padding),
written in ONNX's text format.

The first node converts bytes to floats: TensorRT accepts uint8 only at the inputs and outputs of a network,
so any other first node would stay outside of its engine, and no optimisation profile would give the shapes
there.

NMS runs once per image, not once per class: first, the boxes of each class are moved by more than the extent
of all boxes, so that boxes of different classes never overlap. A NaN anywhere in the network's output makes
all rows of that image NaN, so that it does not look like a picture without objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import compose, helper, parser

from export_onnx.detection.yolo import OPSET, RAW_INPUT, RAW_OUTPUT
from export_onnx.tensor_names import DETECTIONS, INPUT, MAX_DETECTIONS, NUM_DETECTIONS
from orchestrator.errors import ModelBuildFailed

if TYPE_CHECKING:
    from export_onnx.detection.opened_detector import OpenedDetector

IR_VERSION = 8
"""As PyTorch's exporter writes it; ONNX Runtime 1.19, the oldest that serves it, reads up to 10."""

_HEADER = f'<ir_version: {IR_VERSION}, opset_import: ["" : {OPSET}]>'

_BEFORE = f"""{_HEADER}
scaling (uint8[N, H, W, 3] {INPUT}) => (float[N, 3, H, W] scaled, float[4] limits)
{{
  levels = Cast <to = 1> ({INPUT})
  planes = Transpose <perm = [0, 3, 1, 2]> (levels)
  full = Constant <value = float {{255}}> ()
  scaled = Div (planes, full)

  shape = Shape ({INPUT})
  width_height = Constant <value = int64[4] {{2, 1, 2, 1}}> ()
  sides = Gather (shape, width_height)
  limits = Cast <to = 1> (sides)
}}
"""

# rows float [N, A, 6]: every box, its score, its class. kept float [N, A]: its score, or 0 if the box is
# dropped. A is the number of boxes that the network returns.
_DECODE_AND_SUPPRESS = """
  parts = Constant <value = int64[2] {4, %(classes)d}> ()
  box_planes, class_scores = Split <axis = 1> (raw, parts)
  scores = ReduceMax <axes = [1], keepdims = 0> (class_scores)
  numbers = ArgMax <axis = 1, keepdims = 0> (class_scores)
  classes = Cast <to = 1> (numbers)
  last = Constant <value = int64[1] {2}> ()
  score_column = Unsqueeze (scores, last)
  class_column = Unsqueeze (classes, last)
  boxes = Transpose <perm = [0, 2, 1]> (box_planes)
  centre, size = Split <axis = 2> (boxes)
  two = Constant <value = float {2}> ()
  reach = Div (size, two)
  top_left = Sub (centre, reach)
  bottom_right = Add (centre, reach)
  corners = Concat <axis = 2> (top_left, bottom_right)
  rows = Concat <axis = 2> (corners, score_column, class_column)

  furthest = ReduceMax <axes = [1, 2]> (corners)
  nearest = ReduceMin <axes = [1, 2]> (corners)
  extent = Sub (furthest, nearest)
  one = Constant <value = float {1}> ()
  step = Add (extent, one)
  aside = Mul (class_column, step)
  moved = Add (corners, aside)
  middle = Constant <value = int64[1] {1}> ()
  one_class = Unsqueeze (scores, middle)
  selected = NonMaxSuppression (moved, one_class, most, iou_threshold, score_threshold)
  image_and_box = Constant <value = int64[2] {0, 2}> ()
  places = Gather <axis = 1> (selected, image_and_box)
  winners = GatherND (scores, places)
  every_box = Shape (scores)
  none = ConstantOfShape (every_box)
  kept = ScatterND (none, places, winners)
"""

_ALREADY_ONE_BOX_AN_OBJECT = """
  rows = Identity (raw)
  score_index = Constant <value = int64 {4}> ()
  scores = Gather <axis = 2> (raw, score_index)
  sure = Greater (scores, score_threshold)
  nothing = Constant <value = float {0}> ()
  kept = Where (sure, scores, nothing)
"""

_ORDER_AND_PAD = f"""
  room = Constant <value = int64[4] {{0, 0, 0, %(most)d}}> ()
  enough = Pad (kept, room)
  best_scores, best = TopK <axis = 1> (enough, most)
  row_shape = Shape <start = 1, end = 2> (rows)
  one_row = Constant <value = int64[1] {{1}}> ()
  last_row = Sub (row_shape, one_row)
  existing = Min (best, last_row)
  column = Constant <value = int64[1] {{2}}> ()
  chosen = Unsqueeze (existing, column)
  best_rows = GatherND <batch_dims = 1> (rows, chosen)
  widths = Constant <value = int64[2] {{4, 2}}> ()
  best_corners, score_and_class = Split <axis = 2> (best_rows, widths)
  zero = Constant <value = float {{0}}> ()
  not_beyond = Min (best_corners, limits)
  inside = Max (not_beyond, zero)
  whole_rows = Concat <axis = 2> (inside, score_and_class)
  given = Greater (best_scores, zero)
  given_column = Unsqueeze (given, column)
  padded = Where (given_column, whole_rows, zero)

  values = Constant <value = int64[2] {{1, 2}}> ()
  total = ReduceSum (raw, values)
  zero_or_nan = Sub (total, total)
  {DETECTIONS} = Add (padded, zero_or_nan)
  ones = Cast <to = 6> (given)
  rows_axis = Constant <value = int64[1] {{1}}> ()
  {NUM_DETECTIONS} = ReduceSum <keepdims = 0> (ones, rows_axis)
"""


def build_graph(
    network: OpenedDetector,
    *,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int = MAX_DETECTIONS,
) -> onnx.ModelProto:
    """Return the whole graph of a detector.

    Args:
        network: the opened detector.
        score_threshold: boxes of this score or less are dropped, 0..1.
        iou_threshold: the threshold of NMS within a class; unused if the network is end to end.
        max_detections: the maximum number of boxes in a picture, those with the highest scores.

    Raises:
        ModelBuildFailed: the network does not fit between the two graphs.
    """
    thresholds = f"float score_threshold = {{{score_threshold}}}, int64[1] most = {{{max_detections}}}"
    body = _ALREADY_ONE_BOX_AN_OBJECT
    if not network.end_to_end:
        thresholds += f", float iou_threshold = {{{iou_threshold}}}"
        body = _DECODE_AND_SUPPRESS
    body = (body + _ORDER_AND_PAD) % {"classes": len(network.classes), "most": max_detections}
    after = f"""{_HEADER}
boxes (float[N, R, C] raw, float[4] limits)
  => (float[N, {max_detections}, 6] {DETECTIONS}, int32[N] {NUM_DETECTIONS})
<{thresholds}>
{{{body}}}
"""
    try:
        raw = network.raw if network.square_side else _without_fixed_counts(network.raw)
        joined = compose.merge_models(
            parser.parse_model(_BEFORE),
            compose.add_prefix(raw, "network/"),
            io_map=[("scaled", f"network/{RAW_INPUT}")],
        )
        joined = compose.merge_models(
            joined,
            compose.add_prefix(parser.parse_model(after), "boxes/", rename_outputs=False),
            io_map=[(f"network/{RAW_OUTPUT}", "boxes/raw"), ("limits", "boxes/limits")],
        )
        del joined.opset_import[1:]  # the same one from each part
        joined.graph.name = "detector"
        onnx.checker.check_model(joined, full_check=True)
    except (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
        raise ModelBuildFailed(f"this network cannot be served: {reason}; use another detector") from exc
    return joined


def _without_fixed_counts(raw: onnx.ModelProto) -> onnx.ModelProto:
    """Return the network with its nodes in topological order, and also correct for very small pictures.

    An end-to-end network selects a fixed number of boxes; here it selects all if there are fewer.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(raw)
    nodes: list[onnx.NodeProto] = []
    counts: list[str] = []
    known = {"", *(value.name for value in (*raw.graph.input, *raw.graph.initializer))}
    waiting = list(raw.graph.node)
    while waiting:  # ultralytics' fp16 graphs have casts after the nodes that need them
        ready = [node for node in waiting if known.issuperset(node.input)]
        if not ready:
            raise ValueError("its nodes cannot be put in order")
        for node in ready:
            known.update(node.output)
            if node.op_type == "TopK":
                bounded = _at_most_all(node, counts)
                counts = [bounded[-1].input[1]]
                nodes += bounded
            else:
                nodes.append(node)
        waiting = [node for node in waiting if not known.issuperset(node.output)]
    del fixed.graph.node[:]
    fixed.graph.node.extend(nodes)
    return fixed


def _at_most_all(top: onnx.NodeProto, counts: list[str]) -> list[onnx.NodeProto]:
    """Return a TopK that selects `counts` elements, or all of them if there are fewer.

    ultralytics selects the best boxes, then the best classes of these, as many as there are boxes.
    """
    axis = next((attribute.i for attribute in top.attribute if attribute.name == "axis"), -1)
    data, count = top.input
    name = top.output[0]
    bounded = onnx.NodeProto()
    bounded.CopyFrom(top)
    bounded.input[1] = f"{name}/count"
    return [
        helper.make_node("Shape", [data], [f"{name}/shape"]),
        helper.make_node("Constant", [], [f"{name}/axis"], value_ints=[axis]),
        helper.make_node("Gather", [f"{name}/shape", f"{name}/axis"], [f"{name}/all"]),
        helper.make_node("Min", [count, f"{name}/all", *counts], [f"{name}/count"]),
        bounded,
    ]
