"""The sample clip: small, well tagged, with sound, and still what its script makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip(
    "skimage", reason="scikit-image, which holds the pictures, is not installed (extra: train)"
)

from examples import make_sample

if TYPE_CHECKING:
    from pathlib import Path

BT709 = 1  # the number of BT.709 among matrices, primaries and transfer functions: ITU-T H.273


def read(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Give the frames, uint8 [H, W, 3] RGB, and the sound, float32 [2, samples]."""
    with av.open(path) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(path) as container:
        sound = np.concatenate([block.to_ndarray() for block in container.decode(audio=0)], axis=1)
    return frames, sound


def test_sample_clip_is_small_and_tagged_as_bt709() -> None:
    assert make_sample.OUTPUT.stat().st_size < 400_000
    with av.open(make_sample.OUTPUT) as container:
        video = container.streams.video[0].codec_context
        assert (video.width, video.height, video.pix_fmt) == (320, 180, "yuv420p")
        assert (video.colorspace, video.color_primaries, video.color_trc) == (BT709, BT709, BT709)
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.streams.video[0].average_rate == 24


def test_the_script_makes_the_clip_that_is_carried(tmp_path: Path) -> None:
    result = CliRunner().invoke(make_sample.main, ["--output", str(tmp_path / "sample.mp4")])
    assert result.exit_code == 0, result.output
    made, made_sound = read(tmp_path / "sample.mp4")
    carried, carried_sound = read(make_sample.OUTPUT)
    assert len(made) == len(carried) == 96
    # Another version of x264 or of the AAC encoder may decide a little otherwise.
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(made, carried, strict=True)) < 3
    assert made_sound.shape == carried_sound.shape
    assert np.abs(carried_sound).max() > 0.2
    assert np.abs(made_sound - carried_sound).mean() < 0.02
