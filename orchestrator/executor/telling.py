"""How far a job is, as it is told: some times a second at most, and checked against what a job may take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.limits import Limits
    from orchestrator.pipeline.progress import Progress

_EVERY_S = 0.25


class Telling:
    """Tells progress: `stage`, `frames`, `total`, `fps`, `eta_s`, and `percent` of the stage.

    Args:
        tell: is told; a stage's first moment always, others some times a second at most.
        limits: on frames that are counted.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None], limits: Limits) -> None:
        self._tell = tell
        self._limits = limits
        self._stage = ""
        self._next_s = 0.0

    def report(self, moment: Progress) -> None:
        """Take in a moment of the work.

        Raises:
            LimitExceeded: there are more frames than a job may have.
        """
        self._limits.check_frames(moment.frames)
        self._say(
            moment.stage,
            part=moment.frames,
            whole=moment.total,
            frames=moment.frames,
            total=moment.total,
            fps=round(moment.fps, 2),
            eta_s=None if moment.eta_s is None else round(moment.eta_s, 1),
        )

    def transfer(self, stage: Literal["fetching", "publishing"]) -> Callable[[int, int | None], None]:
        """Begin a transfer; what is returned takes in the bytes that are done, and all, if known."""

        def advance(done: int, whole: int | None) -> None:
            self._say(stage, part=done, whole=whole)

        advance(0, None)
        return advance

    def _say(
        self,
        stage: str,
        *,
        part: int,
        whole: int | None,
        frames: int = 0,
        total: int | None = None,
        fps: float = 0.0,
        eta_s: float | None = None,
    ) -> None:
        now_s = time.monotonic()
        if stage == self._stage and now_s < self._next_s:
            return
        self._stage, self._next_s = stage, now_s + _EVERY_S
        percent = round(min(100 * part / whole, 100.0), 1) if whole else None
        self._tell(
            {"stage": stage, "frames": frames, "total": total, "fps": fps, "eta_s": eta_s, "percent": percent}
        )
