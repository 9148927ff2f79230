"""Delivers a video as planned: reads, crops, upscales, resizes, writes, counts, checks, and names the output.

Every job that writes a video uses it. Each step runs in a thread of its own, a few frames ahead of the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import EncodeFailed
from orchestrator.fidelity.check import Fidelity, FrameCountAndSize, examine
from orchestrator.fidelity.report import report_on, write_report
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.frames import Frame, Picture
from orchestrator.inference.upscaler import TiledUpscaler
from orchestrator.jobs import FidelityReport
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.gif import GifFrameSelector
from orchestrator.media.write.writer import VideoWriter
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.cropping import cut_windows, resized_crops
from orchestrator.pipeline.plan import Plan
from orchestrator.pipeline.prefetch import ahead
from orchestrator.pipeline.preview import Moment, evenly
from orchestrator.pipeline.probe_and_load import within_limits
from orchestrator.pipeline.progress import FrameRateMeter, OnProgress, Progress
from orchestrator.storage.staged import staged
from orchestrator.triton.client import TritonClient

Frames = Generator[Frame[Any], None, None]
FrameEdit = Callable[[Iterator[Frame[Any]]], Frames]
OnFrame = Callable[[Frame[Any], Picture], None]

# Bounds of the queues between stages. An upscaled 4K frame is 25 MB, so few are held.
_DECODED_AHEAD = 4
_ENLARGED_AHEAD = 2


@dataclass(frozen=True, kw_only=True)
class OutputSummary:
    """Describes an output that was written and checked; see `ExportStats`.

    Attributes:
        left_out: frames that were read but are not in the output, as a GIF has no room for them.
        transport: how tensors reached Triton; None without a model.
        tile: height and width of the tiles, in input pixels; None without a model.
        reused: share of the frames' area that was not inferred again, 0..1; None without a model.
        fidelity: how close the output is to its source, on the frames that were compared.
        moments: the times of some of these frames, for a preview.
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
    transport: Literal["shared_memory", "grpc"] | None
    tile: tuple[int, int] | None
    reused: float | None
    fidelity: FidelityReport
    moments: tuple[Moment, ...]
    notes: tuple[str, ...]

    def stats(self, context: JobContext, *, started_s: float) -> dict[str, Any]:
        """Return what `UpscaleStats` and `ExportStats` share, for a job that ends now.

        Args:
            context: of the job; gives its cost.
            started_s: when it started, by `time.monotonic`.
        """
        wall_s = time.monotonic() - started_s
        same = ("frames", "width", "height", "scale", "encoder", "transport", "tile", "reused")
        return {name: getattr(self, name) for name in same} | {
            "duration_sec": round(self.duration_s, 6),
            "wall_sec": round(wall_s, 3),
            "fps": round(self.frames / wall_s, 3),
            "cost": context.cost_of(wall_s),
        }


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
    on_frame: OnFrame | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Iterator[OutputSummary]:
    """Deliver a video. It gets its name when the block ends, and is removed if the block raises.

    Args:
        plan: the plan of the output.
        source: the video that the plan is for.
        output: where the output goes.
        client: the client of the Triton that has the plan's model loaded; None without a model.
        overwrite: whether to replace the output and the report if they exist.
        report: a JSON file for a comparison of the output with the source, with a PNG beside it.
        edit: changes the source's frames, whole and in order, and keeps their number; None leaves them.
        on_frame: is called with each window of the source and the picture that is encoded of it.
        on_progress: is called with the progress, in this thread.

    Yields:
        The description of the output.

    Raises:
        ValueError: the plan has a model, and there is no client.
        CallerError: the source or the output is refused.
        ServiceError: Triton, the encoder or the disk failed.
    """
    if plan.contract is not None and client is None:
        raise ValueError("the plan has a model, but there is no client to run it")
    info, window = plan.output_info, plan.window
    width, height = window.size
    with staged(output, overwrite=overwrite) as temporary:
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
                    info=info,
                    width=width,
                    height=height,
                    form=plan.form,
                    sample_aspect_ratio=window.sample_aspect_ratio,
                    quality=plan.quality,
                    container=plan.container,
                    alpha=plan.alpha,
                    start_s=plan.start_s,
                    end_s=plan.end_s,
                )
            )
            sampler = FrameSampler(
                width=width,
                height=height,
                time_base=info.time_base,
                rate=info.average_rate,
                colour=info.colour,
                bits=info.bit_depth,
            )
            frames: Frames = within_limits(reader.frames(), plan.source_info.time_base, plan.limits)
            if edit is not None:
                frames = edit(stack.enter_context(ahead(frames, items=_DECODED_AHEAD, name="decode")))
            selector = GifFrameSelector(plan.source_info) if plan.container.is_paced else None
            chosen = frames if selector is None else selector.run(frames)
            name = "decode" if edit is None else "edit"
            decoded = stack.enter_context(ahead(chosen, items=_DECODED_AHEAD, name=name))
            windows = cut_windows(decoded, window, info, sampler)
            model = None
            if plan.contract is None or client is None:
                items = ((frame, frame.pixels) for frame in windows)
            else:
                model = TiledUpscaler(
                    client,
                    plan.contract,
                    height=window.height,
                    width=window.width,
                    tolerance=plan.reuse_tolerance,
                )
                upscaled = stack.enter_context(ahead(model.run(windows), items=_ENLARGED_AHEAD, name="infer"))
                items = ((item.source, item.pixels) for item in upscaled)
            resized = resized_crops(items, window, info)
            delivered = stack.enter_context(ahead(resized, items=_ENLARGED_AHEAD, name="resize"))
            if model is not None:
                stack.enter_context(model)  # exits first: requests are cancelled before threads are joined
            meter = FrameRateMeter(plan.expected_frames, plan.stage)
            for frame, pixels in delivered:
                writer.write(replace(frame, pixels=pixels))
                if on_frame is not None:
                    on_frame(frame, pixels)
                on_progress(meter.tick(writer.frames))
            on_progress(Progress(stage="finishing", frames=writer.frames, total=writer.frames))
            writer.finish()
        left_out = selector.left_out if selector else 0
        if writer.frames != reader.frames_read - left_out:
            raise EncodeFailed(
                f"{reader.frames_read} frames were read and {left_out} left out, but {writer.frames} "
                "written; nothing was kept, please report it"
            )
        written = FrameCountAndSize(
            frames=writer.frames,
            left_out=left_out,
            width=writer.width,
            height=writer.height,
            picture=writer.picture_size,
        )
        fidelity = examine(temporary, sampler=sampler, written=written, every=report is not None)
        start_s = None if plan.start_s is None else plan.source_info.start_s + plan.start_s
        measured = report_on(fidelity, sampler=sampler, source=source, start_s=start_s)
        if report is not None:
            write_report(report, measured, fidelity.pairs, source=source, output=output, overwrite=overwrite)
        yield OutputSummary(
            frames=writer.frames,
            left_out=left_out,
            duration_s=writer.duration_s,
            width=writer.width,
            height=writer.height,
            scale=width / window.crop_size[0],
            encoder=writer.encoder,
            pixel_format=writer.pixel_format,
            transport=model.transport if model else None,
            tile=(model.grid.tile_height, model.grid.tile_width) if model else None,
            reused=round(model.reused, 4) if model else None,
            fidelity=measured,
            moments=_moments(fidelity, first_s=sampler.first_s - plan.source_info.start_s),
            notes=(
                *plan.notes,
                *reader.notes,
                *(selector.notes if selector else []),
                *(model.notes if model else []),
                *writer.notes,
            ),
        )


def _moments(fidelity: Fidelity, *, first_s: Fraction) -> tuple[Moment, ...]:
    """Return the times of compared frames.

    Args:
        fidelity: has the frames.
        first_s: when the source shows the first frame of the output, in seconds from the source's start.
    """
    compared_s = [pair.sample.time_s for pair in fidelity.pairs]
    chosen_s = [compared_s[number] for number in evenly(len(compared_s))]
    return tuple(Moment(source_s=first_s + at_s, output_s=fidelity.first_s + at_s) for at_s in chosen_s)
