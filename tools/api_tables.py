"""Writes what the API on Cloudflare shares with the worker: prices, speeds, defaults, limits, error codes.

    python -m tools.api_tables deploy/cloudflare/api/generated

`make docs` runs it. Prices are in whole micro-dollars, computed here, so that the API rounds nothing.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from export_onnx.licence_terms import closed_product
from orchestrator.cost.price_table import Price, PriceTable, QuoteRules, SourcedRow, read_table
from orchestrator.cost.quote import micro_dollars_per_s
from orchestrator.jobs.task_table import USER_TASKS
from orchestrator.media_containers import MAX_SIDE_PX
from orchestrator.settings import PROJECT_ROOT, Settings
from tools.reference import error_kinds

SAMPLES = PROJECT_ROOT / "deploy" / "cloudflare" / "page" / "public" / "samples"
"""What `tools.model_samples` draws."""


def price_table(table: PriceTable) -> dict[str, Any]:
    """Return the price table as the API reads it.

    Raises:
        ValueError: the table has no rules for quotes.
    """
    rules = table.quotes
    if rules is None:
        raise ValueError("the table has no [quotes]")
    return {
        "prices": [_price(row, rules) for row in table.prices],
        "speeds": [_row(row) for row in table.speeds],
        "relations": [_row(row) for row in table.relations],
        "time_per_pixel": {name: task.time_per_pixel for name, task in USER_TASKS.items()},
        "quotes": {
            **{name: _row(row) for name, row in rules if isinstance(row, SourcedRow)},
            "fallback_speeds": [_row(row) for row in rules.fallback_speeds],
        },
    }


def worker_defaults(settings: Settings) -> dict[str, Any]:
    """Return the default models, the limits of a job, and the facts about models that a quote needs."""
    catalog = tomllib.loads((PROJECT_ROOT / "weights" / "catalog.toml").read_text(encoding="utf-8"))
    limits = settings.limits
    return {
        "upscale_model": settings.upscale_model,
        "detector": settings.detector,
        "yolov8": settings.yolov8,
        "max_input_bytes": settings.max_input_bytes,
        "max_duration_s": limits.duration_s,
        "max_frames": limits.frames,
        "max_source_px": limits.source_px,
        "max_output_px": limits.output_px,
        "max_side_px": MAX_SIDE_PX,
        "model_scales": {name: row["scale"] for name, row in catalog.items() if "scale" in row},
        "detector_sides": {name: row["side"] for name, row in catalog.items() if "side" in row},
    }


def models() -> list[dict[str, Any]]:
    """Return what the catalog says of each model, for people who choose one."""
    catalog = tomllib.loads((PROJECT_ROOT / "weights" / "catalog.toml").read_text(encoding="utf-8"))
    return [
        {
            "name": name,
            "task": row["task"],
            "scale": row.get("scale"),
            "good_for": row["good_for"],
            "licence": row["licence"],
            "closed_product": closed_product(row["licence"]),
            "sample": f"/samples/{name}.webp" if (SAMPLES / f"{name}.webp").exists() else None,
        }
        for name, row in catalog.items()
    ]


def error_codes() -> dict[str, dict[str, Any]]:
    """Return whose fault each error code is, and whether the same job may succeed later."""
    return {code: {"fault": fault, "retryable": kind.retryable} for code, fault, kind in error_kinds()}


def _price(row: Price, rules: QuoteRules) -> dict[str, Any]:
    return {**_row(row), "price_per_s": micro_dollars_per_s(row, rules)}


def _row(row: SourcedRow) -> dict[str, Any]:
    fields = row.model_dump(exclude={"source", "date", "measured"})
    return {**fields, "origin": row.origin}


def write(folder: Path) -> None:
    """Write all tables into a folder."""
    settings = Settings()
    tables = {
        "price_table": price_table(read_table(settings.cost_table)),
        "worker_defaults": worker_defaults(settings),
        "models": models(),
        "error_codes": error_codes(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
