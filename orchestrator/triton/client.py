"""Talk to a Triton over gRPC: load models, read their contracts and statistics, send them images.

It does not know who started the server, nor what the images are of.
"""

from __future__ import annotations

import difflib
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar, overload

import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from orchestrator.errors import (
    BadRequest,
    InferenceFailed,
    ModelNotBuilt,
    ServiceError,
    TritonUnavailable,
    UnknownModel,
)
from orchestrator.triton import failure
from orchestrator.triton.contract import (
    Answer,
    DetectContract,
    ModelContract,
    UpscaleContract,
    parse_contract,
)
from orchestrator.triton.requests import RequestPool
from orchestrator.triton.statistics import ModelStatistics, parse_statistics

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

Contract = TypeVar("Contract", bound=UpscaleContract | DetectContract)

_INT32_MAX = 2**31 - 1
_CONTROL_TIMEOUT_S = 30.0
_PROBE_TIMEOUT_S = 2.0
_LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0)$")


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """One line of the server's index.

    Attributes:
        name: of the model.
        version: that is or was loaded; empty when the model was never loaded.
        state: READY, LOADING, UNLOADING or UNAVAILABLE; empty when the model was never loaded.
        reason: why it is in this state, in one line; often empty.
    """

    name: str
    version: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class InferReport:
    """How one `infer` went.

    Attributes:
        transport: how the tensors travelled: shared_memory or grpc.
        total_ms: from sending the request to its whole answer, seen from here.
        statistics: what the server counted meanwhile for the model, for all its clients.
    """

    transport: str
    total_ms: float
    statistics: ModelStatistics


