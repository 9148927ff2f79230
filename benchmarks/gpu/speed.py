"""How fast a network runs by itself, in this process, on pictures that are on the device already.

No video, no transfer, no server: the ceiling of what can be served. ONNX Runtime, with what a config.pbtxt
says of the GPU, and PyTorch beside it. Also what the GPU does at most: the rate of plain matrix products.
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

from export_onnx.config import render
from export_onnx.tensor_names import INPUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.gpu.networks import Network
    from export_onnx.config import ServedModel

FEWEST_RUNS = 3

# What the native backend's parameters are called in onnxruntime; those of CUDA are as our backend has them.
_CUDA_SEARCHES = ("EXHAUSTIVE", "HEURISTIC", "DEFAULT")
_CUDA_ARENAS = ("kNextPowerOfTwo", "kSameAsRequested")
_TENSORRT_KEYS = {"max_workspace_size_bytes": "trt_max_workspace_size"}


def matrix_rates(device: str, *, seconds: float) -> dict[str, float]:
    """Measure matrix products, in floating-point operations a second.

    Returns:
        Of fp32; on a GPU also of fp16, and of tf32, in which ONNX Runtime, cuDNN and TensorRT compute fp32
        networks where the GPU has it.
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

        rates[name] = 2 * size**3 / median(timed(multiply, seconds=seconds))
    torch.set_float32_matmul_precision("highest")
    return rates


def timed(run: Callable[[], None], *, seconds: float) -> list[float]:
    """Run it twice to warm up, then for some seconds, at least three times; return how long each run took."""
    run()
    run()
    return [taken for (taken,) in _turns([run], seconds)]


def alternated(first: Callable[[], None], second: Callable[[], None], *, seconds: float) -> list[list[float]]:
    """Run two things by turns, after two runs each to warm up; return the seconds of each pair of runs."""
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


def providers(served: ServedModel, device: str, **changes: str) -> list[Any]:
    """Return ONNX Runtime's execution providers for a model, as its config.pbtxt has them.

    Args:
        served: what the config says.
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
        told = dict(accelerator.parameters)
        if accelerator.name == "cuda":
            cuda |= told
        else:
            precision = told.pop("precision_mode")
            options = {_TENSORRT_KEYS.get(key, key): value for key, value in told.items()}
            options |= {"device_id": "0", "trt_fp16_enable": str(int(precision == "FP16"))}
            found.insert(0, ("TensorrtExecutionProvider", options))
    found.insert(-1, ("CUDAExecutionProvider", cuda | changes))
    return found


def opened(path: Path, wanted: list[Any]) -> Any:
    """Open a graph.

    Raises:
        RuntimeError: onnxruntime does without the first provider, as it does where a library is missing.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # what a provider cannot do is told by what the session has
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as our backend has it
    names = [provider if isinstance(provider, str) else provider[0] for provider in wanted]
    if missing := set(names) - set(onnxruntime.get_available_providers()):
        raise RuntimeError(f"this onnxruntime has no {' and no '.join(sorted(missing))}")
    session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
    if session.get_providers()[0] != names[0]:
        raise RuntimeError(f"onnxruntime cannot start its {names[0]}: a library that it needs is missing")
    return session


def in_onnxruntime(session: Any, images: NDArray[np.uint8], device: str) -> Callable[[], None]:
    """Return what runs a graph once, its inputs and outputs on the device."""
    binding = session.io_binding()
    binding.bind_ortvalue_input(INPUT, onnxruntime.OrtValue.ortvalue_from_numpy(images, device, 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, device, 0)

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


def in_pytorch(
    network: Network, images: NDArray[np.uint8], device: str, *, compiled: bool
) -> Callable[[], None]:
    """Return what runs a network once in PyTorch, its inputs and outputs on the device.

    Args:
        network: the model.
        images: uint8 [N, H, W, 3].
        device: cuda or cpu.
        compiled: by `torch.compile`, for this shape alone, in its default mode.
    """
    module: Any = network.in_pytorch(device)
    if compiled:
        torch._dynamo.reset()  # noqa: SLF001  the documented way to forget the shapes of before
        module = torch.compile(module, dynamic=False)
    batch = torch.from_numpy(images).to(device)

    def run() -> None:
        with torch.inference_mode():
            module(batch)
        _wait(device)

    return run


def answer(session: Any, *, size: int) -> NDArray[np.int16]:
    """Return what an upscaler makes of a picture of noise of that height and width."""
    made: NDArray[np.int16] = session.run(None, {INPUT: pixels(1, size, size)})[0].astype(np.int16)
    return made


def pixels(batch: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return noise, uint8 [batch, height, width, 3]."""
    return np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), np.uint8)


def let_go(device: str) -> None:
    """Give memory back that nothing refers to any more."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
