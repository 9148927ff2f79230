"""Decodes a video to raw RGB on standard output, or encodes one from standard input, for `script_peer.py`.

python -m benchmarks.bench.pipe decode VIDEO > RAW
python -m benchmarks.bench.pipe encode VIDEO WIDTH HEIGHT < RAW
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

import av
import numpy as np

from orchestrator.media.write.encoder_selection import choose
from orchestrator.media_containers import MP4

if TYPE_CHECKING:
    from av.video.stream import VideoStream

RATE = 25


def decode(video: str) -> None:
    """Write every frame to standard output, uint8 [H, W, 3] RGB."""
    with av.open(video) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            sys.stdout.buffer.write(frame.to_ndarray(format="rgb24").tobytes())


def encode(video: str, width: int, height: int) -> None:
    """Encode uint8 [H, W, 3] RGB frames from standard input as our jobs do at high quality."""
    encoding = choose(MP4, width=width, height=height, quality="high")
    with av.open(video, "w", format="mp4") as container:
        stream = cast(
            "VideoStream",
            container.add_stream(encoding.encoder, rate=RATE, options=dict(encoding.options)),
        )
        stream.width, stream.height, stream.pix_fmt = width, height, encoding.pixel_format
        size = width * height * 3
        while len(raw := sys.stdin.buffer.read(size)) == size:
            pixels = np.frombuffer(raw, np.uint8).reshape(height, width, 3)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    if sys.argv[1] == "decode":
        decode(sys.argv[2])
    else:
        encode(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
