"""Tests docs/migration.md: runs the commands of each phase as they stand there, and compares the results."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tools.cloud import wrangler_dev
from tools.cloud.ports import free_port, is_free
from tools.cloud.wrangler_dev import NodeMissing
from tools.stand_ins.worker_process import wait

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "migration.md").read_text()
JOBS = ("upscale", "track", "export")


def blocks(heading: str, language: str) -> list[str]:
    """Return the fenced blocks under a heading of the page."""
    (section,) = re.findall(rf"^## {heading}.*?$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_the_page_shows_the_jobs_of_the_examples() -> None:
    shown = {job["task"]: job for job in map(json.loads, blocks("The jobs", "json"))}
    assert shown == {name: json.loads((ROOT / "examples/jobs" / f"{name}.json").read_text()) for name in JOBS}


class Phases:
    """The commands of the page, run on free ports and with their results in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.worker_port = free_port()
        self.api_port = next(port for port in iter(free_port, 0) if all(map(is_free, range(port, port + 4))))

    def command(self, block: str, key: str = "") -> list[str]:
        """Return a block as a command for bash, with the ports, the folder and the key of this run."""
        text = block.replace("8090", str(self.worker_port)).replace("8787", str(self.api_port))
        text = re.sub(r"\bout/(command|worker|api|bundle)\b", rf"{self._folder}/\1", text)
        return ["bash", "-euc", text.replace("fw_live_...", key)]

    def run(self, block: str, key: str = "") -> None:
        """Run a block to its end."""
        done = subprocess.run(
            self.command(block, key), cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def in_first_terminal(self, block: str, is_ready: Callable[[str], bool]) -> Iterator[str]:
        """Run a block that does not end by itself; yield what it has printed; press Ctrl-C."""
        log = self._folder / "first-terminal.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                self.command(block),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait(lambda: is_ready(log.read_text()) or process.poll() is not None, 300)
            assert process.poll() is None, log.read_text()
            yield log.read_text()
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(60)

    def results(self, name: str) -> dict[str, Any]:
        """Return what a phase has saved: the bytes of the videos, and the tracks."""
        folder = self._folder / name
        tracked = json.loads((folder / "track.json").read_text())
        return {
            "upscale": (folder / "upscale.mp4").read_bytes(),
            "export": (folder / "export.mp4").read_bytes(),
            "tracks": tracked["tracks"],
            "video": tracked["video"],
        }

    def worker_listens(self, _log: str) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.worker_port)) == 0


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory) -> Phases:
    try:
        wrangler_dev.node()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    return Phases(tmp_path_factory.mktemp("migration"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_phase_gives_the_same_results(phases: Phases) -> None:
    by_command, first, second = blocks("Phase 1", "sh")
    phases.run(by_command)
    expected = phases.results("command")
    assert min(len(expected["upscale"]), len(expected["export"])) > 10_000
    assert len(expected["tracks"]) > 1
    with phases.in_first_terminal(first, phases.worker_listens):
        phases.run(second)
    assert phases.results("worker") == expected

    for heading, name in (("Phase 2", "api"), ("Phase 3", "bundle")):
        first, second = blocks(heading, "sh")
        with phases.in_first_terminal(first, lambda log: "Ctrl-C" in log) as log:
            keys = re.findall(r"fw_live_[0-9a-f]{32}_[0-9a-f]{64}", log)
            phases.run(second, keys[0])
        assert phases.results(name) == expected, name
