"""Writes the section "Efficiency and cost" of docs/film.md from the results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.film.measure import PROCESSES, UNSPLIT
from benchmarks.film.simulated_film import (
    FILM_BYTES,
    REQUESTS_S,
    SEEDS,
    SEGMENT_S,
    measured_segment_s,
    rules_of,
)
from orchestrator.film.boundaries import TAPERED_LENGTH, TAPERED_SHARE
from tools.film_simulation import API_MOST_SEGMENTS, API_SEGMENT_S, KEYFRAMES_APART, SHOT_S, Trouble

if TYPE_CHECKING:
    from orchestrator.cost.price_table import PriceTable, SourcedRow

SHOWN = (1, 8, 32, 120)
"""The numbers of workers in the table."""

SECTION = """\
**Measured.** The upscale by lite-x4 is the main figure, because films are made for upscales: its CPU seconds
are those of the processes and of the Triton that they share. The export has no model, so it shows the most
that pieces can cost. One and two processes made the same bytes.

| job | way | CPU s | over the unsplit job | start of Python, CPU s |
|---|---|---|---|---|
{ways}

{subjects}
Other programs on the cores add to CPU seconds. So all ways are measured in turns, each is compared with the
unsplit job of its own turn, and figures are medians over the turns. The lowest and the highest comparison are
in brackets. The goal is at most 1.08 times the unsplit job. The start of Python and its imports has a column
of its own, because its processes are few however long a film is: one for the unsplit job, and here one for
the plan, one for the assembly, and one or two for the segments.
`python -m benchmarks.film`; {machine}.

**A segment's own CPU time** is {segment_cpu_s:.2f} s beyond its frames: one process made the same export in
{few} and in {many} segments, and the difference is divided by {more}. It is the median of {turns} turns, from
{least_s:.2f} to {most_s:.2f} s. It goes into the comparison of three pictures of each piece with the source,
the last picture of a piece, which is encoded three times, opening the source, the decoder and the encoder,
and the piece's part of the assembly.

**Simulated.** A film of 60 minutes, 86,400 frames of 1920x1080, upscaled to 3840x2160 on {gpu}s. *Efficiency*
is the work of the ordinary job divided by the time of all workers until the last segment ends; 1 is ideal.
The segments are those that the plan chooses, for {segment_s:g} s of work by default; those of the last
{tapered_share:.0%} of the film have {tapered_length:g} times that. Their work for a frame varies as it did in
the measured upscale in short segments, and each takes {overhead_s:.2f} s beyond its frames.

![Efficiency by the number of workers](images/film/efficiency.png)

| model | workers | efficiency | without trouble | segments | film | times as fast | GPU cost | repeated |
|---|---|---|---|---|---|---|---|---|
{rows}

Where each figure comes from:

{speeds}
- Price: ${price:g} a second ({price_origin}). Users pay {margin:g} times that ([billing.md](billing.md)).
- Start of a worker: {start_s:g} s ({start_origin}). Each worker starts once, and the start is in the cost.
- Source: a keyframe where a shot begins and {keyframes_apart} frames after the last one, as x264 does by
  default; shots of {shot_s:g} s on average (our assumption). That makes {segments}.
- Time beyond the frames: the {segment_cpu_s:.2f} CPU seconds that were measured above, with smaller pictures;
  and {requests_s:g} s for the segment's requests, its connection to Triton and the wait for the next segment
  (our assumption).
- Trouble, our assumptions: {slow_share:.0%} of the runs take {slow_least:g} to {slow_most:g} times as long; a
  worker dies every {death_hours:g} hours of work, which is noticed after {noticed_s:g} s, and its successor
  starts in {start_s:g} s.
- The film has {film_gb:g} GB (40 Mbit/s, our assumption), which are stored at {rate:g} MB/s
  ({rate_origin}): by the ordinary job, and by the workers of a film as pieces. This is part of the work.
- *Segments* is the time until the last one ends. *Film* adds {overhead:g} s for the plan, the start of the
  workers, and the assembly, in which one worker fetches the pieces and stores the film:
  {assembly_min:.0f} minutes at that rate. The more workers there are, the more of the time is the assembly.
- *Times as fast* compares the time of the film with that of the ordinary job on one worker.
- *Without trouble* is the efficiency if no run is slow and no worker dies.
- *Efficiency* and times are means of {seeds} simulations. *Repeated* is the share of the work that was
  started a second time, in the worst of them; the rule allows 5 %.

