"""Measures the CPU seconds of a film in pieces, on one and on two processes, beside the unsplit job."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av

ROOT = Path(__file__).resolve().parents[2]
TIMES, SEGMENTS = 5, 5
"""The video is taken so many times in a row, and divided into so many segments."""


def measure(source: Path) -> dict[str, Any]:
    """Return CPU seconds of each way, and of each segment, for an export of a video without a model.

    Raises:
        AssertionError: one and two processes did not make the same file.
    """
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        film = _repeated(source, top / "film.mp4")
        ways = {"unsplit": _cpu_s([["export", film, top / "unsplit.mp4"]])}
        for processes, way in ((1, "one process"), (2, "two processes")):
            folder = top / str(processes)
            folder.mkdir()
            planned_s = _cpu_s([["plan", film, folder, SEGMENTS]])
            count = len(json.loads((folder / "plan.json").read_text())["segments"])
            shares = [range(first, count, processes) for first in range(processes)]
            made_s = _cpu_s([["segments", film, folder, *share] for share in shares])
            output = top / f"{processes}.mp4"
            assembled_s = _cpu_s([["assemble", film, folder, output]])
            ways[way] = planned_s + made_s + assembled_s
        rows = [json.loads(path.read_text()) for path in (top / "1").glob("[0-9]*.json")]
        one, two = (hashlib.sha256((top / f"{n}.mp4").read_bytes()).hexdigest() for n in (1, 2))
        assert one == two, "two processes made another file than one"
        return {
            "source": source.name,
            "cpu_s": {way: round(seconds, 3) for way, seconds in ways.items()},
            "segments": sorted(rows, key=lambda row: int(row["number"])),
        }


def _cpu_s(commands: list[list[Any]]) -> float:
    """Run processes at the same time, and return the CPU seconds of all of them together."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.film.child", *map(str, command)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    answers = [process.communicate()[0] for process in running]
    for process in running:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
    return sum(map(float, answers))


def _repeated(source: Path, target: Path) -> Path:
    """Write a video several times in a row, so that its segments are as long as those of a film."""
    with av.open(str(source)) as read, av.open(str(target), "w") as output:
        video = read.streams.video[0]
        stream = output.add_stream_from_template(video)
        packets = [packet for packet in read.demux(video) if packet.size]
        length = max((packet.pts or 0) + (packet.duration or 0) for packet in packets)
        for turn in range(TIMES):
            for packet in packets:
                packet.pts = (packet.pts or 0) + length * (turn > 0)
                packet.dts = (packet.dts or 0) + length * (turn > 0)
                packet.stream = stream
                output.mux(packet)
    return target
