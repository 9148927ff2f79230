"""Trains lite-detector without the held-out photographs: `python -m training.lite_detector.train`.

Each round draws new scenes and trains on them a few times. A round depends only on the seed and its number,
so an interrupted run continues from its checkpoint with the same result. Other machines or versions give
other weights of the same quality. Another process draws the next round during the training of this one.
"""

from __future__ import annotations

import functools
import math
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from orchestrator.errors import WorkerError
from orchestrator.settings import PROJECT_ROOT
from training.checkpoint import TrainingState
from training.lite_detector.loss import Targets, assign, loss
from training.lite_detector.net import LiteDetector
from training.lite_detector.photographs import photographs
from training.lite_detector.scenes import CLASSES, draw
from training.lite_sr.pictures import Pixels

HEIGHT, WIDTH = 192, 320
PEAK_RATE = 2.5e-3

_ROUND_SCENES = 256
_PASSES = 3  # over the scenes of a round
_BATCH = 16
_WARMUP_STEPS = 200
_DENSITY = 1.6  # of figures, relative to the usual number
_LAST_RATE = 2e-5
_DECAY = 1e-3
_LARGEST_GRADIENT = 10.0

Example = tuple[Pixels, Targets]
"""A picture, uint8 [H, W, 3] RGB, and the targets of its cells."""


def make_examples(
    backgrounds: list[Pixels], seed: tuple[int, ...], *, scenes: int, height: int, width: int
) -> list[Example]:
    """Draw the scenes of a round, fuller than usual.

    Args:
        backgrounds: photographs, each uint8 [H, W, 3] RGB.
        seed: the seed of the scenes.
        scenes: the number of scenes.
        height, width: the size of the pictures, in pixels.
    """
    rng = np.random.default_rng(seed)
    drawn = (draw(backgrounds, rng, height=height, width=width, density=_DENSITY) for _ in range(scenes))
    return [(scene.picture, assign(scene.figures, height, width)) for scene in drawn]


def make_batch(examples: list[Example], rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Stack examples, about half of them mirrored.

    Returns:
        Pictures, float [N, 3, H, W] RGB 0..1, and the targets for `loss`.
    """
    stacks: tuple[list[Any], ...] = ([], [], [], [])
    for picture, (numbers, boxes, counts) in examples:
        arrays = (picture, numbers, boxes, counts)
        if rng.random() < 0.5:
            turned = boxes[:, :, ::-1].copy()
            turned[[0, 2]] = WIDTH - turned[[2, 0]]
            arrays = (picture[:, ::-1], numbers[:, ::-1], turned, counts[:, ::-1])
        for stack, array in zip(stacks, arrays, strict=True):
            stack.append(array)
    pictures, *targets = (torch.from_numpy(np.stack(stack)) for stack in stacks)
    # Permuted, not copied: the batch stays channels-last in memory, which is the faster layout on a CPU.
    return pictures.permute(0, 3, 1, 2).float() / 255, *targets


def learning_rate(step: int, steps: int, peak: float = PEAK_RATE) -> float:
    """Return the rate of a step: a linear warm-up, then half a cosine."""
    if step < _WARMUP_STEPS:
        return peak * (step + 1) / _WARMUP_STEPS
    done = (step - _WARMUP_STEPS) / max(1, steps - _WARMUP_STEPS)
    return _LAST_RATE + (peak - _LAST_RATE) * (1 + math.cos(math.pi * done)) / 2


def start_from(net: torch.nn.Module, weights: Path) -> int:
    """Load the weights of a file that fit the network by name and shape; return how many tensors these are.

    Raises:
        click.ClickException: none fits.
    """
    own = net.state_dict()
    given: dict[str, torch.Tensor] = torch.load(weights, weights_only=True)["params"]
    fitting = {name: part for name, part in given.items() if name in own and own[name].shape == part.shape}
    if not fitting:
        raise click.ClickException(f"{weights} holds no weights of lite-detector")
    net.load_state_dict(own | fitting)
    return len(fitting)


def train(
    *, rounds: int, seed: int, checkpoint: Path, start: Path | None = None, peak: float = PEAK_RATE
) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Train, or continue from a checkpoint with the same seed and number of rounds.

    Args:
        rounds: the number of rounds.
        seed: the seed of weights and scenes.
        checkpoint: the file that is written after each round.
        start: a weight file to start from; random weights without one.
        peak: the highest learning rate.

    Returns:
        The averaged weights, by name; and the mean loss of each round of this run.

    Raises:
        InputNotFound: a package with a training photograph is not installed.
    """
    backgrounds = photographs()
    torch.manual_seed(seed)
    net = LiteDetector(classes=len(CLASSES)).to(memory_format=torch.channels_last)
    if start is not None:
        start_from(net, start)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=_DECAY)
    state = TrainingState(net, optimizer, checkpoint, seed=seed, rounds=rounds)
    steps = math.ceil(_ROUND_SCENES / _BATCH) * _PASSES
    losses = []
    make = functools.partial(make_examples, backgrounds, scenes=_ROUND_SCENES, height=HEIGHT, width=WIDTH)
    with ProcessPoolExecutor(1, get_context("spawn")) as painter:
        drawing = painter.submit(make, (seed, state.next_round, 0))
        for number in range(state.next_round, rounds):
            started = time.monotonic()
            examples = drawing.result()
            drawing = painter.submit(make, (seed, number + 1, 0))
            rng = np.random.default_rng((seed, number, 1))
            order = np.concatenate([rng.permutation(len(examples)) for _ in range(_PASSES)])
            total = 0.0
            for step, chosen in enumerate(np.array_split(order, steps)):
                pictures, *targets = make_batch([examples[index] for index in chosen], rng)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    found = net(pictures)
                wrong = loss(*found, *targets)
                rate = learning_rate(number * steps + step, rounds * steps, peak)
                state.step(wrong, rate=rate, largest_gradient=_LARGEST_GRADIENT)
                total += wrong.item()
            losses.append(total / steps)
            state.save(number + 1)
            took_s = time.monotonic() - started
            print(f"round {number + 1}/{rounds}  loss {losses[-1]:.4f}  {took_s:.0f} s", flush=True)
    return state.weights(), losses


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path), default=PROJECT_ROOT / "weights" / "lite-detector.pth"
)
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), default=PROJECT_ROOT / "out" / "lite-detector.ckpt"
)
@click.option("--rounds", type=click.IntRange(min=1), default=76)
@click.option("--seed", type=click.IntRange(min=0), default=0)
@click.option("--threads", type=click.IntRange(min=1), default=1)
@click.option(
    "--start",
    type=click.Path(path_type=Path, exists=True),
    help="A weight file to start from, as far as it fits.",
)
@click.option("--peak-rate", type=click.FloatRange(min=0, min_open=True), default=PEAK_RATE)
def main(
    *,
    output: Path,
    checkpoint: Path,
    rounds: int,
    seed: int,
    threads: int,
    start: Path | None,
    peak_rate: float,
) -> None:
    """Train lite-detector and write its weights; run it again to continue an interrupted run."""
    torch.set_num_threads(threads)
    try:
        weights, _ = train(rounds=rounds, seed=seed, checkpoint=checkpoint, start=start, peak=peak_rate)
    except WorkerError as exc:
        raise click.ClickException(str(exc)) from exc
    torch.save({"params": weights}, output)
    print(f"wrote {output}")


if __name__ == "__main__":
    main()
