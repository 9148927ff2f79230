"""Tests requirements/chromium.sh, which installs the browser of the tests, with an apt-get that records."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "requirements" / "chromium.sh"
NEEDED = ("bash", "env", "id", "find", "cat")


class Machine:
    """A machine with few commands: an apt-get that records what it is asked for, and perhaps a Chromium."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._record = folder / "record"
        self._record.touch()
        for name in NEEDED:
            self.bin.joinpath(name).symlink_to(str(shutil.which(name)))
        # Another user than root needs sudo, which runs the command here.
        self._add("sudo", 'exec "$@"')

    def _add(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def with_chromium(self) -> None:
        self._add("chromium", "true")

    def with_apt(self, *, works: bool) -> None:
        installs = f'printf "#!/bin/bash\\n" > {self.bin}/chromium; /bin/chmod 755 {self.bin}/chromium'
        then = f'case "$*" in *install*) {installs};; esac' if works else "exit 100"
        self._add("apt-get", f'echo "$@" >> {self._record}\n{then}')

    def run(self) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin)}
        return subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, check=False)

    @property
    def asked_for(self) -> list[str]:
        return self._record.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_is_installed_where_chromium_is(machine: Machine) -> None:
    machine.with_chromium()
    machine.with_apt(works=True)
    done = machine.run()
    assert done.returncode == 0
    assert not [line for line in machine.asked_for if " chromium" in line]


def test_chromium_is_installed_where_it_is_missing(machine: Machine) -> None:
    machine.with_apt(works=True)
    done = machine.run()
    assert (done.returncode, "SKIPPED" in done.stderr) == (0, False)
    update, install = machine.asked_for
    assert update.endswith("update")
    assert "install -y --no-install-recommends chromium" in install
    assert os.access(machine.bin / "chromium", os.X_OK)


def test_it_says_loudly_that_tests_are_skipped_and_succeeds(machine: Machine) -> None:
    machine.with_apt(works=False)
    done = machine.run()
    assert done.returncode == 0
    assert "THE TESTS OF THE PAGE WILL BE SKIPPED" in done.stderr
