"""Detects the objects in the frames of a video: loads the detector, and runs it ahead of its consumer."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from orchestrator.errors import BadRequest, ModelNotBuilt, UnknownModel
from orchestrator.frames import Frame, Letterbox, VideoInfo
from orchestrator.inference.detector import BatchedDetector, DetectedFrame
from orchestrator.jobs import TrackParams
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.prefetch import ahead
from orchestrator.pipeline.probe_and_load import within_limits
from orchestrator.tiles.letterbox import letterbox, stretched
from orchestrator.transport import Transport
from orchestrator.triton.contract import DetectContract

# Bounds of the queues between stages, in frames: enough for the request that is filled and the next one.
_DECODED_AHEAD = 16
_DETECTED_AHEAD = 16

_NO_MODEL_NAMED = (
    "no model was named, so it is the default detector (FRAMEWRIGHT_DETECTOR); `--model` names another, and "
    "`framewright models list` shows which a closed product may use, such as d-fine-n, rf-detr-nano and, for "
    "faces, centerface"
)


@dataclass(frozen=True, kw_only=True)
class DetectionStats:
    """How the objects were detected.

    Attributes:
        model: the name of the detector.
        classes: the names of its classes, by number.
        input_size: (height, width) of the pictures that it saw, in pixels.
        transport: how tensors reached Triton.
        reused: share of its pictures that equalled the one before and were not inferred again, 0 to 1.
    """

    model: str
    classes: tuple[str, ...]
    input_size: tuple[int, int]
    transport: Transport
    reused: float


@dataclass(frozen=True, kw_only=True)
class LoadedDetector:
    """A detector that is loaded and ready for the frames of one video.

    Attributes:
        contract: the contract of the model.
        box: the letterbox that the reader puts the frames into.
        detector: detects objects in them; can be used once.
    """

    contract: DetectContract
    box: Letterbox
    detector: BatchedDetector

    @property
    def stats(self) -> DetectionStats:
        """How the objects were detected; complete once all frames have run."""
        return DetectionStats(
            model=self.contract.name,
            classes=self.contract.classes,
            input_size=(self.box.height, self.box.width),
            transport=self.detector.transport,
            reused=self.detector.reused,
        )


def load_detector(info: VideoInfo, params: TrackParams, context: JobContext) -> LoadedDetector:
    """Load the detector of a job, and plan the letterbox for its frames.

    Args:
        info: describes the video.
        params: the parameters of the job.
        context: see `JobContext`.

    Raises:
        BadRequest: the model is not a detector, or `params.side` is too small for it, or not its only one.
        UnknownModel, ModelNotBuilt: there is no such model.
        ServiceError: Triton or the model does not start.
    """
    client = context.connect()
    model = context.resolve(params.model or context.default_detector)
    try:
        client.load(model)
    except (ModelNotBuilt, UnknownModel) as exc:
        if params.model:
            raise
        raise type(exc)(f"{exc}; {_NO_MODEL_NAMED}") from exc
    contract = client.contract(model, DetectContract)
    width, height = info.display_size
    box = input_box(contract, width=width, height=height, side=params.side)
    detector = BatchedDetector(client, contract, box, batch=params.batch, stride=params.stride)
    return LoadedDetector(contract=contract, box=box, detector=detector)


def input_box(contract: DetectContract, *, width: int, height: int, side: int | None = None) -> Letterbox:
    """Return how pictures of a size are scaled to the input of a detector.

    Args:
        contract: the contract of the model.
        width, height: size of the pictures as displayed, in square pixels.
        side: the longer side of the input in pixels; None for the model's own.

    Raises:
        BadRequest: the side is too small for the model, or is not the only one that it takes.
    """
    if contract.fit == "letterbox":
        chosen = side or contract.side
        return letterbox(width=width, height=height, side=chosen, multiple=contract.size_multiple)
    if side not in {None, contract.side}:
        raise BadRequest(
            f"model {contract.name!r} takes pictures of {contract.side} pixels a side only; leave side out"
        )
    return stretched(width=width, height=height, square=contract.side)


@contextmanager
def detected_frames(
    frames: Generator[Frame, None, None], loaded: LoadedDetector, info: VideoInfo, context: JobContext
) -> Iterator[Iterator[DetectedFrame]]:
    """Read, letterbox and detect in threads; the exit of the block stops them and closes the detector.

    Args:
        frames: the frames of a reader, in the letterbox `loaded.box`, tone-mapped.
        loaded: the detector.
        info: describes the video.
        context: see `JobContext`; no more is read than its limits allow.

    Yields:
        An iterator over the frames, in order, with the objects in them. It raises LimitExceeded, and the
        errors of `VideoReader.frames` and `BatchedDetector.run`.
    """
    read = within_limits(frames, info.time_base, context.limits)
    with ExitStack() as stack:
        decoded = stack.enter_context(ahead(read, items=_DECODED_AHEAD, name="decode"))
        detected = loaded.detector.run(decoded)
        found = stack.enter_context(ahead(detected, items=_DETECTED_AHEAD, name="detect"))
        stack.enter_context(
            loaded.detector
        )  # exits first: requests are cancelled before the threads are joined
        yield found
