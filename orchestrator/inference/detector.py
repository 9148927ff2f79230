"""Frames through a detector: requests of consecutive frames, several in flight, in order.

Frames between those that are looked at wait their turn and leave without detections; one that is equal to the
last that was looked at has the same. When the server dies, every frame that had not left is looked at again
once it is back; when memory is short, in smaller requests. It knows nothing of tracks.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np

from orchestrator.errors import ModelOutOfMemory
from orchestrator.inference.pooled import FAILURES, PooledModel, PoolShape

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from orchestrator.frames import Detections, Frame, Letterbox, Pixels
    from orchestrator.triton.client import TritonClient
    from orchestrator.triton.contract import DetectContract
    from orchestrator.triton.request_pool import Request

    Answers = tuple[NDArray[np.float32], ...]

log = logging.getLogger(__name__)


GRAY_LONGEST_PX = 320
"""Longer side of the gray pictures, which tell cuts and the camera's motion."""


@dataclass(kw_only=True)
class Detected:
    """A frame and what was found in it.

    Attributes:
        index: of the frame.
        pts: its time.
        duration: how long it is shown, as `Frame` says.
        gray: uint8 [h, w], the picture, small and without the letterbox's border.
        detections: float32 [N, 6] in pixels as displayed, highest score first; None where nobody looked.
    """

    index: int
    pts: int
    duration: int
    gray: NDArray[np.uint8]
    detections: Detections | None = None


@dataclass
class _Waiting:
    """A frame that has not left.

    Attributes:
        result: what leaves.
        frame: of one that is looked at, its letterboxed pixels.
        like: of one that is equal to it, the last that was looked at.
    """

    result: Detected
    frame: Frame | None = None
    like: Detected | None = None

    @property
    def settled(self) -> bool:
        """Whether all is known that will be."""
        return (self.like or self.result).detections is not None or not (self.frame or self.like)


@dataclass
class _Sent:
    """A request under way, and the frame that each of its images is."""

    request: Request[Answers]
    frames: list[_Waiting] = field(default_factory=list)


