"""Restarts a tritonserver when it dies, a limited number of times.

A restarted server has no models loaded; its clients load them again (`recovery.py`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Literal, Self

from orchestrator.errors import TritonUnavailable
from orchestrator.triton.server import TritonServer

State = Literal["starting", "ready", "restarting", "failed", "stopped"]

WINDOW_S = 600.0
"""Restarts are counted over the last ten minutes, so a server that dies once a day is always restarted."""

_log = logging.getLogger(__name__)


class Supervisor:
    """Runs a `TritonServer` and restarts it, on the same ports, when it dies.

    A context manager: entering starts the server and waits until it answers, leaving stops it. A separate
    thread watches and restarts it. Everything may be used from any thread; only entering, leaving and `wait`
    block.

    Args:
        server: not started yet; the supervisor starts and stops it.
        restarts: maximum number of restarts in ten minutes. After one more death the state stays `failed`.
    """

    def __init__(self, server: TritonServer, *, restarts: int = 3) -> None:
        self.server = server
        self._most = restarts
        self._restart_times: deque[float] = deque()
        self._state: State = "starting"
        self._restarts = 0
        self._failure = ""
        self._changed = threading.Condition()
        self._watch = threading.Thread(target=self._run, name="supervisor", daemon=True)

    @property
    def state(self) -> State:
        """`ready` if the server answers; `failed` if it will not be restarted, see `check`."""
        return self._state

    @property
    def restarts(self) -> int:
        """Number of restarts tried since the supervisor was entered."""
        return self._restarts

    def check(self) -> None:
        """Raise if the server will not be restarted.

        Raises:
            TritonUnavailable: it died too often, or was stopped; the message says which.
        """
        if self._state in {"failed", "stopped"}:
            raise TritonUnavailable(self._failure)

    def restart(self) -> None:
        """End a server that hangs, so that it is restarted; returns at once. This counts as a death."""
        _log.warning("tritonserver hangs: it is ended, to be started again")
        self.server.kill()

    def wait(self) -> None:
        """Wait until the state is `failed` or `stopped`; `check` raises then."""
        with self._changed:
            self._changed.wait_for(lambda: self._state in {"failed", "stopped"})

    def __enter__(self) -> Self:
        self.server.__enter__()
        self._become("ready")
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop watching, stop the server and remove everything it left. May be called again."""
        self._failure = "tritonserver was stopped"
        self._become("stopped")
        self.server.stop()
        if self._watch.ident is not None:
            self._watch.join()

    def _run(self) -> None:
        while True:
            status = self.server.wait()
            if self._state == "stopped":
                return
            if not self._may_restart():
                died = len(self._restart_times) + 1
                self._fail(
                    f"tritonserver died {died} times within {WINDOW_S / 60:g} minutes, at last with status "
                    f"{status}, and is not started again; its last lines are in the log"
                )
                return
            self._restart()

    def _may_restart(self) -> bool:
        now = time.monotonic()
        while self._restart_times and self._restart_times[0] < now - WINDOW_S:
            self._restart_times.popleft()
        if len(self._restart_times) >= self._most:
            return False
        self._restart_times.append(now)
        return True

    def _restart(self) -> None:
        if not self._become("restarting"):
            return
        self._restarts += 1
        _log.warning("tritonserver is started again (%d of %d)", len(self._restart_times), self._most)
        # The first restart is immediate. Later ones wait for temporary obstacles, such as a port in use.
        with self._changed:
            self._changed.wait_for(lambda: self._state == "stopped", len(self._restart_times) - 1)
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
        """Change the state, unless the supervisor was stopped; return whether it is now `state`."""
        with self._changed:
            if self._state != "stopped":
                self._state = state
                self._changed.notify_all()
            return self._state == state
