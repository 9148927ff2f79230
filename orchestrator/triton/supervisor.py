"""Keep a tritonserver running: start it again when it dies, a bounded number of times.

It does not know what the server is used for. Its models are gone with it: who needs one loads it again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Literal, Self

from orchestrator.errors import TritonUnavailable

if TYPE_CHECKING:
    from types import TracebackType

    from orchestrator.triton.server import TritonServer

State = Literal["starting", "ready", "restarting", "failed", "stopped"]

WINDOW_S = 600.0
"""Restarts are counted over the last ten minutes: a server that dies once a day goes on for ever."""

_log = logging.getLogger(__name__)


class Supervisor:
    """A `TritonServer` that is started again, at the same ports, when it dies.

    A context manager: entering starts the server and waits until it answers, leaving stops it. A thread of
    its own watches and restarts. What is here may be read and called from any thread; only entering, leaving
    and `wait` block.

    Args:
        server: not started yet; taken over.
        restarts: most restarts within ten minutes. One more death, and the state is `failed` for good.
    """

    def __init__(self, server: TritonServer, *, restarts: int = 3) -> None:
        self.server = server
        self._most = restarts
        self._moments: deque[float] = deque()
        self._state: State = "starting"
        self._restarts = 0
        self._failure = ""
        self._changed = threading.Condition()
        self._watch = threading.Thread(target=self._keep, name="supervisor", daemon=True)

    @property
    def state(self) -> State:
        """`ready` when it answers; `failed` when it is not started again, see `check`."""
        return self._state

    @property
    def restarts(self) -> int:
        """How often it was started again, or tried to, since it was entered."""
        return self._restarts

    def check(self) -> None:
        """Raise if no server will come back.

        Raises:
            TritonUnavailable: it died too often, or was stopped; the message says which.
        """
        if self._state in {"failed", "stopped"}:
            raise TritonUnavailable(self._failure)

    def restart(self) -> None:
        """End a server that hangs, and so have it started again; returns at once. It counts as a death."""
        _log.warning("tritonserver hangs: it is ended, to be started again")
        self.server.kill()

    def wait(self) -> None:
        """Wait until it has failed or was stopped; `check` raises then."""
        with self._changed:
            self._changed.wait_for(lambda: self._state in {"failed", "stopped"})

    def __enter__(self) -> Self:
        self.server.__enter__()
        self._become("ready")
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop watching and stop the server; nothing of it is left when this returns. May be called again."""
        self._failure = "tritonserver was stopped"
        self._become("stopped")
        self.server.stop()
        if self._watch.ident is not None:
            self._watch.join()

    def _keep(self) -> None:
        while True:
            status = self.server.wait()
            if self._state == "stopped":
                return
            if not self._may_restart():
                died = len(self._moments) + 1
                self._fail(
                    f"tritonserver died {died} times within {WINDOW_S / 60:g} minutes, at last with status "
                    f"{status}, and is not started again; its last lines are in the log"
                )
                return
            self._restart()

    def _may_restart(self) -> bool:
        now = time.monotonic()
        while self._moments and self._moments[0] < now - WINDOW_S:
            self._moments.popleft()
        if len(self._moments) >= self._most:
            return False
        self._moments.append(now)
        return True

    def _restart(self) -> None:
        if not self._become("restarting"):
            return
        self._restarts += 1
        _log.warning("tritonserver is started again (%d of %d)", len(self._moments), self._most)
        # The first at once; what keeps a second from starting, such as a port in use, may pass.
        with self._changed:
            self._changed.wait_for(lambda: self._state == "stopped", len(self._moments) - 1)
        try:
            self.server.restart()
        except (TritonUnavailable, OSError) as exc:
            if self._state != "stopped":
                _log.warning("%s", exc)
        else:
            self._become("ready")

    def _fail(self, message: str) -> None:
        with self._changed:
            if self._state != "stopped":
                self._failure = message
                self._become("failed")
                _log.error("%s", message)

    def _become(self, state: State) -> bool:
        """Go on to a state, unless it was stopped."""
        with self._changed:
            if self._state != "stopped":
                self._state = state
                self._changed.notify_all()
            return self._state == state
