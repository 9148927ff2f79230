"""Small files that would take all memory or much CPU time are refused, or bounded, before they do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from orchestrator.errors import LimitExceeded
from orchestrator.limits import PIXELS_8K, Limits
from orchestrator.media import source
from orchestrator.media.probe import probe
from tests.clips import claiming_less, make_clip

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"

_MEASURED = """
import sys
from pathlib import Path
from orchestrator.errors import WorkerError
from orchestrator.limits import Limits
from orchestrator.media.probe import probe
try:
    print(probe(Path(sys.argv[1]), limits=Limits()).codec)
except WorkerError as exc:
    print(exc.code)
status = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def probed(path: Path) -> tuple[str, float]:
    """Probe in a process of its own; return the codec or the error's code, and the most memory in MiB."""
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


def test_only_the_video_that_is_wanted_is_decoded_when_a_file_is_opened(tmp_path: Path, large: Path) -> None:
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
        options = source.CONTAINER_OPTIONS | {"codec_whitelist": whitelist}
        with source._open(path, options) as container:
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
    monkeypatch.setitem(source.CONTAINER_OPTIONS, "max_streams", "4")
    with pytest.raises(LimitExceeded, match="streams"):
        probe(path)
    monkeypatch.setitem(source.CONTAINER_OPTIONS, "max_streams", "5")
    assert probe(path).frames == 3


def test_the_limit_of_a_worker_is_within_what_is_decoded() -> None:
    assert Limits().source_px == PIXELS_8K < source.MAX_PIXELS
