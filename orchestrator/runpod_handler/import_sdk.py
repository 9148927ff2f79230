"""Imports the SDK without the probe of the processor that it makes while it is imported.

The SDK asks py-cpuinfo for the processor's name, for its debugger alone. That starts two processes with the
worker's whole environment, API key included, and waits for them in a busy loop without an end.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROBE = "cpuinfo"


@contextmanager
def without_processor_probe() -> Iterator[None]:
    """Let `import cpuinfo` give a module that knows nothing, as on a processor that py-cpuinfo does not know.

    Does nothing where the real one was imported already.
    """
    if _PROBE in sys.modules:
        yield
        return
    module = ModuleType(_PROBE)
    module.get_cpu_info = dict  # type: ignore[attr-defined]  # the SDK takes a name that is missing for unknown
    sys.modules[_PROBE] = module
    try:
        yield
    finally:
        del sys.modules[_PROBE]