class TritonClient:
    """A connection to one Triton. A context manager; its methods may be called from several threads.

    Every method raises TritonUnavailable when the server does not answer.
    """

    def __init__(
        self,
        url: str,
        *,
        infer_timeout_s: float = 600.0,
        load_timeout_s: float = 900.0,
        shared_memory: bool = True,
    ) -> None:
        """Prepare to connect; nothing is sent yet.

        Args:
            url: host:port of the gRPC service.
            infer_timeout_s: longest wait for the answer to one request.
            load_timeout_s: longest wait for a model to load.
            shared_memory: False sends tensors as gRPC bytes even where shared memory would do.

        Raises:
            BadRequest: `url` is not host:port.
        """
        host, _, port = url.rpartition(":")
        if not re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", host) or not (
            port.isascii() and port.isdigit() and 0 < int(port) < 65536
        ):
            raise BadRequest(f"{url!r} is not the address of a Triton: give HOST:PORT of its gRPC service")
        self.url = url
        self._infer_timeout_s = infer_timeout_s
        self._load_timeout_s = load_timeout_s
        local = _LOOPBACK.match(host) is not None
        self._shared_memory = shared_memory and local
        options: list[tuple[str, int]] = [
            # tritonclient's own defaults, which passing any option replaces.
            ("grpc.max_send_message_length", _INT32_MAX),
            ("grpc.max_receive_message_length", _INT32_MAX),
            # A server that starts is noticed soon; gRPC's default waits up to two minutes between attempts.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        if local:
            options.append(("grpc.enable_http_proxy", 0))
        self._client = triton.InferenceServerClient(url, channel_args=options)
        self._with_dead_stub: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. Close the request pools first."""
        self._client.close()

    def live(self) -> bool:
        """Whether the server answers now."""
        try:
            return bool(self._client.is_server_live(client_timeout=_PROBE_TIMEOUT_S))
        except InferenceServerException:
            return False

    def wait_ready(self, timeout_s: float = 5.0) -> None:
        """Wait until the server answers.

        Raises:
            TritonUnavailable: it did not within `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while not self.live():
            if time.monotonic() > deadline:
                raise TritonUnavailable(
                    f"no Triton answers at {self.url}: is it running, and is that its gRPC port?"
                )
            time.sleep(0.05)

    def load(self, model: str) -> None:
        """Make the model ready as it is in the repository now: load it, or load it anew if its files changed.

        A server without explicit model control must have it ready by itself.

        Raises:
            UnknownModel: the server's repository has no such model.
            ModelNotBuilt: it has a config but no model file.
            InferenceFailed: it cannot be loaded.
        """
        try:
            if model in self._with_dead_stub:
                # Triton still calls it ready, and loading it again would change nothing.
                self._client.unload_model(model, client_timeout=_CONTROL_TIMEOUT_S)
                self._with_dead_stub.discard(model)
            self._client.load_model(model, client_timeout=self._load_timeout_s)
        except InferenceServerException as exc:
            if exc.status() == failure.UNAVAILABLE and self._ready(model):
                return  # without explicit model control
            raise self._load_failure(model, exc) from exc

    def unload(self, model: str) -> None:
        """Let the server drop the model; requests in flight are still answered.

        Raises:
            InferenceFailed: the server refuses.
        """
        try:
            self._client.unload_model(model, client_timeout=_CONTROL_TIMEOUT_S)
        except InferenceServerException as exc:
            self._fail(exc, f"cannot unload model {model!r}")

    def index(self) -> list[ServedModel]:
        """List every model of the server's repository."""
        try:
            models = self._client.get_model_repository_index(client_timeout=_CONTROL_TIMEOUT_S).models
        except InferenceServerException as exc:
            self._fail(exc, "cannot list the models")
        return [
            ServedModel(
                name=model.name,
                version=model.version,
                state=model.state,
                reason=" ".join(model.reason.split()),
            )
            for model in models
        ]

    @overload
    def contract(self, model: str) -> UpscaleContract | DetectContract: ...
    @overload
    def contract(self, model: str, kind: type[Contract]) -> Contract: ...

    def contract(self, model: str, kind: type[Contract] | None = None) -> UpscaleContract | DetectContract:
        """Read the contract of a loaded model.

        Args:
            model: its name.
            kind: class of the contract it must have; None for any.

        Raises:
            UnknownModel: it is not loaded.
            InferenceFailed: its config is not that of a model of ours.
            BadRequest: it is a model of ours, for another task.
        """
        try:
            answer = self._client.get_model_config(model, client_timeout=_CONTROL_TIMEOUT_S)
        except InferenceServerException as exc:
            self._fail(exc, f"cannot read the config of model {model!r}", model=model)
        contract = parse_contract(answer.config)
        if kind is not None and not isinstance(contract, kind):
            raise BadRequest(
                f"model {model!r} is for the task {contract.task!r}, not {kind.task!r}; "
                "`framewright models list` shows what each model is for"
            )
        return contract

    def statistics(self, model: str) -> ModelStatistics:
        """Read what the server counted for a loaded model since it was loaded.

        Raises:
            UnknownModel: it is not loaded.
        """
        try:
            answer = self._client.get_inference_statistics(model, client_timeout=_CONTROL_TIMEOUT_S)
        except InferenceServerException as exc:
            self._fail(exc, f"cannot read the statistics of model {model!r}", model=model)
        return parse_statistics(answer.model_stats[0])

    def request_pool(
        self, contract: ModelContract[Answer], *, batch: int, height: int, width: int, slots: int
    ) -> RequestPool[Answer]:
        """Prepare `slots` requests of a fixed shape that can be in flight together.

        A model whose process died (see ModelOutOfMemory) is loaded again first.

        Args:
            contract: of a loaded model.
            batch: most images in one request.
            height, width: of every image, in pixels.
            slots: number of requests.

        Raises:
            BadRequest: the model does not take that shape.
        """
        if contract.name in self._with_dead_stub:
            self.load(contract.name)
        return RequestPool(
            self._client,
            contract,
            shape=(batch, height, width),
            slots=slots,
            timeout_s=self._infer_timeout_s,
            shared_memory=self._shared_memory,
            translate=self._translate,
        )

    def infer(self, contract: ModelContract[Answer], images: NDArray[np.uint8]) -> tuple[Answer, InferReport]:
        """Send one request and wait for its answer.

        Args:
            contract: of a loaded model.
            images: uint8 [N, H, W, 3] RGB.

        Returns:
            What the contract says an answer is, and how it went.

        Raises:
            BadRequest: the model does not take that shape.
            InferenceFailed: the server answered with an error, or broke the contract.
            ModelOutOfMemory: the server had too little memory for it.
        """
        count, height, width, _ = images.shape
        before = self.statistics(contract.name)
        with self.request_pool(contract, batch=count, height=height, width=width, slots=1) as pool:
            request = pool.acquire()
            request.input[:] = images
            started = time.perf_counter()
            request.submit(count)
            request.result()
            total_ms = (time.perf_counter() - started) * 1e3
            answer = request.result(copied=True)
            request.release()
        counted = self.statistics(contract.name).since(before)
        return answer, InferReport(transport=pool.transport, total_ms=total_ms, statistics=counted)

    def _ready(self, model: str) -> bool:
        try:
            return bool(self._client.is_model_ready(model, client_timeout=_PROBE_TIMEOUT_S))
        except InferenceServerException:
            return False

    def _load_failure(self, model: str, exc: InferenceServerException) -> Exception:
        reason = failure.one_line(exc)
        # Triton has no status for these: a model folder without a version, a version without its file.
        if re.search(r"at least one version must be available|unable to find '", reason):
            return ModelNotBuilt(f"model {model!r} is not built: run `framewright models build {model}`")
        error = self._translate(exc, f"cannot load model {model!r}", model)
        if not isinstance(error, InferenceFailed):
            return error
        names = {entry.name for entry in self.index()}
        if model not in names:
            nearest = difflib.get_close_matches(model, names, n=10, cutoff=0.0)
            return UnknownModel(f"there is no model {model!r}; there is: {', '.join(nearest) or 'none'}")
        if "failed to poll" in reason:
            return InferenceFailed(
                f"cannot load model {model!r}: Triton cannot read its config.pbtxt; see its log"
            )
        return error

    def _fail(self, exc: InferenceServerException, doing: str, *, model: str = "") -> NoReturn:
        if model and exc.status() in failure.NOT_LOADED:
            raise UnknownModel(f"{doing}: it is not loaded at {self.url}") from exc
        raise self._translate(exc, doing, model) from exc

    def _translate(self, exc: InferenceServerException, doing: str, model: str) -> ServiceError:
        if failure.stub_died(exc):
            self._with_dead_stub.add(model)
        return failure.translate(exc, doing=doing, url=self.url, live=self.live)
