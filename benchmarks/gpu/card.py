"""The NVIDIA GPU of this machine: what it is, and how busy it is while something runs, as nvidia-smi tells.

Busy is `utilization.gpu`: the share of the last moment in which any kernel ran. It says that the GPU was not
idle, not that all of it worked. Of several GPUs only one is looked at.
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
class Card:
    """A GPU; None is what its driver does not tell."""

    name: str
    driver: str
    memory_mib: float | None
    compute_capability: str
    max_clock_mhz: float | None
    power_limit_w: float | None


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a GPU did for a while; None is what its driver does not tell.

    Attributes:
        busy: share of the time in which a kernel ran, 0..1, on average.
        memory_mib: most memory in use, of all programs.
        clock_mhz, power_w: on average.
    """

    busy: float | None = None
    memory_mib: float | None = None
    clock_mhz: float | None = None
    power_w: float | None = None


def chosen() -> str:
    """Return which GPU is looked at: the first that CUDA_VISIBLE_DEVICES names, else number 0.

    Empty where that variable hides all of them.
    """
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]


def find_card() -> Card | None:
    """Describe the chosen GPU; None where there is no driver or no such GPU."""
    if not chosen():
        return None
    try:
        told = subprocess.run(_command(_FACTS), capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    fields = [field.strip() for field in told.stdout.partition("\n")[0].split(",")]
    if told.returncode or len(fields) != _FACTS.count(",") + 1:
        return None
    name, driver, memory, capability, clock, power = fields
    return Card(
        name=name,
        driver=driver,
        memory_mib=_number(memory),
        compute_capability=capability,
        max_clock_mhz=_number(clock),
        power_limit_w=_number(power),
    )


class Watch:
    """Looks at the chosen GPU ten times a second. A context manager; `load` is what was seen in it.

    Where there is no nvidia-smi, it sees nothing.
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
        """What was seen so far."""
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
    return [PROGRAM, f"--id={chosen()}", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]


def _number(field: str) -> float | None:
    """Read a number; what a driver does not know is `[N/A]` and the like."""
    try:
        return float(field)
    except ValueError:
        return None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
