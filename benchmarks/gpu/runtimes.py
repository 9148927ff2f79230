"""Runs a network in ONNX Runtime or PyTorch in this process, on inputs on the device, and times it.

Without video, transfer and server this is the ceiling for Triton. ONNX Runtime has the options of the model's
config.pbtxt. The speed of plain matrix products shows what the GPU can do at most.
"""

from __future__ import annotations

import gc
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import torch
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from export_onnx.triton_config import render
from export_onnx.upscaling.rgb_planes import upscaled
from tools.fixtures.noise import noise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.gpu.exported_models import Network
    from export_onnx.model_config import ModelConfig

FEWEST_RUNS = 3

# onnxruntime's names of the native backend's parameters; those of CUDA are as in our backend.
_CUDA_SEARCHES = ("EXHAUSTIVE", "HEURISTIC", "DEFAULT")
_CUDA_ARENAS = ("kNextPowerOfTwo", "kSameAsRequested")
_TENSORRT_KEYS = {"max_workspace_size_bytes": "trt_max_workspace_size"}


def matrix_rates(device: str, *, seconds: float) -> dict[str, float]:
    """Measure matrix products, in floating-point operations a second.

    Returns:
        The rate of fp32; on a GPU also of fp16, and of tf32, in which ONNX Runtime, cuDNN and TensorRT
        compute fp32 networks if the GPU has it.
    """
    size = 8192 if device == "cuda" else 1024
    kinds = {"fp32": (torch.float32, "highest")}
    if device == "cuda":
        kinds |= {"tf32": (torch.float32, "high"), "fp16": (torch.float16, "highest")}
    rates = {}
    for name, (dtype, precision) in kinds.items():
        torch.set_float32_matmul_precision(precision)
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        out = torch.empty_like(left)

        def multiply(left: Any = left, right: Any = right, out: Any = out) -> None:
            torch.matmul(left, right, out=out)
            _wait(device)

        rates[name] = 2 * size**3 / median(time_runs(multiply, seconds=seconds))
    torch.set_float32_matmul_precision("highest")
    return rates


def time_runs(run: Callable[[], None], *, seconds: float) -> list[float]:
    """Run twice to warm up, then for some seconds, at least three times; return the time of each run."""
    run()
    run()
    return [taken for (taken,) in _turns([run], seconds)]


def time_in_turns(
    first: Callable[[], None], second: Callable[[], None], *, seconds: float
) -> list[list[float]]:
    """Run both in turns, after two runs each to warm up; return the seconds of each pair of runs."""
    for run in (first, second, first, second):
        run()
    return _turns([first, second], 2 * seconds)


def _turns(runs: list[Callable[[], None]], seconds: float) -> list[list[float]]:
    turns: list[list[float]] = []
    begun_s = time.perf_counter()
    while len(turns) < FEWEST_RUNS or time.perf_counter() - begun_s < seconds:
        turn = []
        for run in runs:
            started_s = time.perf_counter()
            run()
            turn.append(time.perf_counter() - started_s)
        turns.append(turn)
    return turns


def providers(served: ModelConfig, device: str, **changes: str) -> list[Any]:
    """Return ONNX Runtime's execution providers for a model, with the options of its config.pbtxt.

    Args:
        served: the content of the config.
        device: cuda or cpu.
        changes: options of the CUDA provider that the config does not set.
    """
    config = text_format.Parse(render(served), model_config_pb2.ModelConfig())
    found: list[Any] = ["CPUExecutionProvider"]
    if device != "cuda":
        return found
    onnxruntime.preload_dlls()
    parameters = {key: value.string_value for key, value in config.parameters.items()}
    cuda = {
        "device_id": "0",
        "cudnn_conv_algo_search": _CUDA_SEARCHES[int(parameters["cudnn_conv_algo_search"])],
        "arena_extend_strategy": _CUDA_ARENAS[int(parameters["arena_extend_strategy"])],
    }
    for accelerator in config.optimization.execution_accelerators.gpu_execution_accelerator:
        wanted_options = dict(accelerator.parameters)
        if accelerator.name == "cuda":
            cuda |= wanted_options
        else:
            precision = wanted_options.pop("precision_mode")
            options = {_TENSORRT_KEYS.get(key, key): value for key, value in wanted_options.items()}
            options |= {"device_id": "0", "trt_fp16_enable": str(int(precision == "FP16"))}
            found.insert(0, ("TensorrtExecutionProvider", options))
    found.insert(-1, ("CUDAExecutionProvider", cuda | changes))
    return found


def open_session(path: Path, wanted: list[Any]) -> Any:
    """Open a graph in onnxruntime with these providers.

    Raises:
        RuntimeError: onnxruntime left the first provider out, as it does if a library is missing.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # the check below replaces the warnings of providers
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as in our backend
    names = [provider if isinstance(provider, str) else provider[0] for provider in wanted]
    if missing := set(names) - set(onnxruntime.get_available_providers()):
        raise RuntimeError(f"this onnxruntime has no {' and no '.join(sorted(missing))}")
    session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
    if session.get_providers()[0] != names[0]:
        raise RuntimeError(f"onnxruntime cannot start its {names[0]}: a library that it needs is missing")
    return session


def in_onnxruntime(session: Any, *, batch: int, height: int, width: int, device: str) -> Callable[[], None]:
    """Return a function that runs a graph once on noise, with inputs and outputs on the device."""
    binding = session.io_binding()
    names = [tensor.name for tensor in session.get_inputs()]
    for name, array in noise(names, batch=batch, height=height, width=width).items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array, device, 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, device, 0)

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


def in_pytorch(
    network: Network, *, batch: int, height: int, width: int, device: str, compiled: bool
) -> Callable[[], None]:
    """Return a function that runs a network once in PyTorch, with inputs and outputs on the device.

    Args:
        network: the model.
        batch, height, width: how many pictures of noise, and their size in pixels.
        device: cuda or cpu.
        compiled: whether to use `torch.compile` in its default mode, for this shape alone.
    """
    module: Any = network.in_pytorch(device)
    if compiled:
        torch._dynamo.reset()  # noqa: SLF001  the documented way to forget earlier shapes
        module = torch.compile(module, dynamic=False)
    pixels = torch.from_numpy(noise(["image"], batch=batch, height=height, width=width)["image"]).to(device)
    pictures = (pixels.to(torch.float32) / 255).permute(0, 3, 1, 2) if network.upscales else pixels

    def run() -> None:
        with torch.inference_mode():
            module(pictures)
        _wait(device)

    return run


def answer(session: Any, *, size: int) -> NDArray[np.int16]:
    """Return an upscaler's output for a square picture of noise with that side."""
    pictures = noise(["image"], batch=1, height=size, width=size)["image"]
    return upscaled(session, pictures).astype(np.int16)


def free_memory(device: str) -> None:
    """Release unused memory."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
