"""Tests joined recordings, clocks that wrap or start late, and videos that begin between keyframes.

What is written is read with PyAV alone: pictures are each at its own time, and beeps stay on their flashes.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from orchestrator.media.read.clock_jumps import TimestampJumpFixer
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tests.support.exports import export_video
from tests.support.playback import IN_SYNC_S, beeps, flashes
from tools.fixtures.clips import flashing, make_clip, number_of, numbered

if TYPE_CHECKING:
    from tests.conftest import WrittenOnce

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
cases = pytest.mark.skipif(not CASES.exists(), reason="needs the cases beside the checkout")

RATE = 25
JUMP = "the source's clock jumps at"


def exported(source: Path, output: Path, **params: Any) -> tuple[str, ...]:
    return export_video(source, output, **params).notes


def shown(path: Path) -> list[float]:
    """Return when each picture is shown, in seconds, in order, from the packets."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(
            float(packet.pts * packet.time_base)
            for packet in container.demux(stream)
            if packet.pts is not None and packet.size
        )


def listed_times(path: Path) -> list[float]:
    return [float(time_s) for time_s in frame_times(path, probe(path))]


def read(path: Path, **span: Any) -> tuple[list[tuple[float, int]], list[str]]:
    info = probe(path)
    with VideoReader(path, info, **span) as reader:
        frames = [
            (float(frame.pts * info.time_base - info.start_s), number_of(frame.pixels))
            for frame in reader.frames()
        ]
        return frames, [*info.notes, *reader.notes]


def recording(
    path: Path, start: int, seconds: int = 2, *, codec: str = "libx264", sound: str = "aac"
) -> Path:
    """A recording whose clock begins at `start`: a flash and a beep at each second of it."""
    count = seconds * RATE
    return make_clip(
        path,
        flashing(count, RATE),
        codec=codec,
        options={"bf": "2", "g": "25", "sc_threshold": "1000000000" if codec == "mpeg2video" else "0"},
        pts=[start * RATE + number for number in range(count)],
        time_base=Fraction(1, RATE),
        audio=[{"codec": sound, "seconds": seconds, "start": start, "beeps": True}],
    )


@pytest.fixture
def joined(written_once: WrittenOnce) -> Callable[..., Path]:
    """Make a file of recordings that begin at these seconds, one after the other."""

    def made(starts: list[int], suffix: str = ".ts", **recorded: Any) -> Path:
        def write(path: Path) -> None:
            parts = [
                written_once(f"from-{start}{suffix}", partial(recording, start=start, **recorded))
                for start in starts
            ]
            path.write_bytes(b"".join(part.read_bytes() for part in parts))

        return written_once(f"joined-{'-'.join(map(str, starts))}{suffix}", write)

    return made


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize(
    "starts", [[3, 3], [3, 1803], [1803, 3], [3, 90_000, 7]], ids=["back", "forward", "far-back", "three"]
)
def test_joined_recordings_follow_each_other(
    tmp_path: Path, joined: Callable[..., Path], starts: list[int], suffix: str
) -> None:
    source = joined(starts)
    output = tmp_path / f"out{suffix}"
    notes = exported(source, output)
    times = shown(output)
    assert len(times) == 50 * len(starts)
    assert np.diff(times) == pytest.approx(1 / RATE, abs=0.0011)
    assert times[0] < 0.1
    seen, heard = flashes(output), beeps(output)
    assert len(seen) == len(heard) == 2 * len(starts)
    # Sound that is transcoded is moved by up to half a packet at each join, which adds up.
    in_sync_s = IN_SYNC_S + (0.011 * (len(starts) - 2) if suffix == ".webm" else 0)
    for flash, beep in zip(seen, heard, strict=True):
        assert abs(beep - flash) <= in_sync_s
    [note] = [note for note in notes if JUMP in note]
    assert note.count(" s,") == len(starts) - 1
    assert not any("damaged" in note or "usable time" in note for note in notes)
    # What is expected of it, for limits and progress, is what it holds.
    info = probe(source)
    assert info.duration_s == pytest.approx(2 * len(starts), abs=0.001)
    assert info.frames == 50 * len(starts)
    # Tracking gets the same times.
    assert listed_times(source) == pytest.approx([frame[0] for frame in read(source)[0]], abs=1e-9)


