"""Measures the CPU seconds of a film in pieces, made by one and by two processes, beside the unsplit job."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import av
import psutil

from orchestrator.triton.server import TritonServer

ROOT = Path(__file__).resolve().parents[2]
UNSPLIT, ONE, TWO, MANY = "unsplit", "one process", "two processes", "many segments"
PROCESSES = {ONE: 1, TWO: 2}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured.

    Attributes:
        source: a video.
        times: how many times in a row the film has it.
        segments: about how many segments the film is divided into.
        many: into about how many it is also divided, by one process, to measure what a segment takes beyond
            its frames; None does not measure that.
        model: the model that upscales the film; None exports it without a model.
        turns: how many times each way is measured. Other programs on the same cores add to CPU seconds, so
            ways are compared within a turn, every second turn has them in reverse, and medians count.
    """

    source: Path
    times: int
    segments: int
    many: int | None = None
    model: str | None
    turns: int


def measure(subject: Subject) -> dict[str, Any]:
    """Return the CPU seconds of each way to make a film, and of each segment.

    All processes of an upscale share one Triton, whose CPU seconds count. It has loaded the model before.

    Raises:
        AssertionError: one and two processes did not make the same file.
    """
    with contextlib.ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment: dict[str, str] = {}
        if subject.model is not None:
            server = stack.enter_context(TritonServer(ROOT / "model_repository"))
            environment = {"TRITON_URL": server.url, "FILM_MODEL": subject.model}
        film = _repeated(subject.source, top / "film.mp4", times=subject.times)
        runner = _Runner(
            film=film, top=top, segments=subject.segments, many=subject.many, environment=environment
        )
        runner.plan(top, subject.segments)  # loads the model
        turns = [runner.turn(reverse=number % 2 == 1) for number in range(subject.turns)]
        segments = turns[0][ONE]["segments"]
        own_s = [] if subject.many is None else [round(_segment_s(turn), 4) for turn in turns]
        return {
            "source": subject.source.name,
            "times": subject.times,
            "model": subject.model,
            "frames": sum(row["frames"] for row in segments),
            "turns": [{way: round(row["work_s"], 3) for way, row in turn.items()} for turn in turns],
            "cpu_s": {way: round(median(turn[way]["work_s"] for turn in turns), 3) for way in turns[0]},
            "over_unsplit": {
                way: round(median(turn[way]["work_s"] / turn[UNSPLIT]["work_s"] for turn in turns), 4)
                for way in PROCESSES
            },
            "start_cpu_s": {
                way: round(median(turn[way]["start_s"] for turn in turns), 3) for way in turns[0]
            },
            "segments": segments,
            "many": None if subject.many is None else len(turns[0][MANY]["segments"]),
            "segment_turns_s": own_s,
            "segment_cpu_s": median(own_s) if own_s else None,
        }


def _segment_s(turn: dict[str, dict[str, Any]]) -> float:
    """Return the CPU seconds that a segment takes beyond its frames, its part of the assembly included.

    One process made the same film in few and in many segments: the difference, over the number of segments
    by which they differ. So the frames cancel out, and noise is divided by that number.
    """
    few, many = turn[ONE], turn[MANY]
    return float((many["work_s"] - few["work_s"]) / (len(many["segments"]) - len(few["segments"])))


@dataclass(frozen=True, kw_only=True)
class _Runner:
    """Makes one film in each way."""

    film: Path
    top: Path
    segments: int
    many: int | None
    environment: dict[str, str]

    def turn(self, *, reverse: bool) -> dict[str, dict[str, Any]]:
        """Return the CPU seconds of each way, beside those of the start of Python."""
        unsplit = self.top / "unsplit.mp4"
        unsplit.unlink(missing_ok=True)
        names = [UNSPLIT, *PROCESSES, *([] if self.many is None else [MANY])]
        ways: dict[str, dict[str, Any]] = {}
        for way in reversed(names) if reverse else names:
            if way == UNSPLIT:
                ways[way] = self._run([["whole", self.film, unsplit]])
            elif way == MANY:
                ways[way] = self._in_pieces(self.many or 0, processes=1)
            else:
                ways[way] = self._in_pieces(self.segments, processes=PROCESSES[way])
            print(f"{way}: {ways[way]['work_s']:.1f} CPU s", flush=True)
        assert ways[ONE]["sha256"] == ways[TWO]["sha256"], "two processes made another file than one"
        return {way: ways[way] for way in names}

    def plan(self, folder: Path, segments: int) -> dict[str, Any]:
        return self._run([["plan", self.film, folder, segments]])

    def _in_pieces(self, segments: int, *, processes: int) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=self.top) as name:
            folder = Path(name)
            planned = self.plan(folder, segments)
            count = len(json.loads((folder / "plan.json").read_text())["segments"])
            shares = [range(first, count, processes) for first in range(processes)]
            made = self._run([["segments", self.film, folder, *share] for share in shares])
            output = folder / "film.mp4"
            assembled = self._run([["assemble", self.film, folder, output]])
            rows = [json.loads((folder / f"{number}.json").read_text()) for number in range(count)]
            parts = (planned, made, assembled)
            # A segment's part of Triton's time is not known: it is divided by frames.
            served_s, frames = made["served_s"], sum(row["frames"] for row in rows)
            return {
                "work_s": sum(part["work_s"] for part in parts),
                "start_s": sum(part["start_s"] for part in parts),
                "segments": [
                    row | {"cpu_s": round(row["cpu_s"] + served_s * row["frames"] / frames, 4)}
                    for row in rows
                ],
                "sha256": hashlib.sha256(output.read_bytes()).hexdigest(),
            }

    def _run(self, commands: list[list[Any]]) -> dict[str, Any]:
        """Run processes at the same time; return the CPU seconds of all of them and of Triton."""
        before_s = _triton_cpu_s()
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.film.child", *map(str, command)],
                cwd=ROOT,
                env=os.environ | self.environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for command in commands
        ]
        answers = [process.communicate()[0] for process in running]
        for process in running:
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, process.args)
        rows = [json.loads(answer) for answer in answers]
        served_s = _triton_cpu_s() - before_s
        return {
            "work_s": sum(row["work_s"] for row in rows) + served_s,
            "start_s": sum(row["start_s"] for row in rows),
            "served_s": served_s,
        }


def _triton_cpu_s() -> float:
    """Return the CPU seconds so far of the processes that this one has started and that still run.

    They are those of Triton: the others have ended whenever this is called.
    """
    total_s = 0.0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total_s += times.user + times.system
    return total_s


def _repeated(source: Path, target: Path, *, times: int) -> Path:
    """Write a video several times in a row, so that its segments are as long as those of a film."""
    with av.open(str(source)) as read, av.open(str(target), "w") as output:
        video = read.streams.video[0]
        stream = output.add_stream_from_template(video)
        packets = [packet for packet in read.demux(video) if packet.size]
        length = max((packet.pts or 0) + (packet.duration or 0) for packet in packets)
        for turn in range(times):
            for packet in packets:
                packet.pts = (packet.pts or 0) + length * (turn > 0)
                packet.dts = (packet.dts or 0) + length * (turn > 0)
                packet.stream = stream
                output.mux(packet)
    return target
