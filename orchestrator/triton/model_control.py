"""Which models a Triton has, and which it has ready: list, load and unload them, also after one has died.

It does not know what the models are for.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import re
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
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
from orchestrator.triton import error_translation as failure
from orchestrator.triton.contract import INPUT, parse_contract
from orchestrator.triton.server_key import Key, is_wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROL_TIMEOUT_S = 30.0
_PROBE_TIMEOUT_S = 2.0


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


class ModelControl:
    """Calls of one connection. Its methods may be called from several threads.

    Every method but `live` and `ready` raises TritonUnavailable when the server does not answer.

    Args:
        client: the connection.
        key: of the same connection.
        url: of the server; also an attribute.
        load_timeout_s: longest wait for a model to load.
    """

    def __init__(
        self, client: triton.InferenceServerClient, *, key: Key, url: str, load_timeout_s: float
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
        """Whether the server answers now, and calls the model ready."""
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
                name=model.name,
                version=model.version,
                state=model.state,
                reason=" ".join(model.reason.split()),
            )
            for model in models
        ]

    def load(self, model: str) -> None:
        """Make the model ready as it is in the repository now; see `TritonClient.load`.

        Raises:
            BadRequest: no model can have that name.
            ModelProcessDied: its process died as it was loaded.
            UnknownModel, ModelNotBuilt, InferenceFailed, InferenceTimedOut: it cannot be loaded.
        """
        # Triton takes the name for a path in its repository, and ends it at a NUL.
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
            if exc.status() == failure.UNAVAILABLE and not is_wanted(exc) and self.ready(model):
                return  # without explicit model control
            raise self._load_failure(model, exc) from exc

    def load_if_dead(self, model: str) -> None:
        """Load the model if its process died, as far as we have seen; see `load`."""
        if model in self._seen_dead:
            self.load(model)

    def unload(self, model: str) -> None:
        """Let the server drop the model; requests in flight are still answered.

        Raises:
            InferenceFailed: the server refuses.
        """
        self._key.look_up()
        try:
            self._client.unload_model(model, client_timeout=CONTROL_TIMEOUT_S)
        except InferenceServerException as exc:
            raise self.translate(exc, f"cannot unload model {model!r}") from exc

    def translate(self, exc: InferenceServerException, doing: str, model: str = "") -> ServiceError:
        """Return the error to raise for what a call raised; see `failure.translate`."""
        if model and failure.stub_died(exc):
            self._seen_dead.add(model)
        return failure.translate(exc, doing=doing, url=self.url, live=self.live)

    def request_failure(self, exc: InferenceServerException, doing: str, model: str) -> ServiceError:
        """Return the error to raise for a request to a model that was ready before.

        TritonUnavailable says that the server is gone, or is another one since: what was sent is lost.
        """
        error = self.translate(exc, doing, model)
        if type(error) is InferenceFailed and (exc.status() in failure.LOST or not self.ready(model)):
            return TritonUnavailable(
                f"{doing}: Triton at {self.url} was restarted, or dropped the model: {failure.one_line(exc)}"
            )
        return error

    def _revive(self, model: str) -> None:
        """Load a model whose process died. Triton still calls it ready, and loading alone changes nothing.

        Other clients see the same death. Unloading what one of them has just revived would fail it again, so
        they take turns, and only a model that is still dead is unloaded.
        """
        with _turn(f"{self.url} {model}", timeout_s=self._load_timeout_s):
            if self._is_dead(model):
                self._client.unload_model(model, client_timeout=CONTROL_TIMEOUT_S)
            self._client.load_model(model, client_timeout=self._load_timeout_s)
            self._seen_dead.discard(model)

    def _is_dead(self, model: str) -> bool:
        """Send the smallest request there is. A dead process fails it within a second or two."""
        try:
            answer = self._client.get_model_config(model, client_timeout=CONTROL_TIMEOUT_S)
            side = parse_contract(answer.config).size_multiple
            image = triton.InferInput(INPUT, [1, side, side, 3], "UINT8")
            image.set_data_from_numpy(np.zeros((1, side, side, 3), np.uint8))
            self._client.infer(model, [image], client_timeout=CONTROL_TIMEOUT_S)
        except InferenceServerException as exc:
            return failure.stub_died(exc)
        except InferenceFailed:
            return True  # no model of ours: nothing else tells
        return False

    def _load_failure(self, model: str, exc: InferenceServerException) -> Exception:
        reason = failure.one_line(exc)
        # Triton has no status for these: a model folder without a version, a version without its file.
        if re.search(r"at least one version must be available|unable to find '", reason):
            return ModelNotBuilt(f"model {model!r} is not built: run `framewright models build {model}`")
        error = self.translate(exc, f"cannot load model {model!r}", model)
        if type(error) is not InferenceFailed or is_wanted(exc):
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


@contextlib.contextmanager
def _turn(what: str, *, timeout_s: float) -> Iterator[None]:
    """Wait until no other client of this machine is at the same thing; go on after `timeout_s` all the same.

    A lock that leaves nothing: a name in the abstract namespace of unix(7) sockets, free again when its
    socket is closed or its process ends.
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
