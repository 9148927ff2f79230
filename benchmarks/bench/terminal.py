"""Prints the results of a part in the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def show(result: dict[str, Any]) -> None:
    """Print the tables and the notes of a part."""
    console = Console(soft_wrap=False)
    machine = result["machine"]
    console.print(
        f"\n[bold]{result['part']}[/bold]  {result['date']}, {machine['processor']}, "
        f"{machine['cores']} cores, load before {result['load_before']}, took {result['took_s']} s"
    )
    for table in result["tables"]:
        shown = Table(box=None, pad_edge=False)
        for number, column in enumerate(table["columns"]):
            shown.add_column(column, justify="right" if number else "left")
        for row in table["rows"]:
            shown.add_row(*row)
        console.print(shown)
    for sentence in result["words"]:
        console.print(sentence, style="dim", markup=False)
