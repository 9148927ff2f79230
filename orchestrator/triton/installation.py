"""Finds a tritonserver on this machine and prepares the backends and libraries that it needs.

NVIDIA's container has one in /opt/tritonserver with a native onnxruntime backend. Elsewhere, the wheel
`nvidia-pytriton` contains the same program and the Python backend, which runs our Python-based onnxruntime
backend (`triton_backends/onnxruntime`). Only files of the wheel are used; its Python API is never imported.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import TritonUnavailable
from orchestrator.settings import PROJECT_ROOT

CONTAINER_HOME = Path("/opt/tritonserver")
_INSTALL = (
    "install `nvidia-pytriton==0.7.0` and `onnxruntime`, or name a server that runs with --url HOST:PORT"
)


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A tritonserver that can be started.

    Attributes:
        binary: the program.
        backends: its --backend-directory.
        libraries: folders to put first in LD_LIBRARY_PATH for it and its backends.
        options: additional options that this version needs.
    """

    binary: Path
    backends: Path
    libraries: tuple[Path, ...]
    options: tuple[str, ...]


def find_installation(scratch: Path, *, container_home: Path = CONTAINER_HOME) -> Installation:
    """Find the container's tritonserver, or the wheel's if there is no container.

    Args:
        scratch: an empty folder for the backend directory; keep it as long as the server runs. It gets only
            the backend of our models, because `backend: "python"` would run code that comes with a model.
        container_home: folder of Triton in NVIDIA's container.

    Raises:
        TritonUnavailable: there is none, or a part of it is missing.
    """
    binary = container_home / "bin" / "tritonserver"
    if binary.is_file():
        backends = scratch / "backends"
        backends.mkdir()
        (backends / "onnxruntime").symlink_to(container_home / "backends" / "onnxruntime")
        return Installation(
            binary=binary,
            backends=backends,
            libraries=(),
            options=_version_options(binary),
        )
    return _wheel(scratch)


def _version_options(binary: Path) -> tuple[str, ...]:
    """Return the options for this version: from 2.68 on, a server must allow its clients shared memory."""
    described = subprocess.run([binary, "--help"], capture_output=True, text=True, check=False, timeout=60)
    return ("--allow-client-shm=true",) if "--allow-client-shm" in described.stdout + described.stderr else ()


def _wheel(scratch: Path) -> Installation:
    spec = importlib.util.find_spec("pytriton")
    if spec is None or spec.origin is None:
        raise TritonUnavailable(f"no tritonserver on this machine: {_INSTALL}")
    if importlib.util.find_spec("onnxruntime") is None:
        raise TritonUnavailable(f"the tritonserver of the wheel needs onnxruntime: {_INSTALL}")
    site = Path(spec.origin).parent.parent
    home = site / "pytriton" / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = home / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        raise TritonUnavailable(
            f"nvidia-pytriton cannot run models on Python {version}: use 3.11, 3.12 or 3.13"
        )

    libraries = scratch / "lib"
    libraries.mkdir()
    python_library = _python_library(site / "nvidia_pytriton.libs", version)
    if python_library is not None:
        (libraries / python_library.name).symlink_to(python_library)
    backends = scratch / "backends"
    ours = backends / "onnxruntime"
    ours.mkdir(parents=True)
    # The Python backend's library lies beside our model.py and not in a folder `python`, where it would run
    # the code of any model. It is copied because Triton refuses a library outside its backend's folder.
    shutil.copy(home / "backends" / "python" / "libtriton_python.so", ours)
    shutil.copy(home / "backends" / "python" / "triton_python_backend_utils.py", ours)
    (ours / stub.name).symlink_to(stub)
    for module in (PROJECT_ROOT / "triton_backends" / "onnxruntime").glob("*.py"):
        (ours / module.name).symlink_to(module)
    return Installation(
        binary=home / "bin" / "tritonserver",
        backends=backends,
        libraries=(libraries, site / "nvidia_pytriton.libs"),
        options=(),
    )


def _python_library(bundled: Path, version: str) -> Path | None:
    """Return the libpython that the stub is linked to, or None if the loader finds it by itself.

    Raises:
        TritonUnavailable: there is none. (Without it every model load would hang for minutes.)
    """
    name = f"libpython{version}.so.1.0"
    for folder in (sysconfig.get_config_var("LIBDIR"), Path(sys.base_prefix) / "lib"):
        if folder and (Path(folder) / name).is_file():
            return Path(folder) / name
    in_wheel = any(bundled.glob(f"libpython{version.partition('.')[0]}-*.{version.partition('.')[2]}.so*"))
    if in_wheel or ctypes.util.find_library(f"python{version}"):
        return None
    raise TritonUnavailable(
        f"the tritonserver of the wheel needs {name}: install the package libpython{version}, "
        "or name a server that runs with --url HOST:PORT"
    )
