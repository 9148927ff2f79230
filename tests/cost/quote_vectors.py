"""Records what is quoted for many workloads, so that Python and TypeScript are held to the same numbers.

    python -m tests.cost.quote_vectors

writes quote_vectors.json anew, after a change of table.toml. The change is to be seen in the diff.
"""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

from orchestrator.cost.estimate import Workload
from orchestrator.cost.price_table import FallbackSpeed, PriceTable, read_table
from orchestrator.cost.quote import quote
from orchestrator.errors import LimitExceeded
from orchestrator.jobs import parse
from orchestrator.settings import Settings

VECTORS = Path(__file__).with_name("quote_vectors.json")
AMOUNTS = ("price_per_s", "expected_s", "expected", "execution_timeout_s", "hold", "ready_in_s")

MODELS = {
    "upscale": ["lite-x4", "realesr-general-x4v3", "RealESRGAN_x4plus", "RealESRGAN_x2plus", "my-own"],
    "track": ["lite-detector", "yolov8n", "yolo11m"],
    "export": ["", "RealESRGAN_x4plus_anime_6B", "my-own"],
}
GPUS = ["A40", "RTX 3090", "NVIDIA GeForce RTX 4090", "L40S", "cpu"]
SIZES = [(1, 1), (320, 180), (1279, 719), (1280, 720), (1600, 900), (1920, 1080), (3840, 2160), (8192, 4320)]


def cases() -> list[dict[str, Any]]:
    """Return the workloads: every model on every GPU, each with two picture sizes and lengths."""
    chosen = random.Random(15)
    found = []
    for (task, models), gpu in itertools.product(MODELS.items(), GPUS):
        for model, _ in itertools.product(models, range(2)):
            width, height = chosen.choice(SIZES)
            frames = chosen.choice([1, 24, 143, 1000, 43_200, 432_000])
            found.append(
                {
                    "gpu": gpu,
                    "work": {
                        "task": task, "model": model, "frames": frames, "width": width, "height": height,
                    },
                    "input_bytes": chosen.choice([1, 306_774, 25_000_000, 10 * 2**30]),
                    "enlargement": chosen.choice([1.0, 1.0, 1.21, 16 / 9, 64.0]),
                }
            )  # fmt: skip
    return found


def quoted(table: PriceTable, case: dict[str, Any]) -> dict[str, Any]:
    """Return what Python quotes for a case: the amounts and whether fallbacks were used, or the refusal."""
    try:
        found = quote(
            table,
            parse(Workload, case["work"]),
            case["gpu"],
            input_bytes=case["input_bytes"],
            enlargement=case["enlargement"],
        )
    except LimitExceeded as refused:
        return {"refused": refused.code}
    return {
        **{name: getattr(found, name) for name in AMOUNTS},
        "is_speed_known": not isinstance(found.speed, FallbackSpeed),
        "is_price_known": table.price(case["gpu"]) is not None,
    }


if __name__ == "__main__":
    prices = read_table(Settings().cost_table)
    lines = [json.dumps({**case, "quote": quoted(prices, case)}) for case in cases()]
    VECTORS.write_text("[\n" + ",\n".join(lines) + "\n]\n")
