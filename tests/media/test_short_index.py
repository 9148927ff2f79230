"""Tests that an MP4 file with a short index has the packets of the whole file, as PyAV lists them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.errors import SourceChanged, WorkerError
from orchestrator.media.read import sample_tables
from orchestrator.media.read.demux import open_source
from orchestrator.media.read.frame_selection import FrameSelection
from orchestrator.media.read.packet_index import read_packet_index
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.read.sample_tables import FileTables, read_sample_tables
from orchestrator.media.read.seek import packets_from_keyframe
from orchestrator.media.read.short_index import SampleTables, ShortIndex, TableEntries
from tests.support.unusual_indexes import (
    partial_sync_samples,
    rap_groups,
    with_edits,
    with_fewer_sync_samples,
    with_roll_groups,
    with_two_forms,
)
from tools.fixtures.clips import make_clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.video_source import VideoSource

FRAMES = 240
GAPS = [(number * 7919) % 61 + 1 for number in range(FRAMES)]
VARIABLE = {"pts": [sum(GAPS[:number]) for number in range(FRAMES)], "time_base": Fraction(1, 1000)}
X264 = {"g": "12", "bf": "3", "sc_threshold": "0", "preset": "ultrafast"}
OPEN = X264 | {"x264-params": "open-gop=1:b-pyramid=normal:keyint=12:min-keyint=12:scenecut=0"}
CRA = {"preset": "ultrafast", "x265-params": "log-level=none:keyint=12:min-keyint=12:open-gop=1:bframes=4"}
SOUND = [{"seconds": 4.0}]
CLIPS: dict[str, dict[str, Any]] = {
    "b_frames.mp4": {"options": X264, "rate": 60, "audio": SOUND},
    "front.mp4": {"options": X264, "audio": SOUND, "container_options": {"movflags": "faststart"}},
    "negative.mp4": {"options": X264, "container_options": {"movflags": "negative_cts_offsets"}},
    "open.mp4": {"options": OPEN, "audio": SOUND},
    "cra.mp4": {"codec": "libx265", "options": CRA, "audio": SOUND},
    "variable.mp4": {"options": X264, "audio": SOUND, **VARIABLE},
    "variable.mov": {"codec": "libx265", "options": CRA, **VARIABLE},
    "late_sound.mp4": {"options": X264, "audio": [{"seconds": 2.0, "start": 1.5}]},
    "all_keyframes.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le", "audio": SOUND},
    "no_b.mp4": {"options": X264 | {"bf": "0"}, "audio": SOUND},
    "one_size.mov": {"codec": "rawvideo", "pix_fmt": "yuyv422", "audio": SOUND},
}


@dataclass(frozen=True, repr=False)
class Clip:
    """A file, its packets as PyAV lists them, and its tables."""

    path: Path
    packets: list[tuple[Any, ...]]
    tables: FileTables


def listed(source: VideoSource) -> list[tuple[Any, ...]]:
    """Return what PyAV says of each packet of the video, with its bytes."""
    with av.open(source.open("rb"), "r") as container:
        return [
            (p.pts, p.dts, p.duration, p.pos, p.is_keyframe, p.is_discard, p.is_corrupt, bytes(p))
            for p in container.demux(container.streams.video[0])
            if p.size
        ]


def clip(path: Path) -> Clip:
    tables = read_sample_tables(path, read_packet_index(path))
    assert tables is not None
    return Clip(path, listed(path), tables)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clip]:
    folder, found = tmp_path_factory.mktemp("clips"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_tables, "LEAST_INDEX_BYTES", 0)
        for name, options in CLIPS.items():
            found[name] = clip(make_clip(folder / name, FRAMES, **options))
        (folder / "edit.mp4").write_bytes(with_later_start((folder / "b_frames.mp4").read_bytes()))
        (folder / "long.mp4").write_bytes(with_long_offsets((folder / "b_frames.mp4").read_bytes()))
        (folder / "ends.mp4").write_bytes(with_earlier_end((folder / "open.mp4").read_bytes()))
        found |= {name: clip(folder / name) for name in ("edit.mp4", "long.mp4", "ends.mp4")}
        for name, (usual, change) in UNUSUAL.items():
            (folder / name).write_bytes(change((folder / usual).read_bytes()))
            found[name] = clip(folder / name)
    assert len(found["edit.mp4"].packets) == FRAMES - 12  # FFmpeg leaves out the first group of pictures
    assert found["edit.mp4"].packets[0][5]  # and hides the start of the next one
    assert len(found["ends.mp4"].packets) < FRAMES
    assert b"co64" in (folder / "long.mp4").read_bytes()
    assert 0 < len(found["between.mp4"].packets) < FRAMES
    assert found["between.mp4"].packets[0][5]
    assert found["late.mp4"].packets[0][0] > found["b_frames.mp4"].packets[0][0]
    for name in ("rap.mp4", "rap.mov", "partial.mov"):
        source = found[UNUSUAL[name][0]]
        assert [packet[4] for packet in found[name].packets] == [packet[4] for packet in source.packets]
        assert len(found[name].tables.more_keyframes)
    assert found["one_size.mov"].tables.where.sample_bytes
    assert found["two_forms.mp4"].tables.changed_forms
    return found


def with_later_start(data: bytes) -> bytes:
    """Move the start of the video's edit list by a third of a second."""
    at = data.index(b"elst") + 12  # after version, flags, number of entries; then length and start
    scale = int.from_bytes(data[(head := data.index(b"mdhd") + 16) : head + 4])
    start = int.from_bytes(data[at + 4 : at + 8]) + scale // 3
    return data[: at + 4] + start.to_bytes(4) + data[at + 8 :]


