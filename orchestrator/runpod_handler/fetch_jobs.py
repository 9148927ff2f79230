"""Ask RunPod for jobs, in the place of the SDK's `get_job`, which loses a batch if one of its jobs is odd."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from runpod.http_client import TooManyRequests
from runpod.serverless.modules import rp_job
from runpod.serverless.modules.worker_state import JobsProgress

from orchestrator.runpod_handler.split_response import split_jobs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import ClientSession

_NO_JOBS = {204, 400}
"""The SDK takes 400 for "no job" too: RunPod answers it where FlashBoot is on."""

_SPLIT_AT_ONCE_BYTES = 100_000
"""A longer response is split in a thread, so that the event loop goes on."""

_REPEATED_S = 1.0
"""Wait before asking again when all that came is in hand already."""

log = logging.getLogger(__name__)


async def take_jobs(session: ClientSession, most: int) -> list[dict[str, Any]] | None:
    """Take up to `most` jobs; None where there are none. See `split_jobs` for their form.

    A job that is in hand already is left out: its answer serves both.

    Raises:
        TooManyRequests: the server asks for patience; the SDK waits.
        aiohttp.ClientError: no answer, or an error; the SDK logs it and asks again.
    """
    async with session.get(rp_job._job_get_url(most)) as response:  # noqa: SLF001  as the SDK asks
        if response.status in _NO_JOBS:
            return None
        if response.status == 429:
            raise TooManyRequests(response.request_info, response.history, status=response.status)
        response.raise_for_status()
        body = await response.read()
    if len(body) <= _SPLIT_AT_ONCE_BYTES:
        jobs = split_jobs(body)
    else:
        jobs = await asyncio.to_thread(split_jobs, body)
    fresh = without_repeated(jobs, {job.id for job in JobsProgress()})
    if jobs and not fresh:
        await asyncio.sleep(_REPEATED_S)
    return fresh


def without_repeated(jobs: Iterable[dict[str, Any]], in_hand: set[str]) -> list[dict[str, Any]]:
    """Return the jobs whose ids are not in hand, each once."""
    known = set(in_hand)
    fresh = []
    for job in jobs:
        if job["id"] in known:
            log.warning("job %s came again while it is in hand: it is done and answered once", job["id"])
        else:
            known.add(job["id"])
            fresh.append(job)
    return fresh
