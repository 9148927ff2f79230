"""Builds the parameters of a film from the options of `framewright film` and its file of parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.cli.export import export_values
from orchestrator.errors import BadRequest, InputNotFound

if TYPE_CHECKING:
    from orchestrator.framing.track_file_reader import SubjectTracks
    from orchestrator.jobs.film import FilmParams

_FILM_OPTIONS = ("segments", "work_sec")


def task_of(output: Path) -> str:
    """Return the task that the name of an output asks for."""
    name = output.name.lower()
    return "track" if name.endswith((".json", ".json.gz", ".ndjson")) else "upscale"


def film_params(
    task: str, output: Path, file: Path | None, choices: dict[str, Any]
) -> tuple[FilmParams, SubjectTracks | None]:
    """Return what the options and the file of parameters ask for, and the subjects of a file of tracks.

    Args:
        task: the task.
        output: the output, whose name chooses the format.
        file: a JSON file of parameters; options replace its values.
        choices: the options by their names; None stands for one that is not given.

    Raises:
        BadRequest: a value is refused, or values do not fit together.
        InputNotFound: a file cannot be read.
    """
    from pydantic import TypeAdapter

    from orchestrator.jobs.film import FilmParams
    from orchestrator.jobs.validation import parse_as
    from orchestrator.media_containers import container_for

    given = {name: value for name, value in choices.items() if value is not None}
    values: dict[str, Any] = {"task": task}
    values |= {name: given.pop(name) for name in _FILM_OPTIONS if name in given}
    params, subjects = {} if file is None else _read_params(file), None
    if task == "export":
        if "model" in given:
            given["upscale_model"] = given.pop("model")
        given, subjects = export_values(given)
        given = {name: value for name, value in given.items() if value is not None}
        params["format"] = _format_of(output, params.get("format"))
    elif task == "upscale":
        values["format"] = container_for(output).name
    values["params"] = params | given
    return parse_as(TypeAdapter(FilmParams), values), subjects


def _format_of(output: Path, asked: object) -> str:
    """Return the format that an output is named for.

    Raises:
        BadRequest: the file of parameters asks for another one.
    """
    from orchestrator.media_containers import container_for

    name = container_for(output).name
    if asked not in (None, name):
        raise BadRequest(
            f"{output} is named as {name}, and the parameters ask for format {asked!r}: change one"
        )
    return name


def _read_params(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_bytes())
    except OSError as exc:
        raise InputNotFound(f"{file} cannot be read: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise BadRequest(f"{file} is not JSON: give the parameters of the task as an object") from exc
    if not isinstance(values, dict):
        raise BadRequest(f"{file} does not hold a JSON object: give the parameters of the task")
    return values
