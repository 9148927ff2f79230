"""Measures the CPU time of the fidelity check, and its margin between good and bad outputs.

    python -m benchmarks.fidelity

It writes examples/sample.mp4, repeated, in other sizes and without a model, which is the cheapest job. The
table shows the CPU time of all threads for writing (conversion, encoder, muxer), for sampling the frames, for
the check of every output, and for a report with its chart.

Then it writes the sources of tools/fixtures/hard_sources.py at x264's worst quality, and prints the largest
difference between the blocks of output and source; UNRELATED is the limit of the check.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from orchestrator.fidelity.check import FrameCountAndSize, examine
from orchestrator.fidelity.fault_rules import UNRELATED
from orchestrator.fidelity.metrics import mean_square, psnr_db
from orchestrator.fidelity.report import report_on, write_report
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write import encoder_selection as encoder
from orchestrator.media.write.writer import VideoWriter
from tools.fixtures.hard_sources import HARD, WORST_CRF, clip, make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.frames import Frame, VideoInfo

SOURCE = Path(__file__).resolve().parent.parent / "examples" / "sample.mp4"
CASES = ((4, 144), (4, 1440), (8, 144), (8, 720), (12, 144))
"""Scales and numbers of frames."""


class CpuClock:
    """Sums CPU seconds by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Add the CPU time of the context."""
        started = time.process_time()
        yield
        self.spent[name] = self.spent.get(name, 0) + time.process_time() - started


def repeat_frames(frames: list[Frame], info: VideoInfo, count: int) -> Iterator[Frame]:
    """Yield `count` frames, repeating them, at their rate."""
    tick = round(1 / (Fraction(info.average_rate or 25) * info.time_base))
    for index, frame in enumerate(islice(cycle(frames), count)):
        yield replace(frame, index=index, pts=index * tick, duration=tick)


def measure(frames: list[Frame], info: VideoInfo, scale: int, count: int, folder: Path) -> None:
    """Write and check one video; print the CPU time of each step."""
    clock = CpuClock()
    width, height = info.width * scale, info.height * scale
    out = folder / "out.mp4"
    sampler = FrameSampler(width=width, height=height, time_base=info.time_base)
    with VideoWriter(out, source=SOURCE, info=info, width=width, height=height) as writer:
        for frame in repeat_frames(frames, info, count):
            with clock.of("samples"):
                sampler.see(frame)
            large = cv2.resize(frame.pixels, (width, height), interpolation=cv2.INTER_CUBIC)
            with clock.of("writing"):
                writer.write(replace(frame, pixels=np.asarray(large, np.uint8)))
        with clock.of("writing"):
            writer.finish()
    written = FrameCountAndSize(frames=count, width=width, height=height, picture=(width, height))
    with clock.of("check"):
        checked = examine(out, sampler=sampler, written=written)
    with clock.of("figures"):
        report_on(checked, sampler=sampler, source=SOURCE)
    with clock.of("report"):
        fidelity = examine(out, sampler=sampler, written=written, every=True)
        report = report_on(fidelity, sampler=sampler, source=SOURCE)
        path = folder / "report.json"
        write_report(path, report, fidelity.pairs, source=SOURCE, output=out, overwrite=True)
    spent = clock.spent
    shares = [
        f"{spent[name]:5.2f} s {spent[name] / spent['writing']:6.1%}"
        for name in ("samples", "check", "figures", "report")
    ]
    print(f"| {width}x{height} | {count} | {spent['writing']:.1f} s | {' | '.join(shares)} |", flush=True)


def margin(name: str, folder: Path) -> None:
    """Write a hard source at the worst quality; print the differences."""
    encoder.PROFILES["libx264"]["low"] = {"crf": str(WORST_CRF)}
    pairs = make(clip(folder, HARD[name]), folder / "out.mp4").examined().pairs
    luma_db = min(psnr_db(pair.mean_square) for pair in pairs)
    blocks = max(mean_square(*pair.coarse) for pair in pairs) ** 0.5
    print(f"| {name} | {luma_db:.1f} dB | {blocks:.1f} levels |", flush=True)


def main() -> None:
    """Print two tables."""
    print(f"python {' '.join(sys.orig_argv[1:])}; {dt.datetime.now(dt.UTC):%Y-%m-%d}, ", end="")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| output | frames | writing | samples | check | figures | report |\n|---|---|---|---|---|---|---|")
    info = probe(SOURCE)
    with VideoReader(SOURCE, info) as reader:
        frames = list(reader.frames())
    with tempfile.TemporaryDirectory() as folder:
        for scale, count in CASES:
            measure(frames, info, scale, count, Path(folder))
        print(f"\n| source | PSNR of luma | blocks ({UNRELATED:g} levels fail) |\n|---|---|---|")
        for name in HARD:
            margin(name, Path(folder))


if __name__ == "__main__":
    main()