def with_earlier_end(data: bytes) -> bytes:
    """Halve the length of the video's edit list."""
    at = data.index(b"elst") + 12
    return data[:at] + (int.from_bytes(data[at : at + 4]) // 2).to_bytes(4) + data[at + 4 :]


def with_long_offsets(data: bytes) -> bytes:
    """Turn the first `stco` into a `co64`, in a file whose index is at its end."""
    at = data.index(b"stco") - 4
    size = int.from_bytes(data[at : at + 4])
    places = struct.unpack(f">{(size - 16) // 4}I", data[at + 16 : at + size])
    table = struct.pack(f">I4s2I{len(places)}Q", 16 + 8 * len(places), b"co64", 0, len(places), *places)
    changed = bytearray(data[:at] + table + data[at + size :])
    start = 0
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        start = data.index(kind, start)
        longer = int.from_bytes(data[start - 4 : start]) + len(table) - size
        changed[start - 4 : start] = longer.to_bytes(4)
    return bytes(changed)


UNUSUAL: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "between.mp4": ("b_frames.mp4", lambda data: with_edits(data, later=5001)),
    "before.mp4": ("b_frames.mp4", lambda data: with_edits(data, later=-7)),
    "before_key.mp4": ("b_frames.mp4", lambda data: with_edits(data, later=3072 - 100)),
    "both_ends.mp4": ("open.mp4", lambda data: with_earlier_end(with_edits(data, later=11418))),
    "late.mp4": ("b_frames.mp4", lambda data: with_edits(data, empty=700)),
    "late_between.mp4": ("variable.mp4", lambda data: with_edits(data, empty=300, later=333, long=True)),
    "no_b_later.mp4": ("no_b.mp4", lambda data: with_edits(data, later=7777)),
    "rap.mp4": ("open.mp4", lambda data: with_fewer_sync_samples(data, rap_groups)),
    "rap.mov": ("variable.mov", lambda data: with_fewer_sync_samples(data, rap_groups)),
    "partial.mov": ("open.mp4", lambda data: with_fewer_sync_samples(data, partial_sync_samples)),
    "roll.mp4": ("b_frames.mp4", with_roll_groups),
    "two_forms.mp4": ("b_frames.mp4", with_two_forms),
}
"""Files with an unusual index: from which clip, and how it is changed."""


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_the_packets_of_any_part_are_those_of_the_whole_file(
    clips: dict[str, Clip], data: st.DataObject
) -> None:
    one = clips[data.draw(st.sampled_from(sorted(clips)))]
    keys = [number for number, packet in enumerate(one.packets) if packet[4]]
    first = data.draw(st.sampled_from(keys))
    shown = next((n for n, packet in enumerate(one.packets) if n >= first and not packet[5]), first)
    if first == 0:  # the first segment has the first picture that is shown
        shown = min((packet[0], n) for n, packet in enumerate(one.packets) if not packet[5])[1]
    last = data.draw(st.integers(shown, min(shown + 40, len(one.packets) - 1)))
    entries = one.tables.entries(first, last)
    assert entries is not None
    view = ShortIndex(one.path, one.tables.where, entries)
    assert view.stat().st_size == one.path.stat().st_size
    found = listed(view)
    if before := found[: len(found) - (last + 1 - first)]:  # the samples that take the time before
        assert entries.first_sample
        assert len(before) <= 2
        assert all(packet[3] == one.packets[first][3] for packet in before)
        assert all(packet[7] == one.packets[first][7] for packet in before)
        del found[: len(before)]
    assert found == one.packets[first : last + 1]


