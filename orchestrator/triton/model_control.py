"""Lists, loads and unloads the models of a Triton, and revives a model whose process died."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from orchestrator.errors import (
    BadRequest,
    InferenceFailed,
    ModelNotBuilt,
    ServiceError,
    TritonUnavailable,
    UnknownModel,
)
from orchestrator.triton import error_translation as failure
from orchestrator.triton.contract import parse_contract
from orchestrator.triton.server_key import ServerKeyPlugin, is_missing

CONTROL_TIMEOUT_S = 30.0
_PROBE_TIMEOUT_S = 2.0
_MOST_NAMES = 10
"""An error lists the names of the models if there are no more."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """One entry of the server's list of models.

    Attributes:
        version: the version that is or was loaded; empty if the model was never loaded.
        state: READY, LOADING, UNLOADING or UNAVAILABLE; empty if the model was never loaded.
        reason: why it is in this state, in one line; often empty.
    """

    name: str
    version: str
    state: str
    reason: str


class ModelControl:
    """Controls the models of the server of one connection. Thread-safe.

    Every method except `live` and `ready` raises TritonUnavailable if the server does not answer.

    Args:
        client, key: the connection and its key plugin.
        url: address of the server; also an attribute.
        load_timeout_s: longest wait for a model to load.
    """

    def __init__(
        self, client: triton.InferenceServerClient, *, key: ServerKeyPlugin, url: str, load_timeout_s: float
    ) -> None:
        self._client = client
        self._key = key
        self.url = url
        self._load_timeout_s = load_timeout_s
        self._seen_dead: set[str] = set()

    def live(self) -> bool:
        """Whether the server answers now."""
        try:
            return bool(self._client.is_server_live(client_timeout=_PROBE_TIMEOUT_S))
        except InferenceServerException:
            return False

    def ready(self, model: str) -> bool:
        """Whether the server answers now and reports the model as ready."""
        try:
            return bool(self._client.is_model_ready(model, client_timeout=_PROBE_TIMEOUT_S))
        except InferenceServerException:
            return False

    def index(self) -> list[ServedModel]:
        """List every model of the server's repository."""
        self._key.look_up()
        try:
            models = self._client.get_model_repository_index(client_timeout=CONTROL_TIMEOUT_S).models
        except InferenceServerException as exc:
            raise self.translate(exc, "cannot list the models") from exc
        return [
            ServedModel(
                name=one.name, version=one.version, state=one.state, reason=" ".join(one.reason.split())
            )
            for one in models
        ]

    def load(self, model: str) -> None:
        """Make the current model of the repository ready; see `TritonClient.load`.

        Raises:
            BadRequest: no model can have that name.
            ModelProcessDied: its process died while it was loaded.
            UnknownModel, ModelNotBuilt, InferenceFailed, InferenceTimedOut: it cannot be loaded.
        """
        # Triton uses the name as a path in its repository, and cuts it at a NUL.
        if model in {"", ".", ".."} or re.search(r"[/\\\x00-\x1f\x7f\ud800-\udfff]", model):
            raise BadRequest(
                f"{model!r} cannot name a model; `framewright models list` shows which there are"
            )
        self._key.look_up()
        try:
            if model in self._seen_dead:
                self._revive(model)
            else:
                self._client.load_model(model, client_timeout=self._load_timeout_s)
        except InferenceServerException as exc:
            if exc.status() == failure.UNAVAILABLE and not is_missing(exc) and self.ready(model):
                return  # the server has no explicit model control
            raise self._load_failure(model, exc) from exc

    def load_if_dead(self, model: str) -> None:
        """Load the model again if this client has seen its process die; see `load`."""
        if model in self._seen_dead:
            self.load(model)

    def unload(self, model: str) -> None:
        """Unload the model; requests in flight are still answered.

        Raises:
            InferenceFailed: the server refuses.
        """
        self._key.look_up()
        try:
            self._client.unload_model(model, client_timeout=CONTROL_TIMEOUT_S)
        except InferenceServerException as exc:
            raise self.translate(exc, f"cannot unload model {model!r}") from exc

    def translate(self, exc: InferenceServerException, doing: str, model: str = "") -> ServiceError:
        """Return the error to raise for an error of tritonclient; see `error_translation.translate`."""
        if model and failure.stub_died(exc):
            self._seen_dead.add(model)
        return failure.translate(exc, doing=doing, url=self.url, live=self.live)

    def request_failure(self, exc: InferenceServerException, doing: str, model: str) -> ServiceError:
        """Return the error to raise for a request to a model that was ready before.

        TritonUnavailable means that the server died or was restarted, so the request is lost.
        """
        error = self.translate(exc, doing, model)
        if type(error) is InferenceFailed and (exc.status() in failure.LOST or not self.ready(model)):
            return TritonUnavailable(
                f"{doing}: Triton at {self.url} was restarted, or dropped the model: {failure.one_line(exc)}"
            )
        return error

    def _revive(self, model: str) -> None:
        """Unload and load a model whose process died: for Triton it is ready, so loading alone has no effect.

        Other clients notice the same death. Unloading a model that one of them has just revived would fail
        its requests again, so they take turns, and only a model that is still dead is unloaded.
        """
        with _turn(f"{self.url} {model}", timeout_s=self._load_timeout_s):
            if self._is_dead(model):
                self._client.unload_model(model, client_timeout=CONTROL_TIMEOUT_S)
            self._client.load_model(model, client_timeout=self._load_timeout_s)
            self._seen_dead.discard(model)

    def _is_dead(self, model: str) -> bool:
        """Send the smallest possible request, which a dead process fails within a second or two."""
        try:
            answer = self._client.get_model_config(model, client_timeout=CONTROL_TIMEOUT_S)
            contract = parse_contract(answer.config)
            side = contract.size_multiple
            tensors = []
            for tensor in contract.inputs(side, side):
                shape = (1, *tensor.shape)
                sent = triton.InferInput(tensor.name, list(shape), tensor.datatype)
                sent.set_data_from_numpy(np.zeros(shape, triton_to_np_dtype(tensor.datatype)))
                tensors.append(sent)
            self._client.infer(model, tensors, client_timeout=CONTROL_TIMEOUT_S)
        except InferenceServerException as exc:
            return failure.stub_died(exc)
        except InferenceFailed:
            return True  # not a model of ours: we cannot tell
        return False

    def _load_failure(self, model: str, exc: InferenceServerException) -> Exception:
        reason = failure.one_line(exc)
        # Triton has no status for a model folder without a version, or a version without its file.
        if re.search(r"at least one version must be available|unable to find '", reason):
            return ModelNotBuilt(
                f"model {model!r} is not built: run `framewright models fetch {model}`, then "
                f"`framewright models build {model}`"
            )
        error = self.translate(exc, f"cannot load model {model!r}", model)
        if type(error) is not InferenceFailed or is_missing(exc):
            return error
        names = {entry.name for entry in self.index()}
        if model not in names:
            return UnknownModel(f"there is no model {model!r}; {_names_to_use(model, names)}")
        if "failed to poll" in reason:
            return InferenceFailed(
                f"cannot load model {model!r}: Triton cannot read its config.pbtxt; see its log"
            )
        return error


def _names_to_use(model: str, names: set[str]) -> str:
    """Return what to do about a model that is not in the repository, given the names of those that are."""
    nearest = difflib.get_close_matches(model, names, n=1)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    if len(names) > _MOST_NAMES:
        return "`framewright models list` shows all"
    return f"there are: {', '.join(sorted(names))}" if names else "the model repository is empty"


@contextlib.contextmanager
def _turn(what: str, *, timeout_s: float) -> Iterator[None]:
    """Wait until no other client of this machine holds the lock `what`, at most `timeout_s`.

    The lock is a name in the abstract namespace of unix(7) sockets. It leaves no file, and is free again when
    its socket is closed or its process ends.
    """
    name = b"\0framewright-" + hashlib.sha256(what.encode()).hexdigest().encode()
    deadline = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lock:
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                lock.bind(name)
                break
            time.sleep(0.05)
        yield