def test_joined_program_streams_follow_each_other(tmp_path: Path, joined: Callable[..., Path]) -> None:
    source = joined([3, 3], ".mpg", codec="mpeg2video", sound="mp2")
    notes = exported(source, tmp_path / "out.mp4")
    times = shown(tmp_path / "out.mp4")
    assert len(times) == 100
    assert np.diff(times) == pytest.approx(1 / RATE, abs=0.0011)
    assert any(JUMP in note for note in notes)


@pytest.mark.parametrize(("start", "end"), [(1.0, 3.0), (2.5, 3.5), (0.5, 1.5)])
def test_a_cut_of_joined_recordings_counts_on_their_one_clock(
    tmp_path: Path, joined: Callable[..., Path], start: float, end: float
) -> None:
    source = joined([3, 1803])
    whole = listed_times(source)
    notes = exported(source, tmp_path / "out.mp4", start=start, end=end)
    times = shown(tmp_path / "out.mp4")
    first = next(time for time in reversed(whole) if time <= start + 0.001)
    wanted = [time - first for time in whole if first <= time < end - 0.001]
    assert times == pytest.approx(wanted, abs=0.001)
    heard = beeps(tmp_path / "out.mp4")
    for flash in flashes(tmp_path / "out.mp4"):
        assert min(abs(beep - flash) for beep in heard) <= IN_SYNC_S
    assert any(JUMP in note for note in notes) == (start < 2 < end)


def test_a_gap_of_some_seconds_stays(tmp_path: Path, joined: Callable[..., Path]) -> None:
    source = joined([3, 9])
    notes = exported(source, tmp_path / "out.mp4")
    times = shown(tmp_path / "out.mp4")
    assert np.diff(times)[49] == pytest.approx(4.04, abs=0.001)
    assert not any(JUMP in note for note in notes)


def packets_at(moments: list[tuple[int, int]]) -> list[Any]:
    """Packets of two streams, as (index of the stream, dts in 1/25 s); index 0 is video, 1 is sound."""
    with av.open("/dev/null", "w", format="mpegts") as output:
        streams = [output.add_stream("mpeg2video", rate=25), output.add_stream("mp2", rate=48_000)]
        made = []
        for index, moment in moments:
            packet = av.Packet(b"x")
            packet.stream = streams[index]
            packet.time_base = Fraction(1, 25)
            packet.pts = packet.dts = moment
            packet.duration = 1
            made.append(packet)
    return made


def test_sound_that_crosses_a_join_first_keeps_its_pictures() -> None:
    """Ten ticks of sound of the second part come before the pictures of the first part have ended."""
    moments: list[tuple[int, int]] = []
    for number in range(50):
        moments += [(0, number), (1, number)]
    moments += [(1, 5000 + number) for number in range(10)]
    moments += [(0, 50 + number) for number in range(5)]
    for number in range(50):
        moments += [(0, 5000 + number), (1, 5010 + number)]
    clock = TimestampJumpFixer(wraps=True)
    out = list(clock.run(iter(packets_at(moments))))
    pictures = [packet.dts for packet in out if packet.stream.type == "video"]
    assert pictures == list(range(105))
    sound = [packet.dts for packet in out if packet.stream.type == "audio"]
    assert sound == [*range(50), *range(55, 115)]
    assert [join.at_s for join in clock.clock_jumps] == [Fraction(55, 25)]


def test_one_stream_that_jumps_does_not_move_the_others() -> None:
    moments = [
        (index, number + (1000 if index and number >= 50 else 0)) for number in range(200) for index in (0, 1)
    ]
    out = list(TimestampJumpFixer(wraps=True).run(iter(packets_at(moments))))
    for kind in ("video", "audio"):
        assert [packet.dts for packet in out if packet.stream.type == kind] == list(range(200))


