"""The model repository on disk: put a built model in, and read back what was built.

    <repository>/<name>/config.pbtxt
    <repository>/<name>/1/model.onnx
    <repository>/<name>/1/model.cpu.onnx   where a CPU wants it otherwise, see cpu_graph.py
    <repository>/<name>/1/build.json   what it was built from, and how well it agrees: a BuildRecord

Does NOT know how a model is made.
"""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export_onnx.config import Choices, ServedDetector, ServedModel, ServedUpscaler, render
from orchestrator.errors import BadRequest, DiskFull, OutputRefused, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "1"
CPU_FILE = "model.cpu.onnx"
"""Our backend takes it on a CPU, others never; see triton_backends/onnxruntime/model.py."""


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """What is known of a built model.

    Attributes:
        model: what its config.pbtxt says.
        model_sha256: hash of model.onnx.
        cpu_model_sha256: hash of model.cpu.onnx; None where there is none.
        weights_file: name of the weight file it was built from.
        opset, ir_version: of the ONNX file.
        parity: measured differences, as parity.Parity or detection_parity.Parity gives them.
        tools: version of each program that made it.
        built: date and time, ISO 8601, UTC.
    """

    model: ServedModel
    model_sha256: str
    weights_file: str
    opset: int
    ir_version: int
    parity: dict[str, Any]
    tools: dict[str, str]
    built: str
    cpu_model_sha256: str | None = None


def check_name(name: str) -> str:
    """The name, when it can be a folder and a model of Triton.

    Raises:
        BadRequest: it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise BadRequest(
            f"{name!r} cannot name a model; use up to 100 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    return name


def model_path(repository: Path, name: str) -> Path:
    """Where a built model's ONNX file is."""
    return repository / name / VERSION / "model.onnx"


@contextmanager
def staging(repository: Path, name: str) -> Iterator[Path]:
    """A folder beside the models to build in; it is removed however the build ends.

    Raises:
        OutputRefused: the repository cannot be written to.
        DiskFull: there is no space left.
    """
    try:
        repository.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".building-{name}-", dir=repository) as folder:
            yield Path(folder)
    except OSError as exc:
        raise _translated(exc, repository) from exc


def install(repository: Path, staged: Path, record: BuildRecord) -> None:
    """Put a proven model in the place of the old one, each file by one rename.

    A kill between two of the renames leaves a model that `models verify` reports and that a build repairs.

    Args:
        repository: the model repository.
        staged: folder from `staging` that holds model.onnx, and model.cpu.onnx where there is one.
        record: of the build.
    """
    name = record.model.name
    (staged / "build.json").write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    (staged / "config.pbtxt").write_text(render(record.model), encoding="utf-8")
    target = model_path(repository, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    on_cpu = target.with_name(CPU_FILE)
    on_cpu.unlink(missing_ok=True)
    for source, destination in (
        (staged / "model.onnx", target),
        *([(staged / CPU_FILE, on_cpu)] if record.cpu_model_sha256 else []),
        (staged / "build.json", target.with_name("build.json")),
        (staged / "config.pbtxt", repository / name / "config.pbtxt"),
    ):
        source.chmod(0o644)
        with source.open("rb") as file:
            os.fsync(file.fileno())
        source.replace(destination)


def read_record(repository: Path, name: str) -> BuildRecord | None:
    """What was built under that name; None when nothing was, or its record cannot be read."""
    try:
        fields = json.loads(model_path(repository, name).with_name("build.json").read_text(encoding="utf-8"))
        return BuildRecord(**{**fields, "model": _served(fields["model"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _served(fields: dict[str, Any]) -> ServedModel:
    choices = Choices(**fields.pop("choices"))
    if fields["task"] == "upscale":
        return ServedUpscaler(**fields, choices=choices)
    return ServedDetector(**{**fields, "classes": tuple(fields["classes"])}, choices=choices)


def _translated(exc: OSError, repository: Path) -> WorkerError:
    if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(
            f"no space is left in {repository}; free some, or set MODEL_REPOSITORY to another disk"
        )
    return OutputRefused(
        f"cannot write to {repository}: {exc.strerror}; set MODEL_REPOSITORY to a folder that can"
    )
