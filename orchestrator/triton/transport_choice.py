"""Chooses for each model whether its tensors travel over CUDA shared memory, and proves that they may.

CUDA shared memory is used where all instances of the model run on one GPU, a region of its memory can be
registered with the server, the answers over it equal those over system shared memory to the byte, and it is
not slower. The first request of a pool is answered both ways for that.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.transport import Transport
from orchestrator.triton.device_memory import CudaProblem, DeviceMemory

if TYPE_CHECKING:
    import tritonclient.grpc as triton

    from orchestrator.triton.contract import ModelContract
    from orchestrator.triton.model_control import ModelControl
    from orchestrator.triton.request import Request
    from orchestrator.triton.request_pool import RequestPool

_TOGETHER = 3
"""How many requests are in flight in the comparison, where the pool has so many: as in a job, the copies of
one then overlap with the work on another."""

_ROUNDS = 3
_LONGEST_REQUEST_S = 0.03
"""If one takes longer, its copies, which take a millisecond or two, do not matter."""

_MOST_LOSSES = 1
"""After more deaths of the server under requests over CUDA shared memory, it might be the cause."""

_log = logging.getLogger(__name__)


class TransportChoice:
    """What one client has found out about CUDA shared memory. Thread-safe.

    Args:
        best: the first transport to try. None chooses; "cuda_shared_memory" uses it even if it is slower, but
            never without the proof.
    """

    def __init__(self, best: Transport | None) -> None:
        self._best = best
        self._faster: set[str] = set()
        self._rejected: dict[str, str] = {}
        self._losses = 0
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    @property
    def shared_memory(self) -> bool:
        """Whether any shared memory may be used."""
        return self._best != "grpc"

    def share_device(
        self,
        contract: ModelContract[Any],
        byte_size: int,
        *,
        slots: int,
        client: triton.InferenceServerClient,
        control: ModelControl,
    ) -> DeviceMemory | None:
        """Register memory of the model's GPU for a pool; None if its requests do not go over CUDA.

        A pool of one request, as that of `TritonClient.infer`, is not worth the comparison.

        Raises:
            TritonUnavailable: the server does not answer.
        """
        gpu, model = contract.gpu, contract.name
        if gpu is None or self._best not in {None, "cuda_shared_memory"} or model in self._rejected:
            return None
        if self._best is None and slots == 1:
            return None
        try:
            return DeviceMemory.share(byte_size, gpu=gpu, client=client, control=control)
        except CudaProblem as problem:
            self.reject(model, str(problem))
            return None

    def proves(self, pool: RequestPool[Any], request: Request[Any], count: int) -> bool:
        """Send a filled request both ways, and return whether CUDA shared memory is to be used for its pool.

        Raises:
            WorkerError: the request failed on the way without CUDA; see `Request.result`.
        """
        model = pool.contract.name
        if model in self._rejected:
            return False
        requests = [request, *pool.acquire_free(_TOGETHER - 1)]
        try:
            timed = self._best is None and model not in self._faster
            if timed and _takes_long(request, count):
                why_not: str | None = (
                    "its requests take so long that the way of their tensors does not matter"
                )
            else:
                why_not = _compare(requests, count, pool.device, timed=timed)
        except CudaProblem as problem:
            why_not = str(problem)
        finally:
            for other in requests[1:]:
                other.release()
        if why_not is not None:
            self.reject(model, why_not)
            return False
        with self._lock:
            self._faster.add(model)
        _log.info("the tensors of model %r travel over CUDA shared memory", model)
        return True

    def why_not(self, model: str) -> str | None:
        """Return why CUDA shared memory was given up for the model; None if it was not, or not tried."""
        return self._rejected.get(model)

    def reject(self, model: str, reason: str) -> None:
        """Use no CUDA shared memory for the model from now on, and log why, once."""
        with self._lock:
            self._rejected.setdefault(model, reason)
            known = reason in self._logged
            self._logged.add(reason)
        if not known:
            _log.info("the tensors of model %r travel without CUDA shared memory: %s", model, reason)

    def lost_server(self, model: str) -> None:
        """Count the death of a server that worked on a request over CUDA shared memory."""
        with self._lock:
            self._losses += 1
        if self._losses > _MOST_LOSSES:
            self.reject(model, f"the server died {self._losses} times under requests that used it")


def _takes_long(request: Request[Any], count: int) -> bool:
    """Whether the copies of a filled request do not matter beside the work of the model."""
    _round([request], count, None)  # the first of its shape: libraries may still choose how to compute it
    seconds, _ = _round([request], count, None)
    return seconds > _LONGEST_REQUEST_S


def _compare(
    requests: list[Request[Any]], count: int, device: DeviceMemory | None, *, timed: bool
) -> str | None:
    """Send requests both ways; return why CUDA shared memory is not used, None if it is.

    Args:
        requests: the first is filled; the others get its images, moved by a column each.
        count: the number of images.
        device: the memory of the GPU.
        timed: whether it has to be faster as well.
    """
    for number, other in enumerate(requests[1:], 1):
        for source, array in zip(requests[0].inputs, other.inputs, strict=True):
            if array.dtype == np.uint8:
                array[:count] = np.roll(source[:count], number, axis=-1)
    _, expected = _round(requests, count, None)
    fastest_s = {False: math.inf, True: math.inf}
    for over_cuda in (False, True) * _ROUNDS if timed else (True,):
        seconds, answers = _round(requests, count, device if over_cuda else None)
        fastest_s[over_cuda] = min(seconds, fastest_s[over_cuda])
        if not _equal(expected, answers):
            if over_cuda:
                return "its answers were not those that come over system shared memory"
            return "it answers the same request differently each time, so that nothing can be compared"
    if timed and fastest_s[True] >= fastest_s[False]:
        return (
            f"{len(requests)} requests took {fastest_s[True] * 1e3:.1f} ms over it, and "
            f"{fastest_s[False] * 1e3:.1f} ms over system shared memory"
        )
    return None


def _round(
    requests: list[Request[Any]], count: int, device: DeviceMemory | None
) -> tuple[float, list[NDArray[Any]]]:
    """Send the requests together, one way; return the seconds until the last answer, and all answers."""
    for request in requests:
        request.overwrite_outputs(0x5A if device is None else 0xA5)
    started = time.perf_counter()
    problems: list[str] = []
    sent: list[Request[Any]] = []
    try:
        for request in requests:
            request.send(count, device)
            sent.append(request)
    except CudaProblem as problem:
        problems.append(str(problem))
    for request in sent:  # all of them, so that none is in flight when its slot is used again
        try:
            request.receive()
        except CudaProblem as problem:
            problems.append(str(problem))
    if problems:
        raise CudaProblem(problems[0])
    seconds = time.perf_counter() - started
    return seconds, [output[:count].copy() for request in requests for output in request.outputs]


def _equal(some: list[NDArray[Any]], others: list[NDArray[Any]]) -> bool:
    """Whether arrays have the same bytes; floats that are no numbers are equal to themselves here."""
    return all(one.tobytes() == other.tobytes() for one, other in zip(some, others, strict=True))
