"""Makes the reference pages of jobs, errors and settings from the classes that define them.

    python -m tools.reference docs

writes docs/jobs.md, docs/jobs.schema.json, docs/results.schema.json, docs/errors.md and docs/settings.md. The
meaning of a field is the docstring below it; types, bounds and defaults come from the models.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args

from pydantic import TypeAdapter

from orchestrator import errors
from orchestrator.jobs.preview import Preview
from orchestrator.jobs.task_table import TASKS, job_adapter
from orchestrator.jobs.validation import LARGEST_INTEGER, Strict
from tools import settings_page
from tools.field_docs import field_docs

SCHEMA = "https://json-schema.org/draft/2020-12/schema"

_ERRORS_HEAD = """# Errors

A job that fails answers, and `--json` prints:

```json
{"status": "failed", "error": "<code>: <what was wrong, what to do>", "code": "<code>", "retryable": false}
```

Codes are stable. `retryable` says whether the same job may succeed later, unchanged. A failure with the code
`piece_damaged` also has `piece`, the number of the damaged piece. The command line exits with 2 where the
request or its input is at fault (caller), with 1 where the worker is, with 130 or 143 after Ctrl-C or
SIGTERM. Made by `make docs` from `orchestrator/errors.py`.

| code | fault of | retryable | what |
|---|---|---|---|""".splitlines()

_STEP = (
    "One of the three jobs that make a film in pieces ([film.md](film.md#the-three-jobs)). The driver of\n"
    "the film sends it; the API refuses it from users."
)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a job."""
    made = job_adapter().json_schema()
    for name, model in _models_by_name().items():
        if name in made["$defs"]:
            _describe(made["$defs"][name], model)
    return {"$schema": SCHEMA, "title": "A job for a Framewright worker", **made}


