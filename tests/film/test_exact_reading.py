"""Tests that a selection of frames is read bit for bit as by a reader of the whole file, and no more."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.media.read.frame_selection import FrameSelection
from orchestrator.media.read.keyframe_kind import KeyframeKind
from orchestrator.media.read.packet_index import read_keyframe_kinds, read_packet_index
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.read.truncation import UNREAD_BYTES
from tools.fixtures.clips import coded, make_clip, numbered

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.frames import Frame, VideoInfo

QUIET = "log-level=none"
OPEN_X264 = "open-gop=1:b-pyramid=normal:keyint=12:min-keyint=12:scenecut=0"
OPEN_X265 = f"{QUIET}:keyint=12:min-keyint=12:open-gop=1:bframes=4"
KINDS: list[tuple[str, str, dict[str, str]]] = [
    ("closed.mp4", "libx264", {"g": "12", "bf": "3", "sc_threshold": "0"}),
    ("open.mp4", "libx264", {"g": "12", "bf": "3", "x264-params": OPEN_X264}),
    ("no_b.mp4", "libx264", {"g": "9", "bf": "0"}),
    ("cra.mp4", "libx265", {"x265-params": OPEN_X265}),
    ("idr.mp4", "libx265", {"x265-params": f"{QUIET}:keyint=12:min-keyint=12:open-gop=0:bframes=4"}),
    ("closed.mov", "prores_ks", {}),
    ("open.mkv", "libx264", {"g": "12", "bf": "3", "x264-params": OPEN_X264}),
    ("cra.mkv", "libx265", {"x265-params": OPEN_X265}),
    ("vp9.webm", "libvpx-vp9", {"g": "12", "deadline": "good", "lag-in-frames": "10", "auto-alt-ref": "1"}),
    ("av1.mkv", "libsvtav1", {"g": "12", "preset": "12", "svtav1-params": "pred-struct=2"}),
    ("open.ts", "libx264", {"g": "12", "bf": "3", "x264-params": OPEN_X264}),
    ("cra.ts", "libx265", {"x265-params": OPEN_X265}),
    ("mpeg2.ts", "mpeg2video", {"bf": "2", "g": "12"}),
    ("mpeg2.mxf", "mpeg2video", {"bf": "2", "g": "12"}),
    ("mpeg4.mp4", "mpeg4", {"bf": "2", "g": "12"}),
    ("refresh.ts", "libx264", {"x264-params": "intra-refresh=1:keyint=25:bframes=0"}),
    ("closed.flv", "libx264", {"g": "12"}),
]
RESETTING = {"hevc", "vp9", "av1", "prores"}
"""Codecs whose keyframes reset the decoder; the others decode from one keyframe earlier."""


@dataclass(frozen=True)
class Packets:
    """The video packets of a file, as PyAV demuxes them: the pts of all frames, and of the keyframes."""

    shown: list[int]
    keys: list[int]
    leading: int
    """How many pictures follow a keyframe in the file, but precede it in time."""

    @classmethod
    def of(cls, path: Path) -> Packets:
        with av.open(str(path)) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        shown = sorted(packet.pts or 0 for packet in packets if not packet.is_discard)
        keys: list[int] = []
        leading = 0
        for packet in packets:
            if packet.is_keyframe:
                keys.append(packet.pts or 0)
            leading += bool(keys) and (packet.pts or 0) < keys[-1]
        return cls(shown, keys, leading)

    def selection(self, first: int, last: int, codec: str) -> FrameSelection:
        """Select the frames from index `first` to index `last`."""
        before = [key for key in self.keys if key <= self.shown[first]]
        place = -1 if codec in RESETTING else -2
        return FrameSelection(
            decode_pts=before[place] if len(before) >= -place else None,
            first_pts=self.shown[first],
            last_pts=self.shown[last],
            first_frame=first,
            frames=last - first + 1,
        )


def read(path: Path, info: VideoInfo, selection: FrameSelection | None, **options: Any) -> list[Frame[Any]]:
    with VideoReader(path, info, threads=2, selection=selection, **options) as reader:
        frames = list(reader.frames())
        assert reader.frames_read == len(frames)
        assert reader.notes == []
        return frames


def check_same(frames: list[Frame[Any]], expected: list[Frame[Any]]) -> None:
    assert [frame.index for frame in frames] == [frame.index for frame in expected]
    assert [frame.pts for frame in frames] == [frame.pts for frame in expected]
    # How long the last picture of a file is shown may be stated in the header alone.
    assert [frame.duration for frame in frames[:-1]] == [frame.duration for frame in expected[:-1]]
    assert [frame.captions for frame in frames] == [frame.captions for frame in expected]
    for frame, like in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(frame.pixels, like.pixels)


def noisy(count: int, seed: int = 0) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return moving pictures with noise, in which every kind of prediction is used."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 60, (64, 192, 3), np.uint8)
    return [
        numbered(number) // 2 + noise[:, number * 2 % 96 : number * 2 % 96 + 96] for number in range(count)
    ]


@pytest.mark.parametrize(("name", "codec", "options"), KINDS, ids=[kind[0] for kind in KINDS])
def test_every_segment_between_keyframes_has_the_pictures_of_the_whole_file(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    sound = [] if name.endswith((".flv", ".mxf")) else [{"seconds": 2.4, "codec": _sound(name)}]
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    path = make_clip(tmp_path / name, noisy(60), codec=codec, options=options, pix_fmt=pix_fmt, audio=sound)
    info, packets = probe(path), Packets.of(path)
    whole = read(path, info, None)
    assert [frame.pts for frame in whole] == packets.shown
    assert bool(packets.leading) == name.startswith(("open", "cra", "mpeg"))
    cuts = [packets.shown.index(key) for key in packets.keys if key in packets.shown]
    if codec == "prores_ks":
        cuts = cuts[::7]
    assert len(cuts) > 1
    for first, after in zip(cuts, [*cuts[1:], 60], strict=True):
        part = read(path, info, packets.selection(first, after - 1, info.codec))
        check_same(part, whole[first:after])


def _sound(name: str) -> str:
    return "libopus" if name.endswith(".webm") else "aac"


@pytest.fixture(scope="module")
def gops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, VideoInfo, list[Frame[Any]]]]:
    """Videos with open and closed groups of pictures, each with its frames."""
    folder, found = tmp_path_factory.mktemp("gops"), {}
    for name, codec, options in KINDS:
        if name in {"closed.mp4", "open.mp4", "cra.mp4", "open.mkv", "open.ts", "vp9.webm"}:
            path = make_clip(folder / name, noisy(48, seed=5), codec=codec, options=options)
            info = probe(path)
            found[name] = (path, info, read(path, info, None))
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_h264_is_exact_from_the_keyframe_of_an_open_group_on(tmp_path: Path, data: st.DataObject) -> None:
    choices: dict[str, list[Any]] = {
        "keyint": [4, 6, 12],
        "bframes": [1, 2, 5],
        "b-pyramid": ["none", "strict", "normal"],
        "ref": [1, 3, 16],
        "weightp": [0, 2],
        "direct": ["spatial", "temporal"],
        "slices": [1, 3],
    }
    given = {name: data.draw(st.sampled_from(values)) for name, values in choices.items()}
    params = ":".join(["open-gop=1", "min-keyint=1", *(f"{name}={value}" for name, value in given.items())])
    name = data.draw(st.sampled_from(["a.mp4", "a.mkv", "a.ts"]))
    path = make_clip(tmp_path / name, noisy(40), options={"x264-params": params})
    info, packets, index = probe(path), Packets.of(path), read_packet_index(path)
    whole = read(path, info, None)
    keys = np.flatnonzero(index.kind)
    index = read_keyframe_kinds(path, index, keys)
    assert (index.kind[keys] == KeyframeKind.EXACT).all()
    assert packets.leading
    bare = bytearray(path.read_bytes())
    for key in data.draw(st.permutations(keys[1:].tolist()))[:3]:
        pts = int(index.pts[key])
        first = packets.shown.index(pts)
        last = data.draw(st.integers(first, 39))
        selection = replace(packets.selection(first, last, info.codec), decode_pts=pts)
        source = path
        if name == "a.mp4":  # without what is before that keyframe
            source = tmp_path / "bare.mp4"
            bare[int(index.position[0]) : int(index.position[key])] = bytes(
                int(index.position[key] - index.position[0])
            )
            source.write_bytes(bare)
            bare = bytearray(path.read_bytes())
        check_same(read(source, info, selection), whole[first : last + 1])


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_frames_can_be_selected(
    gops: dict[str, tuple[Path, VideoInfo, list[Frame[Any]]]], data: st.DataObject
) -> None:
    path, info, whole = gops[data.draw(st.sampled_from(sorted(gops)))]
    first = data.draw(st.integers(0, 47))
    last = data.draw(st.integers(first, 47))
    part = read(path, info, Packets.of(path).selection(first, last, info.codec))
    check_same(part, whole[first : last + 1])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 90), min_size=20, max_size=40),
    kind=st.sampled_from([kind for kind in KINDS if kind[0] in {"open.mp4", "cra.mp4", "open.mkv"}]),
    data=st.data(),
)
def test_any_times_are_those_of_the_whole_file(
    tmp_path: Path, gaps: list[int], kind: tuple[str, str, dict[str, str]], data: st.DataObject
) -> None:
    name, codec, options = kind
    pts = [sum(gaps[:number]) for number in range(len(gaps) + 1)]
    path = make_clip(
        tmp_path / name, len(pts), codec=codec, options=options, pts=pts, time_base=Fraction(1, 1000)
    )
    info, packets = probe(path), Packets.of(path)
    whole = read(path, info, None)
    first = data.draw(st.integers(0, len(pts) - 1))
    last = data.draw(st.integers(first, len(pts) - 1))
    check_same(read(path, info, packets.selection(first, last, info.codec)), whole[first : last + 1])


def test_pictures_that_an_edit_list_hides_are_not_selected(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "edit.mp4", noisy(40), rate=10, options={"g": "10", "bf": "3", "sc_threshold": "0"}
    )
    data = path.read_bytes()
    at = data.index(b"elst") + 12  # after version, flags, number of entries; then length and start
    start = int.from_bytes(data[at + 4 : at + 8])
    scale = int.from_bytes(data[(head := data.index(b"mdhd") + 16) : head + 4])
    moved = start + 4 * scale // 10  # the edit begins at the fifth picture, inside a group of pictures
    path.write_bytes(data[: at + 4] + moved.to_bytes(4) + data[at + 8 :])
    info, packets = probe(path), Packets.of(path)
    whole = read(path, info, None)
    assert len(whole) == 36
    for first, last in [(0, 5), (6, 15), (16, 25), (26, 35)]:
        check_same(read(path, info, packets.selection(first, last, info.codec)), whole[first : last + 1])


@pytest.mark.parametrize("form", ["planes", "deep_rgb"])
def test_deep_pictures_are_the_same_in_every_form(tmp_path: Path, form: str) -> None:
    random = np.random.default_rng(3)
    steps = random.integers(64, 900, (64, 96 + 30), np.uint16)
    chroma = np.full((32, 48), 512, np.uint16)
    pictures = [coded([steps[:, n : n + 96], chroma, chroma + n], "yuv420p10le") for n in range(30)]
    path = make_clip(
        tmp_path / "deep.mp4",
        pictures,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": OPEN_X265},
    )
    info, packets = probe(path), Packets.of(path)
    whole = read(path, info, None, form=form)
    part = read(path, info, packets.selection(12, 23, "hevc"), form=form)
    assert [frame.pts for frame in part] == packets.shown[12:24]
    for frame, like in zip(part, whole[12:24], strict=True):
        if form == "planes":
            for plane in "yuv":
                np.testing.assert_array_equal(getattr(frame.pixels, plane), getattr(like.pixels, plane))
        else:
            np.testing.assert_array_equal(frame.pixels, like.pixels)


def test_where_the_refresh_takes_longer_than_a_keyframe_decoding_starts_earlier(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (96, 480, 3), np.uint8)
    moving = [np.ascontiguousarray(np.roll(noise, 3 * number, axis=1)[:, :320]) for number in range(70)]
    options = {"g": "10", "bf": "3", "x264-params": "intra-refresh=1:scenecut=0:b-adapt=0"}
    path = make_clip(tmp_path / "a.mp4", moving, options=options)
    info, packets = probe(path), Packets.of(path)
    whole = read(path, info, None)
    with av.open(str(path)) as container:
        keys = [p.pts or 0 for p in container.demux(video=0) if p.is_keyframe and p.size]
    first, stop = packets.shown.index(keys[3]), packets.shown.index(keys[4])
    selection = replace(packets.selection(first, stop - 1, info.codec), decode_pts=keys[2])
    with av.open(str(path)) as container:  # a decoder that starts there drops pictures that are not whole
        container.seek(keys[2], stream=container.streams.video[0])
        assert packets.shown[first] not in [frame.pts for frame in container.decode(video=0)]
    check_same(read(path, info, selection), whole[first:stop])  # without a note of damage


def test_what_is_after_the_last_picture_is_not_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", noisy(48), options={"g": "12", "bf": "3", "sc_threshold": "0"})
    info, packets = probe(path), Packets.of(path)
    whole = read(path, info, None)
    with av.open(str(path)) as container:
        third = next(p for p in container.demux(video=0) if p.pts == packets.shown[24])
    broken = tmp_path / "broken.mp4"
    shutil.copy(path, broken)
    with broken.open("r+b") as file:
        file.seek(third.pos or 0)
        file.write(bytes(third.size))
    check_same(read(broken, info, packets.selection(12, 23, "hevc")), whole[12:24])


def test_sound_between_the_pictures_is_not_taken_for_damage(tmp_path: Path) -> None:
    sound = [{"seconds": 2.0, "codec": "pcm_s16le"}]
    path = make_clip(tmp_path / "a.mkv", noisy(48), options={"g": "12"}, audio=sound)
    info, packets = probe(path), Packets.of(path)
    with av.open(str(path)) as container:
        assert max(packet.size for packet in container.demux(audio=0)) > UNREAD_BYTES
    check_same(read(path, info, packets.selection(12, 23, "hevc")), read(path, info, None)[12:24])


def test_what_is_before_the_keyframe_is_not_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", noisy(48), options={"g": "12", "bf": "3", "sc_threshold": "0"})
    info, packets = probe(path), Packets.of(path)
    whole = read(path, info, None)
    with av.open(str(path)) as container:
        spans = [(p.pos or 0, p.size) for p in container.demux(video=0) if p.size and (p.pts or 0) < 12 * 512]
    data = bytearray(path.read_bytes())
    for position, size in spans:
        data[position : position + size] = bytes(size)
    path.write_bytes(data)
    check_same(read(path, info, packets.selection(12, 23, "hevc")), whole[12:24])


def test_without_its_keyframe_a_selection_is_decoded_from_the_start(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", noisy(24), options={"g": "12"})
    info, packets = probe(path), Packets.of(path)
    for decode_pts in (packets.shown[12] + 1, packets.shown[0] - 100, packets.shown[23] + 10**6):
        wrong = replace(packets.selection(12, 23, "hevc"), decode_pts=decode_pts)
        check_same(read(path, info, wrong), read(path, info, None)[12:24])


def test_a_selection_that_the_file_does_not_have_gives_no_frame(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", noisy(24), options={"g": "12"})
    info, packets = probe(path), Packets.of(path)
    after = packets.shown[23] + 1000
    wrong = FrameSelection(decode_pts=None, first_pts=after, last_pts=after + 9, first_frame=0, frames=3)
    assert read(path, info, wrong) == []