def test_one_wrong_time_is_no_join() -> None:
    moments = [(0, 7000 if number == 50 else number) for number in range(100)]
    clock = TimestampJumpFixer(wraps=True)
    out = [packet.dts for packet in clock.run(iter(packets_at(moments)))]
    assert out == [None if number == 50 else number for number in range(100)]
    assert not clock.clock_jumps


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("start", [2**33 // 90_000 - 1, 2**33 // 90_000 - 100])
def test_a_clock_that_wraps_is_as_any_other(
    tmp_path: Path, written_once: WrittenOnce, start: int, suffix: str
) -> None:
    """One file begins a second before the wrap, so that FFmpeg makes its times negative, the other later."""
    source = written_once(f"from-{start}.ts", lambda path: recording(path, start))
    notes = exported(source, tmp_path / f"out{suffix}")
    times = shown(tmp_path / f"out{suffix}")
    assert times == pytest.approx([times[0] + number / RATE for number in range(50)], abs=0.0011)
    assert times[0] < 0.1
    for flash, beep in zip(flashes(tmp_path / f"out{suffix}"), beeps(tmp_path / f"out{suffix}"), strict=True):
        assert abs(beep - flash) <= IN_SYNC_S
    assert not any(JUMP in note for note in notes)
    exported(source, tmp_path / f"cut{suffix}", start=1.52 + times[0], end=1.92 + times[0])
    assert shown(tmp_path / f"cut{suffix}") == pytest.approx([n / RATE for n in range(10)], abs=0.021)


@cases
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize(
    ("name", "count", "is_joined"),
    [
        ("joined-clock-back.ts", 100, True),
        ("joined-clock-forward.ts", 100, True),
        ("joined.vob", 100, True),
        ("clock-wraps.ts", 50, False),
        ("starts-at-1h.mkv", 50, False),
    ],
)
def test_cases_have_one_clock(tmp_path: Path, name: str, count: int, is_joined: bool, suffix: str) -> None:
    notes = exported(CASES / name, tmp_path / f"out{suffix}")
    times = shown(tmp_path / f"out{suffix}")
    assert times == pytest.approx([times[0] + number / RATE for number in range(count)], abs=0.0011)
    assert 0 <= times[0] < 0.03
    assert any(JUMP in note for note in notes) == is_joined
    assert listed_times(CASES / name)[0] == pytest.approx(times[0], abs=0.001)


# --- a clock that starts late


@pytest.mark.parametrize("late_s", [8, 3600])
@pytest.mark.parametrize("source", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_source_whose_clock_starts_late_starts_at_once(
    tmp_path: Path, written_once: WrittenOnce, source: str, suffix: str, late_s: int
) -> None:
    path = written_once(f"from-{late_s}{source}", lambda path: recording(path, late_s))
    notes = exported(path, tmp_path / f"out{suffix}")
    times = shown(tmp_path / f"out{suffix}")
    assert times == pytest.approx([times[0] + number / RATE for number in range(50)], abs=0.0011)
    assert 0 <= times[0] < 0.03
    # From Matroska to Matroska a player leaves out the first 21 ms, with the encoder's run-in before them.
    [_, flash], [_, beep] = flashes(tmp_path / f"out{suffix}"), beeps(tmp_path / f"out{suffix}")
    assert abs(beep - flash) <= IN_SYNC_S
    assert any("the output's starts at 0" in note for note in notes)


# --- a video that begins between keyframes


def without_first(source: Path, output: Path, pictures: int) -> Path:
    """Copy a file without the first packets of its video."""
    with av.open(str(source)) as before, av.open(str(output), "w") as after:
        made = [after.add_stream_from_template(stream) for stream in before.streams]
        passed = 0
        for packet in before.demux():
            if packet.stream.type == "video" and packet.size and passed < pictures:
                passed += 1
            elif packet.size:
                packet.stream = made[packet.stream.index]
                after.mux(packet)
    return output


X264 = "keyint=25:scenecut=0"


@pytest.mark.parametrize(
    ("suffix", "codec", "options", "passed", "first"),
    [
        (".ts", "libx264", {"x264-params": X264}, 3, 25),
        (".mkv", "libx264", {"x264-params": X264}, 3, 25),
        (".mp4", "libx264", {"x264-params": X264}, 3, 25),
        (".ts", "libx264", {"x264-params": f"{X264}:open-gop=1"}, 3, 25),
        (".ts", "libx264", {"x264-params": f"{X264}:intra-refresh=1:bframes=0"}, 3, 29),
        (".ts", "libx265", {"x265-params": f"log-level=none:{X264}:open-gop=1"}, 3, 25),
        (".ts", "mpeg2video", {"g": "25", "bf": "2", "sc_threshold": "1000000000"}, 3, 27),
        (".ts", "mpeg2video", {"g": "25", "bf": "2", "sc_threshold": "1000000000"}, 25, 27),
        (".mpg", "mpeg2video", {"g": "25", "bf": "2", "sc_threshold": "1000000000"}, 3, 27),
        (".mkv", "mpeg4", {"g": "25", "sc_threshold": "1000000000"}, 3, 25),
    ],
)
def test_a_video_begins_with_the_first_whole_picture(
    tmp_path: Path, suffix: str, codec: str, options: dict[str, str], passed: int, first: int
) -> None:
    whole = make_clip(
        tmp_path / f"whole{suffix}",
        [numbered(number) for number in range(60)],
        codec=codec,
        options=options,
        audio=[{"codec": "mp2", "seconds": 2.4}],
    )
    source = without_first(whole, tmp_path / f"in{suffix}", passed)
    frames, notes = read(source)
    assert [number for _, number in frames] == list(range(first, 60))
    wanted = [number / RATE for number in range(60 - first)]
    assert [time_s for time_s, _ in frames] == pytest.approx(wanted, abs=0.0011)
    assert listed_times(source) == pytest.approx(wanted, abs=0.0011)
    assert sum("cannot be decoded, as they refer to" in note for note in notes) == 1
    assert not any("damaged" in note for note in notes)
    part, _ = read(source, start_s=Fraction(1, 5), end_s=Fraction(2, 5))
    assert [number for _, number in part] == list(range(first + 5, first + 10))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_sound_begins_with_the_first_whole_picture(tmp_path: Path, suffix: str) -> None:
    source = without_first(recording(tmp_path / "whole.ts", 3, 4), tmp_path / "in.ts", 10)
    exported(source, tmp_path / f"out{suffix}")
    assert shown(tmp_path / f"out{suffix}") == pytest.approx([n / RATE for n in range(75)], abs=0.0011)
    seen, heard = flashes(tmp_path / f"out{suffix}"), beeps(tmp_path / f"out{suffix}")
    assert seen == pytest.approx([0, 1, 2], abs=0.0011)
    assert heard == pytest.approx(seen, abs=IN_SYNC_S)


@cases
def test_the_case_that_began_in_gray_begins_with_a_picture(tmp_path: Path) -> None:
    source = CASES / "starts-without-keyframe.ts"
    notes = exported(source, tmp_path / "out.mp4")
    assert shown(tmp_path / "out.mp4") == pytest.approx([n / RATE for n in range(25)], abs=0.001)
    with av.open(str(tmp_path / "out.mp4")) as container:
        first = next(container.decode(video=0)).to_ndarray(format="gray")
    with av.open(str(source)) as container:
        whole = next(frame for frame in container.decode(video=0) if not frame.is_corrupt)
    assert np.abs(first.astype(int) - whole.to_ndarray(format="gray")).mean() < 3
    assert any("the first 33 pictures of the source cannot be decoded" in note for note in notes)
