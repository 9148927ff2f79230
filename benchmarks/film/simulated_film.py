"""Simulates an hour of film on 1 to 120 workers, with what was measured and what is assumed."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any

from orchestrator.cost.estimate import Workload, find_speed, work_seconds
from orchestrator.jobs.film import UpscaleFilm
from tools.film_simulation import NO_TROUBLE, Trouble, api_segment_s, film_of, simulate

if TYPE_CHECKING:
    from orchestrator.cost.price_table import PriceTable, QuoteRules

FRAMES, RATE, WIDTH, HEIGHT = 60 * 60 * 24, 24, 1920, 1080
GPU = "RTX 4090"
MODELS = ("RealESRGAN_x4plus", "realesr-animevideov3")
WORKERS = (1, 2, 4, 8, 16, 32, 64, 120)

SEGMENT_S = float(UpscaleFilm.model_fields["work_sec"].default)
"""The intended work of a segment, in seconds."""

FILM_BYTES = 18e9
"""Our assumption: an hour of 3840x2160 has 40 Mbit/s."""

REQUESTS_S = 1.0
"""Our assumption: how long a worker waits for its next segment, and until the plan, the piece and the source
are open, in seconds a segment."""

VARIED = "upscale, short segments"
"""The measured job as whose segments the work of frames varies."""

SEEDS = 16


def rules_of(table: PriceTable) -> QuoteRules:
    """Return the rules for quotes.

    Raises:
        LookupError: the table has none.
    """
    if table.quotes is None:
        raise LookupError("the table has no rules for quotes")
    return table.quotes


def measured_segment_s(measured: dict[str, Any]) -> float:
    """Return the most CPU seconds that a segment of any measured job takes beyond its frames.

    Args:
        measured: the results of `measure`, by their names.
    """
    return max(float(one["segment_cpu_s"]) for one in measured.values() if one["segment_cpu_s"] is not None)


def simulated(
    model: str, measured: dict[str, Any], table: PriceTable, *, by_api: bool = False
) -> dict[str, Any]:
    """Simulate a film of an hour with a model.

    Args:
        model: the model that upscales it.
        measured: the results of `measure`, by their names.
        table: has the speed of the model and the rate at which workers store their pieces.
        by_api: whether the film is divided as the API asks for it, and not as the plan does by default.

    Raises:
        LookupError: the table has no such speed, or no rules for quotes.
    """
    work = Workload(task="upscale", model=model, frames=FRAMES, width=WIDTH, height=HEIGHT)
    speed, relations = find_speed(table, work, GPU)
    if speed is None:
        raise LookupError(f"the table has no speed of {model} on {GPU}")
    # Storing the output is work that the ordinary job has, too.
    frames_s = work_seconds(work, speed, relations)
    work_s = frames_s + FILM_BYTES / rules_of(table).download_bytes_per_s.value
    overhead_s = REQUESTS_S + measured_segment_s(measured)
    segment_s = api_segment_s(frames_s) if by_api else SEGMENT_S
    films = [
        film_of(
            measured[VARIED]["segments"],
            frames=FRAMES,
            rate=RATE,
            work_s=work_s,
            segment_s=segment_s * work_s / frames_s,  # a plan knows only the work of the frames
            seed=seed,
        )
        for seed in range(SEEDS)
    ]
    rows = []
    for workers in WORKERS:
        smooth, rough = (
            [
                simulate(film, workers=workers, overhead_s=overhead_s, trouble=trouble, seed=seed)
                for seed, film in enumerate(films)
            ]
            for trouble in (NO_TROUBLE, Trouble())
        )
        rows.append(
            {
                "workers": workers,
                "efficiency": round(mean(each.efficiency for each in rough), 3),
                "worst": round(min(each.efficiency for each in rough), 3),
                "without_trouble": round(mean(each.efficiency for each in smooth), 3),
                "seconds": round(mean(each.seconds for each in rough)),
                "worker_s": round(mean(each.worker_s for each in rough)),
                "repeated": round(max(each.repeated for each in rough), 4),
                "deaths": round(mean(each.deaths for each in rough), 1),
            }
        )
    return {
        "model": model,
        "work_s": round(work_s, 1),
        "speed": f"{speed.fps:g} frames a second ({speed.source}, {speed.date})",
        "segment_s": segment_s,
        "segments": round(mean(map(len, films))),
        "overhead_s": round(overhead_s, 2),
        "workers": rows,
    }
