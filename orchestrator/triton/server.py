"""Start a tritonserver of our own on this machine, watch it, and stop it however the run ends.

Between this process and tritonserver stands a keeper (`keeper.py`): it ends the server and its backends and
removes their shared memory when this process stops it, forgets it, or is killed.

It does not know models: those are loaded through `client.py`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, cast

import orchestrator
from orchestrator.child_environment import child_environment
from orchestrator.errors import BadRequest, TritonUnavailable
from orchestrator.triton import shared_memory
from orchestrator.triton.installation import Installation, find_installation
from orchestrator.triton.leftovers import clean_up, remove_leftovers
from orchestrator.triton.server_log import TAIL_LINES, ServerLog

if TYPE_CHECKING:
    from types import TracebackType

_PACKAGES = Path(orchestrator.__file__).parent.parent
_KEEPER = (
    "import sys; sys.path.append(sys.argv[1]); from orchestrator.triton import keeper; "
    "sys.exit(keeper.main(sys.stdin.read()))"
)
"""The keeper, without this Python's packages, which it does not need and which may shadow the library."""

_PORT_ATTEMPTS = 5

_POOL_BYTES = 32 * 1024**2
"""Memory that a model's process shares with Triton's Python backend: at first, and more at a time."""

_MANY_POOLS = 16
"""So many of them must fit into /dev/shm before they are that large: a container may have 64 MB there."""


class TritonServer:
    """A tritonserver on loopback with explicit model control: it loads only what it is asked to.

    A context manager: entering starts it and waits until it answers, leaving stops it. It also ends, within
    seconds, when this process ends in any way. Ctrl-C in a terminal does not reach it, only its owner. One
    that dies stays dead: `supervisor.py` starts it again.

    Only who knows its key can use it: it is random, stays the same when the server is started again, and is
    found by `running.py` for the processes of the same user.

    Attributes:
        url: host:port of its gRPC service.
        http_url: of its HTTP service, as a URL.
        metrics_url: of its Prometheus metrics, as a URL.
    """

    def __init__(
        self,
        model_repository: Path,
        *,
        start_timeout_s: float = 60.0,
        grace_s: float = 0.0,
        host: str = "127.0.0.1",
        grpc_port: int | None = None,
        http_port: int | None = None,
        metrics_port: int | None = None,
    ) -> None:
        """Say what to serve and where.

        Args:
            model_repository: folder of model folders.
            start_timeout_s: longest wait until it answers.
            grace_s: longest wait for requests in flight, of other clients, when it stops.
            host: address to listen on; the default is reached from this machine only.
            grpc_port, http_port, metrics_port: None takes a free one.
        """
        self._repository = model_repository
        self._start_timeout_s = start_timeout_s
        self._grace_s = grace_s
        self._host = host
        self._wanted_ports = (grpc_port, http_port, metrics_port)
        self._ports = (0, 0, 0)
        self._id = f"framewright-{uuid.uuid4().hex}"
        self._key = secrets.token_hex(16)
        self._keeper: subprocess.Popen[str] | None = None
        self._log: ServerLog | None = None
        self._scratch: Path | None = None
        self._segments = ""
        self._changing = threading.Lock()
        self._stopped = False

    @property
    def url(self) -> str:  # noqa: D102  described in the class
        return f"{self._host}:{self._ports[0]}"

    @property
    def http_url(self) -> str:  # noqa: D102  described in the class
        return f"http://{self._host}:{self._ports[1]}"

    @property
    def metrics_url(self) -> str:  # noqa: D102  described in the class
        return f"http://{self._host}:{self._ports[2]}/metrics"

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._keeper is not None and self._keeper.poll() is None

    def log_tail(self, lines: int = TAIL_LINES) -> list[str]:
        """Return the last lines that the server and its backends wrote, oldest first."""
        return self._log.tail(lines) if self._log is not None else []

    def wait(self) -> int:
        """Wait until the server ends by itself; return its exit status as a shell tells it."""
        return self._keeper.wait() if self._keeper is not None else 0

    def __enter__(self) -> Self:
        if not self._repository.is_dir():
            raise BadRequest(f"there is no model repository {self._repository}: set MODEL_REPOSITORY to one")
        remove_leftovers()
        self._launch(self._wanted_ports)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def restart(self) -> None:
        """Start it again, at the ports it had; nothing of the one before is left.

        Raises:
            TritonUnavailable: it does not start, or `stop` was called.
        """
        self._launch(self._ports)

    def kill(self) -> None:
        """End the server, as if it had died; returns at once."""
        if self._keeper is not None and self._log is not None and self.alive:
            self._log.end_is_expected = True
            self._keeper.terminate()

    def stop(self) -> None:
        """End the server and its backends; nothing of it is left when this returns. May be called again.

        It may be called while another thread starts the server, which then fails there.
        """
        self._stopped = True
        with self._changing:
            self._end()

    def _launch(self, wanted: tuple[int | None, ...]) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        try:
            for _ in range(_PORT_ATTEMPTS):
                with self._changing:
                    self._end()
                    log = self._start(wanted)
                if self._answers(log, deadline):
                    return
                with self._changing:
                    self._end()  # and read its log to the end
                if not _lost_a_free_port(log, wanted):
                    break
        except BaseException:
            with self._changing:
                self._end()
            raise
        taken = log.taken_port()
        if taken is not None:
            raise TritonUnavailable(
                f"tritonserver cannot start: {taken} is already in use; choose another port"
            )
        raise TritonUnavailable(f"tritonserver died as it started: {log.last_words()}")

    def _end(self) -> None:
        if self._keeper is None or self._scratch is None:
            return
        self.kill()
        try:
            self._keeper.wait(self._grace_s + 5)
        except subprocess.TimeoutExpired:
            self._keeper.kill()  # and with it, by its death signal, the server
            self._keeper.wait()
        if self._scratch.exists():
            clean_up(segments=self._segments, scratch=self._scratch)  # the keeper was killed
        if self._log is not None:
            self._log.join(1)

    def _start(self, wanted: tuple[int | None, ...]) -> ServerLog:
        if self._stopped:
            raise TritonUnavailable("tritonserver was stopped")
        self._ports = _choose_ports(self._host, wanted)
        temporary = Path(tempfile.gettempdir())
        if not _survives_shell(temporary):
            raise TritonUnavailable(f"Triton's Python backend cannot work in {str(temporary)!r}: set TMPDIR")
        self._scratch = scratch = Path(tempfile.mkdtemp(prefix=shared_memory.unique_prefix()))
        try:
            plan = self._plan(scratch)
            self._keeper = keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _KEEPER, str(_PACKAGES)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                env=child_environment(storage=False),
            )
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        with contextlib.suppress(OSError), cast("IO[str]", keeper.stdin) as order:
            order.write(plan)  # where it is dead already, its log says why
        self._log = ServerLog(cast("IO[str]", keeper.stdout))
        return self._log

    def _plan(self, scratch: Path) -> str:
        """Tell the keeper what to do, see `keeper.main`."""
        self._segments = shared_memory.unique_prefix()
        installation = find_installation(scratch)
        repository = self._repository.resolve()
        if not _survives_shell(repository):
            (scratch / "model_repository").symlink_to(repository)
            repository = scratch / "model_repository"
        plan = {
            "owner": os.getpid(),
            "command": self._command(installation, repository),
            "key": self._key,
            "search": {
                # The backend's processes are the Python that is the first python3 in PATH, with its packages.
                "PATH": [str(Path(sys.executable).parent)],
                "LD_LIBRARY_PATH": [str(folder) for folder in installation.libraries],
            },
            "grace_s": self._grace_s,
            "segments": self._segments,
            "scratch": str(scratch),
        }
        return json.dumps(plan)

    def _command(self, installation: Installation, repository: Path) -> list[str]:
        grpc, http, metrics = self._ports
        return [
            str(installation.binary),
            f"--id={self._id}",
            f"--model-repository={repository}",
            f"--backend-directory={installation.backends}",
            f"--backend-config=python,shm-region-prefix-name={self._segments}",
            # Its default of 30 s is short on a busy machine, and a stub that is late takes the server along.
            f"--backend-config=python,stub-timeout-seconds={max(30, round(self._start_timeout_s))}",
            *_pool_options(),
            "--model-control-mode=explicit",
            # Our configs are complete; else every load starts another process to complete them, for 1.4 s.
            "--disable-auto-complete-config",
            f"--grpc-address={self._host}",
            f"--grpc-port={grpc}",
            f"--http-address={self._host}",
            f"--http-port={http}",
            f"--metrics-address={self._host}",
            f"--metrics-port={metrics}",
            *installation.options,
        ]

    def _answers(self, log: ServerLog, deadline: float) -> bool:
        """Wait until our server answers; False when it died, or another program has its port."""
        while self.alive and not log.taken_port():
            if time.monotonic() > deadline:
                raise TritonUnavailable(
                    f"tritonserver did not answer within {self._start_timeout_s:g} s: see its log with -v"
                )
            if self._tells_its_id():
                return True
            time.sleep(0.02)
        return False

    def _tells_its_id(self) -> bool:
        """Ask over HTTP, which it opens last: whoever starts servers may fork later, and gRPC must not be."""
        grpc, http, _ = self._ports
        try:
            socket.create_connection((self._host, grpc), timeout=1).close()
            with contextlib.closing(HTTPConnection(self._host, http, timeout=1)) as connection:
                connection.request("GET", "/v2")
                return bool(json.load(connection.getresponse())["name"] == self._id)
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return False


