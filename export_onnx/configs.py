"""Write the config.pbtxt of every catalog model as it is committed: `python -m export_onnx.configs`.

To be run after a change of weights/catalog.toml or of config.py. What a config says of how its model was built
(precision, accelerator) is kept where there is a build. Needs neither weights nor PyTorch.
"""

from __future__ import annotations

from pathlib import Path

from export_onnx.catalog import CatalogModel, load_catalog
from export_onnx.config import ServedModel, render
from export_onnx.repository import read_record
from orchestrator.settings import PROJECT_ROOT


def committed(model: CatalogModel) -> ServedModel:
    """What the catalog alone says of a model: official weights, fp32, no accelerator."""
    return ServedModel(
        name=model.name,
        architecture=model.architecture,
        scale=model.scale,
        size_multiple=model.size_multiple,
        halo=model.halo,
        tile=model.tile,
        max_batch=model.max_batch,
        precision="fp32",
        weights_sha256=model.sha256,
        weights_source="catalog",
        licence=model.licence,
    )


def main(repository: Path = PROJECT_ROOT / "model_repository") -> None:
    """Write them all."""
    for model in load_catalog().models.values():
        path = repository / model.name / "config.pbtxt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(committed(model)), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
