"""Delivers a video as planned: reads, crops, upscales, resizes, writes, counts, checks, and names the output.

Every job that writes a video uses it. Each step runs in a thread of its own, a few frames ahead of the next.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from orchestrator.errors import EncodeFailed
from orchestrator.fidelity.check import Written, examine
from orchestrator.fidelity.report import report_on, write_report
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.inference.upscaler import TiledModel
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.gif import GifPace
from orchestrator.media.write.writer import VideoWriter
from orchestrator.pipeline.cropping import Item, cut_windows, resized_crops
from orchestrator.pipeline.flow import ahead
from orchestrator.pipeline.progress import FrameClock, OnProgress, Progress
from orchestrator.pipeline.within_limits import within_limits
from orchestrator.storage.staged import staged

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from orchestrator.frames import Frame, Picture
    from orchestrator.pipeline.plan import Plan
    from orchestrator.triton.client import TritonClient

    Frames = Generator[Frame[Any], None, None]
    FrameEdit = Callable[[Iterator[Frame[Any]]], Frames]

# Bounds of the queues between stages. An upscaled 4K frame is 25 MB, so few are held.
_DECODED_AHEAD = 4
_ENLARGED_AHEAD = 2


class Watcher(Protocol):
    """Sees each frame as it passes."""

    def see(self, wanted: Frame[Any], delivered: Picture) -> None:
        """Look at a frame.

        Args:
            wanted: the part of the source's frame that holds the crop, and its time.
            delivered: the picture that is encoded.
        """


@dataclass(frozen=True, kw_only=True)
class Inference:
    """Describes how frames went through a model.

    Attributes:
        transport: how tensors reached Triton.
        tile: height and width of the tiles, in input pixels.
        reused: share of the frames' area that was not inferred again, 0..1.
    """

    transport: Literal["shared_memory", "grpc"]
    tile: tuple[int, int]
    reused: float


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Describes an output that was written and checked; see `ExportStats`.

    Attributes:
        left_out: frames that were read but are not in the output, as a GIF has no room for them.
        inference: None without a model.
        notes: sentences for the user, about the source first.
    """

    frames: int
    left_out: int
    duration_s: float
    width: int
    height: int
    scale: float
    encoder: str
    pixel_format: str
    inference: Inference | None
    notes: tuple[str, ...]


@contextmanager
def deliver(
    plan: Plan,
    source: Path,
    output: Path,
    *,
    client: TritonClient | None = None,
    overwrite: bool = False,
    report: Path | None = None,
    edit: FrameEdit | None = None,
    watchers: Sequence[Watcher] = (),
    on_progress: OnProgress = lambda _: None,
) -> Iterator[Delivered]:
    """Deliver a video. It gets its name when the block ends, and is removed if the block raises.

    Args:
        plan: of the output.
        source: the video that the plan is for.
        output: where the output goes.
        client: of the Triton that has the plan's model loaded; None without a model.
        overwrite: whether to replace the output and the report if they exist.
        report: a JSON file for a comparison of the output with the source, with a PNG beside it.
        edit: changes the source's frames, whole and in order, and keeps their number; None leaves them.
        watchers: see each frame.
        on_progress: is called with the progress, in this thread.

    Yields:
        What was delivered.

    Raises:
        CallerError: the source or the output is refused.
        ServiceError: Triton, the encoder or the disk failed.
    """
    with staged(output, overwrite=overwrite) as temporary:
        sampler = FrameSampler(
            width=plan.view.size[0],
            height=plan.view.size[1],
            time_base=plan.output_info.time_base,
            rate=plan.output_info.average_rate,
            colour=plan.output_info.colour,
            bits=plan.output_info.bit_depth,
        )
        delivered, written = _write(
            plan,
            source,
            temporary,
            sampler=sampler,
            client=client,
            edit=edit,
            watchers=watchers,
            on_progress=on_progress,
        )
        fidelity = examine(temporary, sampler=sampler, written=written, every=report is not None)
        if report is not None:
            start_s = None if plan.start_s is None else plan.source_info.start_s + plan.start_s
            facts = report_on(fidelity, sampler=sampler, source=source, output=output, start_s=start_s)
            write_report(report, facts, fidelity.pairs, overwrite=overwrite)
        yield delivered


