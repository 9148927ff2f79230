"""What is measured with: models and clips. Real ones from ../shared/real where they are, else our own."""

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

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "real"
SAMPLE = ROOT / "examples" / "sample.mp4"
BUILT = ROOT / "benchmarks" / "models"
"""The model repository that is measured; real models are built into it once."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and what it is measured on.

    Attributes:
        model: its name.
        weights: its weight file.
        video: a clip that it is for.
        real: whether they are real ones.
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


def detector(*, lite: bool = False) -> Subject:
    """Return the real detector, else the lite one."""
    return _subject("yolov8n", "yolov8n.pt", "one-by-one-person-detection.mp4", "lite-detector", lite=lite)


def upscaler(*, lite: bool = False) -> Subject:
    """Return the real upscaler, else the lite one."""
    return _subject(
        "realesr-animevideov3", "realesr-animevideov3.pth", "onepiece_demo.mp4", "lite-x4", lite=lite
    )


def _subject(name: str, weights: str, video: str, instead: str, *, lite: bool) -> Subject:
    real = Subject(model=name, weights=REAL / "weights" / weights, video=REAL / "media" / video, real=True)
    if not lite and real.weights.exists() and real.video.exists():
        _build(real)
        return real
    folder = ROOT / "model_repository" / instead
    shutil.copytree(folder, BUILT / instead, dirs_exist_ok=True)
    return Subject(model=instead, weights=ROOT / "weights" / f"{instead}.pth", video=SAMPLE, real=False)


def _build(subject: Subject) -> None:
    record = subject.onnx.with_name("build.json")
    if record.exists() and record.stat().st_mtime > subject.weights.stat().st_mtime:
        return
    command = [Path(sys.executable).with_name("framewright"), "models", "build", subject.model]
    BUILT.mkdir(exist_ok=True)
    subprocess.run(
        [*command, "--weights", subject.weights],
        env=os.environ | {"MODEL_REPOSITORY": str(BUILT)},
        check=True,
        stdout=sys.stderr,
    )


def part(video: Path, out: Path, frames: int, *, skipped: int = 0) -> Path:
    """Copy pictures of a video, as they are coded, without sound; at a keyframe."""
    with av.open(str(video)) as container, av.open(str(out), "w") as output:
        source = container.streams.video[0]
        stream = output.add_stream_from_template(source)
        packets = (packet for packet in container.demux(source) if packet.dts is not None)
        begin = None
        for packet in islice(packets, skipped, skipped + frames):
            begin = packet.dts if begin is None else begin
            packet.stream = stream
            packet.pts -= begin
            packet.dts -= begin
            output.mux(packet)
    return out


def repeated(video: Path, out: Path, times: int) -> Path:
    """Play a video so many times in a row, as it is coded, without sound."""
    with av.open(str(out), "w") as output:
        stream = None
        for number in range(times):
            with av.open(str(video)) as container:
                source = container.streams.video[0]
                stream = stream or output.add_stream_from_template(source)
                length = source.duration * number
                for packet in container.demux(source):
                    if packet.dts is None:
                        continue
                    packet.stream = stream
                    packet.pts += length
                    packet.dts += length
                    output.mux(packet)
    return out


def scaled(video: Path, out: Path, *, width: int, height: int, frames: int) -> Path:
    """Encode the first pictures of a video in another size; it begins anew where it is too short."""
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
