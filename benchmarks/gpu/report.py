"""Formats the results as Markdown tables, and writes them as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.gpu.nvidia_smi import Gpu
    from benchmarks.gpu.recommendation import Measurement, Recommendation
    from benchmarks.gpu.triton_sweep import JobCell

_HEADS = (
    *("model", "precision", "runner", "picture", "windows", "batch", "instances"),
    *("fps", "to ours", "of peak", "ms a run", "notes"),
)
CAUSES = ("execute", "transfer", "queue", "decoding", "writing", "tiling")


@dataclass(kw_only=True)
class Results:
    """All results of a run of the benchmark.

    Attributes:
        command, date, machine: the command, the date (ISO 8601, UTC), the machine.
        device: cuda or cpu.
        card: the GPU; None on a CPU.
        versions: the versions of the packages, by name.
        rates: the speed of matrix products in operations a second, by precision.
        operations_per_px: the operations of each model for a pixel of its input.
        alone: measurements without Triton; served: measurements behind Triton.
        jobs: whole jobs.
        host: tables of what the host does in a job, with a model that costs nothing.
        recommended: a recommendation for each model that ran.
    """

    command: str
    date: str
    machine: str
    device: str
    card: Gpu | None
    versions: dict[str, str]
    rates: dict[str, float] = field(default_factory=dict)
    operations_per_px: dict[str, float] = field(default_factory=dict)
    alone: list[Measurement] = field(default_factory=list)
    served: list[Measurement] = field(default_factory=list)
    jobs: list[JobCell] = field(default_factory=list)
    host: dict[str, Any] = field(default_factory=dict)
    recommended: list[Recommendation] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write all results as JSON; called after each step, so that an interrupted run keeps its part."""
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = asdict(self) | {"speeds": speeds(self)}
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def file_name(results: Results) -> str:
    """Return the name of the JSON file, which contains the device."""
    device = results.card.name if results.card else results.device
    return f"gpu-{re.sub('[^a-z0-9]+', '-', device.lower()).strip('-')}.json"


def heading(results: Results) -> str:
    """Return the command, the machine, the GPU, the versions and the matrix rates as lines of text."""
    card = results.card
    lines = [f"{results.command}; {results.date}; {results.machine}"]
    if card is None:
        lines.append("a rehearsal: that the parts work is what it shows, its figures are of no use")
    else:
        memory = "" if card.memory_mib is None else f", {card.memory_mib / 1024:.0f} GiB"
        lines.append(
            f"{card.name}{memory}, compute capability {card.compute_capability}, driver {card.driver}"
        )
    lines.append(", ".join(f"{name} {version}" for name, version in results.versions.items()))
    lines += [
        f"matrix product {name}: {rate / 1e12:.{1 if rate > 1e13 else 3}f} TFLOP/s"
        for name, rate in results.rates.items()
    ]
    return "\n".join(lines)


def cells_table(cells: Iterable[Measurement]) -> str:
    """Return measurements as a Markdown table; a failed one has its reason in place of figures."""
    rows = []
    for cell in cells:
        height, width = cell.window
        shape = f"{cell.windows} x {width}x{height}"
        place = [cell.model, cell.precision, cell.runner, cell.picture, shape, str(cell.batch)]
        place.append(str(cell.instances) if cell.instances else "")
        if cell.fps is None:
            rows.append([*place, "", "", "", "", f"not measured: {cell.failure}"])
            continue
        ratio = "" if cell.ratio is None else f"{cell.ratio:.2f}"
        notes = []
        if cell.most_levels is not None:
            notes.append(f"levels off: {cell.most_levels}")
        if cell.busy is not None:
            notes.append(f"busy {cell.busy:.0%}")
        rows.append(
            [*place, f"{cell.fps:.2f}", ratio, _percent(cell.of_peak), _ms(cell.run_ms), "; ".join(notes)]
        )
    return _table(_HEADS, rows)


def jobs_table(cells: Iterable[JobCell]) -> str:
    """Return whole jobs as a Markdown table: frames per second, and what the GPU did and waited for."""
    rows = []
    for cell in cells:
        place = [cell.model, f"{cell.picture} {cell.width}x{cell.height}"]
        if cell.job is None:
            rows.append([*place, "", "", *[""] * (len(CAUSES) - 1), f"not measured: {cell.failure}"])
            continue
        causes = [_percent(getattr(cell.job.causes, cause)) for cause in CAUSES]
        rows.append([*place, f"{cell.job.fps:.2f}", _percent(cell.job.load.busy), *causes])
    return _table(("model", "picture", "fps", "GPU busy", *CAUSES), rows)


def host_tables(results: Results) -> str:
    """Return the tables of what the host does as Markdown, with their notes."""
    tables = [_table(table["columns"], table["rows"]) for table in results.host["tables"]]
    return "\n\n".join([*tables, *results.host["words"]])


def speeds(results: Results) -> str:
    """Return whole jobs as rows of a cost table (`FRAMEWRIGHT_COST_TABLE`); empty without a GPU."""
    if results.card is None:
        return ""
    rows = []
    for cell in results.jobs:
        if cell.job is None:
            continue
        task = "track" if cell.job.detects else "upscale"
        rows.append(
            f'[[speeds]]\ntask = "{task}"\nmodel = "{cell.model}"\ngpu = {json.dumps(results.card.name)}\n'
            f"width = {cell.width}\nheight = {cell.height}\nfps = {cell.job.fps:.3f}\nmeasured = true\n"
            f"source = {json.dumps(results.command)}\ndate = {results.date[:10]}\n"
        )
    return "\n".join(rows)


def advice(recommended: Sequence[Recommendation]) -> str:
    """Return the recommended settings, model by model."""
    return "\n\n".join(
        "\n".join((f"{one.model}: {one.fps:.2f} pictures a second behind Triton", *one.commands))
        for one in recommended
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(share: Any) -> str:
    return "" if share is None else f"{share:.0%}"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
