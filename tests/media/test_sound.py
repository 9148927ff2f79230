"""Tests audio: which codecs are copied, and that transcoded audio sounds the same and is in sync."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.writer import VideoWriter
from orchestrator.media_containers import MOV, MP4, WEBM
from tools.fixtures.clips import make_clip

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.exists(), reason="the files that failed are not here")

RATE = 48_000
ONE_MS = RATE // 1000


def written(source: Path, output: Path) -> list[str]:
    """Write the video of `source` with everything else it holds; return the notes."""
    info = probe(source)
    with (
        VideoReader(source, info, threads=1) as reader,
        VideoWriter(output, source=source, info=info, width=info.width, height=info.height) as writer,
    ):
        for frame in reader.frames():
            writer.write(frame)
        writer.finish()
        return writer.notes


def heard(path: Path, track: int = 0) -> NDArray[np.float32]:
    """Return the sound as mono samples of 48 kHz, float [n]; the first is heard with the first picture."""
    with av.open(str(path)) as container:
        first_s = next(container.decode(video=0)).time
    made: list[NDArray[np.float32]] = []
    with av.open(str(path)) as container:
        start_s = None
        resamplers: dict[tuple[str, int], av.AudioResampler] = {}
        for frame in container.decode(audio=track):
            assert frame.time is not None
            assert first_s is not None
            start_s = frame.time - first_s if start_s is None else start_s
            setup = frame.layout.name, frame.sample_rate
            resampler = resamplers.setdefault(setup, av.AudioResampler("flt", "mono", RATE))
            made += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    samples = np.concatenate(made)
    offset = round((start_s or 0) * RATE)
    return np.concatenate([np.zeros(max(offset, 0), np.float32), samples[max(-offset, 0) :]])


def delay(before: NDArray[np.float32], after: NDArray[np.float32]) -> int:
    """Return by how many samples `after` is later: where their correlation is highest."""
    length = len(before) + len(after)
    product = np.fft.rfft(after, length) * np.conj(np.fft.rfft(before, length))
    best = int(np.argmax(np.fft.irfft(product, length)))
    return best if best < length // 2 else best - length


def snr_db(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Return the ratio of sound to difference, away from the edges, after undoing a delay."""
    later = delay(before, after)
    before, after = before[max(-later, 0) :], after[max(later, 0) :]
    inner = slice(RATE // 5, min(len(before), len(after)) - RATE // 5)
    difference = after[inner] - before[inner]
    return float(10 * np.log10(np.mean(before[inner] ** 2) / np.mean(difference**2)))


def codec_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return str(container.streams.audio[0].codec_context.codec.canonical_name)


def payload(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def sweep(codec: str, **more: Any) -> dict[str, Any]:
    experimental = {"strict": "-2"} if codec == "vorbis" else {}
    return {"codec": codec, "seconds": 2, "hz": 200, "sweep_hz": 3000, "options": experimental, **more}


TRANSCODED = [
    ("avi", sweep("libmp3lame"), "mp4", "aac"),
    ("ts", sweep("libmp3lame"), "mp4", "aac"),
    ("mkv", sweep("libmp3lame"), "mp4", "aac"),
    ("ts", sweep("mp2"), "mp4", "aac"),
    ("mkv", sweep("vorbis"), "mp4", "aac"),
    ("avi", sweep("adpcm_ms"), "mp4", "aac"),
    ("mov", sweep("pcm_s24le"), "mp4", "aac"),
    ("avi", sweep("pcm_s16le"), "mp4", "aac"),
    ("mov", sweep("adpcm_ima_qt"), "mp4", "aac"),
    ("mkv", sweep("libopus"), "mov", "aac"),
    ("mkv", sweep("flac"), "mov", "aac"),
    ("mkv", sweep("vorbis"), "mov", "aac"),
    ("ts", sweep("mp2"), "mov", "aac"),
    ("mp4", sweep("aac"), "webm", "opus"),
    ("mov", sweep("pcm_s24le"), "webm", "opus"),
    ("mkv", sweep("libmp3lame"), "webm", "opus"),
]


@pytest.mark.parametrize(("suffix", "track", "target", "codec"), TRANSCODED)
def test_sound_that_players_do_not_play_is_transcoded_and_sounds_the_same(
    tmp_path: Path, suffix: str, track: dict[str, Any], target: str, codec: str
) -> None:
    source = make_clip(tmp_path / f"in.{suffix}", 50, audio=[track], options={"bf": "0"})
    notes = written(source, tmp_path / f"out.{target}")
    assert codec_of(tmp_path / f"out.{target}") == codec
    before, after = heard(source), heard(tmp_path / f"out.{target}")
    is_exact = suffix in {"avi", "mov", "mp4"} and target != "webm"
    assert abs(delay(before, after)) <= (1 if is_exact else ONE_MS)
    assert snr_db(before, after) > (30 if codec == "aac" else 15)
    assert abs(len(after) - len(before)) <= 2 * 1024
    assert any(f"and is {codec}" in note for note in notes)


def test_dts_truehd_and_codecs_without_an_encoder_to_test_with_are_not_copied_into_mp4() -> None:
    for container in (MP4, MOV, WEBM):
        copied = container.copied_audio
        assert copied is not None
        assert not copied & {"dts", "truehd", "mlp", "amr_nb", "wmapro", "cook"}


@pytest.mark.parametrize(
    ("codec", "target"),
    [
        *((codec, "mp4") for codec in ("aac", "ac3", "eac3", "alac", "libopus", "flac")),
        *((codec, "mov") for codec in ("aac", "ac3", "eac3", "alac", "libmp3lame", "pcm_s16le")),
        *((codec, "mkv") for codec in ("aac", "libmp3lame", "mp2", "vorbis", "pcm_s24le", "alac")),
        *((codec, "webm") for codec in ("libopus", "vorbis")),
    ],
)
def test_sound_that_players_play_is_copied_to_the_byte(tmp_path: Path, codec: str, target: str) -> None:
    source = make_clip(tmp_path / "in.mkv", 50, audio=[sweep(codec)])
    notes = written(source, tmp_path / f"out.{target}")
    # FFmpeg's muxer of MOV cuts PCM into packets of its own.
    before, after = b"".join(payload(source)), b"".join(payload(tmp_path / f"out.{target}"))
    assert after in before
    assert len(after) > 0.9 * len(before)
    assert not any("sound" in note for note in notes), notes


@needs_cases
@pytest.mark.parametrize("name", ["mp3.avi", "pcm24.mov"])
def test_sound_of_real_files_that_players_do_not_play_in_mp4_is_transcoded(tmp_path: Path, name: str) -> None:
    notes = written(CASES / name, tmp_path / "out.mp4")
    assert codec_of(tmp_path / "out.mp4") == "aac"
    before, after = heard(CASES / name), heard(tmp_path / "out.mp4")
    assert snr_db(before, after) > 30
    assert any("and is aac now" in note for note in notes)


def ac3_parts(path: Path, parts: Sequence[tuple[str, int, float]]) -> Path:
    """Write a TS of H.264 and AC-3 whose layout, rate and tone change from one second to the next.

    Args:
        path: of the file.
        parts: layout, sample rate, and the tone in Hz, of one second each.
    """
    frames: list[bytes] = []
    durations: list[Fraction] = []
    for layout, rate, hz in parts:
        context = av.CodecContext.create("ac3", "w")
        context.sample_rate, context.layout, context.format = rate, layout, "fltp"
        context.bit_rate, context.time_base = 256_000, Fraction(1, rate)
        context.open()
        encoded = []
        for number in range(round(rate / 1536)):
            moments = (np.arange(1536) + number * 1536) / rate
            tone = (0.4 * np.sin(2 * np.pi * hz * moments)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(np.tile(tone, (context.layout.nb_channels, 1)), "fltp", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, number * 1536, Fraction(1, rate)
            encoded += context.encode(frame)
        frames += [bytes(packet) for packet in encoded]
        durations += [Fraction(1536, rate)] * len(encoded)
    video = make_clip(path.with_name("video.mkv"), 25 * len(parts), options={"bf": "0"})
    with av.open(str(video)) as pictures, av.open(str(path), "w") as output:
        shown = output.add_stream_from_template(pictures.streams.video[0])
        layout, rate, _ = parts[0]
        sound = output.add_stream("ac3", rate=rate, layout=layout)
        sound.codec_context.open()
        at_s = Fraction(0)
        waiting = list(zip(frames, durations, strict=True))
        for picture in pictures.demux(video=0):
            if not picture.size:
                continue
            while waiting and at_s <= (picture.pts or 0) * picture.time_base:
                data, duration = waiting.pop(0)
                packet: Any = av.Packet(data)
                packet.stream, packet.time_base = sound, Fraction(1, 90_000)
                packet.pts = packet.dts = round(at_s * 90_000)
                packet.duration = round(duration * 90_000)
                at_s += duration
                output.mux(packet)
            picture.stream = shown
            output.mux(picture)
    return path


def tone_at(samples: NDArray[np.float32], at_s: float) -> float:
    """Return the strongest frequency, in Hz, in the 0.2 s around a moment."""
    part = samples[round((at_s - 0.1) * RATE) : round((at_s + 0.1) * RATE)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), RATE))
    return float(np.argmax(spectrum))


def change_s(samples: NDArray[np.float32], low_hz: float, high_hz: float, near_s: float) -> float:
    """Return when a low tone gives way to a high one, in seconds, to within 5 ms."""
    window = round(0.01 * RATE)
    moments = np.arange(round((near_s - 0.3) * RATE), round((near_s + 0.3) * RATE), window // 4)
    time = np.arange(window) / RATE

    def strength(at: int, hz: float) -> float:
        return float(abs(np.sum(samples[at : at + window] * np.exp(-2j * np.pi * hz * time))))

    first = next(at for at in map(int, moments) if strength(at, high_hz) > strength(at, low_hz))
    return float((first + window / 2) / RATE)


@pytest.mark.parametrize(
    "parts",
    [
        [("stereo", 48_000, 500), ("5.1(side)", 48_000, 2000), ("stereo", 48_000, 500)],
        [("5.1(side)", 48_000, 500), ("stereo", 48_000, 2000), ("mono", 48_000, 500)],
        [("mono", 48_000, 500), ("stereo", 48_000, 2000), ("mono", 48_000, 500)],
        [("stereo", 48_000, 500), ("stereo", 32_000, 2000), ("stereo", 44_100, 500)],
        [("stereo", 44_100, 500), ("5.1(side)", 48_000, 2000), ("stereo", 44_100, 500)],
    ],
    ids=["to 5.1", "to mono", "mono to stereo", "rate", "both"],
)
def test_sound_goes_on_in_time_where_its_layout_or_its_rate_changes(
    tmp_path: Path, parts: list[tuple[str, int, float]]
) -> None:
    source = ac3_parts(tmp_path / "in.ts", parts)
    notes = written(source, tmp_path / "out.webm")
    samples = heard(tmp_path / "out.webm")
    ends_s = np.cumsum([round(rate / 1536) * 1536 / rate for _, rate, _ in parts])
    for (_, _, hz), end_s in zip(parts, ends_s, strict=True):
        assert tone_at(samples, end_s - 0.5) == pytest.approx(hz, abs=10)
    assert change_s(samples, 500, 2000, ends_s[0]) == pytest.approx(ends_s[0], abs=0.01)
    assert change_s(samples, 2000, 500, ends_s[1]) == pytest.approx(ends_s[1], abs=0.01)
    assert len(samples) / RATE == pytest.approx(ends_s[2], abs=0.05)
    (note,) = [note for note in notes if "changes in the source" in note]
    assert note.count(" s on ") == 2
    layout, rate, _ = parts[1]
    assert f"s on {layout}, {rate} Hz" in note


@needs_cases
def test_sound_of_a_recording_that_changes_to_5_1_goes_on(tmp_path: Path) -> None:
    source = CASES / "sound-changes-layout.ts"
    notes = written(source, tmp_path / "out.webm")
    before, after = heard(source), heard(tmp_path / "out.webm")
    assert abs(len(before) - len(after)) < 0.03 * RATE
    assert abs(delay(before, after)) < 0.01 * RATE
    assert any("5.1(side)" in note for note in notes)


@needs_cases
@pytest.mark.parametrize("target", ["mp4", "webm", "mkv"])
def test_a_sound_stream_without_a_packet_is_not_in_the_output(tmp_path: Path, target: str) -> None:
    notes = written(CASES / "empty-audio-pid.ts", tmp_path / f"out.{target}")
    with av.open(str(tmp_path / f"out.{target}")) as container:
        assert len(container.streams.audio) == 1
    assert not any("sound 2" in note or "ac3" in note for note in notes)
