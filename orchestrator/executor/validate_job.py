"""Validates a job before any work is done for it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from orchestrator.errors import BadRequest
from orchestrator.jobs import Job, parse_job
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient

_TOO_DEEP = "the job is nested too deeply: no job has more than ten levels of objects and lists"


def read_json(data: bytes) -> Any:
    """Parse the JSON of a job.

    Raises:
        BadRequest: it is not JSON, has NaN or Infinity, or exceeds what Python reads: nesting of about a
            thousand levels, numbers of 4300 digits.
    """
    try:
        return json.loads(data, parse_constant=_refuse)
    except RecursionError as exc:
        raise BadRequest(_TOO_DEEP) from exc
    except ValueError as exc:
        reason = "a number has too many digits" if "digits" in str(exc) else str(exc)
        raise BadRequest(f"the job's input is not JSON that can be read: {reason}") from exc


def check_job(values: Any, *, settings: Settings, storage: StorageClient, needed_s: float) -> Job:
    """Validate a job: its values, its addresses and the size of its output.

    Args:
        values: the parsed JSON of the job.
        settings: settings of the worker.
        storage: checks the addresses.
        needed_s: how long presigned URLs of the output must stay valid, in seconds.

    Raises:
        BadRequest: a value is wrong.
        AddressRefused: the worker may not connect to an address.
        InputForbidden, OutputForbidden: a presigned URL cannot work.
        LimitExceeded: the job exceeds a limit of this worker.
    """
    try:
        job = parse_job(values)
    except RecursionError as exc:
        raise BadRequest(_TOO_DEEP) from exc
    for url in job.input_urls:
        storage.check_input(url)
    if job.destination is not None:
        storage.check_output(job.destination, needed_s=needed_s)
    if job.output_px is not None:
        settings.limits.check_output(*job.output_px)
    return job


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
