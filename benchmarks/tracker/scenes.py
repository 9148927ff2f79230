"""Makes scenes with known tracks, and detections of them with the faults of real detectors.

Public scenes are the TUD sequences in the `motmetrics` package (Andriluka, Roth and Schiele 2008, 2010).
Synthetic scenes have people who cross, who walk behind pillars, in a crowd, or who run and turn, at several
frame rates.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.tracking.association import iou

if TYPE_CHECKING:
    from numpy.typing import NDArray


WIDTH, HEIGHT = 1280, 720
"""The size of the synthetic scenes, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The ground truth of a video.

    Attributes:
        name: its name in tables.
        width, height: the size of the picture, in pixels.
        rate: frames per second.
        ids: the ids in each frame, int64 [N].
        boxes: the boxes in each frame, float64 [N, 4], x1, y1, x2, y2.
        screens: boxes of still things that hide others and are not tracked, float64 [M, 4].
    """

    name: str
    width: int
    height: int
    rate: Fraction
    ids: list[NDArray[np.int64]]
    boxes: list[NDArray[np.float64]]
    screens: NDArray[np.float64]


def tud(name: str) -> Scene:
    """Read TUD-Campus or TUD-Stadtmitte out of the motmetrics package (640x480, 25 fps).

    Raises:
        ModuleNotFoundError: motmetrics is not installed.
    """
    package = importlib.util.find_spec("motmetrics")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("motmetrics is not installed", name="motmetrics")
    table = np.loadtxt(Path(package.origin).parent / "data" / name / "gt.txt", delimiter=",")
    frames = [table[table[:, 0] == frame] for frame in range(1, int(table[:, 0].max()) + 1)]
    return Scene(
        name=name,
        width=640,
        height=480,
        rate=Fraction(25),
        ids=[rows[:, 1].astype(np.int64) for rows in frames],
        boxes=[np.concatenate((rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]), axis=1) for rows in frames],
        screens=np.empty((0, 4)),
    )


def crossings(*, rate: int, seed: int, people: int = 8, seconds: float = 8) -> Scene:
    """Make people who walk in from both sides, at different depths, and cross."""
    return _walk("crossings", rate=rate, seed=seed, people=people, seconds=seconds, screens=np.empty((0, 4)))


def occlusions(*, rate: int, seed: int, people: int = 5, seconds: float = 8) -> Scene:
    """Make people who walk behind pillars that hide them completely for up to half a second."""
    screens = np.array([[x, 0, x + 70, HEIGHT] for x in (300, 640, 980)], np.float64)
    return _walk("occlusions", rate=rate, seed=seed, people=people, seconds=seconds, screens=screens)


def crowd(*, rate: int, seed: int) -> Scene:
    """Make a crowd of 25 people."""
    return _walk("crowd", rate=rate, seed=seed, people=25, seconds=8, screens=np.empty((0, 4)))


def turns(*, rate: int, seed: int, players: int = 10, seconds: float = 8) -> Scene:
    """Make players who run, stop and turn suddenly, as in sport filmed from the side of the field."""
    rng = np.random.default_rng(seed)
    width, height = WIDTH, HEIGHT
    place = rng.uniform([100, 300], [width - 100, height - 60], (players, 2))
    velocity = np.zeros((players, 2))
    goal = velocity.copy()
    ids, boxes = [], []
    for _ in range(int(seconds * rate)):
        depth = 0.4 + 0.6 * (place[:, 1] - 250) / (height - 250)
        anew = rng.random(players) < 1.2 / rate
        angle, speed = rng.uniform(0, 2 * np.pi, players), rng.choice([0, 150, 350], players)
        chosen = np.stack((np.cos(angle), 0.5 * np.sin(angle)), axis=1) * (speed * depth)[:, None]
        goal = np.where(anew[:, None], chosen, goal)
        goal = np.where(
            (place < [60, 280]) & (goal < 0) | (place > [width - 60, height - 20]) & (goal > 0), -goal, goal
        )
        velocity += (goal - velocity) * min(1, 8 / rate)
        place = place + velocity / rate
        tall = 200 * depth
        wide = tall * (0.4 + 0.1 * np.abs(velocity[:, 0]) / (350 * depth))
        feet = place[:, 1]
        ids.append(np.arange(players) + 1)
        boxes.append(np.stack((place[:, 0] - wide / 2, feet - tall, place[:, 0] + wide / 2, feet), axis=1))
    return Scene(
        name="turns",
        width=width,
        height=height,
        rate=Fraction(rate),
        ids=ids,
        boxes=boxes,
        screens=np.empty((0, 4)),
    )


def _walk(
    name: str, *, rate: int, seed: int, people: int, seconds: float, screens: NDArray[np.float64]
) -> Scene:
    rng = np.random.default_rng(seed)
    width, height = WIDTH, HEIGHT
    depth = rng.uniform(0.35, 1, people)
    tall = 330 * depth * rng.uniform(0.85, 1.15, people)
    wide = tall * rng.uniform(0.3, 0.45, people)
    feet = 250 + 440 * depth
    direction = rng.choice([-1.0, 1.0], people)
    speed = direction * 190 * depth * rng.uniform(0.6, 1.6, people)  # pixels a second
    begin = np.where(direction > 0, rng.uniform(-400, 500, people), width + rng.uniform(-500, 400, people))
    sway, phase = rng.uniform(0.5, 1.2, people), rng.uniform(0, 2 * np.pi, people)
    ids, boxes = [], []
    for frame in range(int(seconds * rate)):
        time = frame / rate
        x = begin + speed * time + 0.15 * wide * np.sin(2 * np.pi * sway * time + phase)
        y = feet + 0.02 * tall * np.sin(4 * np.pi * sway * time + phase)
        stride = 1 + 0.15 * np.sin(4 * np.pi * sway * time + phase)
        whole = np.stack((x - wide * stride / 2, y - tall, x + wide * stride / 2, y), axis=1)
        seen = np.clip(whole, 0, [width, height, width, height])
        inside = (seen[:, 2] - seen[:, 0]) > 0.3 * wide
        ids.append(np.flatnonzero(inside) + 1)
        boxes.append(seen[inside])
    return Scene(
        name=name, width=width, height=height, rate=Fraction(rate), ids=ids, boxes=boxes, screens=screens
    )


def detect(scene: Scene, *, seed: int) -> list[NDArray[np.float32]]:
    """Make detections with jitter, misses, false alarms, scores that fall with occlusion, and suppression.

    Of two people who overlap, the one whose feet are lower stands in front. The standard deviation of the
    centre is 3 % of the box and that of the size 5 %. 4 % of the people are missed at random, as is everyone
    who is less than a quarter visible. About every 0.6 s a false alarm appears, for 0.3 s on average. Boxes
    that overlap a better one with an IoU over 0.7 are suppressed, as detectors do.

    Returns:
        For each frame float32 [N, 6]: x1, y1, x2, y2, score, class 0; best score first.
    """
    rng = np.random.default_rng(seed)
    found = []
    every = np.concatenate(scene.boxes)
    picture = [scene.width, scene.height] * 2
    alarms = np.empty((0, 5))
    per_frame = 1 / float(scene.rate)
    for boxes in scene.boxes:
        n = len(boxes)
        visible = _visible(boxes, scene.screens)
        size = boxes[:, 2:] - boxes[:, :2]
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 + rng.normal(0, 0.03, (n, 2)) * size
        size = size * np.exp(rng.normal(0, 0.05, (n, 2)))
        score = np.clip(0.25 + 0.65 * visible + rng.normal(0, 0.08, n), 0.05, 0.98)
        kept = (rng.random(n) > 0.04) & (visible > 0.25)
        alarms = alarms[rng.random(len(alarms)) < np.exp(-per_frame / 0.3)]
        born = every[rng.integers(0, len(every), rng.poisson(per_frame / 0.6))].copy()
        born += np.tile(rng.uniform(-0.5, 0.5, (len(born), 2)) * picture[:2], 2)
        alarms = np.concatenate((alarms, np.column_stack((born, rng.beta(2, 4, len(born))))))
        rows = np.column_stack(
            (
                np.concatenate(
                    (np.concatenate((centre - size / 2, centre + size / 2), axis=1)[kept], alarms[:, :4])
                ),
                np.concatenate(
                    (score[kept], np.clip(alarms[:, 4] + rng.normal(0, 0.08, len(alarms)), 0.05, 0.98))
                ),
            )
        )
        rows[:, :4] = np.clip(rows[:, :4], 0, picture)
        rows = rows[((rows[:, 2:4] - rows[:, :2]) > 2).all(axis=1)]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")]
        better = np.triu(iou(rows[:, :4], rows[:, :4]) > 0.7, 1)
        keep = np.ones(len(rows), np.bool_)
        for row in range(len(rows)):
            if keep[row]:
                keep &= ~better[row]
        found.append(np.column_stack((rows[keep], np.zeros(keep.sum()))).astype(np.float32))
    return found


def _visible(boxes: NDArray[np.float64], screens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the visible share of each box, not behind another or a screen: float64 [N], on 16x16 points."""
    if not len(boxes):
        return np.empty(0)
    points = (np.arange(16) + 0.5) / 16
    x = boxes[:, None, 0] + points * (boxes[:, 2] - boxes[:, 0])[:, None]
    y = boxes[:, None, 1] + points * (boxes[:, 3] - boxes[:, 1])[:, None]
    front = np.concatenate((boxes, screens))
    across = (x[:, None] > front[:, None, 0]) & (x[:, None] < front[:, None, 2])  # [N, F, 16]
    down = (y[:, None] > front[:, None, 1]) & (y[:, None] < front[:, None, 3])
    nearer = np.concatenate((boxes[:, 3], np.full(len(screens), np.inf))) > boxes[:, 3:]
    covered = (across[:, :, None, :] & down[:, :, :, None] & nearer[:, :, None, None]).any(axis=1)
    visible: NDArray[np.float64] = 1 - covered.mean(axis=(1, 2))
    return visible


def drift(count: int, *, frames: int, seed: int) -> list[NDArray[np.float32]]:
    """Make detections of things that drift about and bounce off the picture's edges, to measure speed.

    Returns:
        For each frame float32 [N, 6], as `detect` returns; N is `count` less the 5 % that are missed.
    """
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, [WIDTH, HEIGHT], (count, 2))
    velocity, half = rng.uniform(-4, 4, (count, 2)), rng.uniform(15, 50, (count, 2))
    found = []
    for _ in range(frames):
        place += velocity
        velocity *= np.where((place < 0) | (place > [WIDTH, HEIGHT]), -1, 1)
        boxes = np.concatenate((place - half, place + half), axis=1) + rng.normal(0, 2, (count, 4))
        rows = np.column_stack((boxes, rng.uniform(0.15, 0.95, count), np.zeros(count)))
        found.append(rows[rng.random(count) > 0.05].astype(np.float32))
    return found
