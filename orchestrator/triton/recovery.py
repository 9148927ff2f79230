"""Waits for a server that died and loads its model again, a limited number of times.

The server is restarted by its supervisor in this process, or by somebody elsewhere. A restarted server knows
neither models nor shared memory, so callers must also send their requests again.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING

from orchestrator.errors import (
    Cancelled,
    InferenceTimedOut,
    ModelProcessDied,
    ServiceError,
    TritonUnavailable,
)
from orchestrator.triton.supervisor import Supervisor

if TYPE_CHECKING:
    from orchestrator.triton.model_control import ModelControl

LOSSES = (TritonUnavailable, ModelProcessDied, InferenceTimedOut)
"""Errors after which the same request may succeed, once the server is back."""

_POLL_S = 0.05
_log = logging.getLogger(__name__)


class Recovery:
    """Recovers one model for one job. Created by `TritonClient.recovery`.

    Attributes:
        count: number of recoveries so far.
    """

    def __init__(
        self,
        control: ModelControl,
        model: str,
        *,
        server: Supervisor | None,
        most: int,
        timeout_s: float,
        stopped: Future[None],
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            control, model: the model to load again.
            server: supervisor of the server, if it is ours.
            most: maximum number of recoveries.
            timeout_s: longest wait, each time, for a server that is not ours to come back.
            stopped: done when the caller stops waiting.
        """
        self.count = 0
        self._control = control
        self._model = model
        self._server = server
        self._most = most
        self._timeout_s = timeout_s
        self._stopped = stopped

    @property
    def spent(self) -> bool:
        """Whether no recovery is left, so that `after` would raise."""
        return self.count >= self._most

    def after(self, lost: ServiceError) -> None:
        """Wait until the server is back and the model is ready again.

        Args:
            lost: the error, one of LOSSES.

        Raises:
            TritonUnavailable, ModelProcessDied, InferenceTimedOut: it happened too often, the server did not
                come back in time, or it hangs and we cannot restart it.
            Cancelled: `stopped` is done.
            CallerError, InferenceFailed: the model can no longer be loaded.
        """
        done: Future[None] = Future()

        def work() -> None:
            try:
                self._bring_back(lost)
            except BaseException as exc:  # noqa: BLE001  re-raised in the caller
                done.set_exception(exc)
            else:
                done.set_result(None)

        # A call to the server cannot be interrupted, but waiting for a thread can.
        threading.Thread(target=work, name="recovery", daemon=True).start()
        wait_for([done, self._stopped], return_when=FIRST_COMPLETED)
        if not done.done():
            raise Cancelled(f"model {self._model!r}: cancelled")
        done.result()

    def _bring_back(self, lost: ServiceError) -> None:
        while True:
            if self.spent:
                raise type(lost)(f"{lost} (failure {self.count + 1} of one job)") if self._most else lost
            self.count += 1
            # Logged as text, because a handler that keeps records would keep the exception's requests alive.
            _log.warning("%s; going on when it is back (%d of %d)", str(lost), self.count, self._most)
            if isinstance(lost, InferenceTimedOut):
                self._end_hanging_server(lost)
            self._wait_until_live()
            try:
                self._control.load(self._model)
            except LOSSES as again:
                lost = again
            else:
                return

    def _end_hanging_server(self, lost: InferenceTimedOut) -> None:
        if self._server is not None:
            self._server.restart()
        elif self._control.live():
            raise lost

    def _wait_until_live(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not self._control.live():
            if self._server is not None:
                self._server.check()
                if self._server.state == "restarting":
                    deadline = time.monotonic() + self._timeout_s  # restarts have their own limit
            if time.monotonic() > deadline:
                raise TritonUnavailable(
                    f"Triton at {self._control.url} went away and was not back within {self._timeout_s:g} s; "
                    "is it still running?"
                )
            with contextlib.suppress(TimeoutError):
                self._stopped.result(_POLL_S)
                raise Cancelled(f"model {self._model!r}: cancelled")
