"""Imports the SDK without the processor probe that it runs at import.

The SDK asks py-cpuinfo for the processor's name, which only its debugger uses. py-cpuinfo starts two
processes with the worker's whole environment, API key included, and waits for them in a busy loop without a
time limit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_PROBE = "cpuinfo"


@contextmanager
def without_processor_probe() -> Iterator[None]:
    """Replace `cpuinfo`, within the block, by a module that reports an unknown processor.

    Does nothing if the real module has been imported already.
    """
    if _PROBE in sys.modules:
        yield
        return
    module = ModuleType(_PROBE)
    module.get_cpu_info = dict  # type: ignore[attr-defined]  # the SDK reads a missing name as unknown
    sys.modules[_PROBE] = module
    try:
        yield
    finally:
        del sys.modules[_PROBE]
