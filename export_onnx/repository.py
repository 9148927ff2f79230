"""Installs built models in the model repository, and reads their build records.

<repository>/<name>/config.pbtxt
<repository>/<name>/1/model.onnx
<repository>/<name>/1/model.cpu.onnx   the graph rewritten for a CPU, if cpu_graph.py makes one
<repository>/<name>/1/speed.json       how fast it ran (`framewright models measure`); a new build removes it
<repository>/<name>/1/build.json       a BuildRecord: weights, parity and programs of the build
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

from export_onnx.model_config import DetectorConfig, ModelConfig, ServingOptions, UpscalerConfig
from export_onnx.triton_config import render
from orchestrator.errors import BadRequest, DiskFull, OutputPathRefused, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "1"
CPU_FILE = "model.cpu.onnx"
"""Our backend serves it on a CPU (triton_backends/onnxruntime/model.py); other backends ignore it."""


@dataclass(frozen=True, kw_only=True)
class BuildRecord:
    """The record of a build, build.json.

    Attributes:
        model: the content of its config.pbtxt.
        model_sha256: the hash of model.onnx.
        cpu_model_sha256: the hash of model.cpu.onnx; None if there is none.
        weights_file: the name of the weight file that it was built from.
        opset, ir_version: the versions in the ONNX file.
        parity: the measured differences, the fields of upscaling/parity.py's or detection/parity.py's Parity.
        tools: the version of each package that took part.
        built: the date and time of the build, ISO 8601, UTC.
    """

    model: ModelConfig
    model_sha256: str
    weights_file: str
    opset: int
    ir_version: int
    parity: dict[str, Any]
    tools: dict[str, str]
    built: str
    cpu_model_sha256: str | None = None


def check_name(name: str) -> str:
    """Return the name if it can be a folder and a model of Triton.

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
    """Return the path of a built model's ONNX file."""
    return repository / name / VERSION / "model.onnx"


@contextmanager
def staging(repository: Path, name: str) -> Iterator[Path]:
    """Create a folder beside the models to build in; it is removed however the build ends.

    Raises:
        OutputPathRefused: the repository cannot be written to.
        DiskFull: there is no space left.
    """
    try:
        repository.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".building-{name}-", dir=repository) as folder:
            yield Path(folder)
    except OSError as exc:
        raise _write_error(exc, repository) from exc


def install(repository: Path, staged: Path, record: BuildRecord) -> None:
    """Replace the installed model with a new one, each file by one rename.

    If the process is killed between two renames, `models verify` reports it, and another build repairs it.

    Args:
        repository: the model repository.
        staged: the folder from `staging`, with model.onnx and perhaps model.cpu.onnx.
        record: the record of the build.
    """
    name = record.model.name
    (staged / "build.json").write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    (staged / "config.pbtxt").write_text(render(record.model), encoding="utf-8")
    target = model_path(repository, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    on_cpu = target.with_name(CPU_FILE)
    on_cpu.unlink(missing_ok=True)
    target.with_name("speed.json").unlink(missing_ok=True)
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
    """Return the build record of a model; None if it is not built, or the record cannot be read."""
    try:
        fields = json.loads(model_path(repository, name).with_name("build.json").read_text(encoding="utf-8"))
        return BuildRecord(**{**fields, "model": _served_model(fields["model"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _served_model(fields: dict[str, Any]) -> ModelConfig:
    choices = ServingOptions(**fields.pop("choices"))
    if fields["task"] == "upscale":
        return UpscalerConfig(**fields, choices=choices)
    return DetectorConfig(**{**fields, "classes": tuple(fields["classes"])}, choices=choices)


def _write_error(exc: OSError, repository: Path) -> WorkerError:
    if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(
            f"no space is left in {repository}; free some, or set MODEL_REPOSITORY to another disk"
        )
    return OutputPathRefused(
        f"cannot write to {repository}: {exc.strerror}; set MODEL_REPOSITORY to a folder that can"
    )
