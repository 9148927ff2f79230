"""Reports progress: at most four times a second from a job's process, and every two seconds to RunPod."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Self

from orchestrator.limits import Limits
from orchestrator.pipeline.progress import Progress

_REPORT_EVERY_S = 0.25

_NO_FRAMES = {"frames": 0, "total": None, "fps": 0.0, "eta_s": None}

_SEND_EVERY_S = 2.0
"""Shortest time between two updates to RunPod."""

_LAST_S = 5.0
"""Longest wait, when a job ends, for an update that is being sent: the result must not overtake it."""

log = logging.getLogger(__name__)


class ProgressReporter:
    """Reports `stage`, `frames`, `total`, `fps`, `eta_s`, and `percent` of the stage.

    Args:
        on_progress: called at the start of every stage, and then at most four times a second.
        limits: bounds the number of frames.
    """

    def __init__(self, on_progress: Callable[[dict[str, Any]], None], limits: Limits) -> None:
        self._on_progress = on_progress
        self._limits = limits
        self._stage = ""
        self._next_s = 0.0

    def report(self, moment: Progress) -> None:
        """Report the progress of the frames.

        Raises:
            LimitExceeded: the video has more frames than a job may have.
        """
        self._limits.check_frames(moment.frames)
        self._report(
            moment.stage,
            moment.frames,
            moment.total,
            frames=moment.frames,
            total=moment.total,
            fps=round(moment.fps, 2),
            eta_s=None if moment.eta_s is None else round(moment.eta_s, 1),
        )

    def transfer(self, stage: Literal["fetching", "publishing"]) -> Callable[[int, int | None], None]:
        """Start a stage; return a function to call with the bytes transferred, and the total, if known."""

        def on_bytes(done: int, whole: int | None) -> None:
            self._report(stage, done, whole)

        on_bytes(0, None)
        return on_bytes

    def _report(self, stage: str, done: int, whole: int | None, **values: float | None) -> None:
        now_s = time.monotonic()
        if stage == self._stage and now_s < self._next_s:
            return
        self._stage, self._next_s = stage, now_s + _REPORT_EVERY_S
        percent = round(min(100 * done / whole, 100.0), 1) if whole else None
        self._on_progress({"stage": stage, **_NO_FRAMES, **values, "percent": percent})


class ProgressSender:
    """Sends the newest progress every two seconds. An asynchronous context manager: it sends none after exit.

    Args:
        send: sends one update, and returns when it has arrived.
    """

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._newest: dict[str, Any] | None = None
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()

    def report(self, values: dict[str, Any]) -> None:
        """Set the newest progress, which replaces one that has not been sent yet."""
        self._newest = values
        self._changed.set()

    async def __aenter__(self) -> Self:
        self._sender = asyncio.ensure_future(self._send_all())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
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
                except Exception as exc:  # noqa: BLE001  a lost update fails no job
                    log.warning("an update was not sent: %s", exc)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), _SEND_EVERY_S)