**As the API divides it.** The API asks for segments of {api_segment_s:g} s of work. For a film with more than
{api_segments} of them it asks for 4/3 of that, twice that, 8/3, four times and so on, until there are at most
{api_segments} ([billing.md](billing.md#the-price-of-a-film)). Those at the end are shorter here, too. All
else is as above. The table has the efficiency.

| model | work of a segment | segments | 8 workers | 32 workers | 120 workers |
|---|---|---|---|---|---|
{api_rows}

A film of little work uses many workers badly, because each has few segments and the last one ends late. With
120 workers even the start of a worker takes longer than the work of some.
"""


def section(results: dict[str, Any], table: PriceTable, *, gpu: str) -> str:
    """Return the text below the heading.

    Args:
        results: as `benchmarks.film` stores them.
        table: the table of prices.
        gpu: the GPU of the workers.

    Raises:
        LookupError: the table has no price of the GPU, or no rules for quotes.
    """
    price, rules, trouble = table.price(gpu), rules_of(table), Trouble()
    if price is None:
        raise LookupError(f"the table has no price of {gpu}")
    films = results["films"]
    start_s, rate = rules.cold_start_s.value, rules.download_bytes_per_s.value
    before_s, assembly_s = rules.overhead_s.value + start_s, 2 * FILM_BYTES / rate
    fitted = next(one for one in results["measured"].values() if one["segment_cpu_s"] is not None)
    rows = []
    for film in films:
        for row in film["workers"]:
            if row["workers"] in SHOWN:
                film_s = before_s + row["seconds"] + assembly_s
                serial_s = rules.overhead_s.value + assembly_s
                billed_s = row["worker_s"] + row["workers"] * start_s + serial_s
                cells = (
                    film["model"],
                    row["workers"],
                    f"{row['efficiency']:.2f}",
                    f"{row['without_trouble']:.2f}",
                    _time(row["seconds"]),
                    _time(film_s),
                    f"{(before_s + film['work_s']) / film_s:.1f}",
                    f"${billed_s * price.dollars_per_s:.2f}",
                    f"{row['repeated']:.1%}",
                )
                rows.append(f"| {' | '.join(map(str, cells))} |")
    return SECTION.format(
        ways="\n".join(_ways(name, one) for name, one in results["measured"].items()),
        subjects=" ".join(_subject(name, one) for name, one in results["measured"].items()),
        machine=", ".join(next(iter(results["measured"].values()))["machine"].split(", ")[:-1]),
        gpu=gpu,
        segment_s=SEGMENT_S,
        tapered_share=TAPERED_SHARE,
        tapered_length=TAPERED_LENGTH,
        overhead_s=films[0]["overhead_s"],
        segment_cpu_s=measured_segment_s(results["measured"]),
        few=len(fitted["segments"]),
        many=fitted["many"],
        more=fitted["many"] - len(fitted["segments"]),
        turns=len(fitted["turns"]),
        least_s=min(fitted["segment_turns_s"]),
        most_s=max(fitted["segment_turns_s"]),
        api_segment_s=API_SEGMENT_S,
        api_segments=API_MOST_SEGMENTS,
        api_rows="\n".join(map(_api_row, results["api_films"])),
        requests_s=REQUESTS_S,
        rows="\n".join(rows),
        speeds="\n".join(f"- Speed of {film['model']}: {film['speed']}." for film in films),
        segments=" and ".join(f"{film['segments']} segments with {film['model']}" for film in films),
        keyframes_apart=KEYFRAMES_APART,
        shot_s=SHOT_S,
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
        assembly_min=assembly_s / 60,
        seeds=SEEDS,
    )


def _ways(name: str, measured: dict[str, Any]) -> str:
    """Return the rows of one job in the table of CPU seconds."""
    rows = []
    for way in (UNSPLIT, *PROCESSES):
        over = "1"
        if way != UNSPLIT:
            over = f"{measured['over_unsplit'][way]:.3f}"
            each = [turn[way] / turn[UNSPLIT] for turn in measured["turns"]]
            if len(each) > 1:
                over += f" ({min(each):.3f} to {max(each):.3f})"
        cpu_s, start_s = measured["cpu_s"][way], measured["start_cpu_s"][way]
        rows.append(f"| {name} | {way} | {cpu_s:.1f} | {over} | {start_s:.1f} |")
    return "\n".join(rows)


def _api_row(film: dict[str, Any]) -> str:
    """Return the row of a film in the table of the API."""
    efficiency = {row["workers"]: f"{row['efficiency']:.2f}" for row in film["workers"]}
    shown = " | ".join(efficiency[workers] for workers in SHOWN[1:])
    return f"| {film['model']} | {film['segment_s']:g} s | {film['segments']} | {shown} |"


def _subject(name: str, measured: dict[str, Any]) -> str:
    return (
        f"*{name.capitalize()}*: {measured['source']}, {measured['times']} times in a row, which makes "
        f"{measured['frames']:,} frames in {len(measured['segments'])} segments; "
        f"measured {_times(len(measured['turns']))}, until {measured['date']}, when the load was "
        f"{measured['machine'].rpartition(' load ')[2]}."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _origin(row: SourcedRow) -> str:
    return f"{row.source}, {row.date}"


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
