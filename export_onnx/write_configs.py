"""Writes the committed config.pbtxt of every catalog model: `python -m export_onnx.write_configs`.

Run it after a change of weights/catalog.toml, model_config.py or triton_config.py. The files are for official
weights, fp32 and no accelerator; models that were built with other choices must be built again. It needs no
weights and no PyTorch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from export_onnx.catalog import load_catalog
from export_onnx.model_config import ServingOptions
from export_onnx.triton_config import render
from orchestrator.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path


def main(repository: Path = PROJECT_ROOT / "model_repository") -> None:
    """Write all files and print their paths."""
    for model in load_catalog().models.values():
        path = repository / model.name / "config.pbtxt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(model.served(choices=ServingOptions())), encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