def _pool_options() -> list[str]:
    """Let the pools of the Python backend grow in large pieces, where there is room.

    Its own choice is 1 MiB at a time: tensors then fit nowhere that others have left, and every growth maps
    the whole pool once more, so that the same job holds more and more for a while.
    """
    try:
        if shared_memory.free_bytes() < _MANY_POOLS * _POOL_BYTES:
            return []
    except OSError:  # the server says it better
        return []
    return [f"--backend-config=python,shm-{what}-byte-size={_POOL_BYTES}" for what in ("default", "growth")]


def _lost_a_free_port(log: ServerLog, wanted: tuple[int | None, ...]) -> bool:
    """Whether another program took a port between our choice and the server's start."""
    taken = log.taken_port()
    return taken is not None and int(taken.rpartition(":")[2]) not in wanted


def _choose_ports(host: str, wanted: tuple[int | None, ...]) -> tuple[int, int, int]:
    """Fill in free ports. Another program may take one before the server does: `_lost_a_free_port`."""
    with ExitStack() as held:
        ports = []
        for port in wanted:
            listener = held.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port or 0))
            except OSError as exc:
                if port is not None and exc.errno != errno.EADDRINUSE:
                    ports.append(port)  # the server says it better
                    continue
                raise TritonUnavailable(
                    f"tritonserver cannot start: {host}:{port} is already in use; choose another port"
                ) from exc
            ports.append(listener.getsockname()[1])
    grpc, http, metrics = ports
    return grpc, http, metrics


def _survives_shell(path: Path) -> bool:
    """Whether a shell reads the path as one word: the Python backend does not quote it in a command."""
    return shlex.quote(str(path)) == str(path)
