"""Opens CenterFace, which finds faces, from the ONNX file that its authors publish, and prepares it.

Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", arXiv 1911.03599. The network
takes levels of 0..255 and returns, for each cell of 4x4 pixels, a score, the logarithm of a face's height and
width in cells, and the offset of the face's middle from the cell's. Its landmarks are left out here. The
reference for the graph is the unchanged file in ONNX Runtime, decoded in NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from onnx import TensorProto, compose, helper, numpy_helper, parser, version_converter

from export_onnx.detection.lite_detector import suppress_overlaps
from export_onnx.detection.yolo import OPSET, RAW_INPUT, RAW_OUTPUT
from export_onnx.tensor_names import MAX_DETECTIONS, Precision
from orchestrator.errors import ModelBuildFailed, WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from export_onnx.weight_file import WeightFile

ARCHITECTURE = "CenterFace"

CLASSES = ("face",)

STRIDE = 32
"""Sides of a picture must be multiples of it: the network halves them five times."""

CELL_PX = 4
"""The side of a cell in pixels."""

PHOTO = Path(__file__).parents[1] / "face.png"
"""The astronaut Eileen Collins, a part of a photograph of NASA, which is in the public domain."""

_INPUT = "input.1"
_HEAT, _SIZE, _OFFSET, _LANDMARKS = "537", "538", "539", "540"
_CHANNELS = {_HEAT: 1, _SIZE: 2, _OFFSET: 2, _LANDMARKS: 10}

_IR_VERSION = 8
"""The same as in graph.py."""

_HEADER = f'<ir_version: {_IR_VERSION}, opset_import: ["" : {OPSET}]>'

_BEFORE = f"""{_HEADER}
levels (float[N, 3, H, W] {RAW_INPUT}) => (float[N, 3, H, W] levels)
{{
  full = Constant <value = float {{255}}> ()
  levels = Mul ({RAW_INPUT}, full)
}}
"""

# A box that begins outside the picture is moved in before its other side is computed, as the authors do.
_DECODE = f"""{_HEADER}
decode (float[N, 1, h, w] heat, float[N, 2, h, w] log_size, float[N, 2, h, w] offset)
  => (float[N, 5, A] {RAW_OUTPUT})
{{
  cell = Constant <value = float {{{CELL_PX}}}> ()
  half = Constant <value = float {{0.5}}> ()
  two = Constant <value = float {{2}}> ()
  nothing = Constant <value = float {{0}}> ()
  first = Constant <value = int64 {{0}}> ()
  step = Constant <value = int64 {{1}}> ()
  row_axis = Constant <value = int64 {{2}}> ()
  column_axis = Constant <value = int64 {{3}}> ()
  shape = Shape (heat)
  row_count = Gather (shape, row_axis)
  column_count = Gather (shape, column_axis)
  row_range = Range (first, row_count, step)
  column_range = Range (first, column_count, step)
  row_numbers = Cast <to = 1> (row_range)
  columns = Cast <to = 1> (column_range)
  last_axis = Constant <value = int64[1] {{1}}> ()
  rows = Unsqueeze (row_numbers, last_axis)
  row_total = Cast <to = 1> (row_count)
  column_total = Cast <to = 1> (column_count)
  bottom_limit = Mul (row_total, cell)
  right_limit = Mul (column_total, cell)

  size_cells = Exp (log_size)
  size = Mul (size_cells, cell)
  halves = Constant <value = int64[2] {{1, 1}}> ()
  tall, wide = Split <axis = 1> (size, halves)
  down, across = Split <axis = 1> (offset, halves)
  row_middle = Add (rows, half)
  row_moved = Add (down, row_middle)
  middle_y = Mul (row_moved, cell)
  column_middle = Add (columns, half)
  column_moved = Add (across, column_middle)
  middle_x = Mul (column_moved, cell)
  half_tall = Div (tall, two)
  half_wide = Div (wide, two)
  top_open = Sub (middle_y, half_tall)
  left_open = Sub (middle_x, half_wide)
  top = Clip (top_open, nothing, bottom_limit)
  left = Clip (left_open, nothing, right_limit)
  bottom_open = Add (top, tall)
  right_open = Add (left, wide)
  bottom = Min (bottom_open, bottom_limit)
  right = Min (right_open, right_limit)
  height = Sub (bottom, top)
  width = Sub (right, left)
  sum_x = Add (left, right)
  sum_y = Add (top, bottom)
  centre_x = Div (sum_x, two)
  centre_y = Div (sum_y, two)
  planes = Concat <axis = 1> (centre_x, centre_y, width, height, heat)
  flat = Constant <value = int64[3] {{0, 5, -1}}> ()
  {RAW_OUTPUT} = Reshape (planes, flat)
}}
"""


@dataclass(frozen=True, kw_only=True)
class OpenedCenterFace:
    """The opened network; implements `OpenedDetector`."""

    raw: onnx.ModelProto
    _network: onnxruntime.InferenceSession
    classes: tuple[str, ...] = CLASSES
    stride: int = STRIDE
    square_side: None = None
    imgsz: None = None
    published_as: None = None
    end_to_end: bool = False
    tools: tuple[str, ...] = ("onnx", "onnxruntime")

    def predict(  # noqa: D102  described in the protocol
        self,
        images: NDArray[np.uint8],
        *,
        score_threshold: float,
        iou_threshold: float,
        max_detections: int = MAX_DETECTIONS,
    ) -> list[NDArray[np.float32]]:
        found = []
        for image in images:
            levels = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
            heat, size, offset = self._network.run([_HEAT, _SIZE, _OFFSET], {_INPUT: levels})
            rows = _boxes(heat[0, 0], size[0], offset[0], score_threshold)
            found.append(suppress_overlaps(rows, iou_threshold)[:max_detections])
        return found

    def examples(self) -> Sequence[NDArray[np.uint8]]:
        """Return a photograph of a face, and four of them in one picture, one of them larger."""
        photograph = cv2.imread(str(PHOTO), cv2.IMREAD_COLOR_RGB)
        if photograph is None:
            raise ModelBuildFailed(f"{PHOTO} cannot be read; restore it from the repository")
        face = np.asarray(photograph, np.uint8)
        row = np.concatenate([face, face[:, ::-1], face], axis=1)
        larger = np.asarray(cv2.resize(face, (row.shape[1], row.shape[1])), np.uint8)
        return [face, np.concatenate([row, larger])]


def _boxes(
    heat: NDArray[np.float32], size: NDArray[np.float32], offset: NDArray[np.float32], score_threshold: float
) -> NDArray[np.float32]:
    """Return the boxes of cells above the threshold, float32 [n, 6]: x1, y1, x2, y2, score, class."""
    limits = np.array([heat.shape[1], heat.shape[0]], np.float64) * CELL_PX
    rows, columns = np.nonzero(heat > score_threshold)
    cells = np.stack([columns, rows], axis=1)
    extent = np.exp(size[::-1, rows, columns].T.astype(np.float64)) * CELL_PX  # width, height
    middle = (cells + offset[::-1, rows, columns].T + 0.5) * CELL_PX
    first = np.clip(middle - extent / 2, 0, limits)
    last = np.minimum(first + extent, limits)
    scores = heat[rows, columns]
    return np.column_stack([first, last, scores, np.zeros_like(scores)]).astype(np.float32)


def open_weights(weights: WeightFile, precision: Precision) -> OpenedCenterFace:
    """Open the ONNX file of CenterFace.

    Args:
        weights: the file.
        precision: the precision of the network that is served; `predict` is always fp32.

    Raises:
        WeightsRefused: it is not CenterFace, or is damaged.
        ModelBuildFailed: it cannot be converted.
    """
    try:
        published = onnx.load_from_string(weights.content)
        onnx.checker.check_model(published)
        for value, channels in ((_INPUT, 3), *_CHANNELS.items()):
            _free_shape(published, value, channels)
        session = onnxruntime.InferenceSession(
            published.SerializeToString(), _quiet_options(), providers=["CPUExecutionProvider"]
        )
    except Exception as exc:  # protobuf, onnx and onnxruntime raise exceptions without a common base
        raise WeightsRefused(
            f"{weights.file} is not the ONNX file of CenterFace: {_line(exc)}; run "
            "`framewright models fetch centerface`"
        ) from exc
    try:
        raw = _raw(published, precision)
    except Exception as exc:
        raise ModelBuildFailed(f"CenterFace cannot be converted: {_line(exc)}; report this") from exc
    return OpenedCenterFace(raw=raw, _network=session)


def _free_shape(network: onnx.ModelProto, name: str, channels: int) -> None:
    """Let an input or output have any batch, height and width. Raises ValueError: there is no such value."""
    values = [value for value in (*network.graph.input, *network.graph.output) if value.name == name]
    if len(values) != 1:
        raise ValueError(f"it has no tensor {name!r}")
    dims = values[0].type.tensor_type.shape.dim
    if len(dims) != 4 or dims[1].dim_value != channels:
        raise ValueError(f"its tensor {name!r} has another shape")
    place = "in" if name == _INPUT else "out"
    for axis, letter in ((0, "batch"), (2, f"height_{place}"), (3, f"width_{place}")):
        dims[axis].ClearField("dim_value")
        dims[axis].dim_param = letter


def _raw(published: onnx.ModelProto, precision: Precision) -> onnx.ModelProto:
    """Return the network between the conversion of its input and the decoding of its boxes."""
    network = version_converter.convert_version(published, OPSET)
    network.ir_version = _IR_VERSION
    del network.graph.value_info[:]
    _drop_unused(network.graph)
    if precision == "fp16":
        _halve(network.graph)
    joined = compose.merge_models(
        parser.parse_model(_BEFORE),
        compose.add_prefix(network, "face/"),
        io_map=[("levels", f"face/{_INPUT}")],
    )
    outputs = ((_HEAT, "heat"), (_SIZE, "log_size"), (_OFFSET, "offset"))
    joined = compose.merge_models(
        joined,
        compose.add_prefix(parser.parse_model(_DECODE), "decode/", rename_outputs=False),
        io_map=[(f"face/{theirs}", f"decode/{ours}") for theirs, ours in outputs],
    )
    del joined.opset_import[1:]  # the same one from each part
    return joined


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the landmarks, unused weights, and the declarations of weights as inputs."""
    inputs = [value for value in graph.input if value.name == _INPUT]
    outputs = [value for value in graph.output if value.name != _LANDMARKS]
    nodes = [node for node in graph.node if _LANDMARKS not in node.output]
    used = {name for node in nodes for name in node.input}
    weights = [weight for weight in graph.initializer if weight.name in used]
    for field, values in (
        (graph.input, inputs),
        (graph.output, outputs),
        (graph.node, nodes),
        (graph.initializer, weights),
    ):
        del field[:]
        field.extend(values)


def _halve(graph: onnx.GraphProto) -> None:
    """Compute in float16 between float32 input and outputs."""
    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT:
            half = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(half, weight.name))
    outside = {_INPUT: "input_half"} | {value.name: f"{value.name}_half" for value in graph.output}
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = outside.get(name, name)
    nodes = [
        helper.make_node("Cast", [_INPUT], ["input_half"], to=TensorProto.FLOAT16),
        *graph.node,
        *(
            helper.make_node("Cast", [outside[value.name]], [value.name], to=TensorProto.FLOAT)
            for value in graph.output
        ),
    ]
    del graph.node[:]
    graph.node.extend(nodes)


def _quiet_options() -> onnxruntime.SessionOptions:
    """Return options that silence the warnings about unused weights."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return options


def _line(exc: Exception) -> str:
    if isinstance(exc, DecodeError):
        return "it is not ONNX"
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")[:300]
