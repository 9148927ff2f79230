"""Scales a video 4 x 4 and encodes it with FFmpeg's libraries alone: the peer of what the host does in a job.

    python -m benchmarks.bench.ffmpeg_peer

Frames are decoded, enlarged by swscale (nearest neighbour, in YUV) and encoded with the settings of our jobs,
all in the formats of the source: nothing is converted to RGB, no model is asked and nothing is checked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import av
from av.video.frame import PictureType
from av.video.reformatter import Interpolation, VideoReformatter

from benchmarks.bench.contender_process import serve, time_run
from orchestrator.media.write.encoder_selection import choose, options_here
from orchestrator.media_containers import MP4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.stream import VideoStream

MODULE = "benchmarks.bench.ffmpeg_peer"


def decoded(video: str) -> Iterator[av.VideoFrame]:
    """Decode the frames of a video, with as many threads as FFmpeg chooses."""
    with av.open(video) as container:
        container.streams.video[0].thread_type = "AUTO"
        yield from container.decode(video=0)


def enlarged(video: str, scale: int) -> Iterator[av.VideoFrame]:
    """Decode a video, and repeat each of its pixels."""
    reformatter = VideoReformatter()
    for frame in decoded(video):
        large = reformatter.reformat(
            frame,
            width=frame.width * scale,
            height=frame.height * scale,
            format=frame.format.name,
            interpolation=Interpolation.POINT,
            threads=0,
        )
        large.pts, large.time_base = frame.pts, frame.time_base
        large.pict_type = PictureType.NONE  # as ffmpeg does: else x264 takes the types of the source's frames
        yield large


def transcode(video: str, out: str, scale: int, encoder: str) -> int:
    """Enlarge a video and encode it; return the number of frames.

    Args:
        video, out: the source and the MP4 to write.
        scale: output size over source size.
        encoder: FFmpeg's name of the encoder; its options are those of our jobs at high quality.
    """
    container, stream = av.open(out, "w", format="mp4"), None
    frames = 0
    with container:
        for frame in enlarged(video, scale):
            if stream is None:
                stream = _add_stream(container, frame, encoder)
            container.mux(stream.encode(frame))
            frames += 1
        if stream is not None:
            container.mux(stream.encode(None))
    return frames


def _add_stream(container: Any, frame: av.VideoFrame, encoder: str) -> VideoStream:
    choice = choose(replace(MP4, encoders=(encoder,)), width=frame.width, height=frame.height, quality="high")
    stream = cast("VideoStream", container.add_stream(encoder, rate=24, options=options_here(choice)))
    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, choice.pixel_format
    assert frame.time_base is not None  # decoders set it
    stream.codec_context.time_base = frame.time_base
    return stream


def answer(*, until: str, video: str, out: str, scale: int, encoder: str) -> dict[str, Any]:
    """Do one run; `until` names its last step: decode, scale or encode."""

    def work() -> int:
        if until == "encode":
            return transcode(video, out, scale, encoder)
        return sum(1 for _ in (decoded(video) if until == "decode" else enlarged(video, scale)))

    return time_run(work)


if __name__ == "__main__":
    serve(answer)
