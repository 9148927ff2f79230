"""The configuration of a process: read once from the environment, frozen, passed by keyword."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadRequest

PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are and how long they may take.

    Attributes:
        weights_dir: downloaded weight files (`WEIGHTS_DIR`).
        model_repository: what Triton serves (`MODEL_REPOSITORY`).
        triton_url: host:port of the gRPC service of a Triton that already runs (`TRITON_URL`);
            None starts one on loopback.
        upscale_model: the model of a job that names none (`FRAMEWRIGHT_UPSCALE_MODEL`).
        yolov8: the model that the name `yolov8` stands for (`FRAMEWRIGHT_YOLOV8`). The smallest, because a
            tracker looks at every frame and gains more from keeping up than from a better single frame; on a
            GPU, yolov8m keeps up as well.
        infer_timeout_s: longest wait for the answer to one inference request (`FRAMEWRIGHT_INFER_TIMEOUT_S`).
        start_timeout_s: longest wait for a Triton to start and for a model to load
            (`FRAMEWRIGHT_START_TIMEOUT_S`); a TensorRT engine build takes minutes.
        gpu: the kind of GPU that jobs run on, as the table of costs names it (`FRAMEWRIGHT_GPU`); None asks
            nvidia-smi.
        cost_table: prices and speeds (`FRAMEWRIGHT_COST_TABLE`), see `orchestrator/cost/table.toml`.
    """

    weights_dir: Path = PROJECT_ROOT / "weights"
    model_repository: Path = PROJECT_ROOT / "model_repository"
    triton_url: str | None = None
    upscale_model: str = "lite-x4"
    yolov8: str = "yolov8n"
    infer_timeout_s: float = 600.0
    start_timeout_s: float = 900.0
    gpu: str | None = None
    cost_table: Path = PROJECT_ROOT / "orchestrator" / "cost" / "table.toml"

    @classmethod
    def from_env(cls) -> Settings:
        """Read the settings from `os.environ`: the only place that does.

        Raises:
            BadRequest: a variable does not hold a positive number where one is needed.
        """
        default = cls()
        return cls(
            weights_dir=Path(os.environ.get("WEIGHTS_DIR") or default.weights_dir).resolve(),
            model_repository=Path(os.environ.get("MODEL_REPOSITORY") or default.model_repository).resolve(),
            triton_url=os.environ.get("TRITON_URL") or None,
            upscale_model=os.environ.get("FRAMEWRIGHT_UPSCALE_MODEL") or default.upscale_model,
            yolov8=os.environ.get("FRAMEWRIGHT_YOLOV8") or default.yolov8,
            infer_timeout_s=_seconds("FRAMEWRIGHT_INFER_TIMEOUT_S", default.infer_timeout_s),
            start_timeout_s=_seconds("FRAMEWRIGHT_START_TIMEOUT_S", default.start_timeout_s),
            gpu=os.environ.get("FRAMEWRIGHT_GPU") or None,
            cost_table=Path(os.environ.get("FRAMEWRIGHT_COST_TABLE") or default.cost_table),
        )

    def resolved(self, model: str) -> str:
        """The name of the model that a name given by a person stands for: an alias, or a model's own."""
        return self.yolov8 if model == "yolov8" else model


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise BadRequest(f"{name}={text!r} is not a positive number of seconds")
    return value
