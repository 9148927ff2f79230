"""The second look at a tracked video: the same video with its tracks drawn on it, and faces for the timeline.

Ids are known only when the whole video has been tracked, so this reads it again. It knows no detectors.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.containers import container_for
from orchestrator.errors import EncodeFailed
from orchestrator.fidelity.check import Written, examine
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.media.colour.resize import resize
from orchestrator.media.colour.tonemap_curve import tone_mapped_info
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.gif import GifPace
from orchestrator.media.write.writer import VideoWriter
from orchestrator.pipeline.flow import ahead
from orchestrator.pipeline.progress import FrameClock, OnProgress, Progress
from orchestrator.track_output.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from orchestrator.frames import Frame, VideoInfo
    from orchestrator.jobs import Quality
    from orchestrator.track_output.reported import ReportedTracks
    from orchestrator.track_output.timeline import Thumbnails

OVERLAY_QUALITY: Quality = "medium"
"""It is for looking at, not for going on with."""

# Bounds of the queues between stages. A 4K frame is 25 MB, so few are held.
_DECODED_AHEAD = 4
_DRAWN_AHEAD = 2


def look_again(
    source: Path,
    info: VideoInfo,
    *,
    tracks: ReportedTracks,
    classes: tuple[str, ...],
    frames: int,
    overlay: Path | None,
    thumbnails: Thumbnails | None,
    on_progress: OnProgress,
) -> list[str]:
    """Read a video once more, write it with its tracks drawn on it, take thumbnails.

    Args:
        source: the video.
        info: what `probe` said of it.
        tracks: what was found in it.
        classes: names by class number.
        frames: how many it has.
        overlay: where the drawn video goes; its suffix chooses the container. None writes none.
        thumbnails: takes what it wants of the pictures; None takes none.
        on_progress: told how far it is.

    Returns:
        What a user should know of the drawn video, one sentence each.

    Raises:
        EncodeFailed, DiskFull: the drawn video could not be written.
        OutputRejected: it does not show what it should.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(source, info, tonemap=True))
        writer = pen = pace = None
        shown = tone_mapped_info(info)
        if overlay is not None:
            pen = Overlay(
                tracks,
                classes=classes,
                width=info.width,
                height=info.height,
                shown_width=info.display_size[0],
                time_base=info.time_base,
            )
            if container_for(overlay).is_paced:
                pace = GifPace(shown)
                shown = pace.info
            writer = stack.enter_context(
                VideoWriter(
                    overlay,
                    source=source,
                    info=shown,
                    width=info.width,
                    height=info.height,
                    quality=OVERLAY_QUALITY,
                )
            )
        decoded = stack.enter_context(ahead(reader.frames(), items=_DECODED_AHEAD, name="decode"))
        pictures = _drawn(decoded, pen, thumbnails, info)
        drawn = stack.enter_context(
            ahead(pace.run(pictures) if pace else pictures, items=_DRAWN_AHEAD, name="draw")
        )
        clock = FrameClock(frames, "drawing")
        sampler = FrameSampler(
            width=info.width, height=info.height, time_base=shown.time_base, rate=shown.average_rate
        )
        for frame in drawn:
            if writer is not None:
                sampler.see(frame)
                writer.write(frame)
            on_progress(clock.tick(frame.index + 1 + (pace.left_out if pace else 0)))
        if writer is None or overlay is None:
            return []
        on_progress(Progress(stage="finishing", frames=frames, total=frames))
        writer.finish()
        frames -= pace.left_out if pace else 0
        if writer.frames != frames:
            raise EncodeFailed(f"{frames} frames were tracked but {writer.frames} drawn; nothing was kept")
        written = Written(
            frames=frames, width=writer.width, height=writer.height, picture=writer.picture_size
        )
        examine(overlay, sampler=sampler, written=written)
        return [*(pace.notes if pace else []), *writer.notes]


def _drawn(
    frames: Iterator[Frame], pen: Overlay | None, thumbnails: Thumbnails | None, info: VideoInfo
) -> Generator[Frame, None, None]:
    width, height = info.display_size
    for frame in frames:
        if thumbnails is not None and frame.index in thumbnails.wanted:
            thumbnails.take(frame.index, resize(frame.pixels, width=width, height=height))
        if pen is None:
            yield frame
        else:
            pixels = frame.pixels.copy()  # the reader may show its own again
            pen.draw(pixels, frame.index)
            yield replace(frame, pixels=pixels)
