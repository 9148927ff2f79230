"""Tests that the sound of an assembled film is the source's: every packet, and in sync to the sample."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from orchestrator.film.assemble import assemble
from tests.support.exports import export_video
from tests.support.film_pieces import NO_TRITON, Packets, demuxed, plan_export
from tests.support.playback import IN_SYNC_S, beeps, flashes
from tools.fixtures.clips import flashing, make_clip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SOURCES: dict[str, tuple[str, dict[str, Any], str]] = {
    "aac priming in mp4": (".mp4", {"codec": "aac", "rate": 44_100}, "mp4"),
    "opus in mkv": (".mkv", {"codec": "libopus"}, "mkv"),
    "opus in webm": (".webm", {"codec": "libopus"}, "webm"),
    "pcm in mov": (".mov", {"codec": "pcm_s16le"}, "mov"),
    "ts to mp4": (".ts", {"codec": "aac"}, "mp4"),
    "late aac in mkv": (".mkv", {"codec": "aac", "start": 0.53}, "mkv"),
    "late ac3 in mp4": (".mp4", {"codec": "ac3", "start": 0.53}, "mp4"),
    "flac to mov": (".mkv", {"codec": "flac"}, "mov"),
}


def clip(folder: Path, suffix: str, audio: dict[str, Any], seconds: int = 4) -> Path:
    """Write a clip that flashes and beeps once a second, with B-frames and short groups of pictures."""
    return make_clip(
        folder / f"in{suffix}",
        flashing(25 * seconds, 25),
        codec="libvpx" if suffix == ".webm" else "libx264",
        options={} if suffix == ".webm" else {"bf": "2", "g": "10"},
        audio=[{"seconds": seconds - 0.1 - audio.get("start", 0), "beeps": True} | audio],
    )


def samples(path: Path) -> tuple[Fraction, NDArray[Any]]:
    """Return when the first sample is heard, in seconds, and all decoded samples, [channels, N]."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        assert frames[0].pts is not None
        assert frames[0].time_base is not None
        parts = [frame.to_ndarray().reshape(frame.layout.nb_channels, -1) for frame in frames]
        return frames[0].pts * frames[0].time_base, np.hstack(parts)


def sound_of(path: Path) -> Packets:
    return next(stream for stream in demuxed(path) if stream.kind == "audio")


@pytest.mark.parametrize("kind", SOURCES)
def test_sound_is_that_of_the_ordinary_job_to_the_sample(tmp_path: Path, kind: str) -> None:
    suffix, audio, container = SOURCES[kind]
    source = clip(tmp_path, suffix, audio)
    film = plan_export(source, tmp_path / "pieces", [13, 50, 51], container=container).make_all()
    one, joined = tmp_path / f"one.{container}", tmp_path / f"film.{container}"
    assemble(source, film.plan, film.pieces, joined, NO_TRITON, plan_hash=film.hash)
    export_video(source, one, format=container)
    assert sound_of(joined) == sound_of(one)
    (heard_s, played), (expected_s, expected) = samples(joined), samples(one)
    assert heard_s == expected_s
    assert np.array_equal(played, expected)
    assert len(beeps(joined)) >= 3
    shown = flashes(joined)
    for beep_s in beeps(joined):
        assert min(abs(beep_s - flash_s) for flash_s in shown) < IN_SYNC_S


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "libopus"), (".mov", "pcm_s16le")])
def test_every_packet_of_the_source_is_copied_once(tmp_path: Path, suffix: str, codec: str) -> None:
    source = clip(tmp_path, suffix, {"codec": codec})
    container = suffix.removeprefix(".")
    film = plan_export(source, tmp_path / "pieces", [30, 70], container=container).make_all()
    joined = tmp_path / f"film{suffix}"
    assemble(source, film.plan, film.pieces, joined, NO_TRITON, plan_hash=film.hash)
    before, after = sound_of(source), sound_of(joined)
    assert b"".join(after.content) == b"".join(before.content)
    if suffix != ".mov":  # PCM may be divided into other packets
        assert after.content == before.content
    assert after.times_s[0] == before.times_s[0]
    (heard_s, played), (expected_s, expected) = samples(joined), samples(source)
    assert heard_s == expected_s
    assert np.array_equal(played, expected)


@pytest.mark.parametrize(("start", "end"), [(1.0, None), (0.77, 3.1)])
@pytest.mark.parametrize("container", ["mp4", "mkv", "mov"])
def test_sound_of_a_part_is_that_of_the_ordinary_job(
    tmp_path: Path, container: str, start: float, end: float | None
) -> None:
    source = clip(tmp_path, ".mp4", {"codec": "aac"})
    part: dict[str, Any] = {"start": start} | ({} if end is None else {"end": end})
    film = plan_export(source, tmp_path / "pieces", [21, 44], container=container, **part).make_all()
    one, joined = tmp_path / f"one.{container}", tmp_path / f"film.{container}"
    assemble(source, film.plan, film.pieces, joined, NO_TRITON, plan_hash=film.hash)
    export_video(source, one, format=container, **part)
    assert sound_of(joined) == sound_of(one)
    assert samples(joined)[0] == samples(one)[0]
    assert np.array_equal(samples(joined)[1], samples(one)[1])


def test_a_film_without_sound_has_none(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 30)
    film = plan_export(source, tmp_path / "pieces", [10, 20]).make_all()
    result = assemble(source, film.plan, film.pieces, tmp_path / "film.mp4", NO_TRITON, plan_hash=film.hash)
    assert [stream.kind for stream in demuxed(tmp_path / "film.mp4")] == ["video"]
    assert result.fidelity is not None
    assert result.fidelity.av_offset_ms is None