def results_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the result of a job; `$defs` has that of a `Preview`, too."""
    results: Any = Union[tuple(result for task in TASKS.values() for result in task.results)]  # noqa: UP007
    made = TypeAdapter(results).json_schema(mode="serialization")
    preview = Preview.model_json_schema(mode="serialization")
    made["$defs"] |= preview.pop("$defs") | {"Preview": preview}
    for name, model in _models_by_name().items():
        if name in made["$defs"]:
            _describe(made["$defs"][name], model)
    return {"$schema": SCHEMA, "title": "The result of a job of a Framewright worker", **made}


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join(_page()) + "\n"


def descriptions(model: type[Strict]) -> dict[str, str]:
    """Return what each field of a model means, by name."""
    texts = field_docs(model)
    return {
        name: re.sub(r"(?<!-)\bNone\b(?!-)", "null", texts[name])
        for name in model.model_fields
        if name in texts
    }


def errors_page() -> str:
    """Return the page on errors in Markdown, with one row for each code that a user can meet."""
    rows = [
        f"| `{code}` | {fault} | {'yes' if kind.retryable else 'no'} | "
        f"{'An unexpected error: a bug in Framewright.' if kind is errors.WorkerError else _summary(kind)} |"
        for code, fault, kind in error_kinds()
    ]
    return "\n".join([*_ERRORS_HEAD, *rows]) + "\n"


def error_kinds() -> Iterator[tuple[str, str, type[errors.WorkerError]]]:
    """Yield each code that a user can meet, whose fault it is (`caller` or `worker`), and its class."""
    kinds: dict[str, type[errors.WorkerError]] = {}
    for kind in _below(errors.WorkerError):
        # The two base classes are never raised. Where kinds share a code, the row is that of the base.
        if kind not in {errors.CallerError, errors.ServiceError}:
            kinds.setdefault(kind.code, kind)
    kinds[errors.WorkerError.code] = errors.WorkerError
    for code, kind in kinds.items():
        yield code, "caller" if issubclass(kind, errors.CallerError) else "worker", kind


def _below(kind: type[errors.WorkerError]) -> Iterator[type[errors.WorkerError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def _models_by_name() -> dict[str, type[Strict]]:
    roots = [Preview, *(root for task in TASKS.values() for root in (task.job, *task.results))]
    return {model.__name__: model for root in roots for model in models(root)}


def models(kind: Any) -> Iterator[type[Strict]]:
    """Yield the models in a type, each before those that its fields are made of."""
    if isinstance(kind, type) and issubclass(kind, Strict):
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    for inner in get_args(kind):
        yield from models(inner)


def example(name: str) -> dict[str, Any]:
    """Return the example of a job of a task."""
    task = TASKS[name]
    address = "https://media.example.com/{}?X-Amz-Signature=...".format
    addresses = {
        field: address(files) if isinstance(files, str) else [address(file) for file in files]
        for field, files in {"input_url": "in.mp4", **task.example_files}.items()
    }
    return {"task": name, **addresses, "params": task.example}


def _describe(definition: dict[str, Any], model: type[Strict]) -> None:
    definition["description"] = _summary(model)
    for name, text in descriptions(model).items():
        definition["properties"][name]["description"] = text


def _summary(model: type[object]) -> str:
    return inspect.cleandoc(model.__doc__ or "").partition("\n")[0]


def _page() -> Iterator[str]:
    yield "# Jobs: requests and results"
    yield ""
    yield "Made by `make docs` from the models in `orchestrator/jobs` that validate every job. Unknown fields"
    yield "are refused. The same as JSON Schemas: [jobs.schema.json](jobs.schema.json) and"
    yield "[results.schema.json](results.schema.json). [errors.md](errors.md) lists how a job can fail."
    described: set[type[Strict]] = set()
    for name, task in TASKS.items():
        yield from ("", f"## {name}", "", _summary(task.job))
        if task.is_step:
            yield from ("", _STEP)
        yield from ("", "```json")
        yield json.dumps(example(name), indent=2)
        yield "```"
        for root in (task.job, *task.results):
            if root is task.results[0]:
                yield from ("", f"### Result of {name}")
                if described.issuperset(task.results):
                    names = " or ".join(f"`{result.__name__}`" for result in task.results)
                    yield from ("", f"The result of the ordinary job, which is described there: {names}.")
            for model in models(root):
                if model not in described:
                    described.add(model)
                    yield from _table(model, answers=root is not task.job)
    yield from ("", "## The preview", "", "A job with a `preview_url` uploads this document there, as JSON.")
    for model in models(Preview):
        yield from _table(model, answers=True)


def _table(model: type[Strict], *, answers: bool) -> Iterator[str]:
    made = model.model_json_schema(mode="serialization" if answers else "validation")
    texts = descriptions(model)
    yield from ("", f"**{model.__name__}**: {_summary(model)}", "")
    yield from (
        ("| field | type | what |", "|---|---|---|")
        if answers
        else (
            "| field | type | default | what |",
            "|---|---|---|---|",
        )
    )
    for name, entry in made["properties"].items():
        cells = [f"`{name}`", _type(entry)]
        if not answers:
            cells.append(_default(name, entry, made))
        yield f"| {' | '.join([*cells, texts.get(name, '').replace('|', chr(92) + '|')])} |"


def _default(name: str, entry: dict[str, Any], made: dict[str, Any]) -> str:
    if name in made.get("required", ()):
        return "required"
    value = entry.get("default")
    return "" if value is None or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _type(entry: dict[str, Any]) -> str:  # noqa: PLR0911  a return for each kind
    if "$ref" in entry:
        return str(entry["$ref"].rpartition("/")[2])
    if "allOf" in entry:
        return _type(entry["allOf"][0])
    if kinds := entry.get("anyOf") or entry.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(kind) for kind in kinds if kind.get("type") != "null"))
    if "const" in entry:
        return f"`{json.dumps(entry['const'])}`"
    if "enum" in entry:
        return ", ".join(f"`{json.dumps(value)}`" for value in entry["enum"])
    if entry.get("type") == "array":
        if "prefixItems" in entry:
            return f"list of {len(entry['prefixItems'])} numbers"
        return f"list of {_type(entry['items'])}"
    bounds = [
        f"{word} {entry[key]:.10g}"
        for key, word in (("minimum", "from"), ("exclusiveMinimum", "over"), ("maximum", "to"))
        if abs(entry.get(key, LARGEST_INTEGER)) < LARGEST_INTEGER
    ]
    return " ".join([str(entry.get("type", "any")), *bounds])


def write(folder: Path) -> None:
    """Write all pages into a folder."""
    (folder / "settings.md").write_text(settings_page.page())
    (folder / "errors.md").write_text(errors_page())
    (folder / "jobs.md").write_text(page())
    (folder / "jobs.schema.json").write_text(json.dumps(schema(), indent=2) + "\n")
    (folder / "results.schema.json").write_text(json.dumps(results_schema(), indent=2) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
