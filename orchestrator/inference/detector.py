"""Detects objects in frames through Triton, with several requests in flight; frames come out in order.

Frames that a stride skips are yielded without detections; a frame that equals the last inferred one gets the
same detections. After the server dies, all frames that were not yielded are inferred again once it is back;
if it is short of memory, in smaller requests.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import ModelOutOfMemory
from orchestrator.frames import Detections, Frame, Letterbox, Pixels
from orchestrator.inference.recovering_model import FAILURES, RecoveringModel, RequestPoolShape
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract
from orchestrator.triton.request import Request

Answers = tuple[NDArray[np.float32], ...]

log = logging.getLogger(__name__)


GRAY_LONGEST_PX = 320
"""Longer side of the gray pictures, in which the tracker finds shot cuts and camera motion."""


@dataclass(kw_only=True)
class DetectedFrame:
    """A frame and the objects in it.

    Attributes:
        index, pts, duration: those of the frame; see `Frame`.
        gray: uint8 [h, w], the picture, scaled down and without the letterbox's border.
        detections: float32 [N, 6] in pixels as displayed, highest score first; None for a skipped frame.
    """

    index: int
    pts: int
    duration: int
    gray: NDArray[np.uint8]
    detections: Detections | None = None


@dataclass
class _PendingFrame:
    """A frame that was not yielded yet.

    Attributes:
        result: what will be yielded.
        frame: its letterboxed picture if it is inferred, else None.
        like: the last inferred frame if this one equals it, else None.
    """

    result: DetectedFrame
    frame: Frame | None = None
    like: DetectedFrame | None = None

    @property
    def is_complete(self) -> bool:
        """Whether its detections have come, or will not come."""
        return (self.like or self.result).detections is not None or not (self.frame or self.like)


@dataclass
class _SentRequest:
    """A request in flight, with the frame of each of its images."""

    request: Request[Answers]
    frames: list[_PendingFrame] = field(default_factory=list)


class BatchedDetector(RecoveringModel["Answers"]):
    """Detects objects in frames of one size with one model.

    Args:
        client: the client of the Triton that has the model loaded.
        contract: the contract of the model.
        box: the letterbox that the frames are in.
        batch: maximum number of frames in one request; the model's own limit applies too.
        stride: one frame in this many is inferred, from the first on.
    """

    def __init__(
        self, client: TritonClient, contract: DetectContract, box: Letterbox, *, batch: int, stride: int
    ) -> None:
        super().__init__(client, contract)
        self._box = box
        self._batch = min(batch, contract.max_batch)
        self._stride = stride
        self._most = contract.max_detections
        self._pending: deque[_PendingFrame] = deque()
        self._last: _PendingFrame | None = None
        self._due = self._reused = self._full = 0

    @property
    def reused(self) -> float:
        """Share of the frames due for inference that were equal to the last inferred one, 0..1."""
        return self._reused / self._due if self._due else 0.0

    @property
    def notes(self) -> list[str]:  # noqa: D102  described in the base
        return [*super().notes, *crowded_notes(self._full, self._most)]

    def run(self, frames: Iterator[Frame]) -> Generator[DetectedFrame, None, None]:
        """Detect objects in letterboxed frames; yield a result for each frame, in order.

        Raises:
            ModelOutOfMemory: a single frame was still too large.
            TritonUnavailable: the server died more often than the client recovers from, or did not return.
            InferenceFailed: see `RequestPool`.
            Cancelled: the context has exited.
        """
        waiting: Iterator[_PendingFrame] = map(self._enter, frames)
        while True:
            try:
                yield from self._through(waiting)
            except FAILURES as failure:
                waiting = chain(list(self._pending), waiting)
                self._pending.clear()
                if not self._can_resend(failure):
                    self._halve()
            else:
                return

    def _enter(self, frame: Frame) -> _PendingFrame:
        result = DetectedFrame(
            index=frame.index, pts=frame.pts, duration=frame.duration, gray=self._gray(frame.pixels)
        )
        if frame.index % self._stride:
            return _PendingFrame(result)
        self._due += 1
        last = self._last
        if last is not None and last.frame is not None and np.array_equal(last.frame.pixels, frame.pixels):
            self._reused += 1
            return _PendingFrame(result, like=last.result)
        self._last = _PendingFrame(result, frame)
        return self._last

    def _gray(self, pixels: Pixels) -> NDArray[np.uint8]:
        box = self._box
        inner = pixels[box.top : box.top + box.inner_height, box.left : box.left + box.inner_width]
        reduce = min(1, GRAY_LONGEST_PX / max(inner.shape[:2]))
        size = max(1, round(box.inner_width * reduce)), max(1, round(box.inner_height * reduce))
        small = cv2.resize(inner, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)

    def _through(self, frames: Iterator[_PendingFrame]) -> Generator[DetectedFrame, None, None]:
        # One full batch is computed, one waits, and one request is filled or read.
        slots = 2 * -(-self._contract.max_batch // self._batch) + 1
        most = slots * self._batch * self._stride
        sent: deque[_SentRequest] = deque()
        filling: _SentRequest | None = None
        shape = RequestPoolShape(self._batch, self._box.height, self._box.width, slots)
        with self._open_pools(shape) as (pool,):
            for waiting in frames:
                self._pending.append(waiting)
                if waiting.frame is not None:
                    if filling is None:
                        while sent and (sent[0].request.done or len(sent) == slots):
                            yield from self._collect(sent.popleft())
                        filling = _SentRequest(pool.acquire())
                    filling.request.inputs[0][len(filling.frames)] = waiting.frame.pixels
                    filling.frames.append(waiting)
                    if len(filling.frames) == self._batch:
                        sent.append(_submit(filling))
                        filling = None
                yield from self._yield_complete()
                while len(self._pending) > most:  # equal frames do not fill requests
                    if filling is not None:
                        sent.append(_submit(filling))
                        filling = None
                    yield from self._collect(sent.popleft())
            if filling is not None:
                sent.append(_submit(filling))
            while sent:
                yield from self._collect(sent.popleft())

    def _collect(self, sent: _SentRequest) -> Generator[DetectedFrame, None, None]:
        """Wait for a request, and yield the frames that are complete."""
        for waiting, rows in zip(sent.frames, sent.request.result(), strict=True):
            detections = rows.copy()
            detections[:, :4] = self._box.to_source(rows[:, :4])
            waiting.result.detections = detections
        sent.request.release()
        yield from self._yield_complete()

    def _yield_complete(self) -> Generator[DetectedFrame, None, None]:
        while self._pending and self._pending[0].is_complete:
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


def crowded_notes(frames: int, most: int) -> list[str]:
    """Return a note if pictures had as many boxes as the model can give: some objects may be missing.

    Args:
        frames: number of such pictures.
        most: maximum number of boxes that the model returns for a picture.
    """
    if not frames:
        return []
    where = "1 picture" if frames == 1 else f"{frames} pictures"
    text = (
        f"in {where} the detector gave {most} boxes, the most that it was built for: there may be more to be "
        "found; build it again with a larger --max-detections"
    )
    return [text]


def _submit(filled: _SentRequest) -> _SentRequest:
    filled.request.submit(len(filled.frames))
    return filled
