"""Chooses random colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from training.lite_detector.sprites import Colour


def colour(rng: np.random.Generator) -> Colour:
    """Draw a random colour, from grey to vivid."""
    value, vivid = rng.uniform(0.08, 1.0), rng.uniform(0, 0.9)
    tint = rng.random(3)
    tint /= tint.max()
    red, green, blue = (round(255 * value * (1 - vivid + vivid * part)) for part in tint)
    return red, green, blue
