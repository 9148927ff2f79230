"""config.pbtxt: what Triton and the orchestrator are told of a model, written from its facts alone.

Equal facts give equal text, so a committed file can be compared with the generator. The `parameters` are read
back over gRPC by orchestrator/triton/contract.py. Does NOT know the catalog, nor where the file goes.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, get_args

from export_onnx.tensor_names import DETECTIONS, INPUT, MAX_DETECTIONS, NUM_DETECTIONS, OUTPUT, Precision

ModelTask = Literal["upscale", "detect"]
TASKS: tuple[ModelTask, ...] = get_args(ModelTask)

Accelerator = Literal["none", "cuda", "tensorrt"]
ACCELERATORS: tuple[Accelerator, ...] = get_args(Accelerator)
WeightsSource = Literal["catalog", "custom"]

QUEUE_DELAY_US = 2000
"""How long Triton may hold a request to join others to it: little beside the time a tile takes."""

TENSORRT_WORKSPACE_BYTES = 4 << 30
"""The most memory TensorRT may use to try a layer's implementations; its backend's own default is 1 GiB."""


TENSORRT_FEWEST_NODES = 50
"""Fewest nodes of a detector's graph that TensorRT may take together. What follows NMS has half as many, and
sizes that differ from picture to picture: TensorRT would build engines for them again and again, in a job."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a person may choose for a build.

    Attributes:
        precision: of the network inside the graph.
        accelerator: none runs wherever Triton runs; cuda and tensorrt need a GPU, and Triton refuses to load
            the model on a machine without one.
        engine_cache: folder, as the server sees it, where TensorRT keeps its engines; None unless tensorrt.
        warm_up: run one tile before the model counts as ready; False unless an accelerator is chosen.
        instances: copies of the model that Triton runs side by side, on each GPU where there are GPUs.
        side: of a detector: the longer side of the pictures it is given, in pixels; None for that of its
            training.
        max_detections: of a detector: boxes in a picture at most.
    """

    precision: Precision = "fp32"
    accelerator: Accelerator = "none"
    engine_cache: str | None = None
    warm_up: bool = False
    instances: int = 1
    side: int | None = None
    max_detections: int = MAX_DETECTIONS


@dataclass(frozen=True, kw_only=True)
class ServedModel(ABC):
    """Everything that a config.pbtxt says, whatever the model's task.

    Attributes:
        name: of the model's folder and on the server.
        task: what it does.
        architecture: name of the network's architecture.
        size_multiple: input height and width must be multiples of it.
        max_batch: pictures that Triton may join in one run.
        weights_sha256: hash of the weight file it was built from.
        weights_source: catalog when that is the hash the catalog names, else custom.
        licence: SPDX identifier of the weights' licence, or unknown.
        choices: of the build.
    """

    name: str
    task: ModelTask
    architecture: str
    size_multiple: int
    max_batch: int
    weights_sha256: str
    weights_source: WeightsSource
    licence: str
    choices: Choices

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """What config.pbtxt says of each output tensor."""

    @property
    @abstractmethod
    def promises(self) -> dict[str, object]:
        """The `parameters` that are its task's own, in order."""

    @property
    @abstractmethod
    def largest_side_px(self) -> int:
        """Side of the largest picture that the worker sends in its course."""


