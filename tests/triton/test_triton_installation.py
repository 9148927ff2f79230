"""Tests finding a tritonserver and its onnxruntime backend on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from orchestrator.settings import PROJECT_ROOT
from orchestrator.triton.installation import find_installation


def container(home: Path, help_text: str) -> Path:
    """Make a folder like /opt/tritonserver, whose program supports only --help."""
    (home / "bin").mkdir(parents=True)
    binary = home / "bin" / "tritonserver"
    binary.write_text(f"#!/bin/sh\necho '{help_text}'\n")
    binary.chmod(0o755)
    return home


def test_takes_the_container_s_tritonserver_with_its_onnxruntime_backend_only(tmp_path: Path) -> None:
    home = container(tmp_path / "opt", "--model-repository <string>")
    for backend in ("onnxruntime", "python", "pytorch"):
        (home / "backends" / backend).mkdir(parents=True)
    found = find_installation(tmp_path, container_home=home)
    assert found.binary == home / "bin" / "tritonserver"
    assert [entry.name for entry in found.backends.iterdir()] == ["onnxruntime"]
    assert (found.backends / "onnxruntime").resolve() == home / "backends" / "onnxruntime"
    assert found.options == ()


def test_allows_clients_shared_memory_where_the_version_asks_for_it(tmp_path: Path) -> None:
    home = container(tmp_path / "opt", "--allow-client-shm <boolean>")
    assert find_installation(tmp_path, container_home=home).options == ("--allow-client-shm=true",)


def test_elsewhere_takes_the_wheel_s_with_our_onnxruntime_backend(tmp_path: Path) -> None:
    found = find_installation(tmp_path, container_home=tmp_path / "nothing")
    described = subprocess.run(
        [found.binary, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert "--model-control-mode" in described.stdout + described.stderr
    for module in ("model.py", "config_reader.py"):
        backend = found.backends / "onnxruntime" / module
        assert backend.resolve() == PROJECT_ROOT / "triton_backends" / "onnxruntime" / module
    assert [entry.name for entry in found.backends.iterdir()] == ["onnxruntime"]
    assert (found.backends / "onnxruntime" / "triton_python_backend_stub").exists()
