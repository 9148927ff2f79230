"""Makes docs/settings.md from the fields of `Settings` and `Limits`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from orchestrator.environment import variables
from orchestrator.limits import Limits
from orchestrator.settings import Settings
from tools.field_docs import field_docs

_HEAD = """# Settings

Framewright reads its settings from environment variables when a command starts. A variable that is unset or
empty has the default; a command fails at its start if one has an invalid value. Made by `make docs` from
`orchestrator/settings.py` and `orchestrator/limits.py`."""

_HEADINGS = {
    "weights_dir": "Models and Triton",
    "concurrency": "The worker",
    "duration_s": "What a job may ask for",
    "allow_http": "Storage",
}
"""The first setting of each group."""

_NOTES = {
    "duration_s": """
These limit the jobs of a worker; the command line has no such limits. Only `framewright infer`, which sends
a picture as one request, refuses one of more than FRAMEWRIGHT_MAX_SOURCE_PIXELS too.
"""
}
"""What stands above the table of a group."""


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join([_HEAD, *_rows(Settings)]) + "\n"


def _rows(settings: type[Any]) -> Iterator[str]:
    texts, read = field_docs(settings), variables(settings)
    for field in dataclasses.fields(settings):
        if field.name in _HEADINGS:
            yield f"\n## {_HEADINGS[field.name]}\n{_NOTES.get(field.name, '')}"
            yield "| variable | what it sets | unit | default |\n|---|---|---|---|"
        if field.default_factory is Limits:
            yield from _rows(Limits)
        elif field.name in read:
            variable = read[field.name]
            text, _, default = texts[field.name].partition(" Default: ")
            default = default.removesuffix(".") or _shown(field.default)
            yield f"| `{variable.name}` | {text} | {variable.unit} | {default} |"


def _shown(default: object) -> str:
    if isinstance(default, str):
        return f"`{default}`" if default else ""
    if isinstance(default, (bool, int)):
        gib, rest = divmod(int(default), 2**30)
        return f"{int(default)} ({gib} GiB)" if gib and not rest else str(int(default))
    return f"{default:g}" if isinstance(default, float) else ""