@dataclass(frozen=True, kw_only=True)
class ServedUpscaler(ServedModel):
    """What the config.pbtxt of a super-resolution model says.

    Attributes:
        scale: output size over input size.
        halo: input pixels a tile needs on each side.
        tile: recommended side of a tile in input pixels, without halo.
    """

    task: Literal["upscale"] = "upscale"
    scale: int
    halo: int
    tile: int

    @property
    def outputs(self) -> tuple[str, ...]:  # noqa: D102  described in the base
        return (f'name: "{OUTPUT}"\n  data_type: TYPE_UINT8\n  dims: [ -1, -1, 3 ]',)

    @property
    def promises(self) -> dict[str, object]:  # noqa: D102
        return {
            "scale": self.scale,
            "size_multiple": self.size_multiple,
            "halo": self.halo,
            "tile": self.tile,
        }

    @property
    def largest_side_px(self) -> int:
        """A tile and its halo, in whole multiples."""
        return self.tile + 2 * -(-self.halo // self.size_multiple) * self.size_multiple


@dataclass(frozen=True, kw_only=True)
class ServedDetector(ServedModel):
    """What the config.pbtxt of a detector says.

    Attributes:
        classes: their names, by class number.
        side: the longer side of the pictures the network is given, in pixels.
        score_threshold: boxes of this score or less are not given, 0..1.
        iou_threshold: of boxes of one class that overlap by more, the best is kept; 1 keeps them all, where
            the network itself gives one box an object.
    """

    task: Literal["detect"] = "detect"
    classes: tuple[str, ...]
    side: int
    score_threshold: float
    iou_threshold: float

    @property
    def max_detections(self) -> int:
        """Boxes in a picture at most."""
        return self.choices.max_detections

    @property
    def outputs(self) -> tuple[str, ...]:  # noqa: D102
        return (
            f'name: "{DETECTIONS}"\n  data_type: TYPE_FP32\n  dims: [ {self.max_detections}, 6 ]',
            # Triton needs a dimension; the graph gives [N], the client sees [N, 1].
            f'name: "{NUM_DETECTIONS}"\n  data_type: TYPE_INT32\n  dims: [ 1 ]\n  reshape {{ shape: [ ] }}',
        )

    @property
    def promises(self) -> dict[str, object]:  # noqa: D102
        return {
            "classes": json.dumps(self.classes, ensure_ascii=False),
            "stride": self.size_multiple,
            "side": self.side,
            "score_threshold": self.score_threshold,
            "iou_threshold": self.iou_threshold,
        }

    @property
    def largest_side_px(self) -> int:
        """A square letterbox."""
        return self.side


def render(model: ServedModel) -> str:
    """The text of the model's config.pbtxt."""
    parts = [_HEAD, _tensors(model), _scheduling(model)]
    if model.choices.accelerator != "none":
        parts.append(_accelerator(model))
    if model.choices.warm_up:
        parts.append(_warm_up(model))
    parts.append(_parameters(model))
    return "\n".join(parts)


_HEAD = (
    "# Written by `framewright models build` from weights/catalog.toml and the weight file: do not edit.\n"
)


def _tensors(model: ServedModel) -> str:
    outputs = "\n".join(f"output {{\n  {output}\n}}" for output in model.outputs)
    return f"""\
name: {_quoted(model.name)}
backend: "onnxruntime"
max_batch_size: {model.max_batch}
input {{
  name: "{INPUT}"
  data_type: TYPE_UINT8
  dims: [ -1, -1, 3 ]
}}
{outputs}
"""


def _scheduling(model: ServedModel) -> str:
    kind = "KIND_AUTO" if model.choices.accelerator == "none" else "KIND_GPU"
    return f"""\
dynamic_batching {{
  max_queue_delay_microseconds: {QUEUE_DELAY_US}
}}
instance_group {{
  count: {model.choices.instances}
  kind: {kind}
}}
"""


def _accelerator(model: ServedModel) -> str:
    keys = (
        _tensorrt(model) if model.choices.accelerator == "tensorrt" else {"cudnn_conv_use_max_workspace": "1"}
    )
    parameters = "\n".join(
        f"      parameters {{ key: {_quoted(key)} value: {_quoted(value)} }}" for key, value in keys.items()
    )
    return f"""\
optimization {{
  execution_accelerators {{
    gpu_execution_accelerator {{
      name: "{model.choices.accelerator}"
{parameters}
    }}
  }}
}}
"""


def _tensorrt(model: ServedModel) -> dict[str, str]:
    side = model.largest_side_px
    cache = model.choices.engine_cache or ""
    pieces = {"trt_min_subgraph_size": str(TENSORRT_FEWEST_NODES)} if model.task == "detect" else {}
    return pieces | {
        "precision_mode": model.choices.precision.upper(),
        "max_workspace_size_bytes": str(TENSORRT_WORKSPACE_BYTES),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": cache,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": cache,
        # One engine for every tile: outside these shapes TensorRT would build another, for minutes.
        "trt_profile_min_shapes": f"{INPUT}:1x{model.size_multiple}x{model.size_multiple}x3",
        "trt_profile_opt_shapes": f"{INPUT}:{model.max_batch}x{side}x{side}x3",
        "trt_profile_max_shapes": f"{INPUT}:{model.max_batch}x{side}x{side}x3",
    }


def _warm_up(model: ServedModel) -> str:
    side = model.largest_side_px
    return f"""\
model_warmup {{
  name: "tile"
  batch_size: 1
  inputs {{
    key: "{INPUT}"
    value {{
      data_type: TYPE_UINT8
      dims: [ {side}, {side}, 3 ]
      random_data: true
    }}
  }}
}}
"""


def _parameters(model: ServedModel) -> str:
    contract = {
        "task": model.task,
        **model.promises,
        "architecture": model.architecture,
        "precision": model.choices.precision,
        "weights_sha256": model.weights_sha256,
        "weights_source": model.weights_source,
        "licence": model.licence,
    }
    # Read where the model comes to run on a GPU, an accelerator named or not. They stand here because
    # Triton's onnxruntime backend overwrites them inside an execution accelerator with its defaults. A
    # heuristic search: an exhaustive one runs again for every new shape. Growing by what is asked: powers of
    # two waste up to half of a GPU's memory.
    contract |= {"cudnn_conv_algo_search": 1, "arena_extend_strategy": 1}
    return "".join(
        f"parameters {{ key: {_quoted(key)} value {{ string_value: {_quoted(str(value))} }} }}\n"
        for key, value in contract.items()
    )


def _quoted(text: str) -> str:
    """A protobuf text-format string; JSON's escapes of ASCII are among its own."""
    return json.dumps(text)