class BatchedDetector(PooledModel["Answers"]):
    """One detector at one picture size.

    Args:
        client: of the server that has the model loaded.
        contract: of the model.
        box: what the frames are.
        batch: most frames in one request; no more than the model takes are sent.
        stride: every how many frames one is looked at; the first always is.
    """

    def __init__(
        self, client: TritonClient, contract: DetectContract, box: Letterbox, *, batch: int, stride: int
    ) -> None:
        super().__init__(client, contract)
        self._box = box
        self._batch = min(batch, contract.max_batch)
        self._stride = stride
        self._most = contract.max_detections
        self._pending: deque[_Waiting] = deque()
        self._last: _Waiting | None = None
        self._looked = self._reused = self._full = 0

    @property
    def reused(self) -> float:
        """How many of the frames to be looked at were equal to the one before, and were not, 0..1."""
        return self._reused / self._looked if self._looked else 0.0

    @property
    def notes(self) -> list[str]:  # noqa: D102  described in the base
        return [*super().notes, *too_many(self._full, self._most)]

    def run(self, frames: Iterator[Frame]) -> Generator[Detected, None, None]:
        """Look at letterboxed frames; give all of them back, in order.

        Raises:
            ModelOutOfMemory: a single frame was still too large.
            TritonUnavailable: the server died more often than the client recovers from, or stayed away.
            InferenceFailed: see `RequestPool`.
            Cancelled: the context was left.
        """
        waiting: Iterator[_Waiting] = map(self._enter, frames)
        while True:
            try:
                yield from self._through(waiting)
            except FAILURES as failure:
                waiting = chain(list(self._pending), waiting)
                self._pending.clear()
                if not self._same_again(failure):
                    self._halve()
            else:
                return

    def _enter(self, frame: Frame) -> _Waiting:
        result = Detected(
            index=frame.index, pts=frame.pts, duration=frame.duration, gray=self._gray(frame.pixels)
        )
        if frame.index % self._stride:
            return _Waiting(result)
        self._looked += 1
        last = self._last
        if last is not None and last.frame is not None and np.array_equal(last.frame.pixels, frame.pixels):
            self._reused += 1
            return _Waiting(result, like=last.result)
        self._last = _Waiting(result, frame)
        return self._last

    def _gray(self, pixels: Pixels) -> NDArray[np.uint8]:
        box = self._box
        inner = pixels[box.top : box.top + box.inner_height, box.left : box.left + box.inner_width]
        reduce = min(1, GRAY_LONGEST_PX / max(inner.shape[:2]))
        size = max(1, round(box.inner_width * reduce)), max(1, round(box.inner_height * reduce))
        small = cv2.resize(inner, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)

    def _through(self, frames: Iterator[_Waiting]) -> Generator[Detected, None, None]:
        # One full batch being computed, one waiting, one request being filled or read.
        slots = 2 * -(-self._contract.max_batch // self._batch) + 1
        most = slots * self._batch * self._stride
        sent: deque[_Sent] = deque()
        filling: _Sent | None = None
        shape = PoolShape(self._batch, self._box.height, self._box.width, slots)
        with self._open_pools(shape) as (pool,):
            for waiting in frames:
                self._pending.append(waiting)
                if waiting.frame is not None:
                    if filling is None:
                        while sent and (sent[0].request.done or len(sent) == slots):
                            yield from self._collect(sent.popleft())
                        filling = _Sent(pool.acquire())
                    filling.request.input[len(filling.frames)] = waiting.frame.pixels
                    filling.frames.append(waiting)
                    if len(filling.frames) == self._batch:
                        sent.append(_submit(filling))
                        filling = None
                yield from self._leave()
                while len(self._pending) > most:  # equal frames do not fill requests
                    if filling is not None:
                        sent.append(_submit(filling))
                        filling = None
                    yield from self._collect(sent.popleft())
            if filling is not None:
                sent.append(_submit(filling))
            while sent:
                yield from self._collect(sent.popleft())

    def _collect(self, sent: _Sent) -> Generator[Detected, None, None]:
        """Wait for a request; let go of the frames that are settled."""
        for waiting, rows in zip(sent.frames, sent.request.result(), strict=True):
            detections = rows.copy()
            detections[:, :4] = self._box.to_source(rows[:, :4])
            waiting.result.detections = detections
        sent.request.release()
        yield from self._leave()

    def _leave(self) -> Generator[Detected, None, None]:
        while self._pending and self._pending[0].settled:
            waiting = self._pending.popleft()
            if waiting.like is not None and waiting.like.detections is not None:
                waiting.result.detections = waiting.like.detections.copy()
            found = waiting.result.detections
            self._full += found is not None and len(found) >= self._most
            yield waiting.result

    def _halve(self) -> None:
        before = self._batch
        if before == 1:
            raise ModelOutOfMemory(
                f"model {self._contract.name} ran out of memory even on one picture of "
                f"{self._box.width}x{self._box.height}; free memory on the server or use a smaller model"
            )
        self._batch = before // 2
        log.warning("memory is short on the server: requests go from %d to %d frames", before, self._batch)
        self._short_of_memory.append(
            f"memory was short on the server: requests went from {before} to {self._batch} frames, "
            "none was skipped"
        )


def too_many(frames: int, most: int) -> list[str]:
    """What a user should know where pictures had as many boxes as the model gives at most.

    Args:
        frames: how many pictures had so many.
        most: boxes in a picture at most.
    """
    if not frames:
        return []
    where = "1 picture" if frames == 1 else f"{frames} pictures"
    text = (
        f"in {where} the detector gave {most} boxes, the most that it was built for: there may be more to be "
        "found; build it again with a larger --max-detections"
    )
    return [text]


def _submit(filled: _Sent) -> _Sent:
    filled.request.submit(len(filled.frames))
    return filled
