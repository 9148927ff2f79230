"""Makes the pictures of an output from the frames of its source: crops, upscales and resizes them.

Every job that writes a video uses it, and so does every segment of a film. Each step runs in a thread of its
own, a few frames ahead of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from orchestrator.fidelity.pair_sampler import PairSampler
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.frames import Frame, Picture, picture_bytes
from orchestrator.inference.stabilizer import Stabilizer
from orchestrator.inference.upscaler import TiledUpscaler, UpscaledFrame
from orchestrator.pipeline.cropping import cut_windows, is_resized, resized_crops
from orchestrator.pipeline.plan import Plan
from orchestrator.pipeline.prefetch import ahead
from orchestrator.pipeline.probe_and_load import within_limits
from orchestrator.transport import Transport
from orchestrator.triton.client import TritonClient

Frames = Generator[Frame[Any], None, None]
FrameEdit = Callable[[Iterator[Frame[Any]]], Frames]

# Bounds of each queue between stages. A picture of 8K has 100 MB: then one waits.
_DECODED_AHEAD = 4
_ENLARGED_AHEAD = 2
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class PictureChain:
    """The pictures of an output.

    Attributes:
        pictures: each window of the source with the picture to encode for it, in order; used once.
        sampler: has samples of the frames that have passed, for the check of the finished file.
        pairs: has pairs of consecutive frames that have passed, to measure flicker; None if not asked for.
    """

    pictures: Iterator[tuple[Frame[Any], Picture]]
    sampler: FrameSampler
    pairs: PairSampler | None
    _model: TiledUpscaler | None

    # The rest is known after the last picture.

    @property
    def transport(self) -> Transport | None:
        """How tensors reached Triton; None without a model."""
        return self._model.transport if self._model else None

    @property
    def tile(self) -> tuple[int, int] | None:
        """Height and width of the tiles, in input pixels; None without a model."""
        return (self._model.grid.tile_height, self._model.grid.tile_width) if self._model else None

    @property
    def reused(self) -> float | None:
        """Share of the frames' area that was not inferred again, 0..1; None without a model."""
        return round(self._model.reused, 4) if self._model else None

    @property
    def notes(self) -> list[str]:
        """Sentences for the user about the model."""
        return self._model.notes if self._model else []


@contextmanager
def picture_chain(
    plan: Plan,
    frames: Frames,
    *,
    client: TritonClient | None = None,
    edit: FrameEdit | None = None,
    select: FrameEdit | None = None,
    sampled: Collection[int] | None = None,
    pairs: bool = False,
) -> Iterator[PictureChain]:
    """Make the pictures of an output. The threads run inside the block, and are joined when it ends.

    Args:
        plan: the plan of the output.
        frames: the frames of its source.
        client: the client of the Triton that has the plan's model loaded; None without a model.
        edit: changes the source's frames, whole and in order, and keeps their number; None leaves them.
        select: leaves frames out, after `edit`; None keeps all.
        sampled: the numbers of the frames that the sampler keeps; see `FrameSampler`.
        pairs: whether pairs of consecutive frames are kept, too.

    Raises:
        ValueError: the plan has a model, and there is no client.
        LimitExceeded: while the pictures are read: there are more frames than the plan's limits allow.
        ServiceError: while the pictures are read: Triton failed.
    """
    if plan.contract is not None and client is None:
        raise ValueError("the plan has a model, but there is no client to run it")
    info, window = plan.output_info, plan.window
    width, height = window.size
    sampler = FrameSampler(
        width=width,
        height=height,
        time_base=info.time_base,
        rate=info.average_rate,
        planes=plan.planes,
        kept=sampled,
    )
    pair_sampler = None
    if pairs:
        pair_sampler = PairSampler(width=width, height=height, time_base=info.time_base, planes=plan.planes)
    with ExitStack() as stack:
        read = within_limits(frames, plan.source_info.time_base, plan.limits)
        if edit is not None:
            read = edit(stack.enter_context(_decoded_ahead(read, "decode")))
        if select is not None:
            read = select(read)
        name = "decode" if edit is None else "edit"
        decoded = stack.enter_context(_decoded_ahead(read, name))
        windows = cut_windows(
            decoded, window, info, [sampler] if pair_sampler is None else [sampler, pair_sampler]
        )
        model = None
        if plan.contract is None or client is None or plan.planes is None or plan.output_planes is None:
            items = map(_frame_and_pixels, windows)
        else:
            model = TiledUpscaler(
                client,
                plan.contract,
                height=window.height,
                width=window.width,
                planes=plan.planes,
                output=plan.output_planes,
                tolerance=plan.reuse_tolerance,
            )
            upscaled = stack.enter_context(_upscaled_ahead(model.run(windows), "infer"))
            if plan.stabilize:
                steady = Stabilizer(plan.planes, plan.output_planes).run(upscaled)
                upscaled = stack.enter_context(_upscaled_ahead(steady, "stabilize"))
            items = map(_source_and_pixels, upscaled)
        resized = resized_crops(items, window, info, plan.output_planes)
        pictures: Iterator[tuple[Frame[Any], Picture]] = resized
        if is_resized(window) or plan.alpha:
            pictures = stack.enter_context(
                ahead(
                    resized,
                    items=_ENLARGED_AHEAD,
                    name="resize",
                    most_bytes=_MOST_BYTES,
                    size_of=lambda item: picture_bytes(item[1]),
                )
            )
        if model is not None:
            stack.enter_context(model)  # exits first: requests are cancelled before threads are joined
        yield PictureChain(pictures=pictures, sampler=sampler, pairs=pair_sampler, _model=model)


# Functions for `map`, which keeps no picture alive while it waits for the next, as a generator would.


def _frame_and_pixels(frame: Frame[Any]) -> tuple[Frame[Any], Picture]:
    return frame, frame.pixels


def _source_and_pixels(item: UpscaledFrame) -> tuple[Frame[Any], Picture]:
    return item.source, item.pixels


def _decoded_ahead(frames: Frames, name: str) -> AbstractContextManager[Iterator[Frame[Any]]]:
    return ahead(
        frames,
        items=_DECODED_AHEAD,
        name=name,
        most_bytes=_MOST_BYTES,
        size_of=lambda frame: picture_bytes(frame.pixels),
    )


def _upscaled_ahead(
    frames: Generator[UpscaledFrame, None, None], name: str
) -> AbstractContextManager[Iterator[UpscaledFrame]]:
    return ahead(
        frames,
        items=_ENLARGED_AHEAD,
        name=name,
        most_bytes=_MOST_BYTES,
        size_of=lambda item: picture_bytes(item.pixels),
    )
