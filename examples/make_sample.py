"""Makes examples/sample.mp4: `python -m examples.make_sample`.

The clip has six seconds of 320x180 H.264 at 24 frames per second with stereo AAC, tagged BT.709: two shots of
drawn people (examples/cast.py) who walk in front of a photograph, meet, are hidden and leave. The photographs
are CC0, and neither lite model was trained on them. Nobody is in both shots, which tests the cut between
them. The script needs the `train` extra, for the photographs.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import click
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from examples.cast import SHOTS
from orchestrator.errors import WorkerError
from training.lite_detector.shots import HEIGHT, WIDTH, frames
from training.lite_sr.pictures import HELD_OUT, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from training.lite_detector.scenes import Figure, Scene

OUTPUT = Path(__file__).with_name("sample.mp4")

_RATE = 24
_AUDIO_RATE_HZ = 48000
_AAC_FRAME_SAMPLES = 1024
_COMMENT = "Chelsea by Stefan van der Walt, coffee by Rachel Michetti: both CC0, from scikit-image"


def film() -> Iterator[Scene]:
    """Yield every frame of the clip, uint8 [180, 320, 3] RGB, with its labels.

    Raises:
        InputNotFound: scikit-image is not installed.
    """
    for shot in SHOTS:
        (picture,) = (load(picture) for picture in HELD_OUT if picture.name == shot.picture)
        yield from frames(shot, picture)


def truth() -> list[tuple[Figure, ...]]:
    """Return the labels of each frame: a figure has the same `identity` in all frames.

    Raises:
        InputNotFound: scikit-image is not installed.
    """
    return [scene.figures for scene in film()]


def play(duration_s: Fraction) -> NDArray[np.float32]:
    """Synthesise four broken chords with a soft, bell-like tone.

    Returns:
        float32 [2, samples], -1..1, left and right, at 48 kHz.
    """
    samples = int(duration_s * _AUDIO_RATE_HZ)
    sound = np.zeros((2, samples))
    chords = ((57, 60, 64, 69), (53, 57, 60, 65), (48, 55, 60, 64), (55, 59, 62, 67))  # MIDI: Am F C G
    notes = list(itertools.chain.from_iterable(chords))
    for number, note in enumerate(notes):
        start = samples * number // (len(notes) + 2)
        time_s = np.arange(samples - start) / _AUDIO_RATE_HZ
        pitch_hz = 440 * 2 ** ((note - 69) / 12)
        partials = ((1, 1.0, 2.5), (2, 0.35, 4.0), (3, 0.12, 6.0))  # multiple of the pitch, loudness, decay
        tone = sum(
            loud * np.exp(-decay * time_s) * np.sin(2 * np.pi * pitch_hz * multiple * time_s)
            for multiple, loud, decay in partials
        )
        tone = tone * np.minimum(1, time_s / 0.005)
        right = 0.3 + 0.4 * (number % 4) / 3
        sound[:, start:] += np.stack([(1 - right) * tone, right * tone])
    fade = np.minimum(1, (samples - np.arange(samples)) / (0.4 * _AUDIO_RATE_HZ))
    return np.asarray(sound * fade * 0.5 / np.abs(sound).max(), np.float32)


def write(output: Path) -> None:
    """Write frames and sound into an MP4 file.

    Raises:
        InputNotFound: scikit-image is not installed.
    """
    pictures = [scene.picture for scene in film()]
    sound = play(Fraction(len(pictures), _RATE))
    with av.open(output, "w", options={"movflags": "+faststart"}) as container:
        container.metadata.update(title="Framewright sample", comment=_COMMENT)
        video = container.add_stream(
            "libx264", rate=_RATE, options={"crf": "19", "preset": "veryslow", "threads": "1"}
        )
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.colorspace = Colorspace.ITU709
        video.codec_context.color_primaries = ColorPrimaries.BT709
        video.codec_context.color_trc = ColorTrc.BT709
        video.codec_context.color_range = ColorRange.MPEG
        audio = container.add_stream("aac", rate=_AUDIO_RATE_HZ, layout="stereo")
        audio.bit_rate = 96_000
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                dst_color_primaries=ColorPrimaries.BT709,
                dst_color_trc=ColorTrc.BT709,
            )
            frame.pts = index
            frame.time_base = Fraction(1, _RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, sound.shape[1], _AAC_FRAME_SAMPLES):
            block = np.ascontiguousarray(sound[:, start : start + _AAC_FRAME_SAMPLES])
            samples = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            samples.sample_rate = _AUDIO_RATE_HZ
            samples.pts = start
            samples.time_base = Fraction(1, _AUDIO_RATE_HZ)
            container.mux(audio.encode(samples))
        container.mux(audio.encode())


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT)
def main(*, output: Path) -> None:
    """Make the sample clip."""
    try:
        write(output)
    except WorkerError as exc:
        raise click.ClickException(str(exc)) from exc
    print(f"wrote {output}, {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
