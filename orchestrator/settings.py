"""Defines the settings of a process, which are read once from the environment."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from orchestrator import machine
from orchestrator.environment import Network, Variable, values_from_environment
from orchestrator.limits import Limits

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_CORES_PER_JOB = 4
_BYTES_PER_JOB = 8 * 2**30
_MOST_JOBS = 4
_LEAST_JOB_BYTES = 4 * 2**30
_SECRET_WORDS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "CREDENTIAL")
_SHORTEST_SECRET = 8


def concurrency_of_machine() -> int:
    """Return how many jobs this machine runs at once: one for every 4 cores and 8 GiB, 1 to 4.

    A job decodes and encodes on the processor, and holds a dozen pictures; 4K ones take a few GiB. The GPU's
    memory does not count: all jobs share one Triton, and a batch has the same size whichever jobs fill it.
    """
    fitting = min(machine.cores() // _CORES_PER_JOB, machine.memory_bytes() // _BYTES_PER_JOB)
    return max(1, min(fitting, _MOST_JOBS))


def job_memory_of_machine(concurrency: int) -> int:
    """Return how many bytes of memory each job may allocate: its share of three quarters of the machine's.

    The rest is for Triton and the system. Upscaling 1920x1080 four times takes about 3 GB, so that a share is
    never less than 4 GiB, or half of a smaller machine.
    """
    memory_bytes = machine.memory_bytes()
    return max(memory_bytes * 3 // 4 // concurrency, min(_LEAST_JOB_BYTES, memory_bytes // 2))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a process: paths, addresses, models, limits and timeouts.

    `make docs` makes docs/settings.md from the fields: their variables, defaults and docstrings. A sentence
    that begins with "Default:" describes the default where its value alone would not do.
    """

    weights_dir: Annotated[Path, Variable("WEIGHTS_DIR", "path")] = field(
        default_factory=(PROJECT_ROOT / "weights").resolve
    )
    """The folder of downloaded weight files. Default: `weights/`."""
    model_repository: Annotated[Path, Variable("MODEL_REPOSITORY", "path")] = field(
        default_factory=(PROJECT_ROOT / "model_repository").resolve
    )
    """The folder of built models, which Triton serves. Default: `model_repository/`."""
    triton_url: Annotated[str | None, Variable("TRITON_URL", "text")] = None
    """`host:port` of the gRPC service of a running Triton. Default: unset, which starts one on loopback."""
    triton_key: Annotated[str | None, Variable("FRAMEWRIGHT_TRITON_KEY", "key")] = field(
        default=None, repr=False
    )
    """The key that this Triton was started with, if it has one. Framewright finds the key of a Triton that it
    started itself, on this machine and for the same user."""
    upscale_model: Annotated[str, Variable("FRAMEWRIGHT_UPSCALE_MODEL", "text")] = "lite-x4"
    """The model for an upscale or an export that names none."""
    yolov8: Annotated[str, Variable("FRAMEWRIGHT_YOLOV8", "text")] = "yolov8n"
    """The model that the name `yolov8` stands for. `yolov8n` is the smallest: a tracker looks at every frame,
    and gains more from keeping up than from better boxes in one frame. A GPU keeps up with `yolov8m` too."""
    detector: Annotated[str, Variable("FRAMEWRIGHT_DETECTOR", "text")] = "yolov8"
    """The detector for a track job that names none. The default is the alias `yolov8`."""
    infer_timeout_s: Annotated[float, Variable("FRAMEWRIGHT_INFER_TIMEOUT_S", "seconds")] = 600.0
    """The longest wait for the response to one inference request."""
    start_timeout_s: Annotated[float, Variable("FRAMEWRIGHT_START_TIMEOUT_S", "seconds")] = 900.0
    """The longest wait for Triton to start, or a model to load; building a TensorRT engine takes minutes."""
    triton_restarts: Annotated[int, Variable("FRAMEWRIGHT_TRITON_RESTARTS", "times")] = 3
    """How often within ten minutes Framewright restarts a Triton of its own that dies."""
    recoveries: Annotated[int, Variable("FRAMEWRIGHT_RECOVERIES", "times")] = 5
    """How often one job continues after Triton, or the process of its model, has died. The default exceeds
    that of the restarts, because reviving a model for one job may disturb another."""
    reconnect_timeout_s: Annotated[float, Variable("FRAMEWRIGHT_RECONNECT_TIMEOUT_S", "seconds")] = 120.0
    """The longest wait, each time that Triton dies, until it answers again, for running and for new jobs."""
    gpu: Annotated[str | None, Variable("FRAMEWRIGHT_GPU", "text")] = None
    """The GPU that jobs run on, as the price table names it. Default: the one that `nvidia-smi` reports."""
    cost_table: Annotated[Path, Variable("FRAMEWRIGHT_COST_TABLE", "path")] = (
        PROJECT_ROOT / "orchestrator" / "cost" / "table.toml"
    )
    """The table of prices and speeds. Default: `orchestrator/cost/table.toml`."""

    concurrency: Annotated[int, Variable("FRAMEWRIGHT_CONCURRENCY", "jobs", least=1)] = field(
        default_factory=concurrency_of_machine
    )
    """How many jobs a worker runs at once. Default: one for every 4 cores and 8 GiB of memory, 1 to 4."""
    job_memory_bytes: Annotated[
        int | None, Variable("FRAMEWRIGHT_JOB_MEMORY_BYTES", "bytes", least=2**28)
    ] = None
    """How much memory the process of a job may allocate: 268435456 (256 MiB) or more. A job that needs more
    fails with `limit_exceeded`. Default: three quarters of the machine's memory divided by the jobs at once,
    but at least 4 GiB or half of the memory."""
    shutdown_grace_s: Annotated[float, Variable("FRAMEWRIGHT_SHUTDOWN_GRACE_S", "seconds", least=0)] = 1.0
    """How long running jobs may go on after SIGTERM. 1 second leaves time to stop them within 8 s."""
    job_timeout_s: Annotated[float | None, Variable("FRAMEWRIGHT_JOB_TIMEOUT_S", "seconds")] = None
    """The time limit of a job; its own `executionTimeout` counts if it is shorter. Output URLs must stay
    valid for as long. Default: none; a job ends after a day, and URLs must be valid for a minute."""
    job_folder: Annotated[Path, Variable("FRAMEWRIGHT_JOB_FOLDER", "path")] = field(
        default_factory=lambda: Path(tempfile.gettempdir()).resolve()
    )
    """Where a worker makes a folder for each job, which holds its input and its output. Default: the system's
    temporary folder."""
    max_result_bytes: Annotated[int, Variable("FRAMEWRIGHT_MAX_RESULT_BYTES", "bytes", least=1)] = 10_000_000
    """The largest result that is returned in the response itself."""

    limits: Limits = field(default_factory=Limits)

    allow_http: Annotated[bool, Variable("FRAMEWRIGHT_ALLOW_HTTP", "1 or 0")] = False
    """1 also accepts http:// addresses in jobs; 0 accepts https:// alone."""
    allow_private_networks: Annotated[
        tuple[Network, ...], Variable("FRAMEWRIGHT_ALLOW_PRIVATE_NETWORKS", "networks")
    ] = ()
    """Networks that jobs may reach although they are not public, such as `127.0.0.0/8`. For local work.
    Default: none."""
    allowed_hosts: Annotated[tuple[str, ...], Variable("FRAMEWRIGHT_ALLOWED_HOSTS", "hosts")] = ()
    """The only hosts that jobs may reach, each with its subdomains. Default: all public ones."""
    max_input_bytes: Annotated[int, Variable("FRAMEWRIGHT_MAX_INPUT_BYTES", "bytes")] = 10 * 2**30
    """The largest input. It is checked before the download (Content-Length) and during it."""
    min_free_disk_bytes: Annotated[int, Variable("FRAMEWRIGHT_MIN_FREE_DISK_BYTES", "bytes")] = 2**30
    """How much disk space must stay free after an input; checked before the download and during it."""
    connect_timeout_s: Annotated[float, Variable("FRAMEWRIGHT_CONNECT_TIMEOUT_S", "seconds")] = 10.0
    """The longest wait for a connection: name lookup, TCP and TLS together."""
    read_timeout_s: Annotated[float, Variable("FRAMEWRIGHT_READ_TIMEOUT_S", "seconds")] = 60.0
    """The longest silence of a connection while bytes flow, and before the response to a GET or DELETE."""
    answer_timeout_s: Annotated[float, Variable("FRAMEWRIGHT_ANSWER_TIMEOUT_S", "seconds")] = 300.0
    """The longest wait for the response to an upload once all of it is sent: a store may need time to write
    it, and a retry repeats the whole upload."""
    transfer_timeout_s: Annotated[float, Variable("FRAMEWRIGHT_TRANSFER_TIMEOUT_S", "seconds")] = 1800.0
    """The longest that one transfer may take, with all its retries and waits."""
    s3_endpoint: Annotated[str | None, Variable("FRAMEWRIGHT_S3_ENDPOINT", "text")] = None
    """The endpoint of the store for `s3://` addresses, such as `https://ACCOUNT.r2.cloudflarestorage.com`.
    Default: unset, which refuses such addresses."""
    s3_key_id: Annotated[str, Variable("FRAMEWRIGHT_S3_ACCESS_KEY_ID", "text")] = field(
        default="", repr=False
    )
    """The id of the store's access key."""
    s3_secret: Annotated[str, Variable("FRAMEWRIGHT_S3_SECRET_ACCESS_KEY", "text")] = field(
        default="", repr=False
    )
    """The secret of the store's access key."""
    s3_region: Annotated[str, Variable("FRAMEWRIGHT_S3_REGION", "text")] = "auto"
    """The store's region. Default: `auto`, which is R2's."""

    on_runpod: bool = False
    """Whether jobs come from RunPod, which sets RUNPOD_WEBHOOK_GET_JOB."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values of the environment that must never be shown."""

    @classmethod
    def from_env(cls) -> Settings:
        """Read the settings from `os.environ`.

        Raises:
            BadRequest: a variable has an invalid value.
        """
        values = values_from_environment(cls)
        concurrency = values.setdefault("concurrency", concurrency_of_machine())
        return cls(
            **{"job_memory_bytes": job_memory_of_machine(concurrency)} | values,
            limits=Limits(**values_from_environment(Limits)),
            on_runpod="RUNPOD_WEBHOOK_GET_JOB" in os.environ,
            secrets=tuple(
                value
                for name, value in os.environ.items()
                if len(value) >= _SHORTEST_SECRET and any(word in name.upper() for word in _SECRET_WORDS)
            ),
        )

    def resolved(self, model: str) -> str:
        """Return the model's own name: `yolov8` is an alias, every other name stands for itself."""
        return self.yolov8 if model == "yolov8" else model