def test_a_keyframe_is_found_by_its_time(clips: dict[str, Clip]) -> None:
    for one in clips.values():
        keys = [number for number, packet in enumerate(one.packets) if packet[4]]
        first = keys[len(keys) // 2]
        entries = one.tables.entries(first, first + 20)
        assert entries is not None
        with open_source(ShortIndex(one.path, one.tables.where, entries)) as container:
            stream = container.streams.video[0]
            pts = one.packets[first][0]
            read = packets_from_keyframe(container, stream, pts)
            assert read is not None
            found = [(packet.pts, bytes(packet)) for packet in read if packet.size]
            assert found == [(packet[0], packet[7]) for packet in one.packets[first : first + 21]]


def test_pictures_that_need_an_earlier_keyframe_are_decoded_with_the_whole_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_tables, "LEAST_INDEX_BYTES", 0)
    noise = np.random.default_rng(5).integers(0, 255, (96, 480, 3), np.uint8)
    moving = [np.ascontiguousarray(np.roll(noise, 3 * number, axis=1)[:, :320]) for number in range(70)]
    options = {"g": "10", "bf": "3", "x264-params": "intra-refresh=1:scenecut=0:b-adapt=0"}
    one = clip(make_clip(tmp_path / "a.mp4", moving, options=options, audio=[{"seconds": 2.8}]))
    shown = sorted(packet[0] for packet in one.packets)
    keys = [number for number, packet in enumerate(one.packets) if packet[4]]
    first = shown.index(one.packets[keys[3]][0])
    selection = FrameSelection(
        decode_pts=one.packets[keys[2]][0],
        first_pts=shown[first],
        last_pts=shown[first + 5],
        first_frame=first,
        frames=6,
    )
    entries = one.tables.entries(keys[2], keys[3] + 12)
    assert entries is not None
    info, view = probe(one.path), ShortIndex(one.path, one.tables.where, entries)
    with VideoReader(one.path, info) as reader:
        whole = [frame.pixels for frame in reader.frames()]
    with VideoReader(view, info, selection=selection) as reader:
        part = [frame.pixels for frame in reader.frames()]
        assert reader.notes == []
    np.testing.assert_array_equal(part, whole[first : first + 6])


