"""Lists all models: those of the catalog and those built from other weights, fetched and built or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from export_onnx.licence_terms import ClosedProduct, closed_product
from export_onnx.repository import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.catalog import Catalog
    from export_onnx.catalog_model import CatalogModel
    from orchestrator.cost.price_table import Speed


@dataclass(frozen=True, kw_only=True)
class MeasuredSpeed:
    """How fast a model ran.

    Attributes:
        gpu: the name of the GPU, or cpu.
        width, height: the size of the input frames, in pixels.
        fps: frames per second, from file to file.
        origin: who measured it, how and when.
    """

    gpu: str
    width: int
    height: int
    fps: float
    origin: str


@dataclass(frozen=True, kw_only=True)
class ModelListRow:
    """A model in the list.

    Attributes:
        name: its name in the catalog or, if it was built from other weights, in the model repository.
        task: upscale or detect.
        scale: output size over input size; None for a detector.
        licence: SPDX identifier of the licence of the weights that it was built from, otherwise of the
            catalog's, or unknown.
        bytes: the length of its weight file; None if it is unknown.
        fetched: whether a file of that name and length exists (`models verify` checks its hash).
        built: the precision of the built model; None if it is not built.
        weights_source: the weights of the built model, catalog or custom; None if it is not built.
        good_for: what to use it for.
        closed_product: whether a product with closed source may use it: yes, no or unknown.
        speeds: how fast it ran on which GPU, from the table of costs (FRAMEWRIGHT_COST_TABLE).
        speed_here: how fast it ran on this machine (`framewright models measure`), or None.
        sample: the command that draws what it does; None if it is not built.
    """

    name: str
    task: str
    scale: int | None
    licence: str
    bytes: int | None
    fetched: bool
    built: str | None
    weights_source: str | None
    good_for: str
    closed_product: ClosedProduct
    speeds: tuple[MeasuredSpeed, ...]
    speed_here: MeasuredSpeed | None
    sample: str | None


def rows(catalog: Catalog, *, weights_dir: Path, repository: Path, cost_table: Path) -> list[ModelListRow]:
    """Return the models of the catalog, in its order, then the other built models, by name.

    Raises:
        BadRequest: the table of costs cannot be read.
    """
    speeds = _speeds(cost_table)
    listed = [_listed(model, weights_dir, repository, speeds) for model in catalog.models.values()]
    others = [path.parent.parent.name for path in sorted(repository.glob("*/1/build.json"))]
    return listed + [
        row for name in others if name not in catalog.models and (row := _other(name, repository, speeds))
    ]


def table(rows: list[ModelListRow]) -> str:
    """Return the rows as aligned text with a header."""
    head = ("NAME", "TASK", "LICENCE", "CLOSED PRODUCT", "SIZE", "FETCHED", "BUILT", "SPEED", "GOOD FOR")
    cells = [
        (
            row.name,
            row.task if row.scale is None else f"{row.task} x{row.scale}",
            row.licence,
            row.closed_product,
            "?" if row.bytes is None else f"{row.bytes / 1e6:.1f} MB",
            "yes" if row.fetched else "no",
            _built(row),
            _speed(row),
            row.good_for,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in (head, *cells)
    )
    text = "\n".join(line.rstrip() for line in lines)
    drawn = "`framewright models sample NAME -o NAME.png` draws what a built model does."
    return f"{text}\n{drawn}" if any(row.sample for row in rows) else text


def _speeds(cost_table: Path) -> dict[str, tuple[MeasuredSpeed, ...]]:
    """Return the speeds in the table by model."""
    # The image's stage that builds models has this module, but not the room `cost`.
    from orchestrator.cost.price_table import read_table  # noqa: PLC0415

    found: dict[str, tuple[MeasuredSpeed, ...]] = {}
    for row in read_table(cost_table).speeds:
        found[row.model] = (*found.get(row.model, ()), _measured(row))
    return found


def _speed_here(repository: Path, name: str) -> MeasuredSpeed | None:
    from orchestrator.cost.measured_speed import measured_speed  # noqa: PLC0415  see _speeds

    speed = measured_speed(repository, name)
    return None if speed is None else _measured(speed)


def _measured(row: Speed) -> MeasuredSpeed:
    return MeasuredSpeed(gpu=row.gpu, width=row.width, height=row.height, fps=row.fps, origin=row.origin)


def _speed(row: ModelListRow) -> str:
    """Return the speed on this machine, else the highest one, in a few words; --json has all."""
    best = row.speed_here or max(row.speeds, key=lambda speed: speed.fps, default=None)
    if best is None:
        return "?"
    where = "this machine" if row.speed_here else best.gpu
    return f"{best.fps:g} fps of {best.width}x{best.height}, {where}"


def _built(row: ModelListRow) -> str:
    if row.built is None:
        return "no"
    return row.built if row.weights_source == "catalog" else f"{row.built}, own weights"


def _listed(
    model: CatalogModel,
    weights_dir: Path,
    repository: Path,
    speeds: dict[str, tuple[MeasuredSpeed, ...]],
) -> ModelListRow:
    record = read_record(repository, model.name)
    path, _, length = model.present(weights_dir)
    own = record is not None and record.model.weights_source == "custom"
    licence = record.model.licence if record is not None and own else model.licence
    return ModelListRow(
        name=model.name,
        task=model.task,
        scale=getattr(model, "scale", None),
        licence=licence,
        bytes=length,
        fetched=path.is_file() and length in {None, path.stat().st_size},
        built=record.model.choices.precision if record else None,
        weights_source=record.model.weights_source if record else None,
        good_for=model.good_for,
        closed_product=closed_product(licence),
        speeds=speeds.get(model.name, ()),
        speed_here=_speed_here(repository, model.name),
        sample=_sample(model.name) if record else None,
    )


def _other(name: str, repository: Path, speeds: dict[str, tuple[MeasuredSpeed, ...]]) -> ModelListRow | None:
    record = read_record(repository, name)
    if record is None:
        return None
    return ModelListRow(
        name=name,
        task=record.model.task,
        scale=getattr(record.model, "scale", None),
        licence=record.model.licence,
        bytes=None,
        fetched=False,
        built=record.model.choices.precision,
        weights_source=record.model.weights_source,
        good_for=f"built from {record.weights_file}",
        closed_product=closed_product(record.model.licence),
        speeds=speeds.get(name, ()),
        speed_here=_speed_here(repository, name),
        sample=_sample(name),
    )


def _sample(name: str) -> str:
    return f"framewright models sample {name} -o {name}.png"
