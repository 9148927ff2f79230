"""Exports damaged media files in another process, and checks how each export ends.

That process measures its peak memory for each file. A try fails if the export raises anything but one of our
errors, takes more than MOST_BYTES or MOST_S, leaves a file behind, or succeeds although PyAV reads another
number of frames from the output. A crash of FFmpeg is counted by its signal, and is not a failure: each job
has a process of its own, and the executor returns `job_crashed`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, Self

from tests.hostile.tally import Tally
from tools.stand_ins.processes import high_water_bytes

MOST_S = 30
MOST_BYTES = 600 * 2**20
OUTPUTS = ("out.mp4", "out.mkv", "out.webm", "out.mov", "out.gif")


def attack(count: int, seed: int) -> Tally:
    """Try `count` files."""
    tally = Tally("media")
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        good = _good_files(Path(folder))
        with _Exporter() as exporter:
            for number in range(count):
                source = rng.choice(good)
                path = Path(folder, f"in-{number}{source.suffix}")
                path.write_bytes(mutate(source.read_bytes(), rng))
                place = Path(folder, f"try-{number}")
                place.mkdir()
                answer = exporter.export(path, place / rng.choice(OUTPUTS))
                left = sorted(item.name for item in place.iterdir())
                failure = fault_of(answer, left)
                kept = None if failure is None else f"{number} of seed {seed}, from {source.name}: {failure}"
                tally.add(answer["outcome"], kept)
                for item in (path, *place.iterdir()):
                    item.unlink()
    return tally


def fault_of(answer: dict[str, Any], left: list[str]) -> str | None:
    """Return what is wrong with the outcome of a try; None if nothing is."""
    if answer["outcome"].startswith("killed by "):
        return None
    if answer["outcome"].startswith("not ours"):
        return str(answer["detail"])
    if answer["outcome"] == "took too long":
        return f"it took more than {MOST_S} s"
    if answer["peak_bytes"] > MOST_BYTES:
        return f"it took {answer['peak_bytes'] / 2**20:.0f} MiB"
    if answer["outcome"] == "done":
        return (
            None if answer["frames"] == answer["seen"] else f"{answer['seen']} of {answer['frames']} pictures"
        )
    return f"it left {left}" if left else None


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Return the file with one to three kinds of damage."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        if len(changed) < 64:
            break
        rng.choice(_DAMAGES)(changed, rng)
    return bytes(changed)


def _flip(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 4, 16, 64, 256])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _flip_header(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 2, 4, 8])):
        content[rng.randrange(min(1024, len(content)))] = rng.randrange(256)


def _largest_number(content: bytearray, rng: random.Random) -> None:
    """Overwrite a few bytes with a very large or small number, as of a size, a count or a time."""
    place, size = rng.randrange(len(content) - 8), rng.choice([2, 4, 8])
    content[place : place + size] = rng.choice([b"\xff", b"\x7f", b"\x00"]) * size


def _cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(32, len(content)) :]


def _remove(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content))
    del content[start : start + rng.choice([1, 7, 188, 4096])]


def _repeat(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content))
    part = content[start : start + rng.choice([16, 188, 4096, 65536])]
    content[start:start] = part * rng.choice([1, 3])


def _blank(content: bytearray, rng: random.Random) -> None:
    start, size = rng.randrange(len(content)), rng.choice([64, 1024, 16384])
    content[start : start + size] = bytes(len(content[start : start + size]))


def _swap(content: bytearray, rng: random.Random) -> None:
    half = len(content) // 2
    size = rng.choice([32, 188, 2048])
    one, other = rng.randrange(half), half + rng.randrange(half)
    first, second = bytes(content[one : one + size]), bytes(content[other : other + size])
    content[one : one + len(first)], content[other : other + len(second)] = second, first


_DAMAGES: list[Callable[[bytearray, random.Random], None]] = [
    _flip,
    _flip_header,
    _largest_number,
    _cut,
    _remove,
    _repeat,
    _blank,
    _swap,
]


def _good_files(folder: Path) -> list[Path]:
    """Make small videos in each container that we read, with audio, metadata and attachments."""
    from tools.fixtures import clips  # noqa: PLC0415  the process that exports needs none of it

    sound = [{"seconds": 1.0}]
    return [
        clips.make_clip(folder / "a.mp4", 25, audio=sound),
        clips.make_clip(folder / "fast.mp4", 25, audio=sound, container_options={"movflags": "+faststart"}),
        clips.make_clip(
            folder / "pieces.mp4", 25, container_options={"movflags": "frag_keyframe+empty_moov"}
        ),
        clips.make_clip(folder / "b.mov", 25, audio=sound, metadata={"title": "a title"}),
        clips.make_clip(folder / "c.mkv", 25, audio=sound, attachment=("a.ttf", "font/ttf", b"font" * 64)),
        clips.make_clip(folder / "d.webm", 25, codec="libvpx-vp9", options={"cpu-used": "8"}),
        clips.make_clip(folder / "e.ts", 25, audio=sound),
        clips.make_clip(folder / "f.avi", 25, codec="mpeg4"),
        clips.make_clip(folder / "g.flv", 25, audio=sound),
        clips.make_clip(folder / "h.mpg", 25, codec="mpeg2video"),
        clips.make_clip(
            folder / "i.mkv",
            10,
            codec="libx265",
            pix_fmt="yuv420p10le",
            options={"x265-params": "log-level=none"},
            matrix=9,
            primaries=9,
            transfer=16,
        ),
        clips.make_clip(folder / "j.mkv", 10, codec="ffv1", pix_fmt="yuv444p"),
    ]


class _Exporter:
    """A process that exports one file after another; a new one starts after a crash."""

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def export(self, source: Path, output: Path) -> dict[str, Any]:
        """Export a file; return `outcome`, `peak_bytes` and the details of the outcome."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{source}\t{output}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        code = self._process.wait()
        self._start()
        for item in output.parent.iterdir():  # the executor removes the folder of a job that has crashed
            item.unlink()
        if code == -signal.SIGALRM:
            return {"outcome": "took too long", "peak_bytes": 0}
        if code >= 0:
            return {"outcome": "not ours: the process ended", "detail": f"exit code {code}", "peak_bytes": 0}
        return {"outcome": f"killed by {signal.Signals(-code).name}", "peak_bytes": 0}

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.media"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def _serve() -> None:
    """Export the files that standard input names, until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        source, output = map(Path, line.rstrip("\n").split("\t"))
        Path("/proc/self/clear_refs").write_text("5")  # start the high-water mark anew (proc(5))
        signal.alarm(MOST_S)
        answer = _export(source, output)
        signal.alarm(0)
        answer["peak_bytes"] = high_water_bytes("self")
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _export(source: Path, output: Path) -> dict[str, Any]:
    from orchestrator.errors import WorkerError  # noqa: PLC0415  only this process needs them
    from orchestrator.jobs import ExportParams  # noqa: PLC0415
    from orchestrator.limits import Limits  # noqa: PLC0415
    from orchestrator.pipeline.context import JobContext  # noqa: PLC0415
    from orchestrator.pipeline.export import export  # noqa: PLC0415

    def no_triton() -> NoReturn:
        raise AssertionError("a plain export needs no Triton")

    try:
        done = export(source, output, ExportParams(), JobContext(connect=no_triton, limits=Limits()))
        json.dumps(done.model_dump(mode="json"), ensure_ascii=False).encode()
    except WorkerError as exc:
        return {"outcome": exc.code}
    except Exception as exc:  # noqa: BLE001  any other error is what the attack looks for
        return {"outcome": f"not ours: {type(exc).__name__}", "detail": repr(exc)}
    return {"outcome": "done", "frames": done.stats.frames, "seen": _pictures(output)}


def _pictures(path: Path) -> int:
    import av  # noqa: PLC0415

    with contextlib.suppress(av.error.FFmpegError, IndexError), av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))
    return -1


if __name__ == "__main__":
    _serve()
