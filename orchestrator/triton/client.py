"""Talks to Triton over gRPC: loads models, reads their contracts and statistics, sends them images."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from orchestrator.errors import BadRequest, TritonUnavailable, UnknownModel
from orchestrator.transport import Transport
from orchestrator.triton import error_translation as failure
from orchestrator.triton.contract import (
    RGB_LIKE,
    Answer,
    DetectContract,
    ModelContract,
    RequestPlanes,
    UpscaleContract,
    parse_contract,
)
from orchestrator.triton.grpc_channel import TritonAddress
from orchestrator.triton.model_control import CONTROL_TIMEOUT_S, ModelControl, ServedModel
from orchestrator.triton.recovery import LOSSES, Recovery
from orchestrator.triton.request_pool import RequestPool
from orchestrator.triton.server_key import ServerKeyPlugin
from orchestrator.triton.statistics import ModelStatistics, parse_statistics
from orchestrator.triton.supervisor import Supervisor
from orchestrator.triton.transport_choice import TransportChoice

Contract = TypeVar("Contract", bound=UpscaleContract | DetectContract)

_LONG_WAIT_S = 5.0
_STATISTICS_DELAY_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class InferReport:
    """Measurements of one `infer`.

    Attributes:
        transport: how the tensors travelled.
        total_ms: time from sending the request to receiving the whole answer.
        statistics: what the server counted for the model meanwhile, for all its clients.
    """

    transport: Transport
    total_ms: float
    statistics: ModelStatistics


class TritonClient:
    """A connection to one Triton. A context manager; thread-safe.

    Every method raises TritonUnavailable if the server does not answer.
    """

    def __init__(
        self,
        url: str,
        *,
        infer_timeout_s: float = 600.0,
        load_timeout_s: float = 900.0,
        transport: Transport | None = None,
        server: Supervisor | None = None,
        recoveries: int = 0,
        reconnect_timeout_s: float = 120.0,
        key: str | None = None,
    ) -> None:
        """Prepare to connect; nothing is sent yet.

        Args:
            url: host:port of the gRPC service.
            infer_timeout_s: longest wait for the answer to one request.
            load_timeout_s: longest wait for a model to load.
            transport: the first way to try; others follow in the order of `Transport`. CUDA shared memory is
                then used even if it is slower. None chooses by itself.
            server: supervisor of the server, if it is ours. It knows whether the server will be restarted,
                and restarts one that hangs.
            recoveries: how often `load`, and a `recovery`, continue after the server or the model died.
            reconnect_timeout_s: longest wait, each time, for a server to come back.
            key: the key that the server requires. The key of a server that `launch.py` started on this
                machine, for the same user, is found without it.

        Raises:
            BadRequest: `url` is not host:port.
        """
        address = TritonAddress.parse(url)
        self.url = url
        self._infer_timeout_s = infer_timeout_s
        self._choice = TransportChoice(transport if address.local else "grpc")
        self._client = address.connect()
        self._key = ServerKeyPlugin(address.port if address.local else None, key)
        self._client.register_plugin(self._key)
        self._control = ModelControl(self._client, key=self._key, url=url, load_timeout_s=load_timeout_s)
        self._server = server
        self._recoveries = recoveries
        self._reconnect_timeout_s = reconnect_timeout_s
        self._loaded: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. Close the request pools first."""
        self._client.close()

    def live(self) -> bool:
        """Whether the server answers now."""
        return self._control.live()

    def wait_ready(self, timeout_s: float = 5.0) -> None:
        """Wait until the server answers: it may be starting or restarting.

        Raises:
            TritonUnavailable: it did not answer within `timeout_s` seconds, or will not be restarted.
        """
        deadline = time.monotonic() + timeout_s
        if timeout_s > _LONG_WAIT_S and not self.live():
            _log.warning("no Triton answers at %s yet; waiting up to %g s", self.url, timeout_s)
        while not self.live():
            if self._server is not None:
                self._server.check()
            if time.monotonic() > deadline:
                raise TritonUnavailable(
                    f"no Triton answers at {self.url}: is it running, and is that its gRPC port?"
                )
            time.sleep(0.05)

    def load(self, model: str) -> None:
        """Load the model, or load it again if its files in the repository have changed.

        A server without explicit model control must have the model ready by itself. If the server or the
        model dies meanwhile, loading is tried again; see `recovery`.

        Raises:
            UnknownModel: the server's repository has no such model.
            ModelNotBuilt: the model has a config but no model file.
            InferenceFailed: the model cannot be loaded.
            ModelProcessDied: the model's process died while it was loaded.
        """
        try:
            self._control.load(model)
        except LOSSES as lost:
            self.recovery(model).after(lost)
        self._loaded.add(model)

    def recovery(self, model: str, stopped: Future[None] | None = None) -> Recovery:
        """Return what a job uses to continue after the server or the model died.

        Args:
            model: name of the model to load again.
            stopped: done when the caller stops waiting.
        """
        return Recovery(
            self._control,
            model,
            server=self._server,
            most=self._recoveries,
            timeout_s=self._reconnect_timeout_s,
            stopped=Future() if stopped is None else stopped,
        )

    def unload(self, model: str) -> None:
        """Unload the model; requests in flight are still answered.

        Raises:
            InferenceFailed: the server refuses.
        """
        self._loaded.discard(model)
        self._control.unload(model)

    def index(self) -> list[ServedModel]:
        """List every model of the server's repository."""
        return self._control.index()

    @overload
    def contract(self, model: str) -> UpscaleContract | DetectContract: ...
    @overload
    def contract(self, model: str, kind: type[Contract]) -> Contract: ...

    def contract(self, model: str, kind: type[Contract] | None = None) -> UpscaleContract | DetectContract:
        """Read the contract of a loaded model, which is loaded again if the server lost it since `load`.

        Args:
            model: its name.
            kind: required class of the contract; None accepts any.

        Raises:
            UnknownModel: the model is not loaded.
            InferenceFailed: its config is not that of one of our models.
            BadRequest: it is one of our models, for another task.
        """
        try:
            answer = self._ask(self._client.get_model_config, "config", model)
        except (TritonUnavailable, UnknownModel):
            if not self._recoveries or model not in self._loaded:
                raise
            self.load(model)
            answer = self._ask(self._client.get_model_config, "config", model)
        contract = parse_contract(answer.config)
        if kind is not None and not isinstance(contract, kind):
            raise BadRequest(
                f"model {model!r} is for the task {contract.task!r}, not {kind.task!r}; "
                "`framewright models list` shows what each model is for"
            )
        return contract

    def statistics(self, model: str) -> ModelStatistics:
        """Read the statistics of a loaded model since it was loaded.

        Raises:
            UnknownModel: it is not loaded.
        """
        answer = self._ask(self._client.get_inference_statistics, "statistics", model)
        return parse_statistics(answer.model_stats[0])

    def request_pool(
        self,
        contract: ModelContract[Answer],
        *,
        batch: int,
        height: int,
        width: int,
        slots: int,
        planes: RequestPlanes = RGB_LIKE,
    ) -> RequestPool[Answer]:
        """Allocate `slots` requests of a fixed shape that can be in flight together.

        A model whose process died is loaded again first.

        Args:
            contract: contract of a loaded model.
            batch: maximum number of images in one request.
            height, width: size of every image, in pixels.
            slots: number of requests.
            planes: the planes of an upscaler's requests.

        Raises:
            BadRequest: the model does not take that shape.
        """
        self._key.look_up()
        self._control.load_if_dead(contract.name)
        return RequestPool(
            self._client,
            contract,
            shape=(batch, height, width),
            slots=slots,
            timeout_s=self._infer_timeout_s,
            choice=self._choice,
            control=self._control,
            planes=planes,
        )

    def infer(
        self,
        contract: ModelContract[Answer],
        *tensors: NDArray[np.uint8],
        planes: RequestPlanes = RGB_LIKE,
    ) -> tuple[Answer, InferReport]:
        """Send one request and wait for its answer.

        Args:
            contract: contract of a loaded model; its class describes the answer.
            tensors: `image`, uint8 [N, H, W, 3] RGB, for a detector; for an upscaler `luma`, uint8
                [N, B, H, W], and `chroma`, uint8 [N, 2, B, h, w].
            planes: the planes of an upscaler's request.

        Raises:
            BadRequest: the model does not take that shape.
            InferenceFailed: the server answered with an error, or the answer breaks the contract.
            ModelOutOfMemory: the server had too little memory for the request.
        """
        count = len(tensors[0])
        height, width = tensors[0].shape[1:3] if contract.tensors == "image" else tensors[0].shape[2:4]
        before = self.statistics(contract.name)
        shape = {"batch": count, "height": height, "width": width}
        with self.request_pool(contract, **shape, slots=1, planes=planes) as pool:
            request = pool.acquire()
            for array, tensor in zip(request.inputs, tensors, strict=False):
                array[:] = tensor
            started = time.perf_counter()
            request.submit(count)
            request.result()
            total_ms = (time.perf_counter() - started) * 1e3
            answer = request.result(copied=True)
            request.release()
        counted = self._counted_since(before, contract.name)
        return answer, InferReport(transport=pool.transport, total_ms=total_ms, statistics=counted)

    def _counted_since(self, before: ModelStatistics, model: str) -> ModelStatistics:
        """Return what the server has counted since then. It may count a request after it has answered it."""
        deadline = time.monotonic() + _STATISTICS_DELAY_S
        while True:
            counted = self.statistics(model).since(before)
            if (counted.requests > 0 and counted.images > 0) or time.monotonic() > deadline:
                return counted
            time.sleep(0.01)

    def _ask(self, call: Callable[..., Any], what: str, model: str) -> Any:
        try:
            return call(model, client_timeout=CONTROL_TIMEOUT_S)
        except InferenceServerException as exc:
            doing = f"cannot read the {what} of model {model!r}"
            if exc.status() in failure.NOT_LOADED:
                raise UnknownModel(f"{doing}: it is not loaded at {self.url}") from exc
            raise self._control.translate(exc, doing, model) from exc