@pytest.mark.parametrize("name", ["before_key.mp4", "both_ends.mp4"])
def test_parts_of_a_trimmed_video_have_its_pictures_and_no_others(clips: dict[str, Clip], name: str) -> None:
    one = clips[name]
    info = probe(one.path)
    with VideoReader(one.path, info) as reader:
        whole = [frame.pts for frame in reader.frames()]
    keys = [number for number, packet in enumerate(one.packets) if packet[4] and packet[0] in whole]
    ends = [*(whole.index(one.packets[key][0]) for key in keys[1:]), len(whole)]
    for key, end in zip(keys, ends, strict=True):
        first = whole.index(one.packets[key][0])
        part = whole[first:end]
        last = max(number for number, packet in enumerate(one.packets) if packet[0] in part)
        entries = one.tables.entries(key, last)
        assert entries is not None
        selection = FrameSelection(
            decode_pts=part[0], first_pts=part[0], last_pts=part[-1], first_frame=first, frames=len(part)
        )
        with VideoReader(
            ShortIndex(one.path, one.tables.where, entries), info, selection=selection
        ) as reader:
            assert [frame.pts for frame in reader.frames()] == part
            assert reader.notes == []


def test_a_long_part_has_no_short_index(clips: dict[str, Clip]) -> None:
    assert clips["all_keyframes.mov"].tables.entries(0, FRAMES - 1) is None


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_wrong_entries_are_refused_or_shown_to_ffmpeg(clips: dict[str, Clip], data: st.DataObject) -> None:
    one = clips["b_frames.mp4"]
    right = one.tables.entries(60, 90)
    assert right is not None
    plan = {"tables": one.tables.where.model_dump(), "entries": right.model_dump()}
    numbers = st.integers(-2, 300) | st.sampled_from([10**5, 2**31, 2**32 - 1, 2**33, 2**62])
    for _ in range(data.draw(st.integers(1, 3))):
        holder = plan[data.draw(st.sampled_from(sorted(plan)))]
        if data.draw(st.booleans()) and "tables" in holder:
            kind = data.draw(st.sampled_from(sorted(holder["tables"])))
            holder["tables"][kind] = (data.draw(numbers), data.draw(numbers))
        else:
            key = data.draw(
                st.sampled_from(sorted(key for key in holder if key not in {"tables", "headers"}))
            )
            old = holder[key]
            holder[key] = data.draw(st.tuples(*[numbers] * len(old)) if isinstance(old, tuple) else numbers)
    try:
        view = ShortIndex(
            one.path,
            SampleTables.model_validate(plan["tables"]),
            TableEntries.model_validate(plan["entries"]),
        )
        with open_source(view) as container:
            for _ in container.demux(video=0):
                pass
    except (ValidationError, WorkerError, av.error.FFmpegError):
        pass


def test_a_file_that_ends_before_its_tables_is_another_one(clips: dict[str, Clip], tmp_path: Path) -> None:
    one = clips["b_frames.mp4"]
    entries = one.tables.entries(200, 220)
    assert entries is not None
    short = tmp_path / "short.mp4"
    short.write_bytes(one.path.read_bytes()[: one.tables.where.first_byte + 500])
    with pytest.raises(SourceChanged, match="plan the film again"):
        ShortIndex(short, one.tables.where, entries)


@pytest.mark.parametrize(
    "kind",
    [
        "two edits",
        "an edit without a picture",
        "encrypted samples",
        "other samples",
        "other times",
    ],
)
def test_an_unusual_index_is_read_whole(
    clips: dict[str, Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(sample_tables, "LEAST_INDEX_BYTES", 0)
    source = clips["b_frames.mp4"].path
    data, index = bytearray(source.read_bytes()), read_packet_index(source)
    box, place, value = {
        "two edits": (b"elst", 8, 2),
        "an edit without a picture": (b"elst", 16, 2**32 - 1),
        "encrypted samples": (b"stss", 0, int.from_bytes(b"senc")),
        "other samples": (b"stsz", 16, 5),
        "other times": (b"stts", 16, 5),
    }[kind]
    at = data.index(box) + place
    data[at : at + 4] = value.to_bytes(4)
    path = tmp_path / "unusual.mp4"
    path.write_bytes(data)
    assert read_sample_tables(path, index) is None
