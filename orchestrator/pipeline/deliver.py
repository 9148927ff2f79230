"""Delivers a video as planned: reads it, makes the pictures, writes, counts, checks, and names the output.

Every job that writes a video uses it. `picture_chain` makes the pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from orchestrator.errors import EncodeFailed
from orchestrator.fidelity.check import Fidelity, FrameCountAndSize, examine
from orchestrator.fidelity.flicker import measure_flicker
from orchestrator.fidelity.report import report_on, write_report
from orchestrator.frames import Frame, Picture
from orchestrator.jobs import FidelityReport
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.gif import GifFrameSelector
from orchestrator.media.write.writer import VideoWriter
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.picture_chain import FrameEdit, picture_chain
from orchestrator.pipeline.plan import Plan
from orchestrator.pipeline.preview import Moment, evenly
from orchestrator.pipeline.progress import FrameRateMeter, OnProgress, Progress
from orchestrator.storage.staged import staged
from orchestrator.transport import Transport
from orchestrator.triton.client import TritonClient
from orchestrator.video_source import VideoSource

OnFrame = Callable[[Frame[Any], Picture], None]


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
    transport: Transport | None
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
    source: VideoSource,
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
                    planes=plan.output_planes,
                    sample_aspect_ratio=window.sample_aspect_ratio,
                    quality=plan.quality,
                    container=plan.container,
                    alpha=plan.alpha,
                    start_s=plan.start_s,
                    end_s=plan.end_s,
                )
            )
            selector = GifFrameSelector(plan.source_info) if plan.container.is_paced else None
            chain = stack.enter_context(
                picture_chain(
                    plan,
                    reader.frames(),
                    client=client,
                    edit=edit,
                    select=None if selector is None else selector.run,
                    pairs=report is not None,
                )
            )
            meter = FrameRateMeter(plan.expected_frames, plan.stage)
            for frame, pixels in chain.pictures:
                writer.write(replace(frame, pixels=pixels))
                if on_frame is not None:
                    on_frame(frame, pixels)
                del pixels  # no picture is kept alive while the next is waited for
                on_progress(meter.tick(writer.frames))
            on_progress(Progress(stage="finishing", frames=writer.frames, total=writer.frames))
            writer.complete()
            video, compare = writer.written, writer.comparison()
        del writer  # its encoder is freed before the file is read back
        different = compare()
        left_out = selector.left_out if selector else 0
        if video.frames != reader.frames_read - left_out:
            raise EncodeFailed(
                f"{reader.frames_read} frames were read and {left_out} left out, but {video.frames} "
                "written; nothing was kept, please report it"
            )
        written = FrameCountAndSize(
            frames=video.frames,
            left_out=left_out,
            width=video.width,
            height=video.height,
            picture=video.picture_size,
        )
        fidelity = examine(temporary, sampler=chain.sampler, written=written, every=report is not None)
        start_s = None if plan.start_s is None else plan.source_info.start_s + plan.start_s
        measured = report_on(fidelity, sampler=chain.sampler, source=source, start_s=start_s)
        if report is not None:
            write_report(
                report,
                measured,
                fidelity.pairs,
                source=source,
                output=output,
                overwrite=overwrite,
                flicker=None if chain.pairs is None else measure_flicker(temporary, chain.pairs, written),
            )
        yield OutputSummary(
            frames=video.frames,
            left_out=left_out,
            duration_s=video.duration_s,
            width=video.width,
            height=video.height,
            scale=width / window.crop_size[0],
            encoder=video.encoder,
            pixel_format=video.pixel_format,
            transport=chain.transport,
            tile=chain.tile,
            reused=chain.reused,
            fidelity=measured,
            moments=_moments(fidelity, first_s=chain.sampler.first_s - plan.source_info.start_s),
            notes=(
                *plan.notes,
                *reader.notes,
                *(selector.notes if selector else []),
                *chain.notes,
                *different,
                *video.notes,
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
