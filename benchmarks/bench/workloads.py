"""Chooses the models and clips to measure with: real ones from ../shared/real if it exists, else our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "real"
SAMPLE = ROOT / "examples" / "sample.mp4"
BUILT = ROOT / "benchmarks" / "models"
"""The model repository of the benchmarks; real models are built into it once."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A model and a clip to measure it on.

    Attributes:
        model: its name.
        weights: its weight file.
        video: a clip of the kind that it was trained for.
        real: whether model and clip are from ../shared/real.
    """

    model: str
    weights: Path
    video: Path
    real: bool

    @property
    def onnx(self) -> Path:
        """The graph that Triton serves on a CPU."""
        served = BUILT / self.model / "1" / "model.onnx"
        on_cpu = served.with_name("model.cpu.onnx")
        return on_cpu if on_cpu.exists() else served


def detector(*, lite: bool = False) -> Workload:
    """Return YOLOv8n if it is there, else lite-detector."""
    return _subject("yolov8n", "yolov8n.pt", "one-by-one-person-detection.mp4", "lite-detector", lite=lite)


def upscaler(*, lite: bool = False) -> Workload:
    """Return realesr-animevideov3 if it is there, else lite-x4."""
    return _subject(
        "realesr-animevideov3", "realesr-animevideov3.pth", "onepiece_demo.mp4", "lite-x4", lite=lite
    )


def _subject(name: str, weights: str, video: str, instead: str, *, lite: bool) -> Workload:
    real = Workload(model=name, weights=REAL / "weights" / weights, video=REAL / "media" / video, real=True)
    if not lite and real.weights.exists() and real.video.exists():
        _build(real)
        return real
    folder = ROOT / "model_repository" / instead
    shutil.copytree(folder, BUILT / instead, dirs_exist_ok=True)
    return Workload(model=instead, weights=ROOT / "weights" / f"{instead}.pth", video=SAMPLE, real=False)


def _build(workload: Workload) -> None:
    record = workload.onnx.with_name("build.json")
    if record.exists() and record.stat().st_mtime > workload.weights.stat().st_mtime:
        return
    command = [str(Path(sys.executable).with_name("framewright")), "models", "build", workload.model]
    BUILT.mkdir(exist_ok=True)
    subprocess.run(
        [*command, "--weights", str(workload.weights)],
        env=os.environ | {"MODEL_REPOSITORY": str(BUILT)},
        check=True,
        stdout=sys.stderr,
    )


def cut_clip(video: Path, out: Path, frames: int, *, skipped: int = 0) -> Path:
    """Copy `frames` packets of the video stream from a keyframe on, without decoding them; drop the sound."""
    with av.open(str(video)) as container, av.open(str(out), "w") as output:
        stream = output.add_stream_from_template(container.streams.video[0])
        packets = list(islice(_packets(container), skipped, skipped + frames))
        start = packets[0].dts or 0
        for packet in packets:
            _mux(output, stream, packet, -start)
    return out


def repeat_clip(video: Path, out: Path, times: int) -> Path:
    """Write a video `times` times in a row, without decoding it; drop the sound."""
    with av.open(str(out), "w") as output:
        stream = None
        for number in range(times):
            with av.open(str(video)) as container:
                source = container.streams.video[0]
                stream = stream or output.add_stream_from_template(source)
                for packet in _packets(container):
                    _mux(output, stream, packet, (source.duration or 0) * number)
    return out


def _packets(container: InputContainer) -> Iterator[Packet[VideoStream]]:
    return (packet for packet in container.demux(video=0) if packet.dts is not None)


def _mux(output: OutputContainer, stream: VideoStream, packet: Packet[VideoStream], shift: int) -> None:
    packet.stream = stream
    packet.pts, packet.dts = (packet.pts or 0) + shift, (packet.dts or 0) + shift
    output.mux(packet)


def scale_clip(video: Path, out: Path, *, width: int, height: int, frames: int) -> Path:
    """Encode the first `frames` frames of a video in another size; repeat a video that is too short."""
    with av.open(str(out), "w") as output:
        stream = output.add_stream("libx264", rate=24, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, frame in zip(range(frames), _endless(video), strict=False):
            picture = frame.reformat(width=width, height=height, format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 24)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return out


def _endless(video: Path) -> Iterator[av.VideoFrame]:
    while True:
        with av.open(str(video)) as container:
            yield from container.decode(video=0)
