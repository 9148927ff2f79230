"""Writes config.pbtxt, which describes a model to Triton and to the orchestrator.

Equal descriptions give equal text, so a test can compare a committed file with the generator.
orchestrator/triton/contract.py reads the `parameters` back over gRPC.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from export_onnx.model_config import ModelConfig, ModelTask

QUEUE_DELAY_US = 2000
"""How long Triton may delay a request to batch it with others: little beside the time of a tile."""

TENSORRT_WORKSPACE_BYTES = 4 << 30
"""The most memory for TensorRT to try the implementations of a layer; the backend's default is 1 GiB."""

TENSORRT_FEWEST_NODES: dict[ModelTask, int] = {"upscale": 12, "detect": 50}
"""The smallest subgraph that TensorRT may run, in nodes. The nodes after a detector's NMS are half as many,
and their shapes differ from picture to picture: TensorRT would build new engines for them in every job. Those
after the first branch of an upscaler would each become an engine, whose inputs have no profile."""


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
    inputs = "\n".join(
        f'input {{\n  name: "{tensor.name}"\n  data_type: {tensor.datatype}\n  dims: {_list(tensor.dims)}\n}}'
        for tensor in model.inputs
    )
    outputs = "\n".join(f"output {{\n  {output}\n}}" for output in model.outputs)
    return f"""\
name: {_quoted(model.name)}
backend: "onnxruntime"
max_batch_size: {model.max_batch}
{inputs}
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
    cache = model.choices.engine_cache or ""

    def shapes(batch: int, of: Literal["smallest", "usual", "largest"]) -> str:
        return ",".join(
            f"{tensor.name}:{'x'.join(map(str, (batch, *getattr(tensor, of))))}" for tensor in model.inputs
        )

    return {
        "trt_min_subgraph_size": str(TENSORRT_FEWEST_NODES[model.task]),
        "precision_mode": model.choices.precision.upper(),
        "max_workspace_size_bytes": str(TENSORRT_WORKSPACE_BYTES),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": cache,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": cache,
        # One engine serves every tile; for a shape outside this range TensorRT would build another for
        # minutes.
        "trt_profile_min_shapes": shapes(1, "smallest"),
        "trt_profile_opt_shapes": shapes(model.max_batch, "usual"),
        "trt_profile_max_shapes": shapes(model.max_batch, "largest"),
    }


def _warm_up(model: ModelConfig) -> str:
    return "".join(_warm_up_sample(model, *sample) for sample in model.warm_up_shapes.items())


def _warm_up_sample(model: ModelConfig, name: str, shapes: tuple[tuple[int, ...], ...]) -> str:
    # Random floats might stand for any number, so the colour is zero: that takes as long.
    inputs = "\n".join(
        f"""\
  inputs {{
    key: "{tensor.name}"
    value {{
      data_type: {tensor.datatype}
      dims: {_list(shape)}
      {"random_data" if tensor.datatype == "TYPE_UINT8" else "zero_data"}: true
    }}
  }}"""
        for tensor, shape in zip(model.inputs, shapes, strict=True)
    )
    return f"""\
model_warmup {{
  name: {_quoted(name)}
  batch_size: 1
{inputs}
}}
"""


def _list(dims: tuple[int, ...]) -> str:
    return f"[ {', '.join(map(str, dims))} ]"


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
