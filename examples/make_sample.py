"""Make `examples/sample.mp4`: `python -m examples.make_sample`. Needs the `train` extra, for its photographs.

Four seconds of 320x180 H.264 at 24 frames per second with stereo AAC, tagged BT.709. The photographs are CC0
and held out of the lite model's training: what the model makes of the clip is what it makes of unseen ones.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import click
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image, ImageDraw, ImageFont

from orchestrator.errors import WorkerError
from training.lite_sr.pictures import HELD_OUT, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

OUTPUT = Path(__file__).with_name("sample.mp4")

_WIDTH, _HEIGHT = 320, 180
_RATE = 24
_AUDIO_RATE_HZ = 48000
_AAC_FRAME_SAMPLES = 1024
_COMMENT = "Chelsea by Stefan van der Walt, coffee by Rachel Michetti: both CC0, from scikit-image"


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A slow camera move over a photograph.

    Attributes:
        picture: name of a held-out picture.
        caption: drawn into the lower left corner.
        start, end: left, top and width of the view, in pixels of the photograph; 16:9.
        frames: length.
    """

    picture: str
    caption: str
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    frames: int


SHOTS = (
    Shot(picture="chelsea", caption="Chelsea, 320 x 180", start=(0, 12, 451), end=(66, 62, 360), frames=52),
    Shot(picture="coffee", caption="Espresso, 320 x 180", start=(110, 20, 440), end=(20, 20, 560), frames=44),
)


def film(shot: Shot) -> Iterator[Image.Image]:
    """Give the frames of a shot, RGB, 320x180."""
    (picture,) = (load(picture) for picture in HELD_OUT if picture.name == shot.picture)
    photograph = Image.fromarray(picture)
    font = ImageFont.load_default(size=13)
    for index in range(shot.frames):
        done = index / (shot.frames - 1)
        eased = done * done * (3 - 2 * done)
        left, top, width = (a + (b - a) * eased for a, b in zip(shot.start, shot.end, strict=True))
        box = (left, top, left + width, top + width * _HEIGHT / _WIDTH)
        frame = photograph.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS, box=box)
        pen = ImageDraw.Draw(frame)
        pen.text((11, _HEIGHT - 23), shot.caption, font=font, fill=(0, 0, 0))
        pen.text((10, _HEIGHT - 24), shot.caption, font=font, fill=(255, 255, 255))
        yield frame


def compose(duration_s: Fraction) -> NDArray[np.float32]:
    """Play four broken chords on a soft, bell-like tone.

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
    """Film, compose, and mux both into an MP4 file.

    Raises:
        InputNotFound: scikit-image is not installed.
    """
    frames = [frame for shot in SHOTS for frame in film(shot)]
    sound = compose(Fraction(len(frames), _RATE))
    with av.open(output, "w", options={"movflags": "+faststart"}) as container:
        container.metadata.update(title="Framewright sample", comment=_COMMENT)
        video = container.add_stream(
            "libx264", rate=_RATE, options={"crf": "19", "preset": "veryslow", "threads": "1"}
        )
        video.width, video.height, video.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        video.codec_context.colorspace = Colorspace.ITU709
        video.codec_context.color_primaries = ColorPrimaries.BT709
        video.codec_context.color_trc = ColorTrc.BT709
        video.codec_context.color_range = ColorRange.MPEG
        audio = container.add_stream("aac", rate=_AUDIO_RATE_HZ, layout="stereo")
        audio.bit_rate = 96_000
        for index, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.asarray(image, np.uint8), format="rgb24").reformat(
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
