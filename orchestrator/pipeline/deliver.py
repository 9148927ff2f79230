"""The one way from a video to a delivered file: read, cut the window, enlarge, resize the crop, write.

Every job that delivers a video goes it, with more or fewer of the steps: upscaling has the whole picture for
its crop, a plain export has no model. Each step runs in a thread of its own, a few frames ahead of the next.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from orchestrator.errors import EncodeFailed
from orchestrator.fidelity.check import Written, examine
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.inference.upscaler import TiledModel
from orchestrator.media.colour.tonemap_curve import tone_mapped_info
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.gif import GifPace
from orchestrator.media.write.writer import VideoWriter
from orchestrator.pipeline.cropping import Item, cut_windows, resized_crops
from orchestrator.pipeline.flow import ahead
from orchestrator.pipeline.plan import (
    believed,
    expected_frames,
    form_of,
    keeps_alpha,
    length_s,
    refuse_hdr,
    view_of,
)
from orchestrator.pipeline.progress import FrameClock, Progress
from orchestrator.pipeline.within_limits import within_limits
from orchestrator.triton.contract import UpscaleContract

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.fidelity.check import Fidelity
    from orchestrator.frames import Frame, Picture, VideoInfo
    from orchestrator.pipeline.context import JobContext
    from orchestrator.pipeline.plan import DeliveryRequest
    from orchestrator.triton.client import TritonClient

# Bounds of the queues between stages. An upscaled 4K frame is 25 MB, so few are held.
_DECODED_AHEAD = 4
_ENLARGED_AHEAD = 2


class Watcher(Protocol):
    """Sees each frame as it passes."""

    def see(self, wanted: Frame[Any], delivered: Picture) -> None:
        """Look at a frame.

        Args:
            wanted: the window of the source that the crop lies in, and its time.
            delivered: the picture that is encoded.
        """


@dataclass(frozen=True, kw_only=True)
class Inference:
    """How a model saw the pictures.

    Attributes:
        transport: how tensors reached Triton.
        tile: height and width of the tiles, in input pixels.
        reused: how much of the pictures was not inferred again, 0..1 of their area.
    """

    transport: Literal["shared_memory", "grpc"]
    tile: tuple[int, int]
    reused: float


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What was done; see `ExportStats`.

    Attributes:
        sampler: has seen what was wanted.
        examined: what was found when the output was read back.
    """

    sampler: FrameSampler
    examined: Fidelity
    frames: int
    duration_s: float
    width: int
    height: int
    scale: float
    encoder: str
    pixel_format: str
    inference: Inference | None
    notes: tuple[str, ...]


def deliver(
    source: Path,
    temporary: Path,
    info: VideoInfo,
    request: DeliveryRequest,
    context: JobContext,
    *,
    watchers: Sequence[Watcher] = (),
    every: bool = False,
) -> Delivered:
    """Deliver a video.

    Args:
        source: a local video file.
        temporary: where the result is written; of no use if this raises.
        info: what `probe` said of the source.
        request: what is wanted.
        context: the job's surroundings.
        watchers: see each frame.
        every: compare all samples of the output with what was wanted, for a report, and not just a few.

    Raises:
        CallerError: the order or the source is wrong.
        ServiceError: Triton, the encoder or the disk failed.
    """
    limits = context.limits
    refuse_hdr(info, request)
    info = believed(source, info, request, limits)
    if limits is not None:
        limits.check_source(info, duration_s=length_s(info, request), frames=expected_frames(info, request))
    with ExitStack() as stack:
        model = None if request.model is None else _Model.load(context.connect(), request.model)
        view = view_of(info, request, model.contract if model else None)
        if limits is not None:
            limits.check_output(*view.size)
        form = form_of(info, request, view)
        alpha = keeps_alpha(info, request)
        # The reader needs the source's own colours to map them; all that follows sees the mapped ones.
        read = tone_mapped_info(info) if request.tonemap else info
        if view.crop_size != (info.width, info.height):
            read = replace(read, sphere=None)  # a part of a sphere is none
        pace = GifPace(read) if request.container.is_paced else None
        shown = read if pace is None else pace.info
        reader = stack.enter_context(
            VideoReader(
                source,
                info,
                form=form,
                alpha=alpha,
                tonemap=request.tonemap,
                start_s=request.start_s,
                end_s=request.end_s,
            )
        )
        writer = stack.enter_context(
            VideoWriter(
                temporary,
                source=source,
                info=shown,
                width=view.size[0],
                height=view.size[1],
                form=form,
                sample_aspect_ratio=view.sample_aspect_ratio,
                quality=request.quality,
                container=request.container,
                alpha=alpha,
                start_s=request.start_s,
                end_s=request.end_s,
            )
        )
        taken = within_limits(reader.frames(), info, limits)
        chosen = taken if pace is None else pace.run(taken)
        frames = stack.enter_context(ahead(chosen, items=_DECODED_AHEAD, name="decode"))
        sampler = FrameSampler(
            width=view.size[0],
            height=view.size[1],
            time_base=shown.time_base,
            rate=shown.average_rate,
            colour=shown.colour,
            bits=shown.bit_depth,
        )
        windows = cut_windows(frames, view, shown, sampler)
        tiled = None
        if model is None:
            items = (Item(frame, frame.pixels) for frame in windows)
        else:
            tiled = TiledModel(
                model.client,
                model.contract,
                height=view.height,
                width=view.width,
                tolerance=request.reuse_tolerance,
            )
            upscaled = stack.enter_context(ahead(tiled.run(windows), items=_ENLARGED_AHEAD, name="infer"))
            items = (Item(item.source, item.pixels) for item in upscaled)
        made = resized_crops(items, view, shown)
        delivered = stack.enter_context(ahead(made, items=_ENLARGED_AHEAD, name="resize"))
        if tiled is not None:
            stack.enter_context(tiled)  # left first: what is in flight is cancelled before threads are joined

        clock = FrameClock(expected_frames(shown, request), "exporting" if tiled is None else "upscaling")
        for item in delivered:
            writer.write(replace(item.source, pixels=item.pixels))
            for watcher in watchers:
                watcher.see(item.source, item.pixels)
            context.on_progress(clock.tick(writer.frames))
        context.on_progress(Progress(stage="finishing", frames=writer.frames, total=writer.frames))
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
        examined = examine(temporary, sampler=sampler, written=written, every=every)
        return Delivered(
            sampler=sampler,
            examined=examined,
            frames=writer.frames,
            duration_s=writer.duration_s,
            width=writer.width,
            height=writer.height,
            scale=view.size[0] / view.crop_size[0],
            encoder=writer.encoder,
            pixel_format=writer.pixel_format,
            inference=None
            if tiled is None
            else Inference(
                transport=tiled.transport,
                tile=(tiled.grid.tile_height, tiled.grid.tile_width),
                reused=round(tiled.reused, 4),
            ),
            notes=(
                *info.notes,
                *reader.notes,
                *(pace.notes if pace else []),
                *(tiled.notes if tiled else []),
                *writer.notes,
            ),
        )


@dataclass(frozen=True)
class _Model:
    client: TritonClient
    contract: UpscaleContract

    @classmethod
    def load(cls, client: TritonClient, name: str) -> _Model:
        client.load(name)
        return cls(client, client.contract(name, UpscaleContract))
