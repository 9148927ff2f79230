"""Reports the progress of a whole film from its pieces and from the segments that are being made."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping

from orchestrator.film.document import FilmPlan
from orchestrator.pipeline.progress import Progress, Stage

_SPEED_OVER_S = 60.0
_STAGES: dict[str, Stage] = {"upscale": "upscaling", "export": "exporting", "track": "tracking"}


class FilmProgress:
    """Measures how many frames of a film are done, and how fast, over the last minute."""

    def __init__(self, plan: FilmPlan) -> None:
        self._frames = {segment.number: segment.frames for segment in plan.segments}
        self._stage = _STAGES[plan.film.task]
        self._moments: deque[tuple[float, int]] = deque()

    def at(self, done: Collection[int], running: Mapping[int, int]) -> Progress:
        """Return the progress now.

        Args:
            done: the numbers of the segments whose pieces are there.
            running: how many frames of other segments are done, by the segment's number.
        """
        frames = sum(self._frames[number] for number in done)
        frames += sum(
            min(count, self._frames[number]) for number, count in running.items() if number not in done
        )
        now_s = time.monotonic()
        self._moments.append((now_s, frames))
        while now_s - self._moments[0][0] > _SPEED_OVER_S:
            self._moments.popleft()
        first_s, first_frames = self._moments[0]
        fps = max(frames - first_frames, 0) / max(now_s - first_s, 1e-6)
        total = sum(self._frames.values())
        return Progress(
            stage=self._stage,
            frames=frames,
            total=total,
            fps=fps,
            eta_s=(total - frames) / fps if fps > 0 else None,
        )
