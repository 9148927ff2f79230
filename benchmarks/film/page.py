"""Writes the section "Efficiency and cost" of docs/film.md from the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.film_simulation import Trouble

if TYPE_CHECKING:
    from orchestrator.cost.price_table import PriceTable, SourcedRow

SHOWN = (1, 8, 32, 120)
"""The numbers of workers in the table."""

FILM_BYTES = 18e9
"""Our assumption: an hour of 3840x2160 at 40 Mbit/s."""

SECTION = """\
**Measured.** This table has the CPU seconds of an export without a model, not counting the start of Python.
One and two processes made the same bytes.

| way | CPU s | over the unsplit job |
|---|---|---|
{ways}

{source} five times in a row, 6,970 frames of 768x432 in {pieces} segments; `python -m benchmarks.film`,
{date}; {machine}.

A film takes more CPU time than the unsplit job because some pictures of each piece are compared with the
source, x264 has a fixed number of threads and no AVX-512, and each segment opens the source. The more of the
time a model takes, the less this matters.

**Simulated.** A film of 60 minutes, 86,400 frames of 1920x1080, enlarged four times on {gpu}s. *Efficiency*
is the work of the segments divided by the time of all workers; 1 is the ideal. Segments have about
{segment_s:g} s of work and vary as the measured ones do; each takes {overhead_s:g} s beyond its frames.

![Efficiency by the number of workers](images/film/efficiency.png)

| model | workers | efficiency | without trouble | segments take | film takes | GPU cost | started again |
|---|---|---|---|---|---|---|---|
{rows}

Where each figure comes from:

{speeds}
- Price: ${price:g} a second ({price_origin}). Users pay {margin:g} times that ([billing.md](billing.md)).
- Start of a worker: {start_s:g} s ({start_origin}). Each worker starts once, and the start is in the cost.
- Time beyond the frames: the measured CPU seconds of a segment beyond its share of the unsplit job, and 1 s
  for what it fetches and stores, our assumption.
- Trouble, our assumptions: {slow_share:.0%} of the runs take {slow_least:g} to {slow_most:g} times as long;
  a worker dies every {death_hours:g} hours of work, which is noticed after {noticed_s:g} s.
- The film takes: {overhead:g} s for the plan, the start of the workers, the segments, and the assembly, in
  which one worker fetches and stores {film_gb:g} GB (40 Mbit/s, our assumption) at
  {rate:g} MB/s ({rate_origin}).
- *Without trouble* is the efficiency if no run is slow and no worker dies.
- *Started again* is the share of the work that was started a second time, in the worst of four simulations;
  the rule allows 5 %.

A film of little work uses many workers badly, because each has few segments and the last one ends late.
Shorter segments (`work_sec`) help then.
"""


def section(results: dict[str, Any], table: PriceTable, *, gpu: str, segment_s: float) -> str:
    """Return the text below the heading.

    Args:
        results: as `benchmarks.film` stores them.
        table: the table of prices.
        gpu: the GPU of the workers.
        segment_s: the intended work of a segment, in seconds.
    """
    price, rules, trouble = table.price(gpu), table.quotes, Trouble()
    if price is None or rules is None:
        raise LookupError(f"the table has no price of {gpu}, or no rules for quotes")
    ways, films = results["measured"]["cpu_s"], results["films"]
    start_s, rate = rules.cold_start_s.value, rules.download_bytes_per_s.value
    serial_s = rules.overhead_s.value + 2 * FILM_BYTES / rate
    rows = []
    for film in films:
        for row in film["workers"]:
            if row["workers"] in SHOWN:
                billed_s = row["worker_s"] + row["workers"] * start_s + serial_s
                cells = (
                    film["model"],
                    row["workers"],
                    f"{row['efficiency']:.2f}",
                    f"{row['without_trouble']:.2f}",
                    _time(row["seconds"]),
                    _time(row["seconds"] + start_s + serial_s),
                    f"${billed_s * price.dollars_per_s:.2f}",
                    f"{row['repeated']:.1%}",
                )
                rows.append(f"| {' | '.join(map(str, cells))} |")
    return SECTION.format(
        ways="\n".join(f"| {way} | {s:.1f} | {s / ways['unsplit']:.2f} |" for way, s in ways.items()),
        source=results["measured"]["source"],
        pieces=len(results["measured"]["segments"]),
        date=results["date"],
        machine=results["machine"],
        gpu=gpu,
        segment_s=segment_s,
        overhead_s=films[0]["overhead_s"],
        rows="\n".join(rows),
        speeds="\n".join(f"- Speed of {film['model']}: {film['speed']}." for film in films),
        price=price.dollars_per_s,
        price_origin=_origin(price),
        margin=rules.price_margin.value,
        start_s=start_s,
        start_origin=_origin(rules.cold_start_s),
        slow_share=trouble.slow_share,
        slow_least=trouble.slow_times[0],
        slow_most=trouble.slow_times[1],
        death_hours=1 / trouble.deaths_per_hour,
        noticed_s=trouble.noticed_s,
        overhead=rules.overhead_s.value,
        film_gb=FILM_BYTES / 1e9,
        rate=rate / 1e6,
        rate_origin=_origin(rules.download_bytes_per_s),
    )


def _origin(row: SourcedRow) -> str:
    return f"{row.source}, {row.date}"


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
