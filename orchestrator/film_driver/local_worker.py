"""Runs a dask worker of this machine, which finishes its segment even if the driver is killed meanwhile.

The worker ends when standard input, on which the driver sends its instructions, is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LONGEST_S = 900
"""How long a worker may continue without its driver, in seconds."""


async def work(address: str, tls: dict[str, Any]) -> None:
    """Run a worker of the scheduler at an address until standard input is closed and its segment is done."""
    from distributed import Security, Worker  # noqa: PLC0415  it reads its configuration when it is imported

    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def end() -> None:
        loop.remove_reader(sys.stdin)
        signal.alarm(LONGEST_S)  # the signal ends the process
        task.cancel()  # type: ignore[union-attr]  # a coroutine runs in a task

    loop.add_reader(sys.stdin, end)
    async with Worker(
        address,
        nthreads=1,
        memory_limit=0,
        # Unlike dask's own, its threads are not daemons, and closing the worker waits for them.
        executor=ThreadPoolExecutor(1),
        security=Security(require_encryption=True, **tls),
    ) as worker:
        await worker.finished()


if __name__ == "__main__":
    import dask  # an extra

    if line := sys.stdin.readline():  # else the driver was killed
        instructions = json.loads(line)
        dask.config.set(instructions["config"])
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(work(instructions["address"], instructions["tls"]))
