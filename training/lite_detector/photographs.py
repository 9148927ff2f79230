"""Lists and loads the photographs behind the figures of training scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.lite_sr.pictures import TRAINING, Picture, load

if TYPE_CHECKING:
    from training.lite_sr.pictures import Pixels

WITH_PEOPLE = frozenset({"astronaut", "camera", "grace_hopper"})
"""Photographs of people, which would be figures without labels."""


def _skimage(name: str, suffix: str, licence: str, credit: str) -> Picture:
    return Picture(
        name=name,
        project="scikit-image",
        package="skimage",
        path=f"data/{name}.{suffix}",
        licence=licence,
        credit=credit,
    )


BACKGROUNDS = (
    *(picture for picture in TRAINING if picture.name not in WITH_PEOPLE),
    _skimage("cell", "png", "CC0", "Paul Müller and others, Optics Express 26 (2018)"),
    _skimage("clock_motion", "png", "public domain", "Stefan van der Walt"),
    _skimage("hubble_deep_field", "jpg", "public domain", "NASA"),
    _skimage("retina", "jpg", "CC0", "Mikael Häggström"),
    _skimage("text", "png", "no known copyright restrictions", "the authors of scikit-image"),
)


def photographs() -> list[Pixels]:
    """Load the backgrounds for training, each uint8 [H, W, 3] RGB.

    Raises:
        InputNotFound: a package with a photograph is not installed.
    """
    return [load(picture) for picture in BACKGROUNDS]
