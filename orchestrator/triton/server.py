"""Starts a tritonserver on this machine, and stops it however this process ends.

A small process, the reaper (`server_reaper.py`), runs between this process and tritonserver. It ends the
server and its backends and removes their shared memory when this process stops it, forgets it, or is killed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import secrets
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
from typing import IO, Self, cast

import orchestrator
from orchestrator.child_environment import child_environment
from orchestrator.errors import BadRequest, TritonUnavailable
from orchestrator.triton import posix_shared_memory as shared_memory
from orchestrator.triton.installation import find_installation
from orchestrator.triton.leftovers import clean_up, remove_leftovers
from orchestrator.triton.server_command import is_one_shell_word, server_command
from orchestrator.triton.server_log import TAIL_LINES, ServerLog

_PACKAGES = Path(orchestrator.__file__).parent.parent
_REAPER = (
    "import sys; sys.path.append(sys.argv[1]); from orchestrator.triton import server_reaper; "
    "sys.exit(server_reaper.main(sys.stdin.readline()))"
)
"""Runs the reaper without the packages of this Python: it needs none, and one could shadow the library."""

_PORT_ATTEMPTS = 5


class TritonServer:
    """A tritonserver on loopback with explicit model control: it loads only the models it is asked to load.

    A context manager: entering starts the server and waits until it answers, leaving stops it. It also ends,
    within seconds, when this process ends in any way. Ctrl-C in a terminal reaches only this process. This
    class does not restart a server that dies; `supervisor.py` does.

    The server accepts commands only with its key, which is random and stays the same when the server is
    restarted. `find_servers.py` finds it for processes of the same user.

    Attributes:
        url: host:port of its gRPC service.
        http_url: URL of its HTTP service.
        metrics_url: URL of its Prometheus metrics.
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
        """Configure the server; nothing is started yet.

        Args:
            model_repository: folder of model folders.
            start_timeout_s: longest wait until the server answers.
            grace_s: longest wait for other clients' requests in flight when it stops.
            host: address to listen on; the default is reachable from this machine only.
            grpc_port, http_port, metrics_port: None chooses a free port.
        """
        self._repository = model_repository
        self._start_timeout_s = start_timeout_s
        self._grace_s = grace_s
        self._host = host
        self._requested_ports = (grpc_port, http_port, metrics_port)
        self._ports = (0, 0, 0)
        self._id = f"framewright-{uuid.uuid4().hex}"
        self._key = secrets.token_hex(16)
        self._reaper: subprocess.Popen[str] | None = None
        self._lifeline: IO[str] | None = None
        self._log: ServerLog | None = None
        self._scratch: Path | None = None
        self._segments = ""
        self._changing = threading.RLock()
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
    def lifeline(self) -> int | None:
        """A file descriptor: the server outlives a killed owner while a process that inherited it lives."""
        return None if self._lifeline is None else self._lifeline.fileno()

    @property
    def alive(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._reaper is not None and self._reaper.poll() is None

    def log_tail(self, lines: int = TAIL_LINES) -> list[str]:
        """Return the last lines that the server and its backends wrote, oldest first."""
        return self._log.tail(lines) if self._log is not None else []

    def wait(self) -> int:
        """Wait until the server ends by itself; return its exit status in the form a shell uses."""
        return self._reaper.wait() if self._reaper is not None else 0

    def __enter__(self) -> Self:
        if not self._repository.is_dir():
            raise BadRequest(f"there is no model repository {self._repository}: set MODEL_REPOSITORY to one")
        remove_leftovers()
        self._launch(self._requested_ports)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def restart(self) -> None:
        """Remove everything of the previous server and start another one on the same ports.

        Raises:
            TritonUnavailable: it does not start, or `stop` was called.
        """
        self._launch(self._ports)

    def kill(self) -> None:
        """End the server, as if it had died; returns at once."""
        if self._reaper is not None and self._log is not None and self.alive:
            self._log.end_is_expected = True
            self._reaper.terminate()

    def stop(self) -> None:
        """End the server and its backends and remove everything they left. May be called again.

        Another thread may be starting the server meanwhile; the start then fails there.
        """
        self._stopped = True
        self._end()

    def _launch(self, ports: tuple[int | None, ...]) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        try:
            for _ in range(_PORT_ATTEMPTS):
                log = self._start(ports)
                if self._wait_for_answer(log, deadline):
                    return
                self._end()  # also reads its log to the end
                address = log.port_in_use()
                if address is None or int(address.rpartition(":")[2]) in ports:
                    break  # otherwise another program took a port between our choice and the server's start
        except BaseException:
            self._end()
            raise
        if address is not None:
            raise TritonUnavailable(
                f"tritonserver cannot start: {address} is already in use; choose another port"
            )
        raise TritonUnavailable(f"tritonserver died as it started: {log.last_error()}")

    def _end(self) -> None:
        with self._changing:
            if self._reaper is None or self._scratch is None:
                return
            self.kill()
            try:
                self._reaper.wait(self._grace_s + 5)
            except subprocess.TimeoutExpired:
                self._reaper.kill()  # the server's parent-death signal then ends the server
                self._reaper.wait()
            if self._lifeline is not None:
                with contextlib.suppress(OSError):  # the reaper died before it read its instructions
                    self._lifeline.close()
                self._lifeline = None
            if self._scratch.exists():  # the reaper was killed
                clean_up(segments=self._segments, scratch=self._scratch)
            if self._log is not None:
                self._log.join(1)

    def _start(self, ports: tuple[int | None, ...]) -> ServerLog:
        with self._changing:
            self._end()
            if self._stopped:
                raise TritonUnavailable("tritonserver was stopped")
            self._ports = _choose_ports(self._host, ports)
            temporary = Path(tempfile.gettempdir())
            if not is_one_shell_word(temporary):
                raise TritonUnavailable(
                    f"Triton's Python backend cannot work in {str(temporary)!r}: set TMPDIR"
                )
            self._scratch = scratch = Path(tempfile.mkdtemp(prefix=shared_memory.unique_prefix()))
            try:
                instructions = self._reaper_instructions(scratch)
                self._reaper = reaper = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _REAPER, str(_PACKAGES)],
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
            self._lifeline = cast("IO[str]", reaper.stdin)
            with contextlib.suppress(OSError):  # if the reaper is dead already, its log says why
                print(instructions, file=self._lifeline, flush=True)
            self._log = ServerLog(cast("IO[str]", reaper.stdout))
            return self._log

    def _reaper_instructions(self, scratch: Path) -> str:
        """Return the JSON that `server_reaper.main` expects."""
        self._segments = shared_memory.unique_prefix()
        installation = find_installation(scratch)
        repository = self._repository.resolve()
        if not is_one_shell_word(repository):
            (scratch / "model_repository").symlink_to(repository)
            repository = scratch / "model_repository"
        instructions = {
            "command": server_command(
                installation,
                repository,
                server_id=self._id,
                host=self._host,
                ports=self._ports,
                segments=self._segments,
                stub_timeout_s=self._start_timeout_s,
            ),
            "key": self._key,
            "search": {
                # Backend processes run the first python3 in PATH, with its packages.
                "PATH": [str(Path(sys.executable).parent)],
                "LD_LIBRARY_PATH": [str(folder) for folder in installation.libraries],
            },
            "grace_s": self._grace_s,
            "segments": self._segments,
            "scratch": str(scratch),
        }
        return json.dumps(instructions)

    def _wait_for_answer(self, log: ServerLog, deadline: float) -> bool:
        """Wait until our server answers; return False if it died, or another program has its port."""
        while self.alive and not log.port_in_use():
            if time.monotonic() > deadline:
                raise TritonUnavailable(
                    f"tritonserver did not answer within {self._start_timeout_s:g} s: see its log with -v"
                )
            if self._answers():
                return True
            time.sleep(0.02)
        return False

    def _answers(self) -> bool:
        """Whether the server with our id answers over HTTP, the service that Triton opens last.

        This does not use gRPC, because a process must not fork after it has used gRPC.
        """
        grpc, http, _ = self._ports
        try:
            socket.create_connection((self._host, grpc), timeout=1).close()
            with contextlib.closing(HTTPConnection(self._host, http, timeout=1)) as connection:
                connection.request("GET", "/v2")
                return bool(json.load(connection.getresponse())["name"] == self._id)
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return False


def _choose_ports(host: str, requested: tuple[int | None, ...]) -> tuple[int, int, int]:
    """Fill in free ports. Another program may take one before the server does."""
    with ExitStack() as sockets:
        ports = []
        for port in requested:
            listener = sockets.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port or 0))
            except OSError as exc:
                if port is not None and exc.errno != errno.EADDRINUSE:
                    ports.append(port)  # the server's own message is more precise
                    continue
                raise TritonUnavailable(
                    f"tritonserver cannot start: {host}:{port} is already in use; choose another port"
                ) from exc
            ports.append(listener.getsockname()[1])
    grpc, http, metrics = ports
    return grpc, http, metrics
