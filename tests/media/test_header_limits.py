"""Tests that small files that would take all memory or much CPU time are refused or bounded."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from av.packet import Packet
from av.stream import Stream

from orchestrator.errors import LimitExceeded
from orchestrator.limits import PIXELS_8K, Limits
from orchestrator.media.read import demux, header_limits
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.writer import VideoWriter
from tools.fixtures.clips import claiming_less, make_clip

if TYPE_CHECKING:
    from av.container.core import Chapter

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"

_MEASURED = """
import sys
from pathlib import Path
from orchestrator.errors import WorkerError
from orchestrator.limits import Limits
from orchestrator.media.read.probe import probe
try:
    print(probe(Path(sys.argv[1]), limits=Limits()).codec)
except WorkerError as exc:
    print(exc.code)
status = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def probed(path: Path) -> tuple[str, float]:
    """Probe in a process of its own; return the codec or the error's code, and the peak memory in MiB."""
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(path)], capture_output=True, text=True, check=True, timeout=120
    )
    answer, kilobytes = ran.stdout.split()
    return answer, int(kilobytes) / 1024


def copies(path: Path, video: Path, count: int) -> Path:
    """Write the video stream of a file `count` times into another one."""
    with av.open(str(video)) as read, av.open(str(path), "w") as output:
        streams = [output.add_stream_from_template(read.streams.video[0]) for _ in range(count)]
        for packet in read.demux(video=0):
            if not packet.size:
                continue
            for stream in streams:
                copy: Packet[Stream] = av.Packet(bytes(packet))
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                output.mux(copy)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three black pictures of 4096x4096 in H.264: some kilobytes."""
    black = np.zeros((4096, 4096, 3), np.uint8)
    path = tmp_path_factory.mktemp("large") / "large.mkv"
    return make_clip(path, [black] * 3, options={"preset": "ultrafast", "threads": "1"})


@pytest.mark.skipif(not CASES.exists(), reason="the files that failed are not here")
def test_many_streams_of_giant_pictures_are_refused_without_much_memory() -> None:
    answer, mebibytes = probed(CASES / "s18_cabac.mkv")
    assert answer == "limit_exceeded"
    assert mebibytes < 300


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_many_streams_of_large_pictures_are_refused_without_much_memory(
    tmp_path: Path, large: Path, suffix: str
) -> None:
    """Each picture is within the limit, and all 12 together are not: 12 decoders would take over 1 GiB."""
    answer, mebibytes = probed(copies(tmp_path / f"in.{suffix}", large, 12))
    assert answer == "limit_exceeded"
    assert mebibytes < 300


def test_only_the_video_that_is_needed_is_decoded_when_a_file_is_opened(tmp_path: Path, large: Path) -> None:
    """Four of 4096x4096 are taken; decoding all of them takes 200 MiB more than decoding one."""
    one = probed(copies(tmp_path / "one.mkv", large, 1))
    four = probed(copies(tmp_path / "four.mkv", large, 4))
    assert (one[0], four[0]) == ("h264", "h264")
    assert four[1] < one[1] + 30


def test_no_decoder_runs_in_the_survey(
    tmp_path: Path,
    large: Path,
) -> None:
    """FFmpeg ignores an option that it does not know: this fails if ours were misspelled."""
    path = copies(tmp_path / "in.mkv", large, 1)
    for whitelist, decodes in (("none", False), ("h264", True)):
        options = demux.CONTAINER_OPTIONS | {"codec_whitelist": whitelist}
        with demux._open(path, options) as container:
            # The pixel format of H.264 in Matroska is known to a decoder only.
            assert (container.streams.video[0].codec_context.pix_fmt is not None) == decodes
            assert container.streams.video[0].codec_context.width == 4096


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "flv", "mpg", "webm"])
def test_pictures_above_the_limit_are_refused_by_their_header(tmp_path: Path, suffix: str) -> None:
    codec = {"mpg": "mpeg2video", "avi": "mpeg4", "webm": "libvpx-vp9"}.get(suffix, "libx264")
    path = make_clip(tmp_path / f"in.{suffix}", 25, codec=codec)
    with pytest.raises(LimitExceeded, match="96x64, and at most 6143 pixels are taken"):
        probe(path, limits=Limits(source_px=96 * 64 - 1))
    assert probe(path, limits=Limits(source_px=96 * 64)).width == 96


def test_a_header_that_claims_less_than_its_pictures_have_does_not_help(tmp_path: Path) -> None:
    path = claiming_less(make_clip(tmp_path / "in.mkv", 3))
    with pytest.raises(LimitExceeded, match="96x64"):
        probe(path, limits=Limits(source_px=96 * 64 - 1))


def test_more_streams_than_are_taken_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "in.mp4", 3, audio=[{"seconds": 0.1}] * 4)
    monkeypatch.setitem(demux.CONTAINER_OPTIONS, "max_streams", "4")
    with pytest.raises(LimitExceeded, match="streams"):
        probe(path)
    monkeypatch.setitem(demux.CONTAINER_OPTIONS, "max_streams", "5")
    assert probe(path).frames == 3


def test_the_limit_of_a_worker_is_within_what_is_decoded() -> None:
    assert Limits().source_px == PIXELS_8K < demux.MAX_PIXELS


def chapters(count: int) -> list[Chapter]:
    tick = Fraction(1, 1000)
    return [
        {"id": number, "start": number, "end": number + 1, "time_base": tick, "metadata": {"title": "t"}}
        for number in range(count)
    ]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_a_flood_of_tags_is_refused_before_it_is_read(tmp_path: Path, suffix: str) -> None:
    options = {} if suffix == "mkv" else {"movflags": "use_metadata_tags"}
    for count in (header_limits.MAX_TAGS - 10, header_limits.MAX_TAGS + 1):
        tags = {f"key{number}": "value" for number in range(count)}
        path = make_clip(tmp_path / f"{count}.{suffix}", 3, metadata=tags, container_options=options)
        if count > header_limits.MAX_TAGS:
            with pytest.raises(LimitExceeded, match="more than 2000 tags"):
                probe(path)
        else:
            with demux.open_source(path) as container:
                assert (
                    tags.items() <= {key.lower(): value for key, value in container.metadata.items()}.items()
                )


def test_a_flood_of_chapters_is_refused_and_ten_thousand_are_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "many.mkv", 3, chapters=chapters(header_limits.MAX_CHAPTERS))
    with demux.open_source(path) as container:
        assert len(container.chapters()) == header_limits.MAX_CHAPTERS
    with pytest.raises(LimitExceeded, match="more than 10000 chapters"):
        probe(make_clip(tmp_path / "more.mkv", 3, chapters=chapters(header_limits.MAX_CHAPTERS + 1)))


@pytest.mark.parametrize(("count", "size", "what"), [(130, 2**20, "130 MiB"), (901, 1, "900 attachments")])
def test_a_flood_of_attachments_is_refused_without_much_memory(
    tmp_path: Path, count: int, size: int, what: str
) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(make_clip(tmp_path / "video.mkv", 3))) as read, av.open(str(path), "w") as output:
        video = output.add_stream_from_template(read.streams.video[0])
        for number in range(count):
            output.add_attachment(f"{number}.ttf", "font/ttf", bytes(size))
        for packet in read.demux(video=0):
            if packet.size:
                packet.stream = video
                output.mux(packet)
    answer, mebibytes = probed(path)
    assert answer == "limit_exceeded"
    assert mebibytes < 100
    with pytest.raises(LimitExceeded, match=what):
        probe(path)


def test_tags_of_megabytes_are_refused(tmp_path: Path) -> None:
    tags = {f"key{number}": "v" * 2**20 for number in range(17)}
    with pytest.raises(LimitExceeded, match="tags or chapters of 17 MiB"):
        probe(make_clip(tmp_path / "in.mkv", 3, metadata=tags))


def element(name: int, content: bytes) -> bytes:
    """Return a Matroska element with a size of eight bytes."""
    encoded = name.to_bytes((name.bit_length() + 7) // 8)
    return encoded + (1 << 56 | len(content)).to_bytes(8) + content


def test_tags_behind_the_pictures_are_found_where_the_index_says_that_they_are(tmp_path: Path) -> None:
    tags = element(0x1254C367, element(0x7373, element(0x67C8, b"") * (header_limits.MAX_TAGS + 1)))
    cluster = element(0x1F43B675, bytes(100))
    index_size = len(element(0x114D9B74, element(0x4DBB, element(0x53AC, bytes(8)))))
    place = (index_size + len(cluster)).to_bytes(8)
    index = element(0x114D9B74, element(0x4DBB, element(0x53AC, place)))
    path = tmp_path / "in.mkv"
    path.write_bytes(element(0x1A45DFA3, b"") + element(0x18538067, index + cluster + tags))
    with pytest.raises(LimitExceeded, match="more than 2000 tags"):
        header_limits.check_header(path)


@pytest.mark.parametrize("nested", [b"moov", b"udta"])
def test_boxes_and_elements_that_are_nested_thousands_of_times_are_walked(
    tmp_path: Path, nested: bytes
) -> None:
    content = b""
    for _ in range(5000):
        content = (len(content) + 8).to_bytes(4) + nested + content
    (tmp_path / "in.mp4").write_bytes(b"\0\0\0\x08ftyp" + content)
    header_limits.check_header(tmp_path / "in.mp4")
    content = b""
    for _ in range(1500):
        content = element(0x67C8, content)
    (tmp_path / "in.mkv").write_bytes(
        element(0x1A45DFA3, b"") + element(0x18538067, element(0x1254C367, content))
    )
    header_limits.check_header(tmp_path / "in.mkv")


def test_a_file_is_opened_as_often_for_many_sound_tracks_as_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each opening takes time for each stream: once a track, 300 tracks took 44 s of CPU time."""
    opened: list[Path] = []
    really_open = demux._open

    def counted(path: Path, *arguments: Any, **more: Any) -> Any:
        opened.append(path)
        return really_open(path, *arguments, **more)

    monkeypatch.setattr(demux, "_open", counted)
    counts = []
    for tracks in (1, 20):
        path = make_clip(tmp_path / f"{tracks}.mkv", 10, audio=[{"seconds": 0.4}] * tracks)
        opened.clear()
        info = probe(path)
        with (
            VideoReader(path, info, threads=1) as reader,
            VideoWriter(
                tmp_path / f"out{tracks}.mp4", source=path, info=info, width=info.width, height=info.height
            ) as writer,
        ):
            for frame in reader.frames():
                writer.write(frame)
            writer.finish()
            assert writer.notes == []
        counts.append(opened.count(path))
        with av.open(str(tmp_path / f"out{tracks}.mp4")) as written:
            assert len(written.streams.audio) == tracks
    assert counts[0] == counts[1]
