"""Reads what Triton's native onnxruntime backend reads of a model's config, and checks the model by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import triton_python_backend_utils as pb_utils

if TYPE_CHECKING:
    from pathlib import Path

_ORT_TYPES = {
    "TYPE_BOOL": "tensor(bool)",
    "TYPE_UINT8": "tensor(uint8)",
    "TYPE_INT8": "tensor(int8)",
    "TYPE_INT32": "tensor(int32)",
    "TYPE_INT64": "tensor(int64)",
    "TYPE_FP16": "tensor(float16)",
    "TYPE_FP32": "tensor(float)",
    "TYPE_FP64": "tensor(double)",
}
"""onnxruntime's names of Triton's data types."""

_CUDA_CHOICES = {
    "cudnn_conv_algo_search": ("EXHAUSTIVE", "HEURISTIC", "DEFAULT"),
    "arena_extend_strategy": ("kNextPowerOfTwo", "kSameAsRequested"),
}
"""Parameters that are numbers in the native backend, and onnxruntime's names of their values, by number."""

_CUDA_VALUES = ("gpu_mem_limit", "do_copy_in_default_stream")
"""Parameters that the native backend passes to onnxruntime unchanged."""


def model_path(folder: Path, filename: str) -> Path:
    """Return the path of a model's file.

    Anyone who may load models can send a config, so the name in it must not lead out of the folder, neither
    by itself nor through a symbolic link. model.onnx, the default, may be a link, as only those who can write
    into the folder can make one.

    Args:
        folder: the folder of the model's version.
        filename: the config's `default_model_filename`; empty if it has none.

    Raises:
        TritonModelException: the name leads out of the folder.
    """
    path = folder / (filename or "model.onnx")
    if filename in {"", "model.onnx"}:
        return path
    if "\0" in filename or not path.resolve().is_relative_to(folder.resolve()):
        raise pb_utils.TritonModelException(
            f"default_model_filename {filename!r} is not in the folder of the model's version; name one in it"
        )
    return path


def cuda_options(config: dict[str, Any], device: int) -> tuple[str | None, dict[str, str]]:
    """Read the GPU options of a config as the native backend does.

    Args:
        config: the parsed JSON of a ModelConfig, as Triton passes it to a Python model.
        device: the number of the GPU.

    Returns:
        The name of the execution accelerator, or None; and the options of onnxruntime's CUDA provider. If an
        accelerator and `parameters` both set an option, `parameters` wins.

    Raises:
        ValueError: the number of a choice is out of range.
    """
    accelerators = (
        config.get("optimization", {}).get("execution_accelerators", {}).get("gpu_execution_accelerator", [])
    )
    name = accelerators[0]["name"] if accelerators else None
    options = {"device_id": str(device)}
    if name == "cuda":
        options |= accelerators[0].get("parameters", {})
    parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
    options |= {key: parameters[key] for key in _CUDA_VALUES if key in parameters}
    for key, choices in _CUDA_CHOICES.items():
        number = parameters.get(key, "0")
        if number not in map(str, range(len(choices))):
            raise ValueError(f"parameter {key} is {number!r}, not 0 to {len(choices) - 1}")
        options[key] = choices[int(number)]
    return name, options


def check_tensors(kind: str, configured: list[Any], found: list[Any], *, batches: bool) -> None:
    """Refuse a model whose tensors differ from the config's, as the native backend does."""
    names = [tensor["name"] for tensor in configured]
    by_name = {tensor.name: tensor for tensor in found}
    if sorted(names) != sorted(by_name):
        raise pb_utils.TritonModelException(
            f"config.pbtxt names the {kind}s {names}, the model has {list(by_name)}"
        )
    for tensor in configured:
        wanted = (
            _ORT_TYPES.get(tensor["data_type"], tensor["data_type"]),
            [-1] * batches
            + [int(side) for side in tensor.get("reshape", tensor).get("shape", tensor["dims"])],
        )
        there = by_name[tensor["name"]]
        sides = [side if isinstance(side, int) else -1 for side in there.shape]
        if there.type != wanted[0] or not _compatible(sides, wanted[1]):
            raise pb_utils.TritonModelException(
                f"config.pbtxt says {wanted[0]} {wanted[1]} of the {kind} '{there.name}', "
                f"the model has {there.type} {sides}"
            )


def _compatible(first: list[int], second: list[int]) -> bool:
    """Whether two shapes are compatible; -1 stands for any length."""
    return len(first) == len(second) and all(
        a == b or -1 in {a, b} for a, b in zip(first, second, strict=True)
    )
