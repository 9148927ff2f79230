"""Serves ONNX models in Triton with the onnxruntime wheel, where NVIDIA's native backend is not installed.

It is a Python-based backend: it serves every model whose config.pbtxt says `backend: "onnxruntime"`, from the
same config.pbtxt as the native backend of that name.

It reads the native backend's parameters intra_op_thread_count, enable_mem_arena, enable_mem_pattern and those
of CUDA, and the execution accelerator cuda (config_reader.py); it ignores the others. On a GPU it needs
onnxruntime-gpu; without that, a model that names no accelerator is served on the CPU. It has no TensorRT.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import signal
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils
from config_reader import check_tensors, cuda_options, model_path

OUT_OF_MEMORY = "out of memory"
"""The start of the error message of a request that did not fit into memory."""

_STALLED_S = 60
"""The longest that Python code may stand still here: onnxruntime releases the GIL while it runs."""

# onnxruntime raises the same exception for a failed allocation as for any other failure of a node; only the
# text differs.
_ALLOCATION_FAILURE = re.compile(
    r"Failed to allocate memory.*|(std::)?bad.alloc.*|bad allocation.*|.*out of memory.*|.*ALLOC_FAILED.*"
)


class TritonPythonModel:
    """One instance of a model; Triton's Python backend calls initialize, execute and finalize."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the model.

        Raises:
            TritonModelException: there is no model file, it is outside of the version's folder, or its inputs
                and outputs differ from the config's.
        """
        threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
        self._config = json.loads(args["model_config"])
        self._gpu = int(args["model_instance_device_id"]) if args["model_instance_kind"] == "GPU" else None
        folder = Path(args["model_repository"]) / args["model_version"]
        self._path = model_path(folder, self._config.get("default_model_filename") or "")
        if not self._path.is_file():
            raise pb_utils.TritonModelException(f"unable to find '{self._path}'")
        on_cpu = self._path.with_suffix(f".cpu{self._path.suffix}")
        if self._gpu is None and on_cpu.is_file():  # the same graph in operators that are fast on a CPU
            self._path = on_cpu
        self._batches = self._config["max_batch_size"] > 0
        self._inputs = [tensor["name"] for tensor in self._config["input"]]
        self._outputs = [tensor["name"] for tensor in self._config["output"]]
        self._threads, at_once = self._share_of_cores()
        self._runs = ThreadPoolExecutor(at_once)
        all_started = threading.Barrier(at_once + 1)
        for _ in range(at_once):  # start all threads now, while there is memory for their stacks
            self._runs.submit(all_started.wait)
        all_started.wait()
        self._shapes: dict[Any, list[Any]] | None = {}
        self._answers: dict[Any, list[Any]] = defaultdict(list)
        self._reusable: dict[Any, list[Any]] = {}
        self._session: Any = self._open()
        for kind, found in (("input", self._session.get_inputs()), ("output", self._session.get_outputs())):
            check_tensors(kind, self._config[kind], found, batches=self._batches)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Run requests of equal shapes as one batch; return each request's response, in order."""
        # The stub has copied the answers of the last call before it makes the next one. The system clears new
        # memory, which takes longer than these copies.
        self._reusable, self._answers = self._answers, defaultdict(list)
        feeds = [
            [_array(pb_utils.get_input_tensor_by_name(request, name)) for name in self._inputs]
            for request in requests
        ]
        groups = defaultdict(list)
        for index, arrays in enumerate(feeds):
            key = _image_shapes(arrays) if self._batches else index
            groups[key].append(index)
        responses: list[Any] = [None] * len(requests)
        for indices in groups.values():
            for index, response in zip(indices, self._answer([feeds[i] for i in indices]), strict=True):
                responses[index] = response
        return responses

    def finalize(self) -> None:
        """Release the model."""
        self._session = None

    def _answer(self, feeds: list[list[Any]]) -> list[Any]:
        try:
            parts = self._run(feeds)
        except Exception as exc:  # noqa: BLE001  raising would fail the other requests too
            message, code = self._failure(exc)
            if len(feeds) > 1 and self._session is None:  # each may fit into memory alone
                return [response for feed in feeds for response in self._answer([feed])]
            # Each response needs its own error: the first would free a shared one, and tritonserver crashes.
            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code)) for _ in feeds]
        return [
            pb_utils.InferenceResponse([_tensor(*pair) for pair in zip(self._outputs, part, strict=True)])
            for part in parts
        ]

    def _failure(self, exc: Exception) -> tuple[str, Any]:
        message = " ".join(str(exc).split()) or type(exc).__name__
        cause = _ALLOCATION_FAILURE.search(message)
        if cause is None and not isinstance(exc, MemoryError):
            return message, pb_utils.TritonError.INTERNAL
        # A session never returns the memory that it has allocated: the next request opens a new one.
        self._session = None
        self._reusable = {}
        gc.collect()
        detail = cause[0] if cause else message
        return f"{OUT_OF_MEMORY}: {detail}", pb_utils.TritonError.UNAVAILABLE

    def _run(self, feeds: list[list[Any]]) -> list[list[Any]]:
        """Return the outputs of each request: from one run on a GPU, from one run per image on a CPU."""
        if self._session is None:
            self._session = self._open()
        if self._gpu is None and self._batches:
            return self._run_images(feeds)
        if len(feeds) == 1:
            return [self._session.run(self._outputs, dict(zip(self._inputs, feeds[0], strict=True)))]
        batch = [np.concatenate(arrays) for arrays in zip(*feeds, strict=True)]
        outputs = self._session.run(self._outputs, dict(zip(self._inputs, batch, strict=True)))
        ends = np.cumsum([arrays[0].shape[0] for arrays in feeds])
        for name, output in zip(self._outputs, outputs, strict=True):
            if output.shape[0] != ends[-1]:
                raise ValueError(f"output '{name}' has {output.shape[0]} rows for a batch of {ends[-1]}")
        return [list(part) for part in zip(*(np.split(output, ends[:-1]) for output in outputs), strict=True)]

    def _run_images(self, feeds: list[list[Any]]) -> list[list[Any]]:
        """Return the outputs of each request, from one run per image, several at once.

        On a CPU a batch is slower: the caches do not hold an image until its next layer. And images that run
        side by side never wait for each other, as the threads of one image do at the end of every layer.
        """
        held = list(feeds)
        answers = [self._empty_answer(feed) for feed in feeds]
        runs = [
            [self._runs.submit(self._run_image, held, n, at, answer) for at in range(feed[0].shape[0])]
            for n, (feed, answer) in enumerate(zip(feeds, answers, strict=True))
        ]
        wait(run for images in runs for run in images)  # all must have released their memory before a retry
        held.clear()  # a thread keeps its arguments after its work: these are Triton's memory
        try:
            results = [[run.result() for run in images] for images in runs]
        except Exception as exc:
            if self._shapes is None or not any(answers) or _ALLOCATION_FAILURE.search(str(exc)):
                raise
            self._shapes = None  # outputs of this model depend on more than the shapes of its inputs
            return self._run_images(feeds)
        return [
            answer or [np.concatenate(parts) for parts in zip(*images, strict=True)]
            for answer, images in zip(answers, results, strict=True)
        ]

    def _empty_answer(self, feed: list[Any]) -> list[Any] | None:
        """Return an array for each output of a request, or None if their shapes are not known yet."""
        known = (self._shapes or {}).get(_image_shapes(feed))
        return known and [self._array_of((feed[0].shape[0], *shape), dtype) for shape, dtype in known]

    def _array_of(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return an uninitialized array that no other answer of this call uses."""
        key = (shape, dtype)
        unused = self._reusable.get(key)
        array = unused.pop() if unused else np.empty(shape, dtype)
        self._answers[key].append(array)
        return array

    def _run_image(self, feeds: list[list[Any]], n: int, at: int, answer: list[Any] | None) -> list[Any]:
        """Run one image; return its outputs if there is no `answer` that they were written to.

        Outputs that onnxruntime allocates are cleared, copied, and copied again into the answer: for a model
        that does little else, that takes as long as the model.
        """
        feed = feeds[n]
        inputs = {name: array[at : at + 1] for name, array in zip(self._inputs, feed, strict=True)}
        if answer is not None:
            binding = self._session.io_binding()
            for name, array in inputs.items():
                binding.bind_cpu_input(name, array)
            for name, array in zip(self._outputs, answer, strict=True):
                image = array[at : at + 1]
                binding.bind_output(name, "cpu", 0, image.dtype, image.shape, image.ctypes.data)
            self._session.run_with_iobinding(binding)
            return []
        outputs: list[Any] = self._session.run(self._outputs, inputs)
        if self._shapes is not None and all(output.shape[0] == 1 for output in outputs):
            self._shapes[_image_shapes(feed)] = [(output.shape[1:], output.dtype) for output in outputs]
        return outputs

    def _share_of_cores(self) -> tuple[int, int]:
        """Return how many threads run an image, and how many images run at once."""
        instances = sum(int(group.get("count", 1)) for group in self._config.get("instance_group", [])) or 1
        cores = max(1, len(os.sched_getaffinity(0)) // instances)
        most = max(1, self._config["max_batch_size"]) if self._gpu is None else 1
        threads = int(self._parameter("intra_op_thread_count") or 0) or cores // min(cores, most)
        return threads, max(1, min(most, cores // threads))

    def _open(self) -> Any:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.enable_cpu_mem_arena = self._flag("enable_mem_arena", default=True)
        options.enable_mem_pattern = self._flag("enable_mem_pattern", default=False)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if self._gpu is None:
            return ort.InferenceSession(self._path, options, providers=["CPUExecutionProvider"])
        return self._open_on_gpu(options, self._gpu)

    def _open_on_gpu(self, options: Any, device: int) -> Any:
        """Open a session on the GPU, or on the CPU if that fails and the config names no accelerator.

        Raises:
            TritonModelException: the config names an accelerator that is not available here.
        """
        accelerator, wanted = cuda_options(self._config, device)
        if accelerator == "tensorrt":
            raise pb_utils.TritonModelException(
                "TensorRT is in NVIDIA's Triton container only: serve the model there, or build it with "
                "--accelerator cuda"
            )
        providers: list[Any] = ["CPUExecutionProvider"]
        if "CUDAExecutionProvider" in ort.get_available_providers():
            if hasattr(ort, "preload_dlls"):  # since 1.21: loads CUDA and cuDNN from wheels
                ort.preload_dlls()
            providers.insert(0, ("CUDAExecutionProvider", wanted))
        session = ort.InferenceSession(self._path, options, providers=providers)
        # If CUDA or cuDNN is missing or has another version, onnxruntime silently uses the CPU.
        if "CUDAExecutionProvider" not in session.get_providers():
            problem = (
                "onnxruntime cannot use the GPU: install onnxruntime-gpu in place of onnxruntime, with the "
                "CUDA and cuDNN that it asks for"
            )
            if accelerator is not None:
                raise pb_utils.TritonModelException(problem)
            pb_utils.Logger.log_warn(f"{self._path}: served on the CPU, {problem}")
        return session

    def _flag(self, key: str, *, default: bool) -> bool:
        value = self._parameter(key)
        return default if value is None else value.lower() in {"1", "true", "yes", "on"}

    def _parameter(self, key: str) -> str | None:
        value: str | None = self._config.get("parameters", {}).get(key, {}).get("string_value")
        return value


def _image_shapes(feed: list[Any]) -> tuple[Any, ...]:
    """Return the shapes of a request's inputs without the batch."""
    return tuple(array.shape[1:] for array in feed)


# The wheel's Python backend was compiled against NumPy 1: with NumPy 2 its `as_numpy` returns arrays without
# strides, and its `Tensor(name, array)` sends no bytes. DLPack works with both, and copies nothing.


def _array(tensor: Any) -> Any:
    return np.from_dlpack(tensor)


def _tensor(name: str, array: Any) -> Any:
    capsule = np.ascontiguousarray(array).__dlpack__()
    # The backend owns the memory from here on. It renames the capsule, and NumPy's destructor would log a
    # complaint about that at every request.
    ctypes.pythonapi.PyCapsule_SetDestructor(ctypes.py_object(capsule), None)
    return pb_utils.Tensor.from_dlpack(name, capsule)


def _exit_with_parent(parent: int) -> None:
    """End this process when tritonserver has died, which does not end its stub processes.

    If tritonserver is killed during a request, the stub waits for it and holds the GIL, so that this loop
    stands still; then the alarm, which needs no GIL, ends the process.
    """
    while os.getppid() == parent:
        signal.alarm(_STALLED_S)
        time.sleep(0.5)
    os._exit(1)
