"""Tests videos that are read over HTTP by ranges: they are read as local files are, and only where needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from orchestrator.errors import BadMedia, DownloadFailed, InputNotFound, SourceChanged
from orchestrator.frames import Pixels, VideoInfo
from orchestrator.media.read.demux import open_source
from orchestrator.media.read.file_contents import read_contents
from orchestrator.media.read.frame_selection import FrameSelection
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.missing_bytes import missing_bytes
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.read.remote_index import prepare_index
from orchestrator.storage.client import StorageClient
from orchestrator.storage.ranged import RangedFile
from orchestrator.video_source import VideoSource, expect
from tests.support.exports import export_video
from tests.support.long_films import GOP, long_film
from tests.support.range_server import RangeHandler, RangeServer, serving_ranges
from tests.support.transfers import LOOPBACK, QUICK
from tools.fixtures.clips import make_clip

SOUND = {"seconds": 2.4}


def ranged(server: RangeServer) -> RangedFile:
    client = StorageClient(guard=LOOPBACK, limits=QUICK)
    return client.ranged(server.url, stop=threading.Event())


def pictures(source: VideoSource, info: VideoInfo, **options: Any) -> list[tuple[int, Pixels]]:
    with VideoReader[Pixels](source, info, threads=2, **options) as reader:
        return [(frame.pts, frame.pixels) for frame in reader.frames()]


KINDS: dict[str, dict[str, Any]] = {
    "a.mp4": {"audio": [SOUND], "chapters": [], "metadata": {"title": "A film"}},
    "front.mp4": {"audio": [SOUND], "container_options": {"movflags": "faststart"}},
    "parts.mp4": {"audio": [SOUND], "container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "a.mov": {"audio": [SOUND], "cover": False},
    "a.mkv": {"audio": [SOUND], "attachment": ("font.ttf", "application/x-truetype-font", b"1234")},
    "a.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "a.ts": {"audio": [SOUND]},
    "a.mpg": {"codec": "mpeg2video"},
    "a.avi": {"codec": "mpeg4"},
    "a.flv": {"codec": "flv1"},
    "a.ogg": {"codec": "libvpx"},
    "a.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "a.y4m": {"codec": "wrapped_avframe"},
}


@pytest.mark.parametrize("name", KINDS)
def test_a_video_is_read_over_http_as_from_the_disk(tmp_path: Path, name: str) -> None:
    path = make_clip(tmp_path / name, 60, **KINDS[name])
    info = probe(path)
    with serving_ranges(path.read_bytes(), name) as server:
        source = ranged(server)
        assert probe(source) == info
        assert read_contents(source, open_source) == read_contents(path, open_source)
        assert list(frame_times(source, info)) == list(frame_times(path, info))
        with open_source(path) as container:
            form = container.format.name
        assert missing_bytes(source, form) == missing_bytes(path, form)
        for part in ({}, {"start_s": Fraction(1), "end_s": Fraction(3, 2)}):
            over_http, local = pictures(source, info, **part), pictures(path, info, **part)
            assert [pts for pts, _ in over_http] == [pts for pts, _ in local]
            assert all(
                np.array_equal(one, other) for (_, one), (_, other) in zip(over_http, local, strict=True)
            )
        # All openings and passes together: nothing is sent twice, as the file fits into memory.
        assert server.sent_bytes == source.fetched_bytes <= path.stat().st_size


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_an_export_of_a_video_over_http_is_that_of_the_local_file_bit_for_bit(
    tmp_path: Path, name: str
) -> None:
    path = make_clip(tmp_path / name, 60, **KINDS[name])
    local, over_http = tmp_path / "local.mkv", tmp_path / "http.mkv"
    expected = export_video(path, local, start=0.5)
    with serving_ranges(path.read_bytes(), name) as server:
        result = export_video(ranged(server), over_http, start=0.5)
    assert result.notes == expected.notes
    assert packets_of(over_http) == packets_of(local)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "http.mkv", "local.mkv"])


def packets_of(path: Path) -> list[tuple[int, int | None, bytes]]:
    with av.open(str(path)) as container:
        return [
            (packet.stream.index, packet.pts, bytes(packet)) for packet in container.demux() if packet.size
        ]


SOUNDS: list[list[dict[str, Any]]] = [[], [SOUND], [SOUND, {"seconds": 4.0}]]
TIMES = [
    [*range(60)],
    [*range(25, 85)],  # the pictures start later than the sound
    [number * 2 + number % 3 // 2 for number in range(60)],  # a variable rate
]


@pytest.mark.parametrize("name", ["a.mp4", "front.mp4", "parts.mp4", "a.mov"])
@pytest.mark.parametrize("sound", SOUNDS, ids=len)
@pytest.mark.parametrize("times", TIMES, ids=["plain", "late", "variable"])
def test_selected_frames_are_read_without_the_index_of_the_sound_and_are_those_of_the_local_file(
    tmp_path: Path, name: str, sound: list[dict[str, Any]], times: list[int]
) -> None:
    container_options = KINDS[name].get("container_options", {})
    options = {"g": "15", "bf": "2", "sc_threshold": "0"}
    path = make_clip(
        tmp_path / name,
        60,
        pts=times,
        audio=sound,
        options=options,
        container_options=container_options,
    )
    info = probe(path)
    expected = pictures(path, info)
    with av.open(str(path)) as container:
        read = [packet for packet in container.demux(video=0) if packet.size]
    keys = [packet.pts or 0 for packet in read if packet.is_keyframe]
    shown = sorted(packet.pts or 0 for packet in read)
    first, stop = shown.index(keys[1]), shown.index(keys[2])
    selection = FrameSelection(
        decode_pts=keys[1],
        first_pts=keys[1],
        last_pts=shown[stop - 1],
        first_frame=first,
        frames=stop - first,
    )
    with serving_ranges(path.read_bytes(), name) as server:
        source = ranged(server)
        found = pictures(source, info, selection=selection)
        assert [pts for pts, _ in found] == [pts for pts, _ in expected[first:stop]] == shown[first:stop]
        for (_, one), (_, other) in zip(found, expected[first:stop], strict=True):
            assert np.array_equal(one, other)
        openings: list[tuple[VideoSource, bool, int]] = [
            (source, False, 0),
            (source, True, len(sound)),
            (path, False, len(sound)),
        ]
        for given, with_sound, count in openings:
            with open_source(given, sound=with_sound) as container:
                assert len(container.streams.audio) == count
                assert len(container.streams.video) == 1


def test_any_read_of_a_file_without_its_sound_shows_the_same_bytes_but_for_the_name_of_a_box(
    tmp_path: Path,
) -> None:
    path = make_clip(tmp_path / "a.mp4", 30, audio=[SOUND])
    content = path.read_bytes()
    places = [place for place in range(len(content)) if content.startswith(b"trak", place)]
    sound = max(places)
    assert b"soun" in content[sound:]
    shown = content[:sound] + b"skip" + content[sound + 4 :]
    with serving_ranges(content) as server:
        view = prepare_index(ranged(server), sound=False)
        assert (view.name, str(view), view.stat().st_size) == (
            "film.mp4",
            "http://127.0.0.1/film.mp4",
            len(content),
        )
        assert view.open("rb").read() == shown
        for start in range(sound - 6, sound + 6):
            for count in range(1, 12):
                handle = view.open("rb")
                handle.seek(start)
                assert handle.read(count) == shown[start : start + count]


# --- FFmpeg gets bytes, and opens nothing itself


def test_a_playlist_over_http_opens_no_other_file_and_makes_no_other_request(tmp_path: Path) -> None:
    target = make_clip(tmp_path / "target.ts", 10)
    with serving_ranges(target.read_bytes(), "target.ts") as other:
        for name, content in {
            "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other.url}\n#EXT-X-ENDLIST\n",
            "b.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{target}\n#EXT-X-ENDLIST\n",
            "c.mp4": f"ffconcat version 1.0\nfile file:{target}\n",
            "d.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
        }.items():
            with serving_ranges(content.encode(), name) as server, pytest.raises(BadMedia):
                probe(ranged(server))
        assert not other.asked


def test_a_remote_file_is_passed_as_an_object_with_a_plain_name_and_no_protocol_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, calls, opened = make_clip(tmp_path / "a.mp4", 5), list[tuple[Any, dict[str, Any]]](), av.open

    def noting(file: Any, *args: Any, **options: Any) -> Any:
        calls.append((file, options["container_options"]))
        return opened(file, *args, **options)

    monkeypatch.setattr(av, "open", noting)
    with serving_ranges(path.read_bytes()) as server:
        open_source(ranged(server)).close()
    open_source(path).close()
    assert [file if isinstance(file, str) else file.name for file, _ in calls] == [
        *["film.mp4"] * 2,
        *[f"file:{path}"] * 2,
    ]
    assert [options["protocol_whitelist"] for _, options in calls] == [*["none"] * 2, *["file"] * 2]


# --- errors


@dataclass
class Failing:
    """Answers with a status from one request on."""

    first: int
    status: int

    def __call__(self, handler: RangeHandler, number: int) -> bool:
        if number >= self.first:
            handler.answer(self.status)
        return number >= self.first


USES: list[Callable[[VideoSource, VideoInfo, Path], object]] = [
    lambda source, _info, _folder: probe(source),
    lambda source, info, _folder: pictures(source, info),
    lambda source, info, _folder: pictures(source, info, start_s=Fraction(1, 2)),
    lambda source, info, _folder: frame_times(source, info),
    lambda source, _info, _folder: read_contents(source, open_source),
    lambda source, _info, folder: export_video(source, folder / "out.mkv"),
]


@pytest.mark.parametrize("name", ["a.mp4", "front.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize(
    ("status", "error"), [(404, InputNotFound), (412, SourceChanged), (503, DownloadFailed)]
)
def test_a_failure_at_any_request_is_the_error_of_the_download_wherever_ffmpeg_was(
    tmp_path: Path, name: str, status: int, error: type[Exception]
) -> None:
    chance = np.random.default_rng(1)
    noise = [chance.integers(0, 255, (240, 320, 3), np.uint8) for _ in range(30)]
    options = {**KINDS[name], "options": {"qp": "30", "g": "12", "preset": "ultrafast"}}
    path = make_clip(tmp_path / name, noise, **options)
    info = probe(path)
    content = path.read_bytes()
    for use in USES:
        with serving_ranges(content, name) as server:
            use(ranged(server), info, tmp_path)
            (tmp_path / "out.mkv").unlink(missing_ok=True)
            requests = len(server.asked)
        assert requests >= 3
        for first in {0, 1, 2, requests // 2, requests - 1}:
            with serving_ranges(content, name) as server:
                server.fault = Failing(first, status)
                with pytest.raises(error):
                    use(ranged(server), info, tmp_path)
                assert not (tmp_path / "out.mkv").exists()


# --- bytes


@dataclass(frozen=True)
class Segment:
    """A segment, as PyAV demuxes the local file: what to read, and where its packets are."""

    selection: FrameSelection
    first_byte: int
    end_byte: int
    share: float
    """Its share of the file, in bytes, by its frames."""


def segments_of(path: Path, count: int) -> list[Segment]:
    with av.open(str(path)) as container:
        read = [packet for packet in container.demux(video=0) if packet.size]
    starts = [number for number, packet in enumerate(read) if packet.is_keyframe]
    assert starts[1] == GOP
    begins = [starts[number * len(starts) // count] for number in range(count)]
    found = []
    for begin, end in zip(begins, [*begins[1:], len(read)], strict=True):
        part = read[begin:end]
        pts = [packet.pts or 0 for packet in part]
        found.append(
            Segment(
                FrameSelection(
                    decode_pts=pts[0],
                    first_pts=min(pts),
                    last_pts=max(pts),
                    first_frame=begin,
                    frames=len(part),
                ),
                first_byte=part[0].pos or 0,
                end_byte=max((packet.pos or 0) + packet.size for packet in part),
                share=path.stat().st_size * len(part) / len(read),
            )
        )
    return found


def sent_for(path: Path, segment: Segment, *, announced: bool, server: RangeServer) -> int:
    """Read a segment over HTTP and from the disk; return how many bytes the server has sent."""
    info = probe(path)
    server.sent.clear()
    source = ranged(server)
    if announced:
        expect(source, segment.first_byte, segment.end_byte)
    with (
        VideoReader[Pixels](source, info, threads=2, selection=segment.selection) as reader,
        VideoReader[Pixels](path, info, threads=2, selection=segment.selection) as local,
    ):
        count = 0
        for one, other in zip(reader.frames(), local.frames(), strict=True):
            assert one.pts == other.pts
            assert np.array_equal(one.pixels, other.pixels)
            count += 1
    assert count == segment.selection.frames
    return server.sent_bytes


@pytest.mark.slow
@pytest.mark.parametrize(("size", "count"), [(40_000_000, 8), (300_000_000, 40)])
@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}], ids=["index_behind", "index_in_front"])
def test_a_segment_of_an_mp4_takes_little_more_than_its_share_of_the_file(
    tmp_path: Path, size: int, count: int, options: dict[str, str]
) -> None:
    path = long_film(tmp_path, "a.mp4", size_bytes=size, options=options)
    segments = segments_of(path, count)
    with serving_ranges(path.read_bytes()) as server:
        for number in (0, count // 2, count - 1):
            segment = segments[number]
            assert sent_for(path, segment, announced=True, server=server) <= 1.2 * segment.share
            assert len(server.sent) <= 12
        assert sent_for(path, segments[1], announced=False, server=server) <= 1.3 * segments[1].share


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("a.mkv", 1.3), ("a.ts", 1.7)])
def test_a_segment_of_matroska_and_mpeg_ts_takes_its_share_and_what_ffmpeg_reads_at_opening(
    tmp_path: Path, name: str, most: float
) -> None:
    path = long_film(tmp_path, name, size_bytes=20_000_000)
    segments = segments_of(path, 4)
    with serving_ranges(path.read_bytes(), name) as server:
        for number in (0, 2):
            segment = segments[number]
            sent = sent_for(path, segment, announced=True, server=server)
            assert segment.share * 0.95 <= sent <= most * segment.share


def test_a_video_that_is_opened_again_sends_its_head_once(tmp_path: Path) -> None:
    path = long_film(tmp_path, "a.mp4", size_bytes=3_000_000)
    with serving_ranges(path.read_bytes()) as server:
        source = ranged(server)
        open_source(source).close()
        once = server.sent_bytes
        for _ in range(3):
            open_source(source).close()
        assert server.sent_bytes == once < 500_000
