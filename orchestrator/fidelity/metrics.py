"""Measures how similar two pictures are: PSNR, SSIM, colour distance, displacement."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Pixels

Floats = NDArray[np.float32]

MOST_DB = 100.0
"""PSNR of equal pictures, for which the formula would give infinity."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of ITU-R BT.709."""

_WINDOW = (11, 11)
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

_BLOCK_PX = 8
_MOST_BLOCKS = 24

_LEAST_SIDE_PX = 16
_LEAST_RESPONSE = 0.1
_LEAST_CONTRAST = 2.0


def luma(pixels: Pixels | Floats) -> Floats:
    """Return the luma (BT.709) of uint8 or float32 [h, w, 3] RGB, 0..255, as float32 [h, w]."""
    return np.asarray(pixels @ _LUMA, np.float32)


def mean_square(a: Floats | Pixels, b: Floats | Pixels) -> float:
    """Return the mean of the squared differences of two arrays of one shape."""
    return float(np.mean(np.square(np.subtract(a, b, dtype=np.float32)), dtype=np.float64))


def psnr_db(mean_squared_error: float) -> float:
    """Return the peak signal-to-noise ratio for a peak of 255, in dB, at most MOST_DB."""
    return min(MOST_DB, 10 * math.log10(255**2 / max(mean_squared_error, 1e-9)))


def ssim(a: Floats, b: Floats) -> float:
    """Return the structural similarity of two pictures' luma, -1..1.

    As in Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error
    visibility to structural similarity", IEEE Transactions on Image Processing 13(4), 2004: a Gaussian window
    of 11 x 11 with a sigma of 1.5, K1 = 0.01, K2 = 0.03, the mean over all positions of the window inside the
    picture. A picture smaller than the window is mirrored at its edges.

    Args:
        a, b: float32 [h, w], 0..255.
    """
    mean_a, mean_b, square_a, square_b, product = (
        cv2.GaussianBlur(part, _WINDOW, _SIGMA, borderType=cv2.BORDER_REFLECT)
        for part in (a, b, a * a, b * b, a * b)
    )
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    similarity = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    similarity /= (mean_a**2 + mean_b**2 + _C1) * (variances + _C2)
    edge = _WINDOW[0] // 2
    inside = similarity[edge:-edge, edge:-edge] if min(a.shape) > 2 * edge else similarity
    return float(np.mean(inside, dtype=np.float64))


def coarse(pixels: Pixels) -> Floats:
    """Return the means of blocks of a picture: its colours without detail and noise.

    Args:
        pixels: uint8 [h, w, 3].

    Returns:
        float32 [rows, columns, 3], 0..255: at most 24 blocks per side, of at least 8 x 8 pixels, or one.
    """
    height, width = pixels.shape[:2]
    columns, rows = (min(_MOST_BLOCKS, max(1, side // _BLOCK_PX)) for side in (width, height))
    return np.asarray(
        cv2.resize(pixels.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA), np.float32
    )


def colour_distance(a: Floats, b: Floats) -> float:
    """Return the mean distance between colours, dE*ab of CIE 1976; about 2.3 is just noticeable.

    The values are treated as sRGB. The threshold is that of M. Mahy, L. Van Eycken, A. Oosterlinck,
    "Evaluation of uniform color spaces developed after the adoption of CIELAB and CIELUV", 1994.

    Args:
        a, b: float32 [h, w, 3] RGB, 0..255.
    """
    lab_a, lab_b = (cv2.cvtColor(part / 255, cv2.COLOR_RGB2LAB) for part in (a, b))
    return float(np.mean(np.linalg.norm(lab_a - lab_b, axis=-1), dtype=np.float64))


def displacement(a: Floats, b: Floats) -> tuple[float, float] | None:
    """Return by how much `b` lies to the right of and below `a`, in pixels, by phase correlation.

    C. D. Kuglin, D. C. Hines, "The phase correlation image alignment method", 1975. None if the result is not
    clear: a picture is small or plain, or the pictures have nothing in common.

    Args:
        a, b: float32 [h, w], 0..255.
    """
    if min(a.shape) < _LEAST_SIDE_PX or min(float(a.std()), float(b.std())) < _LEAST_CONTRAST:
        return None
    window = cv2.createHanningWindow(a.shape[::-1], cv2.CV_32F)
    (right, down), response = cv2.phaseCorrelate(a - a.mean(), b - b.mean(), window)
    return (float(right), float(down)) if response >= _LEAST_RESPONSE else None
