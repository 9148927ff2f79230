"""Describes the NVIDIA GPU of this machine, and samples its load, with nvidia-smi.

Busy is `utilization.gpu`, the share of time in which any kernel ran: it says that the GPU was not idle, not
that all of it worked. With several GPUs only one is observed.
"""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

PROGRAM = "nvidia-smi"
PERIOD_MS = 100
_FACTS = "name,driver_version,memory.total,compute_cap,clocks.max.sm,power.limit"
_SAMPLES = "utilization.gpu,memory.used,clocks.sm,power.draw"


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU; None where its driver gives no value."""

    name: str
    driver: str
    memory_mib: float | None
    compute_capability: str
    max_clock_mhz: float | None
    power_limit_w: float | None


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load of a GPU over a time; None where its driver gives no value.

    Attributes:
        busy: the mean share of time in which a kernel ran, 0..1.
        memory_mib: the most memory in use by all programs.
        clock_mhz, power_w: the means.
    """

    busy: float | None = None
    memory_mib: float | None = None
    clock_mhz: float | None = None
    power_w: float | None = None


def chosen_gpu() -> str:
    """Return the id of the observed GPU: the first in CUDA_VISIBLE_DEVICES, else 0.

    It is empty if that variable hides all GPUs.
    """
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]


def find_gpu() -> Gpu | None:
    """Describe the observed GPU; None if there is no driver or no such GPU."""
    if not chosen_gpu():
        return None
    try:
        answer = subprocess.run(_command(_FACTS), capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    fields = [field.strip() for field in answer.stdout.partition("\n")[0].split(",")]
    if answer.returncode or len(fields) != _FACTS.count(",") + 1:
        return None
    name, driver, memory, capability, clock, power = fields
    return Gpu(
        name=name,
        driver=driver,
        memory_mib=_number(memory),
        compute_capability=capability,
        max_clock_mhz=_number(clock),
        power_limit_w=_number(power),
    )


class GpuWatch:
    """Samples the load of the observed GPU ten times a second; a context manager.

    Without nvidia-smi all values of `load` are None.
    """

    def __init__(self) -> None:
        self._samples: list[list[float | None]] = []
        self._program: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, name="nvidia-smi", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._program = subprocess.Popen(
                [*_command(_SAMPLES), f"--loop-ms={PERIOD_MS}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError:
            return self
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._program is not None:
            self._program.terminate()
            self._program.wait()
            self._reader.join()

    @property
    def load(self) -> Load:
        """The load so far."""
        busy, memory, clock, power = (
            [sample[column] for sample in self._samples] for column in range(_SAMPLES.count(",") + 1)
        )
        share = _mean(busy)
        return Load(
            busy=None if share is None else share / 100,
            memory_mib=max((value for value in memory if value is not None), default=None),
            clock_mhz=_mean(clock),
            power_w=_mean(power),
        )

    def _read(self) -> None:
        if self._program is None or self._program.stdout is None:
            return
        for line in self._program.stdout:
            fields = [_number(field) for field in line.split(",")]
            if len(fields) == _SAMPLES.count(",") + 1:
                self._samples.append(fields)


def _command(fields: str) -> list[str]:
    return [PROGRAM, f"--id={chosen_gpu()}", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]


def _number(field: str) -> float | None:
    """Read a number; None for `[N/A]` and the like, which stand for unknown values."""
    try:
        return float(field)
    except ValueError:
        return None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
