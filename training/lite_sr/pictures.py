"""Lists and loads the photographs for training and for evaluation, with their licences.

All of them are in packages on PyPI, so nothing is downloaded at run time. The split is by picture: training
never sees a part of a held-out picture or another photograph of the same scene.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import InputNotFound

Pixels = NDArray[np.uint8]
"""uint8 [H, W, 3], RGB, 0..255."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture file in an installed package.

    Attributes:
        name: the file's name without its suffix.
        project: the name of the package for `pip install`.
        package: the importable package that contains the file.
        path: the path of the file in the package's folder.
        licence: the licence of the picture, as its package states it.
        credit: its author.
    """

    name: str
    project: str
    package: str
    path: str
    licence: str
    credit: str


def _skimage(file: str, licence: str, credit: str) -> Picture:
    return Picture(
        name=Path(file).stem,
        project="scikit-image",
        package="skimage",
        path=f"data/{file}",
        licence=licence,
        credit=credit,
    )


def _sklearn(file: str, credit: str) -> Picture:
    return Picture(
        name=Path(file).stem,
        project="scikit-learn",
        package="sklearn",
        path=f"datasets/images/{file}",
        licence="CC-BY-2.0",
        credit=credit,
    )


TRAINING = (
    _skimage("astronaut.png", "public domain", "NASA"),
    _skimage("brick.png", "CC0", "cc0textures.com, Bricks25"),
    _skimage("camera.png", "CC0", "Lav Varshney"),
    _skimage("grass.png", "CC0", "linolafett, Grass 01"),
    _skimage("gravel.png", "CC0", "cc0textures.com, Gravel04"),
    _skimage("ihc.png", "no known copyright restrictions", "Center for Microscopy and Molecular Imaging"),
    _sklearn("china.jpg", "danielbuechele on Flickr"),
    _sklearn("flower.jpg", "vultilion on Flickr"),
    Picture(
        name="grace_hopper",
        project="matplotlib",
        package="matplotlib",
        path="mpl-data/sample_data/grace_hopper.jpg",
        licence="public domain",
        credit="James S. Davis, US Navy",
    ),
)

HELD_OUT = (
    _skimage("chelsea.png", "CC0", "Stefan van der Walt"),
    _skimage("coffee.png", "CC0", "Rachel Michetti"),
    _skimage("coins.png", "no known copyright restrictions", "Brooklyn Museum"),
    _skimage("rocket.jpg", "public domain", "SpaceX"),
)


def load(picture: Picture) -> Pixels:
    """Load a picture; a grey one has three equal channels.

    Returns:
        uint8 [H, W, 3], RGB, 0..255.

    Raises:
        InputNotFound: the package is not installed, or has no such file.
    """
    spec = importlib.util.find_spec(picture.package)  # finds the folder without importing the package
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        file = Path(folder) / picture.path
        if file.is_file():
            bgr = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
            if bgr is not None:
                return np.asarray(bgr[:, :, ::-1], np.uint8).copy()
    raise InputNotFound(
        f"the picture {picture.name} is not installed: it comes with {picture.project}"
        f" (pip install {picture.project})"
    )
