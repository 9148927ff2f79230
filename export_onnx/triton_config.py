"""Writes config.pbtxt, which describes a model to Triton and to the orchestrator.

Equal descriptions give equal text, so a test can compare a committed file with the generator.
orchestrator/triton/contract.py reads the `parameters` back over gRPC.
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
Fit = Literal["letterbox", "stretch"]

QUEUE_DELAY_US = 2000
"""How long Triton may delay a request to batch it with others: little beside the time of a tile."""

TENSORRT_WORKSPACE_BYTES = 4 << 30
"""The most memory for TensorRT to try the implementations of a layer; the backend's default is 1 GiB."""


TENSORRT_FEWEST_NODES = 50
"""The smallest subgraph of a detector, in nodes, that TensorRT may run. The nodes after NMS are half as many,
and
their shapes differ from picture to picture: TensorRT would build new engines for them in every job."""


@dataclass(frozen=True, kw_only=True)
class ServingOptions:
    """The choices of a build that config.pbtxt depends on.

    Attributes:
        precision: the precision of the network inside the graph.
        accelerator: none runs wherever Triton runs; cuda and tensorrt need a GPU, and Triton refuses to load
            the model on a machine without one.
        engine_cache: the folder on the server where TensorRT keeps its engines; None unless tensorrt.
        warm_up: whether to run one tile before the model counts as ready; needs an accelerator.
        instances: copies of the model that Triton runs side by side, on each GPU if there are GPUs.
        side: for a detector, the longer side of its input pictures in pixels; None for the side of its
            training pictures.
        max_detections: for a detector, the most boxes in a picture.
    """

    precision: Precision = "fp32"
    accelerator: Accelerator = "none"
    engine_cache: str | None = None
    warm_up: bool = False
    instances: int = 1
    side: int | None = None
    max_detections: int = MAX_DETECTIONS


@dataclass(frozen=True, kw_only=True)
class ModelConfig(ABC):
    """The content of a config.pbtxt, for any task.

    Attributes:
        name: the name of the model's folder, and of the model on the server.
        task: upscale or detect.
        architecture: the name of the network's architecture.
        size_multiple: input height and width must be multiples of it.
        max_batch: the maximum number of pictures that Triton may run as one batch.
        weights_sha256: the hash of the weight file that the model was built from.
        weights_source: catalog if that is the hash in the catalog, else custom.
        licence: SPDX identifier of the weights' licence, or unknown.
        choices: the choices of the build.
    """

    name: str
    task: ModelTask
    architecture: str
    size_multiple: int
    max_batch: int
    weights_sha256: str
    weights_source: WeightsSource
    licence: str
    choices: ServingOptions

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """The body of each `output` block of config.pbtxt."""

    @property
    @abstractmethod
    def contract_parameters(self) -> dict[str, object]:
        """The `parameters` that belong to the task, in order."""

    @property
    @abstractmethod
    def largest_side_px(self) -> int:
        """The longest side of the inputs that the worker sends as a rule, in pixels."""


@dataclass(frozen=True, kw_only=True)
class UpscalerConfig(ModelConfig):
    """The content of the config.pbtxt of a super-resolution model.

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
    def contract_parameters(self) -> dict[str, object]:  # noqa: D102
        return {
            "scale": self.scale,
            "size_multiple": self.size_multiple,
            "halo": self.halo,
            "tile": self.tile,
        }

    @property
    def largest_side_px(self) -> int:
        """A tile with its halo, rounded up to the size multiple."""
        return self.tile + 2 * -(-self.halo // self.size_multiple) * self.size_multiple


@dataclass(frozen=True, kw_only=True)
class DetectorConfig(ModelConfig):
    """The content of the config.pbtxt of a detector.

    Attributes:
        classes: the names of the classes, by class number.
        side: the longer side of the input pictures, in pixels.
        score_threshold: boxes of this score or less are dropped, 0..1.
        iou_threshold: the threshold of NMS within a class; 1 keeps all boxes, for an end-to-end network.
        fit: how pictures are brought to the input's size: letterboxed, or stretched to a square of `side`.
    """

    task: Literal["detect"] = "detect"
    classes: tuple[str, ...]
    side: int
    score_threshold: float
    iou_threshold: float
    fit: Fit = "letterbox"

    @property
    def max_detections(self) -> int:
        """The maximum number of boxes in a picture."""
        return self.choices.max_detections

    @property
    def outputs(self) -> tuple[str, ...]:  # noqa: D102
        return (
            f'name: "{DETECTIONS}"\n  data_type: TYPE_FP32\n  dims: [ {self.max_detections}, 6 ]',
            # Triton needs a dimension: the graph returns [N], the client sees [N, 1].
            f'name: "{NUM_DETECTIONS}"\n  data_type: TYPE_INT32\n  dims: [ 1 ]\n  reshape {{ shape: [ ] }}',
        )

    @property
    def contract_parameters(self) -> dict[str, object]:  # noqa: D102
        return {
            "classes": json.dumps(self.classes, ensure_ascii=False),
            "stride": self.size_multiple,
            "side": self.side,
            "score_threshold": self.score_threshold,
            "iou_threshold": self.iou_threshold,
        } | ({} if self.fit == "letterbox" else {"fit": self.fit})

    @property
    def largest_side_px(self) -> int:
        """A square letterbox."""
        return self.side


def render(model: ModelConfig) -> str:
    """Return the text of the model's config.pbtxt."""
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


def _tensors(model: ModelConfig) -> str:
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


def _scheduling(model: ModelConfig) -> str:
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


def _accelerator(model: ModelConfig) -> str:
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


def _tensorrt(model: ModelConfig) -> dict[str, str]:
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
        # One engine serves every tile; for a shape outside this range TensorRT would build another for
        # minutes.
        "trt_profile_min_shapes": f"{INPUT}:1x{model.size_multiple}x{model.size_multiple}x3",
        "trt_profile_opt_shapes": f"{INPUT}:{model.max_batch}x{side}x{side}x3",
        "trt_profile_max_shapes": f"{INPUT}:{model.max_batch}x{side}x{side}x3",
    }


def _warm_up(model: ModelConfig) -> str:
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


def _parameters(model: ModelConfig) -> str:
    contract = {
        "task": model.task,
        **model.contract_parameters,
        "architecture": model.architecture,
        "precision": model.choices.precision,
        "weights_sha256": model.weights_sha256,
        "weights_source": model.weights_source,
        "licence": model.licence,
    }
    # These count whenever the model runs on a GPU, with an accelerator or without. They are parameters
    # because Triton's onnxruntime backend overwrites them inside an execution accelerator with its defaults.
    # For the search 1 means HEURISTIC: an exhaustive search runs again for every new shape. For the arena it
    # means kSameAsRequested: powers of two waste up to half of a GPU's memory.
    contract |= {"cudnn_conv_algo_search": 1, "arena_extend_strategy": 1}
    return "".join(
        f"parameters {{ key: {_quoted(key)} value {{ string_value: {_quoted(str(value))} }} }}\n"
        for key, value in contract.items()
    )


def _quoted(text: str) -> str:
    """Return a string of protobuf's text format, which knows all of JSON's escapes."""
    return json.dumps(text)
