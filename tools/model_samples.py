"""Draws the sample pictures of models that the API lists and the page shows.

    MODEL_REPOSITORY=... python -m tools.model_samples deploy/cloudflare/page/public/samples

It draws those of the catalog's models that are built; pictures of others stay. `make docs` then lists them.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import cv2

from orchestrator.pipeline.model_samples import sample_sheet
from orchestrator.settings import PROJECT_ROOT, Settings
from orchestrator.worker import Worker

QUALITY = 55
"""Of 100. All pictures together have less than 100 kB."""


def write(folder: Path) -> None:
    """Draw each built model of the catalog as `framewright models sample` does, as FOLDER/NAME.webp."""
    catalog = tomllib.loads((PROJECT_ROOT / "weights" / "catalog.toml").read_text(encoding="utf-8"))
    settings = Settings.from_env()
    folder.mkdir(parents=True, exist_ok=True)
    with Worker(settings) as worker:
        for name in catalog:
            if (settings.model_repository / name / "1" / "model.onnx").exists():
                sheet = cv2.cvtColor(sample_sheet(worker.client(), [name]), cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(folder / f"{name}.webp"), sheet, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw the sample pictures of the models that are built.")
    parser.add_argument("folder", type=Path, help="Where to write NAME.webp of each built model.")
    write(parser.parse_args().folder)
