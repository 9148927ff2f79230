"""Tests that frame times read from packets equal those of the decoded frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadMedia
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tools.fixtures.clips import damage, make_clip, truncate

REAL = Path(__file__).resolve().parents[3] / "shared" / "real" / "media"
SHORT_GOP = {"g": "10", "bf": "2"}


def listed_times(path: Path) -> list[float]:
    return [float(time_s) for time_s in frame_times(path, probe(path))]


def read(path: Path) -> list[float]:
    info = probe(path)
    with VideoReader(path, info) as reader:
        return [float(frame.pts * info.time_base - info.start_s) for frame in reader.frames()]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", SHORT_GOP),
        ("a.mov", "libx264", {"bf": "0"}),
        ("a.mkv", "libx265", {"x265-params": "log-level=none:open-gop=1:keyint=10"}),
        ("a.webm", "libvpx-vp9", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("b.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("c.webm", "libsvtav1", {"preset": "12"}),
        ("a.avi", "mpeg4", {"bf": "2"}),
        ("b.avi", "libx264", SHORT_GOP),
        ("a.ts", "mpeg2video", {"bf": "2"}),
        ("b.ts", "libx264", SHORT_GOP),
        ("c.ts", "libx265", {"x265-params": "log-level=none:open-gop=1:keyint=10"}),
        ("a.mpg", "mpeg2video", {"bf": "2"}),
        ("a.flv", "libx264", SHORT_GOP),
        ("a.mxf", "mpeg2video", {}),
        ("d.ts", "mpeg2video", {"flags": "+ildct+ilme"}),
        ("b.mp4", "libx264", {"flags": "+ildct+ilme"}),
    ],
)
def test_times_are_those_of_the_reader(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = make_clip(
        tmp_path / name, 40, codec=codec, options=options, audio=[{"seconds": 1.6}] * ("t" in name)
    )
    times = listed_times(path)
    assert len(times) == 40
    assert times == pytest.approx(read(path), abs=1e-9)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 90_000), min_size=1, max_size=12), name=st.sampled_from(["a.mp4", "a.mkv"])
)
def test_of_any_variable_frame_rate_too(tmp_path: Path, gaps: list[int], name: str) -> None:
    pts = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    path = make_clip(tmp_path / name, len(pts), pts=pts, time_base=Fraction(1, 90_000), options={"bf": "2"})
    assert listed_times(path) == pytest.approx(read(path), abs=1e-9)


def test_what_an_edit_list_hides_is_no_frame(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 30, pts=list(range(-10, 20)), time_base=Fraction(1, 25))
    assert listed_times(path) == pytest.approx([n / 25 for n in range(20)])
    assert listed_times(path) == pytest.approx(read(path), abs=1e-9)


@pytest.mark.parametrize("lost", [[1], [10], [20], [12, 13, 30], [39], [38, 39]])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_pictures_that_cannot_be_decoded_have_their_times(tmp_path: Path, name: str, lost: list[int]) -> None:
    path = damage(make_clip(tmp_path / name, 40, options=SHORT_GOP), lost)
    assert listed_times(path) == pytest.approx(read(path), abs=1e-9)


@pytest.mark.parametrize("number", [20, 33, 40])
def test_a_damaged_broadcast_has_the_times_of_what_is_read_of_it(tmp_path: Path, number: int) -> None:
    path = make_clip(tmp_path / "a.ts", 60, options=SHORT_GOP)
    data = bytearray(path.read_bytes())
    for packet in range(number, number + 3):
        data[188 * packet + 60 : 188 * (packet + 1)] = b"\xa5" * 128
    path.write_bytes(data)
    assert listed_times(path) == pytest.approx(read(path), abs=1e-9)


def test_a_stream_that_begins_in_the_middle_has_all_its_frames(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "a.ts", 60, options={"g": "25", "bf": "2"})
    data = whole.read_bytes()
    # From the third packet of 188 bytes in a hundred on, with the tables in front.
    part = tmp_path / "b.ts"
    part.write_bytes(data[: 3 * 188] + data[len(data) // 188 // 5 * 188 :])
    assert 30 < len(listed_times(part)) < 60
    assert listed_times(part) == pytest.approx(read(part), abs=1e-9)


def test_frames_with_one_time_are_put_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with (
        av.open(str(make_clip(tmp_path / "a.mp4", 12, options={"bf": "0"}))) as source,
        av.open(str(path), "w") as output,
    ):
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.pts is not None:
                packet.pts = packet.dts = packet.pts - packet.pts % (4 * (packet.duration or 1))
                packet.stream = stream
                output.mux(packet)
    times = listed_times(path)
    assert len(times) == 12
    assert times == pytest.approx(read(path), abs=1e-9)


def test_times_count_from_the_start_of_the_file(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "a.ts", 10, pts=[90_000 * 500 + 3600 * n for n in range(10)], time_base=Fraction(1, 90_000)
    )
    assert listed_times(path) == pytest.approx([n / 25 for n in range(10)], abs=1e-6)


def test_no_picture_is_decoded_where_packets_tell_the_times(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 300, options={"g": "300", "bf": "2"})
    info = probe(path)
    damage(path, range(1, 300))
    assert len(frame_times(path, info)) == 300
    with pytest.raises(BadMedia), VideoReader(path, info) as reader:
        list(reader.frames())


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 30)
    info = probe(path)
    with pytest.raises(BadMedia):
        frame_times(truncate(path, 0.3), info)


@pytest.mark.skipif(not REAL.exists(), reason="../shared/real is not there")
@pytest.mark.parametrize("name", ["one-by-one-person-detection.mp4", "onepiece_demo.mp4"])
def test_times_of_real_clips(name: str) -> None:
    assert listed_times(REAL / name) == pytest.approx(read(REAL / name), abs=1e-9)
