"""The upscale job: one video in, the same video larger out."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.errors import BadRequest, EncodeFailed, OutputRefused, UnsupportedMedia
from orchestrator.jobs import UpscaleParams, UpscaleResult, UpscaleStats
from orchestrator.media.containers import check_output
from orchestrator.media.probe import probe
from orchestrator.media.reader import VideoReader
from orchestrator.media.resize import resize
from orchestrator.media.writer import VideoWriter
from orchestrator.pipeline.comparison import write_comparison
from orchestrator.pipeline.flow import ahead
from orchestrator.pipeline.picture import check_picture_format
from orchestrator.pipeline.progress import FrameClock, Progress, Report
from orchestrator.pipeline.tiled import TiledModel, Upscaled
from orchestrator.storage.staged import check_writable, staged
from orchestrator.triton.contract import UpscaleContract

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from orchestrator.frames import VideoInfo
    from orchestrator.triton.client import TritonClient

log = logging.getLogger(__name__)

# Bounds of the queues between stages. An upscaled 4K frame is 25 MB, so few are held.
_DECODED_AHEAD = 4
_UPSCALED_AHEAD = 2

LARGEST_SIDE_PX = 16_384
"""Sides beyond this are refused: what libx265 and players take at most."""


def upscale(
    source: Path,
    output: Path,
    *,
    params: UpscaleParams,
    default_model: str,
    connect: Callable[[], TritonClient],
    overwrite: bool = False,
    comparison: Path | None = None,
    report: Report = lambda _: None,
) -> UpscaleResult:
    """Upscale a video.

    Args:
        source: a local video file.
        output: where the result goes; it appears only when it is complete. Its suffix chooses the container.
        params: model, scale and quality.
        default_model: the model when params name none.
        connect: gives the client of a running Triton; called once the request and the source were checked.
        overwrite: replace `output` and `comparison` if they exist.
        comparison: also write a PNG there: bicubic left, ours right.
        report: told how far the job is.

    Raises:
        CallerError: the request or the source is wrong.
        ServiceError: Triton, the encoder or the disk failed.
    """
    started_s = time.monotonic()
    check_output(output)
    check_writable(output, overwrite=overwrite)
    if comparison is not None:
        check_picture_format(comparison)
        check_writable(comparison, overwrite=overwrite)
    if output.exists() and source.exists() and output.samefile(source):
        raise OutputRefused(f"output {output} is the input itself; choose another name")
    info = probe(source)
    if info.colour.is_hdr:
        raise UnsupportedMedia(
            f"the video is HDR ({info.colour.hdr_name}): tone-map it to SDR first, HDR upscaling is not "
            "supported yet"
        )
    report(Progress(stage="starting", total=info.frames))

    client = connect()
    model = params.model or default_model
    client.load(model)
    contract = client.contract(model, UpscaleContract)
    scale = float(params.scale or contract.scale)
    width, height = _delivered_size(info, scale)
    notes = list(info.notes)
    if info.bit_depth > 8:
        notes.append(f"the source has {info.bit_depth} bits per component; it was processed at 8 bits")

    with ExitStack() as stack:
        temporary = stack.enter_context(staged(output, overwrite=overwrite))
        reader = stack.enter_context(VideoReader(source, info))
        writer = stack.enter_context(
            VideoWriter(
                temporary, source=source, info=info, width=width, height=height, quality=params.quality
            )
        )
        frames = stack.enter_context(ahead(reader.frames(), items=_DECODED_AHEAD, name="decode"))
        tiled = TiledModel(client, contract, height=info.height, width=info.width)
        upscaled = stack.enter_context(ahead(tiled.run(frames), items=_UPSCALED_AHEAD, name="infer"))
        delivered = stack.enter_context(
            ahead(_resized(upscaled, width=width, height=height), items=_UPSCALED_AHEAD, name="resize")
        )
        stack.enter_context(tiled)  # left first: what is in flight is cancelled before threads are joined

        clock = FrameClock(info.frames, "upscaling")
        sample: Upscaled | None = None
        sample_index = (info.frames or 1) // 2
        for item in delivered:
            writer.write(replace(item.source, pixels=item.pixels))
            if comparison is not None and item.source.index <= sample_index:
                sample = item
            report(clock.tick(writer.frames))
        report(Progress(stage="finishing", frames=writer.frames, total=writer.frames))
        writer.finish()
        if writer.frames != reader.frames_read:
            raise EncodeFailed(
                f"{reader.frames_read} frames were read but {writer.frames} written; nothing was kept, "
                "please report it"
            )
        # Before the video gets its name: a job that fails here leaves nothing either.
        if comparison is not None and sample is not None:
            write_comparison(comparison, source=sample.source.pixels, ours=sample.pixels, overwrite=overwrite)

    wall_s = time.monotonic() - started_s
    notes += [*reader.notes, *tiled.notes, *writer.notes]
    return UpscaleResult(
        output_url=output.resolve().as_uri(),
        stats=UpscaleStats(
            frames=writer.frames,
            duration_sec=round(writer.duration_s, 6),
            model=model,
            width=writer.width,
            height=writer.height,
            scale=scale,
            wall_sec=round(wall_s, 3),
            fps=round(writer.frames / wall_s, 3),
            encoder=writer.encoder,
            transport=tiled.transport,
            tile=(tiled.grid.tile_height, tiled.grid.tile_width),
        ),
        notes=tuple(notes),
    )


def _delivered_size(info: VideoInfo, scale: float) -> tuple[int, int]:
    width, height = max(1, round(info.width * scale)), max(1, round(info.height * scale))
    if max(width, height) > LARGEST_SIDE_PX:
        most = LARGEST_SIDE_PX / max(info.width, info.height)
        raise BadRequest(
            f"scale {scale:g} of {info.width}x{info.height} gives {width}x{height}, more than "
            f"{LARGEST_SIDE_PX} on a side; use a scale of at most {most:.2f}"
        )
    return width, height


def _resized(items: Iterator[Upscaled], *, width: int, height: int) -> Generator[Upscaled, None, None]:
    for item in items:
        yield Upscaled(source=item.source, pixels=resize(item.pixels, width=width, height=height))
