"""Tests the command behind `make cloud`: what it starts, what it prints, and that it ends whole."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import av
import psutil
import pytest
import requests

from tools.cloud import wrangler_dev
from tools.cloud.ports import free_port, is_free
from tools.cloud.wrangler_dev import NodeMissing
from tools.stand_ins.processes import SHM
from tools.stand_ins.worker_process import wait

ROOT = Path(__file__).resolve().parents[2]


class Launcher:
    """The command, in a process group of its own as a shell starts it, in a folder like the project's."""

    def __init__(self, folder: Path, *before: str) -> None:
        self.port = next(port for port in iter(free_port, 0) if all(map(is_free, range(port, port + 4))))
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        for name in (".venv", "examples"):
            (folder / name).symlink_to(ROOT / name)
        self.folder = folder
        self.lines: list[str] = []
        self.processes: list[psutil.Process] = []
        self._process = subprocess.Popen(
            [*before, sys.executable, "-m", "tools.cloud", "--port", str(self.port)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return "".join(self.lines)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_ready(self) -> None:
        """Wait until it says how to end it."""
        wait(lambda: "Ctrl-C" in self.text or self._process.poll() is not None, 240)
        assert "Ctrl-C" in self.text, self.text
        self.processes = psutil.Process(self.pid).children(recursive=True)

    def ended(self) -> int:
        """Wait until it has ended; return its exit status."""
        status = self._process.wait(120)
        self._reader.join(10)
        return status

    def has_left_nothing(self) -> None:
        """Wait until no process, port, file or shared memory is left."""
        wait(lambda: not any(map(is_alive, self.processes)), 60)
        assert all(map(is_free, range(self.port, self.port + 4)))
        wait(lambda: not list(self.temporary.iterdir()), 30)
        pids = {str(process.pid) for process in self.processes}
        assert not [path for path in SHM.glob("framewright-*") if path.name.split("-")[2] in pids]

    def kill(self) -> None:
        for process in (self.pid, *(process.pid for process in self.processes)):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)


@contextmanager
def launched(folder: Path, *before: str) -> Iterator[Launcher]:
    try:
        wrangler_dev.node()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    launcher = Launcher(folder, *before)
    try:
        launcher.is_ready()
        yield launcher
    finally:
        if launcher._process.poll() is None:
            launcher.kill()
            launcher.ended()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def key_of(launcher: Launcher) -> dict[str, str]:
    found = re.search(r"fw_live_[0-9a-f]{32}_[0-9a-f]{64}", launcher.text)
    assert found
    return {"Authorization": f"Bearer {found[0]}"}


def run_of_example(launcher: Launcher) -> subprocess.CompletedProcess[str]:
    """Paste the printed example into a shell."""
    found = re.search(r"^\.venv/bin/python - <<'END'\n.*?^END\n", launcher.text, re.MULTILINE | re.DOTALL)
    assert found, launcher.text
    return subprocess.run(
        ["/bin/sh", "-c", found[0]], cwd=launcher.folder, capture_output=True, text=True, check=False
    )


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with launched(tmp_path) as launcher:
        url = f"http://127.0.0.1:{launcher.port}"
        wallet = requests.get(f"{url}/wallet", headers=key_of(launcher), timeout=60).json()
        assert wallet["balance"] == 5_000_000
        token = re.search(r"operator's token, .*: +([0-9a-f]{64})$", launcher.text, re.MULTILINE)
        assert token, launcher.text
        operator = {"Authorization": f"Bearer {token[1]}"}
        assert requests.get(f"{url}/admin/ledger/check", headers=operator, timeout=60).json()["ok"]
        names = {process.name() for process in launcher.processes}
        assert {"workerd", "tritonserver", "framewright"} <= names, names
        ours = [process for process in launcher.processes if process.name() in {"workerd", "framewright"}]
        assert {os.getpgid(process.pid) for process in ours} == {launcher.pid}
        os.killpg(launcher.pid, signal.SIGINT)  # as a terminal does
        assert launcher.ended() == 0
        launcher.has_left_nothing()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "tools.cloud", "--port", str(port)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == f"error: port {port}, for the API, is taken: make cloud PORT=...\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_launcher_alone_gets_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    with launched(tmp_path) as launcher:
        os.kill(launcher.pid, number)
        assert launcher.ended() == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        launcher.has_left_nothing()


def is_worker(process: psutil.Process) -> bool:
    return process.name() == "framewright"


def is_wrangler(process: psutil.Process) -> bool:
    """Leave out its reaper, whose command line names it too."""
    return "cli.js" in " ".join(process.cmdline()) and not process.name().startswith("python")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("is_part", "name"), [(is_worker, "the worker"), (is_wrangler, "the API")], ids=["worker", "API"]
)
def test_all_ends_when_one_part_dies(
    tmp_path: Path, is_part: Callable[[psutil.Process], bool], name: str
) -> None:
    with launched(tmp_path) as launcher:
        next(filter(is_part, launcher.processes)).kill()
        assert launcher.ended() == 1
        assert f"error: {name} ended with status 137; its last lines:" in launcher.text
        launcher.has_left_nothing()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_example_that_it_prints_works(tmp_path: Path) -> None:
    with launched(tmp_path) as launcher:
        done = run_of_example(launcher)
        assert done.returncode == 0, done.stderr
        assert re.search(r"^running \{'stage': 'upscaling', 'percent': [1-9]", done.stdout, re.MULTILINE)
        charge = int(done.stdout.splitlines()[-1].split(" ", 1)[0])
        wallet = requests.get(
            f"http://127.0.0.1:{launcher.port}/wallet", headers=key_of(launcher), timeout=60
        ).json()
        assert 0 < charge == 5_000_000 - wallet["balance"]
        with av.open(str(tmp_path / "out" / "cloud" / "x4.mp4")) as video:
            sizes = [(frame.width, frame.height) for frame in video.decode(video=0)]
        assert sizes == [(1280, 720)] * 144


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_leaves_this_machine(tmp_path: Path) -> None:
    """All connections and datagrams of all processes, from the start over a whole job to the end."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (Debian's package strace)")
    trace = tmp_path / "trace"
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    with launched(tmp_path, strace, "-f", "-qq", "-e", calls, "-s", "0", "-o", str(trace)) as launcher:
        done = run_of_example(launcher)
        assert done.returncode == 0, done.stderr
        os.killpg(launcher.pid, signal.SIGINT)
        launcher.ended()
    text = trace.read_text(errors="replace")
    addresses = re.findall(r'sin_addr=inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', text)
    seen = {ip_address(v4 or v6) for v4, v6 in addresses}
    assert seen, "the job alone needs connections"
    assert all((getattr(address, "ipv4_mapped", None) or address).is_loopback for address in seen), seen
