"""Runs the command line in a process of its own, checks how it ended, and measures its memory."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import psutil

from tools.fixtures import clips
from tools.stand_ins.processes import COMMAND, environment, family, high_water_bytes, segments_of

PROGRESS = ("starting ", "upscaling ", "exporting ", "tracking ", "drawing ", "finishing ")


@dataclass
class Ended:
    code: int
    out: str
    err: str


def framewright(*arguments: object, **extra: object) -> Ended:
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(**extra),
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def assert_refused(ended: Ended, code: int, *words: str) -> None:
    """Check for one clear line on standard error after any progress, no traceback, and the exit code."""
    assert ended.code == code, ended
    assert "Traceback" not in ended.err
    lines = [line for line in ended.err.splitlines() if not line.startswith(PROGRESS)]
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]


def assert_stops(number: signal.Signals, stage: str, *arguments: object, **extra: object) -> None:
    """Check that a signal at this stage ends the command and its servers, and that no memory is left."""
    process = subprocess.Popen(
        [COMMAND, *map(str, arguments)], stderr=subprocess.PIPE, text=True, env=environment(**extra)
    )
    assert process.stderr is not None
    said = iter(process.stderr)
    assert next(said).startswith("starting")
    assert next(said).startswith(stage)
    ours, *children = members = family(process.pid)
    assert any(child.name() == "tritonserver" for child in children)
    ours.send_signal(number)
    assert process.wait(60) == 128 + number
    assert [line for line in said if "Traceback" in line] == []
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    assert not segments_of(members)


def assert_bad_inputs_are_refused(folder: Path, run: Callable[[Path, Path], Ended]) -> None:
    """Check that `run(input, folder of outputs)` refuses each bad input in one line and leaves no file."""
    inputs, outputs = folder / "in", folder / "out"
    inputs.mkdir()
    outputs.mkdir()
    for name, source, words in bad_inputs(inputs):
        assert_refused(run(source, outputs), 2, words)
        assert not list(outputs.iterdir()), name


def bad_inputs(folder: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield a name, a file, and what the error must say."""
    yield "missing", folder / "missing.mp4", "does not exist"
    empty = folder / "empty.mp4"
    empty.touch()
    yield "empty", empty, "empty"
    text = folder / "text.mp4"
    text.write_text("this is not a video\n" * 100)
    yield "text", text, "cannot be opened"
    cut = clips.truncate(
        clips.make_clip(folder / "cut.mp4", 30, container_options={"movflags": "+faststart"}), 0.6
    )
    yield "truncated", cut, "cut short"
    headless = clips.truncate(clips.make_clip(folder / "headless.mp4", 30), 0.6)
    yield "truncated before its index", headless, "cut short"
    sound = folder / "sound.mp4"
    clips.make_clip(folder / "both.mp4", 5, audio=[{"seconds": 1.0}])
    _keep_only_sound(folder / "both.mp4", sound)
    yield "audio only", sound, "no video"
    secret = clips.make_clip(folder / "secret.mp4", 5)
    playlist = folder / "playlist.mp4"
    playlist.write_text(f"ffconcat version 1.0\nfile '{secret.name}'\n")
    yield "a concat script", playlist, "cannot be opened"
    hls = folder / "hls.mp4"
    hls.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    yield "a playlist", hls, "cannot be opened"
    yield "a folder", folder, "not a file"


def _keep_only_sound(source: Path, target: Path) -> None:
    with av.open(str(source)) as container, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(container.streams.audio[0])
        for packet in container.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)


def peaks_bytes(*arguments: object, **extra: object) -> dict[str, int]:
    """Run a command; return the peak memory of each of its processes, by name."""
    process = subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        env=environment(**extra),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    peaks: dict[str, int] = {}
    while process.poll() is None:
        for member in family(process.pid):
            with contextlib.suppress(psutil.Error, OSError, KeyError):  # ended meanwhile
                peaks[member.name()] = high_water_bytes(member.pid)
        time.sleep(0.05)
    assert process.returncode == 0
    return peaks
