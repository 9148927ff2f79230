"""The configuration of a process: read once from the environment, frozen, passed by keyword."""

from __future__ import annotations

import ipaddress
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from orchestrator import machine
from orchestrator.errors import BadRequest
from orchestrator.limits import Limits

Default = TypeVar("Default", bound=float | None)

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_CORES_PER_JOB = 4
_BYTES_PER_JOB = 8 * 2**30
_MOST_JOBS = 4
_LEAST_JOB_BYTES = 4 * 2**30
_SECRET_WORDS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "CREDENTIAL")
_SHORTEST_SECRET = 8


def concurrency_of_machine() -> int:
    """Return how many jobs this machine does at once: one for every 4 cores and 8 GiB, 1 to 4.

    A job decodes and encodes on the processor, and holds a dozen pictures; 4K ones take a few GiB. The GPU's
    memory does not count: all jobs share one Triton, and a batch is as large whoever fills it.
    """
    room = min(machine.cores() // _CORES_PER_JOB, machine.memory_bytes() // _BYTES_PER_JOB)
    return max(1, min(room, _MOST_JOBS))


def job_memory_of_machine(concurrency: int) -> int:
    """Return how much memory one of so many jobs may take on: its share of three quarters of the machine's.

    The rest is for Triton and the system. Upscaling 1920x1080 four times takes about 3 GB, so that a share is
    never less than 4 GiB, or half of a smaller machine.
    """
    whole = machine.memory_bytes()
    return max(whole * 3 // 4 // concurrency, min(_LEAST_JOB_BYTES, whole // 2))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are and how long they may take.

    Attributes:
        weights_dir: downloaded weight files (`WEIGHTS_DIR`).
        model_repository: what Triton serves (`MODEL_REPOSITORY`).
        triton_url: host:port of the gRPC service of a Triton that already runs (`TRITON_URL`);
            None starts one on loopback.
        triton_key: the key that this Triton was started with (`FRAMEWRIGHT_TRITON_KEY`), if it has one. That
            of a Triton which Framewright started on this machine for the same user is found without.
        upscale_model: the model of a job that names none (`FRAMEWRIGHT_UPSCALE_MODEL`).
        yolov8: the model that the name `yolov8` stands for (`FRAMEWRIGHT_YOLOV8`). The smallest, because a
            tracker looks at every frame and gains more from keeping up than from a better single frame; on a
            GPU, yolov8m keeps up as well.
        infer_timeout_s: longest wait for the answer to one inference request (`FRAMEWRIGHT_INFER_TIMEOUT_S`).
        start_timeout_s: longest wait for a Triton to start and for a model to load
            (`FRAMEWRIGHT_START_TIMEOUT_S`); a TensorRT engine build takes minutes.
        triton_restarts: how often a Triton of our own is started again within ten minutes when it dies
            (`FRAMEWRIGHT_TRITON_RESTARTS`).
        recoveries: how often one job goes on after Triton, or the process of its model, died
            (`FRAMEWRIGHT_RECOVERIES`). More than the restarts: reviving a model for one job may disturb
            another.
        reconnect_timeout_s: longest wait, each time, for a Triton that died to answer again
            (`FRAMEWRIGHT_RECONNECT_TIMEOUT_S`).
        gpu: the kind of GPU that jobs run on, as the table of costs names it (`FRAMEWRIGHT_GPU`); None asks
            nvidia-smi.
        cost_table: prices and speeds (`FRAMEWRIGHT_COST_TABLE`), see `orchestrator/cost/table.toml`.
        allow_http: take http:// addresses from jobs, not https:// alone (`FRAMEWRIGHT_ALLOW_HTTP`, 1 or 0).
        allow_private_networks: networks that jobs may reach although they are not public, such as
            127.0.0.0/8, separated by commas (`FRAMEWRIGHT_ALLOW_PRIVATE_NETWORKS`). For local work.
        allowed_hosts: the only hosts that jobs may reach, each with all below it, separated by commas
            (`FRAMEWRIGHT_ALLOWED_HOSTS`); none allows all public ones.
        max_input_bytes: largest input (`FRAMEWRIGHT_MAX_INPUT_BYTES`).
        min_free_disk_bytes: what an input leaves free on the disk of the temporary files
            (`FRAMEWRIGHT_MIN_FREE_DISK_BYTES`).
        connect_timeout_s: longest wait for a connection to storage (`FRAMEWRIGHT_CONNECT_TIMEOUT_S`).
        read_timeout_s: longest silence of such a connection while bytes flow (`FRAMEWRIGHT_READ_TIMEOUT_S`).
        answer_timeout_s: longest wait for the answer to an upload, once all of it is sent
            (`FRAMEWRIGHT_ANSWER_TIMEOUT_S`).
        transfer_timeout_s: longest time of one transfer with all its retries
            (`FRAMEWRIGHT_TRANSFER_TIMEOUT_S`).
        s3_endpoint: address of the store that s3:// addresses are in, such as
            https://ACCOUNT.r2.cloudflarestorage.com (`FRAMEWRIGHT_S3_ENDPOINT`); None refuses them.
        s3_key_id, s3_secret: its credentials (`FRAMEWRIGHT_S3_ACCESS_KEY_ID`,
            `FRAMEWRIGHT_S3_SECRET_ACCESS_KEY`).
        s3_region: its region (`FRAMEWRIGHT_S3_REGION`); R2's is auto.
        concurrency: jobs that a worker does at once (`FRAMEWRIGHT_CONCURRENCY`): one for every 4 cores and
            8 GiB of memory, 1 to 4.
        job_memory_bytes: memory that the process of a job may take on, 256 MiB or more
            (`FRAMEWRIGHT_JOB_MEMORY_BYTES`); see `job_memory_of_machine`. None is no limit.
        shutdown_grace_s: how long jobs in flight may go on after SIGTERM (`FRAMEWRIGHT_SHUTDOWN_GRACE_S`).
        job_timeout_s: longest that a job may take (`FRAMEWRIGHT_JOB_TIMEOUT_S`); a job's own execution
            timeout counts where it is shorter. None where nobody chose a limit: a day.
        job_folder: where a worker makes a folder for each job (`FRAMEWRIGHT_JOB_FOLDER`); it holds the video
            that came and the one that goes.
        max_result_bytes: largest result that is given as an answer (`FRAMEWRIGHT_MAX_RESULT_BYTES`).
        limits: what a job may ask for: `FRAMEWRIGHT_MAX_DURATION_S`, `FRAMEWRIGHT_MAX_FRAMES`,
            `FRAMEWRIGHT_MAX_SOURCE_PIXELS`, `FRAMEWRIGHT_MAX_OUTPUT_PIXELS`.
        on_runpod: whether jobs come from RunPod, which says where they are (`RUNPOD_WEBHOOK_GET_JOB`).
        secrets: values of the environment that are never shown.
    """

    weights_dir: Path = PROJECT_ROOT / "weights"
    model_repository: Path = PROJECT_ROOT / "model_repository"
    triton_url: str | None = None
    triton_key: str | None = field(default=None, repr=False)
    upscale_model: str = "lite-x4"
    yolov8: str = "yolov8n"
    infer_timeout_s: float = 600.0
    start_timeout_s: float = 900.0
    triton_restarts: int = 3
    recoveries: int = 5
    reconnect_timeout_s: float = 120.0
    gpu: str | None = None
    cost_table: Path = PROJECT_ROOT / "orchestrator" / "cost" / "table.toml"
    allow_http: bool = False
    allow_private_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    max_input_bytes: int = 10 * 2**30
    min_free_disk_bytes: int = 2**30
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    answer_timeout_s: float = 300.0
    transfer_timeout_s: float = 1800.0
    s3_endpoint: str | None = None
    s3_key_id: str = field(default="", repr=False)
    s3_secret: str = field(default="", repr=False)
    s3_region: str = "auto"
    concurrency: int = field(default_factory=concurrency_of_machine)
    job_memory_bytes: int | None = None
    shutdown_grace_s: float = 1.0
    job_timeout_s: float | None = None
    job_folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    max_result_bytes: int = 10_000_000
    limits: Limits = field(default_factory=Limits)
    on_runpod: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_env(cls) -> Settings:
        """Read the settings from `os.environ`: the only place that does.

        Raises:
            BadRequest: a variable does not hold what it should.
        """
        default = cls()
        concurrency = _whole_number("FRAMEWRIGHT_CONCURRENCY", default.concurrency, least=1)
        return cls(
            weights_dir=Path(os.environ.get("WEIGHTS_DIR") or default.weights_dir).resolve(),
            model_repository=Path(os.environ.get("MODEL_REPOSITORY") or default.model_repository).resolve(),
            triton_url=os.environ.get("TRITON_URL") or None,
            triton_key=_token("FRAMEWRIGHT_TRITON_KEY"),
            upscale_model=os.environ.get("FRAMEWRIGHT_UPSCALE_MODEL") or default.upscale_model,
            yolov8=os.environ.get("FRAMEWRIGHT_YOLOV8") or default.yolov8,
            infer_timeout_s=_seconds("FRAMEWRIGHT_INFER_TIMEOUT_S", default.infer_timeout_s),
            start_timeout_s=_seconds("FRAMEWRIGHT_START_TIMEOUT_S", default.start_timeout_s),
            triton_restarts=_whole_number("FRAMEWRIGHT_TRITON_RESTARTS", default.triton_restarts),
            recoveries=_whole_number("FRAMEWRIGHT_RECOVERIES", default.recoveries),
            reconnect_timeout_s=_seconds("FRAMEWRIGHT_RECONNECT_TIMEOUT_S", default.reconnect_timeout_s),
            gpu=os.environ.get("FRAMEWRIGHT_GPU") or None,
            cost_table=Path(os.environ.get("FRAMEWRIGHT_COST_TABLE") or default.cost_table),
            allow_http=_flag("FRAMEWRIGHT_ALLOW_HTTP", default=default.allow_http),
            allow_private_networks=_networks("FRAMEWRIGHT_ALLOW_PRIVATE_NETWORKS"),
            allowed_hosts=tuple(host.lower().strip(".") for host in _items("FRAMEWRIGHT_ALLOWED_HOSTS")),
            max_input_bytes=_whole_number("FRAMEWRIGHT_MAX_INPUT_BYTES", default.max_input_bytes),
            min_free_disk_bytes=_whole_number("FRAMEWRIGHT_MIN_FREE_DISK_BYTES", default.min_free_disk_bytes),
            connect_timeout_s=_seconds("FRAMEWRIGHT_CONNECT_TIMEOUT_S", default.connect_timeout_s),
            read_timeout_s=_seconds("FRAMEWRIGHT_READ_TIMEOUT_S", default.read_timeout_s),
            answer_timeout_s=_seconds("FRAMEWRIGHT_ANSWER_TIMEOUT_S", default.answer_timeout_s),
            transfer_timeout_s=_seconds("FRAMEWRIGHT_TRANSFER_TIMEOUT_S", default.transfer_timeout_s),
            s3_endpoint=os.environ.get("FRAMEWRIGHT_S3_ENDPOINT") or None,
            s3_key_id=os.environ.get("FRAMEWRIGHT_S3_ACCESS_KEY_ID", ""),
            s3_secret=os.environ.get("FRAMEWRIGHT_S3_SECRET_ACCESS_KEY", ""),
            s3_region=os.environ.get("FRAMEWRIGHT_S3_REGION") or default.s3_region,
            concurrency=concurrency,
            job_memory_bytes=_whole_number(
                "FRAMEWRIGHT_JOB_MEMORY_BYTES", job_memory_of_machine(concurrency), least=2**28
            ),
            shutdown_grace_s=_seconds("FRAMEWRIGHT_SHUTDOWN_GRACE_S", default.shutdown_grace_s, least=0),
            job_timeout_s=_seconds("FRAMEWRIGHT_JOB_TIMEOUT_S", default.job_timeout_s),
            job_folder=Path(os.environ.get("FRAMEWRIGHT_JOB_FOLDER") or default.job_folder).resolve(),
            max_result_bytes=_whole_number("FRAMEWRIGHT_MAX_RESULT_BYTES", default.max_result_bytes, least=1),
            limits=Limits(
                duration_s=_seconds("FRAMEWRIGHT_MAX_DURATION_S", default.limits.duration_s),
                frames=_whole_number("FRAMEWRIGHT_MAX_FRAMES", default.limits.frames, least=1),
                source_px=_whole_number("FRAMEWRIGHT_MAX_SOURCE_PIXELS", default.limits.source_px, least=1),
                output_px=_whole_number("FRAMEWRIGHT_MAX_OUTPUT_PIXELS", default.limits.output_px, least=1),
            ),
            on_runpod="RUNPOD_WEBHOOK_GET_JOB" in os.environ,
            secrets=tuple(
                value
                for name, value in os.environ.items()
                if len(value) >= _SHORTEST_SECRET and any(word in name.upper() for word in _SECRET_WORDS)
            ),
        )

    def resolved(self, model: str) -> str:
        """The name of the model that a name given by a person stands for: an alias, or a model's own."""
        return self.yolov8 if model == "yolov8" else model


def _seconds(name: str, default: Default, *, least: float = 1e-3) -> float | Default:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value < float("inf"):
        raise BadRequest(f"{name}={text!r} is not a number of seconds, {least:g} or more")
    return value


def _whole_number(name: str, default: int, *, least: int = 0) -> int:
    text = os.environ.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        raise BadRequest(f"{name}={text!r} is not a whole number, {least} or more; give digits only")
    return int(text)


def _flag(name: str, *, default: bool) -> bool:
    text = os.environ.get(name)
    if not text:
        return default
    if text not in {"0", "1"}:
        raise BadRequest(f"{name}={text!r} is neither 1 nor 0")
    return text == "1"


def _token(name: str) -> str | None:
    text = os.environ.get(name)
    if text and not re.fullmatch(r"[\w-]+", text, re.ASCII):
        raise BadRequest(
            f"{name} has other characters than letters, digits, - and _; take openssl rand -hex 16"
        )
    return text or None


def _items(name: str) -> list[str]:
    return [item.strip() for item in os.environ.get(name, "").split(",") if item.strip()]


def _networks(name: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(map(ipaddress.ip_network, _items(name)))
    except ValueError as exc:
        raise BadRequest(f"{name} is not a list of networks such as 127.0.0.0/8,fd00::/8: {exc}") from exc
