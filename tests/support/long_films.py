"""Makes films of realistic sizes in a few seconds: a few seconds are encoded, and their packets repeated."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from tools.fixtures.clips import make_clip

FRAMES, RATE, GOP = 100, 25, 50
WIDTH, HEIGHT = 640, 360


def long_film(
    folder: Path,
    name: str,
    *,
    size_bytes: int,
    options: dict[str, str] | None = None,
    codec: str = "libx264",
    crf: int = 27,
    x264: str | None = None,
) -> Path:
    """Write a film with B-frames, two keyframes in four seconds, and sound in AAC.

    Args:
        folder: where to write it.
        name: its file name; the suffix chooses the container.
        size_bytes: about how large it gets.
        options: options of the muxer, such as `movflags`.
        codec: FFmpeg's name of the encoder of the pictures.
        crf: how much it compresses them.
        x264: more parameters of x264, as it takes them.
    """
    chance = np.random.default_rng(1)
    noise = chance.integers(0, 255, (HEIGHT + 64, WIDTH + 64, 3), np.uint8)
    pictures = [
        noise[number % 64 :, number * 3 % 64 :][:HEIGHT, :WIDTH] // 2
        + chance.integers(0, 20, (HEIGHT, WIDTH, 3), np.uint8)
        for number in range(FRAMES)
    ]
    part = make_clip(
        folder / "part.mp4",
        pictures,
        rate=RATE,
        codec=codec,
        options={"preset": "veryfast", "crf": str(crf), "g": str(GOP)}
        | ({"sc_threshold": "0"} if codec == "libx264" else {"x265-params": "log-level=none:scenecut=0"})
        | ({} if x264 is None else {"x264-params": x264}),
        audio=[{"seconds": FRAMES / RATE}],
    )
    times = max(1, round(size_bytes / part.stat().st_size))
    with (
        av.open(str(part)) as source,
        av.open(str(folder / name), "w", container_options=options or {}) as out,
    ):
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        read = [packet for packet in source.demux() if packet.size]
        lengths: dict[int, int] = {}
        for index in streams:
            own = [packet for packet in read if packet.stream.index == index]
            ends = [(packet.pts or 0) + (packet.duration or 0) for packet in own]
            lengths[index] = max(ends) - min(packet.pts or 0 for packet in own)
        for number in range(times):
            for given in read:
                packet = av.Packet(bytes(given))
                index = given.stream.index
                packet.stream, packet.time_base = streams[index], given.time_base
                packet.pts = (given.pts or 0) + number * lengths[index]
                packet.dts = (given.dts or 0) + number * lengths[index]
                packet.duration, packet.is_keyframe = given.duration, given.is_keyframe
                out.mux(packet)
    part.unlink()
    return folder / name
