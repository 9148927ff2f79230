"""Trains lite-x4 without the held-out pictures: `python -m training.lite_sr.train`.

Each round draws new pictures, degrades them once, and trains on patches of them. A round depends only on the
seed and its number, so an interrupted run continues from its checkpoint with the same result. Other machines
or versions give other weights of the same quality.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image

from orchestrator.errors import WorkerError
from orchestrator.settings import PROJECT_ROOT
from training.checkpoint import TrainingState
from training.lite_sr.degradation import SCALE, degrade, sample
from training.lite_sr.drawings import draw
from training.lite_sr.net import CompactNet
from training.lite_sr.pictures import TRAINING, Pixels, load

FEATURES = 32
HIDDEN_CONVS = 8

_ROUND_STEPS = 100
_ROUND_PICTURES = 80
_BATCH = 8
_PATCH_PX = 48  # of the small picture
_CROP_PX = 384  # of the large picture; a multiple of 8, since 4:2:0 video has even sides
_DRAWINGS = 0.1  # share of synthetic pictures
_WARMUP_STEPS = 100
_PEAK_RATE = 1e-3
_LAST_RATE = 1e-5
# The last rounds use the squared error, which PSNR measures, on places of any contrast, and add smooth
# colours, in which the pixel shuffle would otherwise leave a faint grid.
_FINISHING_ROUNDS = 25
_FINISHING_RATE = 3e-4
_SMOOTH_WEIGHT = 0.1
_CHARBONNIER = 1e-3

Pair = tuple[Pixels, Pixels]
"""A small picture [H, W, 3] and its original [4H, 4W, 3], both uint8 RGB."""


def make_pairs(photographs: list[Pixels], rng: np.random.Generator) -> list[Pair]:
    """Make the pictures of a round: cropped, scaled, rotated, mirrored, recoloured and degraded."""
    pairs = []
    for _ in range(_ROUND_PICTURES):
        if rng.random() < _DRAWINGS:
            large = draw(rng)
        else:
            large = _vary(photographs[int(rng.integers(len(photographs)))], rng)
        pairs.append((degrade(large, sample(rng), rng), large))
    return pairs


def _vary(picture: Pixels, rng: np.random.Generator) -> Pixels:
    factor = rng.uniform(min(0.5, _CROP_PX / min(picture.shape[:2])), 1.0)
    size = (int(picture.shape[1] * factor), int(picture.shape[0] * factor))
    picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS), np.uint8)
    height, width = (min(side, _CROP_PX) // 8 * 8 for side in picture.shape[:2])
    top = int(rng.integers(picture.shape[0] - height + 1))
    left = int(rng.integers(picture.shape[1] - width + 1))
    picture = np.rot90(picture[top : top + height, left : left + width], int(rng.integers(4)))
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    # A gamma for each channel tints grey pictures too.
    curves = np.linspace(0.0, 1.0, 256)[:, None] ** rng.uniform(0.75, 1.35, 3)
    table = np.rint(curves * 255).astype(np.uint8)
    channels = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)
    return np.stack([table[picture[:, :, source], source] for source in channels], axis=2)


def draw_batch(
    pairs: list[Pair], rng: np.random.Generator, *, candidates: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut a batch of patches, each at the random place with the most contrast of `candidates` places.

    Returns:
        float [N, 3, P, P] and float [N, 3, 4P, 4P], RGB, 0..1.
    """
    small_patches, large_patches = [], []
    for _ in range(_BATCH):
        small, large = pairs[int(rng.integers(len(pairs)))]
        places = [
            (
                int(rng.integers(small.shape[0] - _PATCH_PX + 1)),
                int(rng.integers(small.shape[1] - _PATCH_PX + 1)),
            )
            for _ in range(candidates)
        ]
        top, left = max(places, key=lambda place: float(_cut(small, place[0], place[1], _PATCH_PX).std()))
        small_patches.append(_cut(small, top, left, _PATCH_PX))
        large_patches.append(_cut(large, top * SCALE, left * SCALE, _PATCH_PX * SCALE))
    return _tensor(small_patches), _tensor(large_patches)


