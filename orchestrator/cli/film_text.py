"""Words the plan of a film, its estimate and its preview for `framewright film`."""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.output import console
from orchestrator.utf8_json import json_text

if TYPE_CHECKING:
    from orchestrator.film.document import FilmPlan
    from orchestrator.worker import Worker

_LISTED = 40
"""The most segments in the printed list; the JSON has all."""


def plan_json(plan: FilmPlan) -> str:
    """Return a plan as the JSON of `PlanResult`."""
    from orchestrator.film.document import document, hash_of
    from orchestrator.film.segments import fewer_segments
    from orchestrator.jobs.film import PlannedSegment, PlanResult

    spans = _spans(plan)
    result = PlanResult(
        output_url=None,
        plan_hash=hash_of(document(plan)),
        unsplit=None,
        frames=sum(segment.frames for segment in plan.segments),
        duration_sec=round(spans[-1][1], 3),
        segments=tuple(
            PlannedSegment(
                number=segment.number,
                frames=segment.frames,
                start_sec=round(start_s, 3),
                end_sec=round(end_s, 3),
                work_sec=segment.work_sec,
            )
            for segment, (start_s, end_s) in zip(plan.segments, spans, strict=True)
        ),
        hardest=plan.hardest,
        notes=(*plan.notes, *fewer_segments(plan)),
    )
    return json_text(result.model_dump(mode="json"))


def plan_text(plan: FilmPlan, source: Path, worker: Worker, workers: int | str) -> str:
    """Return a plan as lines: its segments, about how long they take and what they cost, its hardest part."""
    from rich.table import Table

    from orchestrator.film.segments import fewer_segments

    spans = _spans(plan)
    frames = sum(segment.frames for segment in plan.segments)
    table = Table("segment", "from", "to", "frames", "work", box=None)
    for segment, (start_s, end_s) in list(zip(plan.segments, spans, strict=True))[:_LISTED]:
        work = "unknown" if segment.work_sec is None else f"{segment.work_sec:.1f} s"
        table.add_row(str(segment.number), f"{start_s:.2f} s", f"{end_s:.2f} s", str(segment.frames), work)
    with (screen := console()).capture() as text:
        screen.print(table)
    more = len(plan.segments) - _LISTED
    start_s, end_s = spans[plan.hardest]
    return "\n".join(
        [
            f"{source}: {len(plan.segments)} segments, {frames} frames, {spans[-1][1]:.2f} s of video",
            text.get().rstrip(),
            *([f"   and {more} more: --json prints all"] if more > 0 else []),
            _estimate(plan, worker, workers),
            f"hardest part: segment {plan.hardest}, {start_s:.2f} s to {end_s:.2f} s (--preview makes it)",
            *(f"note: {note}" for note in (*plan.notes, *fewer_segments(plan))),
        ]
    )


def _estimate(plan: FilmPlan, worker: Worker, workers: int | str) -> str:
    """Return one line about the time and the cost of a film, as far as the table knows."""
    seconds = [segment.work_sec for segment in plan.segments if segment.work_sec is not None]
    if len(seconds) < len(plan.segments):
        return "time and cost unknown: the table of speeds has no row for this work"
    cost = worker.context(lambda _: None).cost_of(sum(seconds))
    line = f"about {sum(seconds):.0f} s of work"
    if isinstance(workers, int):
        ends = [0.0] * workers
        for work_s in seconds:  # as the driver does: the next segment goes to whoever is free
            heapq.heappush(ends, heapq.heappop(ends) + work_s)
        line += f", {max(ends):.0f} s with {workers} {'worker' if workers == 1 else 'workers'}"
    return line + ("" if cost is None else f", ${cost.dollars:.4f} on {cost.gpu}")


def preview_text(plan: FilmPlan, preview_file: Path, *, as_json: bool) -> str:
    """Return where the preview can be watched."""
    start_s, end_s = _spans(plan)[plan.hardest]
    if as_json:
        return json_text(
            {"preview": str(preview_file), "segment": plan.hardest, "start_sec": start_s, "end_sec": end_s}
        )
    where = f"{start_s:.2f} s to {end_s:.2f} s of the film"
    return f"{preview_file}: the hardest part, {where}; OUT will use it again"


def _spans(plan: FilmPlan) -> list[tuple[float, float]]:
    """Return when each segment begins and ends, in seconds from the start of the film."""
    info, first = plan.source.info, plan.segments[0].first_pts
    starts = [float((segment.first_pts - first) * info.time_base) for segment in plan.segments]
    last = plan.segments[-1]
    return list(
        zip(
            starts,
            [*starts[1:], float((last.last_pts + plan.last_duration - first) * info.time_base)],
            strict=True,
        )
    )
