"""The progress of one job on its way out: the newest only, one at a time, none once it is closed.

It does not know where it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

EVERY_S = 2.0
"""Between two updates, at least."""

_LAST_S = 5.0
"""Longest wait for an update that is under way when the job ends: the result must not overtake it."""

log = logging.getLogger(__name__)


class Updates:
    """Sends updates. An asynchronous context manager: once it is left, none comes any more.

    Args:
        send: sends one, and returns when it has arrived.
    """

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._newest: dict[str, Any] | None = None
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()

    def report(self, values: dict[str, Any]) -> None:
        """Take in the newest; it is sent when its time has come, if no newer one came before."""
        self._newest = values
        self._changed.set()

    async def __aenter__(self) -> Self:
        self._sender = asyncio.ensure_future(self._send_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._changed.set()
        try:
            if kind is not asyncio.CancelledError:  # a job that is cancelled has no result
                await asyncio.wait({self._sender}, timeout=_LAST_S)
        finally:
            self._sender.cancel()

    async def _send_all(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._closed.is_set():
                return
            if self._newest is not None:
                try:
                    await self._send(self._newest)
                except Exception as exc:  # noqa: BLE001  no job fails because nobody hears of it
                    log.warning("an update was not sent: %s", exc)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), EVERY_S)
