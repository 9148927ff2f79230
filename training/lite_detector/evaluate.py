"""Measures lite-detector on held-out scenes: `python -m training.lite_detector.evaluate`.

Training uses other photographs for the backgrounds and other seeds for the figures. It runs the ONNX file
that Triton serves, without PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import WorkerError
from orchestrator.settings import PROJECT_ROOT
from training.lite_detector.matching import Tally, count
from training.lite_detector.scenes import CLASSES, Scene, draw
from training.lite_sr.evaluate import open_model
from training.lite_sr.pictures import HELD_OUT, Pixels, load

MODEL = PROJECT_ROOT / "model_repository" / "lite-detector" / "1" / "model.onnx"
CONFIDENCE = 0.5

_SCENES = 400
_SEED = 2024_11_24  # a scene number follows it; in training, a round number follows the seed

Detector = Callable[[Pixels], NDArray[np.float32]]
"""From uint8 [H, W, 3] RGB to float32 [n, 6]: x1, y1, x2, y2, score, class; highest score first."""


def onnx_detector(model: Path) -> Detector:
    """Open an exported detector.

    Raises:
        click.ClickException: there is no such file.
    """
    session = open_model(model, "lite-detector")

    def detect(picture: Pixels) -> NDArray[np.float32]:
        rows, counts = session.run(["detections", "num_detections"], {"image": picture[None]})
        return np.asarray(rows[0, : counts[0]], np.float32)

    return detect


def held_out_scenes(scenes: int = _SCENES) -> Iterator[Scene]:
    """Draw the evaluation scenes, the same in every run.

    Raises:
        InputNotFound: the package with the photographs is not installed.
    """
    photographs = [load(picture) for picture in HELD_OUT]
    for number in range(scenes):
        yield draw(photographs, np.random.default_rng((_SEED, number)))


def measure(detect: Detector, scenes: int = _SCENES) -> tuple[Tally, ...]:
    """Count hits and misses of a detector on held-out scenes; return a tally for each class."""
    tallies = tuple(Tally() for _ in CLASSES)
    for scene in held_out_scenes(scenes):
        count(tallies, detect(scene.picture), scene.figures)
    return tallies


def table(tallies: tuple[Tally, ...]) -> str:
    """Return the tallies as a Markdown table."""
    lines = ["| class | figures | precision | recall | AP50 |", "|---|---|---|---|---|"]
    for name, tally in zip(CLASSES, tallies, strict=True):
        lines.append(
            f"| {name} | {tally.figures} | {tally.precision(CONFIDENCE):.3f} | {tally.recall(CONFIDENCE):.3f}"
            f" | {tally.average_precision():.3f} |"
        )
    return "\n".join(lines)


@click.command()
@click.option("--model-onnx", type=click.Path(path_type=Path), default=MODEL)
def main(*, model_onnx: Path) -> None:
    """Print precision and recall (IoU 0.5, confidence 0.5) and average precision of each class."""
    try:
        print(table(measure(onnx_detector(model_onnx))))
    except WorkerError as exc:
        raise click.ClickException(str(exc)) from exc


if __name__ == "__main__":
    main()
