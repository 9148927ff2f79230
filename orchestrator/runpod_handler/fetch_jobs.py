"""Fetches jobs from RunPod. Replaces the SDK's `get_job`, which loses a batch that has one malformed job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from aiohttp import ClientSession
from runpod.http_client import TooManyRequests
from runpod.serverless.modules import rp_job
from runpod.serverless.modules.worker_state import JobsProgress

from orchestrator.runpod_handler.split_job_batch import split_jobs

_NO_JOBS = {204, 400}
"""The SDK reads 400 as "no job" too: RunPod sends it where FlashBoot is on."""

_SPLIT_HERE_BYTES = 100_000
"""A longer response is split in a thread, so that the event loop is not blocked."""

_ALL_RUNNING_S = 1.0
"""Wait before the next request when all jobs of a response are running already."""

log = logging.getLogger(__name__)


async def fetch_jobs(session: ClientSession, most: int) -> list[dict[str, Any]] | None:
    """Fetch up to `most` jobs; None if there are none. `split_jobs` describes them.

    A job that is running already is left out: its answer serves both.

    Raises:
        TooManyRequests: the server answers 429; the SDK waits.
        aiohttp.ClientError: the server does not answer, or with an error; the SDK logs it and asks again.
    """
    async with session.get(rp_job._job_get_url(most)) as response:  # noqa: SLF001  as the SDK asks
        if response.status in _NO_JOBS:
            return None
        if response.status == 429:
            raise TooManyRequests(response.request_info, response.history, status=response.status)
        response.raise_for_status()
        body = await response.read()
    if len(body) <= _SPLIT_HERE_BYTES:
        jobs = split_jobs(body)
    else:
        jobs = await asyncio.to_thread(split_jobs, body)
    new = without_repeated(jobs, {job.id for job in JobsProgress()})
    if jobs and not new:
        await asyncio.sleep(_ALL_RUNNING_S)
    return new


def without_repeated(jobs: Iterable[dict[str, Any]], running: set[str]) -> list[dict[str, Any]]:
    """Return each job once, without those whose ids are in `running`."""
    known = set(running)
    new = []
    for job in jobs:
        if job["id"] in known:
            log.warning("job %s came again while it is running: it is run and answered once", job["id"])
        else:
            known.add(job["id"])
            new.append(job)
    return new