def draw_smooth(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw two patches of one colour and two gradients, not degraded.

    Returns:
        float [4, 3, 24, 24] and float [4, 3, 96, 96], RGB, 0..1.
    """
    corners = torch.from_numpy(rng.random((4, 3, 2, 2), np.float32))
    corners[:2] = corners[:2, :, :1, :1]
    large = torch.nn.functional.interpolate(corners, size=(96, 96), mode="bilinear")
    return torch.nn.functional.avg_pool2d(large, SCALE), large


def _cut(picture: Pixels, top: int, left: int, side: int) -> Pixels:
    return picture[top : top + side, left : left + side]


def _tensor(patches: list[Pixels]) -> torch.Tensor:
    # Permuted, not copied: the batch stays channels-last in memory, which is the faster layout on a CPU.
    return torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2).float() / 255


def _charbonnier(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Return the Charbonnier loss, a smooth L1 (Lai et al., 2017, "Deep Laplacian Pyramid Networks")."""
    return ((ours - theirs).square() + _CHARBONNIER**2).sqrt().mean()


def learning_rate(step: int, steps: int) -> float:
    """Return the rate of a step: a linear warm-up, half a cosine, then half a lower cosine after `steps`."""
    if step >= steps:
        done = (step - steps) / (_FINISHING_ROUNDS * _ROUND_STEPS)
        return _FINISHING_RATE * (1 + math.cos(math.pi * done)) / 2
    if step < _WARMUP_STEPS:
        return _PEAK_RATE * (step + 1) / _WARMUP_STEPS
    done = (step - _WARMUP_STEPS) / max(1, steps - _WARMUP_STEPS)
    return _LAST_RATE + (_PEAK_RATE - _LAST_RATE) * (1 + math.cos(math.pi * done)) / 2


def train(*, rounds: int, seed: int, checkpoint: Path) -> dict[str, torch.Tensor]:
    """Train, or continue from a checkpoint with the same seed and number of rounds.

    Returns:
        The averaged weights, by name.

    Raises:
        InputNotFound: a package with a training picture is not installed.
    """
    photographs = [load(picture) for picture in TRAINING]
    torch.manual_seed(seed)
    net = CompactNet(features=FEATURES, hidden_convs=HIDDEN_CONVS).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), betas=(0.9, 0.99))
    state = TrainingState(net, optimizer, checkpoint, seed=seed, rounds=rounds)
    for number in range(state.next_round, rounds + _FINISHING_ROUNDS):
        finishing = number >= rounds
        started = time.monotonic()
        rng = np.random.default_rng((seed, number))
        pairs = make_pairs(photographs, rng)
        total = 0.0
        for step in range(number * _ROUND_STEPS, (number + 1) * _ROUND_STEPS):
            small, large = draw_batch(pairs, rng, candidates=1 if finishing else 2)
            if finishing:
                smooth_small, smooth_large = draw_smooth(rng)
                smooth_loss = _charbonnier(net(smooth_small), smooth_large)
                loss = (net(small) - large).square().mean() + _SMOOTH_WEIGHT * smooth_loss
            else:
                loss = _charbonnier(net(small), large)
            state.step(loss, rate=learning_rate(step, rounds * _ROUND_STEPS))
            total += loss.item()
        state.save(number + 1)
        took_s = time.monotonic() - started
        done = f"round {number + 1}/{rounds + _FINISHING_ROUNDS}"
        print(f"{done}  loss {total / _ROUND_STEPS:.5f}  {took_s:.0f} s", flush=True)
    return state.weights()


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=PROJECT_ROOT / "weights" / "lite-x4.pth")
@click.option("--checkpoint", type=click.Path(path_type=Path), default=PROJECT_ROOT / "out" / "lite-x4.ckpt")
@click.option("--rounds", type=click.IntRange(min=1), default=140, help="25 finishing rounds follow.")
@click.option("--seed", type=click.IntRange(min=0), default=0)
@click.option("--threads", type=click.IntRange(min=1), default=1)
def main(*, output: Path, checkpoint: Path, rounds: int, seed: int, threads: int) -> None:
    """Train lite-x4 and write its weights; run it again to continue an interrupted run."""
    torch.set_num_threads(threads)
    try:
        weights = train(rounds=rounds, seed=seed, checkpoint=checkpoint)
    except WorkerError as exc:
        raise click.ClickException(str(exc)) from exc
    torch.save({"params": weights}, output)
    print(f"wrote {output}")


if __name__ == "__main__":
    main()
