"""Sends results and progress to RunPod. Replaces the SDK's `send_result`.

The SDK tries three times within seconds, and gives up at once after a 400. RunPod runs a job again whose
result is lost, or never learns that it has ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout
from runpod.serverless.modules import rp_http
from yarl import URL

from orchestrator.errors import ResultTooLarge
from orchestrator.executor.raw_json import EncodedResult, RawJson
from orchestrator.storage.retryable_errors import retry_after_s
from orchestrator.utf8_json import json_text

_RESULT_S = 60.0
"""Time limit of one attempt to send a result."""

_PROGRESS_S = 5.0
"""Time limit of the only attempt to send progress."""

_TRY_SHORT = {400, 413}
"""RunPod answers these to a result that is too large or that it cannot read."""

_TRY_AGAIN = {408, 425, 429, *range(500, 600)}

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a result is sent again, and for how long.

    Attributes:
        first_wait_s: wait after the first failure; it doubles after each further one.
        longest_wait_s: longest wait between two attempts, unless the server asks for more (Retry-After).
        total_s: time after which no attempt is made.
    """

    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    total_s: float = 300.0


class ResultSender:
    """Sends results, errors and progress.

    Args:
        address: URL with `$ID` in the place of the job's id.
        retries: when a result is sent again, and for how long.
    """

    def __init__(self, address: str = rp_http.JOB_DONE_URL, retries: RetryPolicy | None = None) -> None:
        self._address = address
        self._retries = retries or RetryPolicy()

    async def send(
        self,
        session: ClientSession,
        data: dict[str, Any],
        job: dict[str, Any],
        *,
        is_stream: bool = False,
    ) -> None:
        """Send the result of a job until RunPod accepts it. Never raises: nobody could handle it.

        429, 5xx and failures of the network are tried again for `retries.total_s`. After 400 or 413 a short
        result is sent in place of the whole one.

        Args:
            session: HTTP session of the SDK.
            data: `output`, `error`, `stopPod`; the output may be an `EncodedResult`.
            job: the job, with its `id`.
            is_stream: always false, because our handler is not a generator.
        """
        try:
            await self._send(session, data, job["id"], is_stream=is_stream)
        except asyncio.CancelledError:
            log.warning("job %s: sending its result was stopped; RunPod may have it or not", job["id"])
            raise
        except Exception as exc:
            log.exception("job %s: its result cannot be sent: %s", job["id"], type(exc).__name__)

    async def send_progress(
        self, session: ClientSession, progress: dict[str, Any], job: dict[str, Any]
    ) -> None:
        """Send the progress of a job, once.

        Raises:
            ClientError, TimeoutError: RunPod did not accept it.
        """
        body = _encoded({"status": "IN_PROGRESS", "output": progress})
        status, _ = await self._post(session, body, job["id"], timeout_s=_PROGRESS_S)
        if not 200 <= status < 300:
            raise ClientError(f"status {status}")

    async def _send(
        self, session: ClientSession, data: dict[str, Any], name: str, *, is_stream: bool
    ) -> None:
        end_s = time.monotonic() + self._retries.total_s
        wait_s = self._retries.first_wait_s
        body, is_short = _encoded(data), False
        while True:
            status, requested_s = None, 0.0
            try:
                status, requested_s = await self._post(session, body, name, is_stream=is_stream)
                failure = f"status {status}"
            except (ClientError, TimeoutError, OSError) as exc:
                failure = type(exc).__name__
            if status is not None:
                if 200 <= status < 300:
                    log.info("job %s: its result was accepted", name)
                    return
                if status in _TRY_SHORT and not is_short:
                    log.warning("job %s: its result of %d bytes was refused: %s", name, len(body), failure)
                    body, is_short = _encoded(_shortened(data, status)), True
                    continue
                if status not in _TRY_AGAIN:
                    log.error("job %s: its result was refused and is lost: %s", name, failure)
                    return
            pause_s = max(requested_s, wait_s * random.uniform(0.75, 1.25))  # noqa: S311  spread, not secrecy
            if time.monotonic() + pause_s > end_s:
                log.error("job %s: its result could not be sent in time and is lost: %s", name, failure)
                return
            log.warning(
                "job %s: its result was not accepted (%s); trying again in %.1f s", name, failure, pause_s
            )
            await asyncio.sleep(pause_s)
            wait_s = min(2 * wait_s, self._retries.longest_wait_s)

    async def _post(
        self,
        session: ClientSession,
        body: bytes,
        name: str,
        *,
        timeout_s: float = _RESULT_S,
        is_stream: bool = False,
    ) -> tuple[int, float]:
        """Post once; return the status, and the seconds of Retry-After."""
        text = quote(name, safe="")
        url = f"{self._address.replace('$ID', text)}&isStream={str(is_stream).lower()}"
        headers = {
            "charset": "utf-8",
            "Content-Type": "application/x-www-form-urlencoded",  # RunPod expects this label
            "X-Request-ID": text,
        }
        async with session.post(
            URL(url, encoded=True),
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=ClientTimeout(total=timeout_s),
        ) as response:
            await response.read()
            return response.status, retry_after_s(response.headers.get("Retry-After")) or 0.0


def _encoded(data: dict[str, Any]) -> bytes:
    members = []
    for name, value in data.items():
        whole = value.whole if isinstance(value, EncodedResult) else value
        text = whole.data if isinstance(whole, RawJson) else json_text(whole).encode()
        members.append(b"%b:%b" % (json.dumps(name).encode(), text))
    return b"{%b}" % b",".join(members)


def _shortened(data: dict[str, Any], status: int) -> dict[str, Any]:
    """Return what is sent in place of a message that RunPod refused."""
    rest = {name: value for name, value in data.items() if name not in {"output", "error"}}
    output = data.get("output")
    if isinstance(output, EncodedResult):
        if output.short is not None:
            return {"output": output.short, **rest}
        error = ResultTooLarge(
            f"RunPod refused the result with status {status}; give an output_url for it, or ask for less"
        )
        failed = {"status": "failed", "code": error.code, "retryable": error.retryable}
        return {"output": failed, "error": f"{error.code}: {error}", **rest}
    code = output["code"] if isinstance(output, dict) and "code" in output else "internal"
    message = f"RunPod refused the message with status {status}; it is in the log of the worker"
    return {"output": output, "error": f"{code}: {message}", **rest}
