"""Sends random pictures to the model that repeats each pixel 4 by 4 times, and computes its answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract


def pictures(count: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def enlarged(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images.repeat(4, axis=1).repeat(4, axis=2)


def loaded(client: TritonClient, model: str) -> UpscaleContract:
    client.load(model)
    return client.contract(model, UpscaleContract)