def _write(
    plan: Plan,
    source: Path,
    temporary: Path,
    *,
    sampler: FrameSampler,
    client: TritonClient | None,
    edit: FrameEdit | None,
    watchers: Sequence[Watcher],
    on_progress: OnProgress,
) -> tuple[Delivered, Written]:
    """Write the frames, and count them."""
    view = plan.view
    with ExitStack() as stack:
        reader: VideoReader[Picture] = stack.enter_context(
            VideoReader(
                source,
                plan.source_info,
                form=plan.form,
                alpha=plan.alpha,
                tonemap=plan.tonemap,
                start_s=plan.start_s,
                end_s=plan.end_s,
            )
        )
        writer = stack.enter_context(
            VideoWriter(
                temporary,
                source=source,
                info=plan.output_info,
                width=view.size[0],
                height=view.size[1],
                form=plan.form,
                sample_aspect_ratio=view.sample_aspect_ratio,
                quality=plan.quality,
                container=plan.container,
                alpha=plan.alpha,
                start_s=plan.start_s,
                end_s=plan.end_s,
            )
        )
        frames: Frames = within_limits(reader.frames(), plan.source_info.time_base, plan.limits)
        if edit is not None:
            frames = edit(stack.enter_context(ahead(frames, items=_DECODED_AHEAD, name="decode")))
        pace = GifPace(plan.source_info) if plan.container.is_paced else None
        chosen = frames if pace is None else pace.run(frames)
        decoded = stack.enter_context(ahead(chosen, items=_DECODED_AHEAD, name="edit" if edit else "decode"))
        windows = cut_windows(decoded, view, plan.output_info, sampler)
        model = None
        if plan.contract is None or client is None:
            items = (Item(frame, frame.pixels) for frame in windows)
        else:
            model = TiledModel(
                client,
                plan.contract,
                height=view.height,
                width=view.width,
                tolerance=plan.reuse_tolerance,
            )
            upscaled = stack.enter_context(ahead(model.run(windows), items=_ENLARGED_AHEAD, name="infer"))
            items = (Item(item.source, item.pixels) for item in upscaled)
        resized = resized_crops(items, view, plan.output_info)
        delivered = stack.enter_context(ahead(resized, items=_ENLARGED_AHEAD, name="resize"))
        if model is not None:
            stack.enter_context(model)  # exits first: requests are cancelled before the threads are joined

        clock = FrameClock(plan.expected_frames, plan.stage)
        for item in delivered:
            writer.write(replace(item.source, pixels=item.pixels))
            for watcher in watchers:
                watcher.see(item.source, item.pixels)
            on_progress(clock.tick(writer.frames))
        on_progress(Progress(stage="finishing", frames=writer.frames, total=writer.frames))
        writer.finish()
        left_out = pace.left_out if pace else 0
        if writer.frames != reader.frames_read - left_out:
            raise EncodeFailed(
                f"{reader.frames_read} frames were read and {left_out} left out, but {writer.frames} "
                "written; nothing was kept, please report it"
            )
        written = Written(
            frames=writer.frames,
            left_out=left_out,
            width=writer.width,
            height=writer.height,
            picture=writer.picture_size,
        )
        return Delivered(
            frames=writer.frames,
            left_out=left_out,
            duration_s=writer.duration_s,
            width=writer.width,
            height=writer.height,
            scale=view.size[0] / view.crop_size[0],
            encoder=writer.encoder,
            pixel_format=writer.pixel_format,
            inference=None
            if model is None
            else Inference(
                transport=model.transport,
                tile=(model.grid.tile_height, model.grid.tile_width),
                reused=round(model.reused, 4),
            ),
            notes=(
                *plan.notes,
                *reader.notes,
                *(pace.notes if pace else []),
                *(model.notes if model else []),
                *writer.notes,
            ),
        ), written
