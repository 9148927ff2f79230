"""What was measured, as tables to read and as JSON to keep. Knows no device: it writes what it is given."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.gpu.card import Card
    from benchmarks.gpu.choice import Measured, Recommendation
    from benchmarks.gpu.serving import JobCell

_HEADS = (
    *("model", "precision", "runner", "picture", "windows", "batch", "instances"),
    *("fps", "to ours", "of peak", "ms a run", "notes"),
)
CAUSES = ("execute", "transfer", "queue", "decoding", "writing", "tiling")


@dataclass(kw_only=True)
class Results:
    """Everything of one run of the benchmark.

    Attributes:
        command, date, machine: how it was made; date as ISO 8601, UTC.
        device: cuda or cpu.
        card: the GPU; None on a CPU.
        versions: of the programs that took part, by name.
        rates: of matrix products, in operations a second, by precision.
        operations_per_px: of each model, for each pixel of its input.
        alone: cells without Triton; served: cells behind it.
        jobs: whole jobs.
        recommended: one for each model that ran.
    """

    command: str
    date: str
    machine: str
    device: str
    card: Card | None
    versions: dict[str, str]
    rates: dict[str, float] = field(default_factory=dict)
    operations_per_px: dict[str, float] = field(default_factory=dict)
    alone: list[Measured] = field(default_factory=list)
    served: list[Measured] = field(default_factory=list)
    jobs: list[JobCell] = field(default_factory=list)
    recommended: list[Recommendation] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write all of it as JSON; a run that is cut short has left what it had."""
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = asdict(self) | {"speeds": speeds(self)}
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def file_name(results: Results) -> str:
    """Return a name for the JSON that tells the device."""
    device = results.card.name if results.card else results.device
    return f"gpu-{re.sub('[^a-z0-9]+', '-', device.lower()).strip('-')}.json"


def heading(results: Results) -> str:
    """What ran where."""
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


def cells_table(cells: Iterable[Measured]) -> str:
    """Cells as a Markdown table; what failed says why in place of its figures."""
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
    return _table(
        _HEADS,
        rows,
    )


def jobs_table(cells: Iterable[JobCell]) -> str:
    """Whole jobs as a Markdown table: pictures a second, and what the GPU did and waited for."""
    rows = []
    for cell in cells:
        place = [cell.model, f"{cell.picture} {cell.width}x{cell.height}"]
        if cell.job is None:
            rows.append([*place, "", "", *[""] * (len(CAUSES) - 1), f"not measured: {cell.failure}"])
            continue
        causes = [_percent(getattr(cell.job.causes, cause)) for cause in CAUSES]
        rows.append([*place, f"{cell.job.fps:.2f}", _percent(cell.job.load.busy), *causes])
    return _table(("model", "picture", "fps", "GPU busy", *CAUSES), rows)


def speeds(results: Results) -> str:
    """Whole jobs as rows for a table of costs (`FRAMEWRIGHT_COST_TABLE`); none without a GPU."""
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
    """What to set, model by model."""
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
