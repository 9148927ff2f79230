"""Turns a large, clean picture into a small, degraded one, as a camera and an encoder would.

The steps are blur, downscaling by four, noise and lossy compression, after Zhang et al., 2021, "Designing a
Practical Degradation Model for Deep Blind Image Super-Resolution"; beside its JPEG there is H.264, for video.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import av
import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from training.lite_sr.pictures import Pixels

SCALE = 4


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """The degradation of a picture.

    Attributes:
        blur_px: standard deviations (x, y) of a Gaussian blur, in pixels of the large picture; 0 for none.
        filter: the filter of the downscaling; all of them are antialiased.
        noise: standard deviation of Gaussian noise, in levels of 0..255.
        grey_noise: whether all three channels get the same noise.
        codec: the lossy compression, 4:2:0 in both cases; None for none.
        loss: H.264's constant rate factor, or 100 less JPEG's quality: larger is worse.
    """

    blur_px: tuple[float, float] = (0.0, 0.0)
    filter: Literal["box", "bilinear", "bicubic", "lanczos"] = "bicubic"
    noise: float = 0.0
    grey_noise: bool = False
    codec: Literal["h264", "jpeg"] | None = None
    loss: int = 0


CLEAN = Degradation()
"""Downscaling alone, the condition of most papers on super-resolution."""

VIDEO = Degradation(blur_px=(1.6, 1.6), filter="box", noise=2.0, codec="h264", loss=18)
"""A good small video: a soft lens, a little noise, and a rate factor for high quality."""

STREAM = Degradation(blur_px=(1.6, 1.6), filter="box", noise=2.0, codec="h264", loss=23)
"""The same at x264's default rate factor."""


def sample(rng: np.random.Generator) -> Degradation:
    """Draw a degradation for training, from nearly none to clearly visible."""
    blur = rng.uniform(0.0, 2.0)
    codec: Literal["h264", "jpeg"] | None = "h264" if rng.random() < 0.5 else "jpeg"
    return Degradation(
        blur_px=(blur * rng.uniform(0.7, 1.0), blur * rng.uniform(0.7, 1.0)),
        filter=("box", "bilinear", "bicubic", "lanczos")[int(rng.integers(4))],
        noise=max(0.0, rng.uniform(-2.0, 4.0)),
        grey_noise=bool(rng.random() < 0.5),
        codec=codec if rng.random() < 0.75 else None,
        loss=int(rng.integers(12, 27)) if codec == "h264" else int(rng.integers(3, 35)),
    )


def degrade(picture: Pixels, degradation: Degradation, rng: np.random.Generator) -> Pixels:
    """Degrade a picture.

    Args:
        picture: uint8 [4H, 4W, 3], RGB, 0..255, with H and W even.
        degradation: the steps.
        rng: the generator of the noise.

    Returns:
        uint8 [H, W, 3], RGB, 0..255.
    """
    height, width = picture.shape[:2]
    if max(degradation.blur_px) > 0:
        sigma_x, sigma_y = (max(sigma, 1e-3) for sigma in degradation.blur_px)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_x, sigmaY=sigma_y), np.uint8)
    resampling = Image.Resampling[degradation.filter.upper()]
    small = np.asarray(
        Image.fromarray(picture).resize((width // SCALE, height // SCALE), resampling), np.uint8
    )
    if degradation.noise > 0:
        shape = (*small.shape[:2], 1 if degradation.grey_noise else 3)
        noisy = small + rng.normal(0.0, degradation.noise, shape)
        small = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    if degradation.codec == "jpeg":
        return _through_jpeg(small, quality=100 - degradation.loss)
    if degradation.codec == "h264":
        return _through_h264(small, rate_factor=degradation.loss)
    return small


def _through_jpeg(picture: Pixels, *, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", picture[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.asarray(bgr, np.uint8)[:, :, ::-1].copy()


def _through_h264(picture: Pixels, *, rate_factor: int) -> Pixels:
    """Encode and decode a single key frame, yuv420p; sides must be even."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        options = {"crf": str(rate_factor), "preset": "fast", "threads": "1"}
        stream = container.add_stream("libx264", rate=Fraction(25), options=options)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r", format="matroska") as source:
        frame = next(source.decode(video=0))
        return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
