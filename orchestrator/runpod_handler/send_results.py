"""Send answers and progress to RunPod, in the place of the SDK's own `send_result`.

That one tries three times within seconds, and gives up at once on a 400. A job whose answer is lost is done
again by RunPod, or never known to be done.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import ClientError, ClientTimeout
from runpod.serverless.modules import rp_http
from yarl import URL

from orchestrator.errors import ResultTooLarge
from orchestrator.executor.raw_json import Answer, RawJson
from orchestrator.safe_text import json_text

if TYPE_CHECKING:
    from aiohttp import ClientSession

_ATTEMPT_S = 60.0
"""Longest time of one attempt."""

_UPDATE_S = 5.0
"""Longest time of the one attempt for an update."""

_TRY_SHORT = {400, 413}
"""RunPod answers these where a result is too large for it, or is not to its taste."""

_TRY_AGAIN = {408, 425, 429}
_SERVER_FAILED = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long an answer is tried for.

    Attributes:
        first_s: wait after the first failure; it doubles with each.
        most_s: longest wait between two attempts, unless the server asks for a longer one (Retry-After).
        whole_s: time after which the answer is given up.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    whole_s: float = 300.0


class Answers:
    """Sends answers.

    Args:
        address: with `$ID` in the place of the job's id.
        patience: how long one is tried for.
    """

    def __init__(self, address: str = rp_http.JOB_DONE_URL, patience: Patience | None = None) -> None:
        self._address = address
        self._patience = patience or Patience()

    async def send(
        self,
        session: ClientSession,
        data: dict[str, Any],
        job: dict[str, Any],
        *,
        is_stream: bool = False,
    ) -> None:
        """Send the answer of a job until it is taken; never raises, as nobody can be told.

        429, 5xx and failures of the network are tried again for `patience.whole_s`. After 400 or 413 a short
        answer is sent in place of the whole one.

        Args:
            session: of the SDK.
            data: `output`, `error`, `stopPod`; the output may be an `Answer`.
            job: with its `id`.
            is_stream: always false: our handler yields nothing.
        """
        try:
            await self._until_taken(session, data, job["id"], is_stream=is_stream)
        except asyncio.CancelledError:
            log.warning(
                "job %s: it is not known whether its answer was taken: sending was stopped", job["id"]
            )
            raise
        except Exception as exc:
            log.exception("job %s: its answer cannot be sent: %s", job["id"], type(exc).__name__)

    async def update(self, session: ClientSession, progress: dict[str, Any], job: dict[str, Any]) -> None:
        """Send how far a job is, once.

        Raises:
            ClientError, TimeoutError: it was not taken.
        """
        body = _encoded({"status": "IN_PROGRESS", "output": progress})
        status, _ = await self._attempt(session, body, job["id"], timeout_s=_UPDATE_S)
        if not _is_taken(status):
            raise ClientError(f"status {status}")

    async def _until_taken(
        self, session: ClientSession, data: dict[str, Any], name: str, *, is_stream: bool
    ) -> None:
        end_s = time.monotonic() + self._patience.whole_s
        wait_s = self._patience.first_s
        body, is_short = _encoded(data), False
        while True:
            status, asked_s = None, 0.0
            try:
                status, asked_s = await self._attempt(session, body, name, is_stream=is_stream)
                failure = f"status {status}"
            except (ClientError, TimeoutError, OSError) as exc:
                failure = type(exc).__name__
            if status is not None:
                if _is_taken(status):
                    log.info("job %s: its answer was taken", name)
                    return
                if status in _TRY_SHORT and not is_short:
                    log.warning("job %s: its answer of %d bytes was refused: %s", name, len(body), failure)
                    body, is_short = _encoded(_shortened(data, status)), True
                    continue
                if status not in _TRY_AGAIN and status < _SERVER_FAILED:
                    log.error("job %s: its answer was refused and is lost: %s", name, failure)
                    return
            pause_s = max(asked_s, wait_s * random.uniform(0.75, 1.25))  # noqa: S311  spread, not secrecy
            if time.monotonic() + pause_s > end_s:
                log.error("job %s: its answer is given up and lost: %s", name, failure)
                return
            log.warning(
                "job %s: its answer was not taken (%s); tried again in %.1f s", name, failure, pause_s
            )
            await asyncio.sleep(pause_s)
            wait_s = min(2 * wait_s, self._patience.most_s)

    async def _attempt(
        self,
        session: ClientSession,
        body: bytes,
        name: str,
        *,
        timeout_s: float = _ATTEMPT_S,
        is_stream: bool = False,
    ) -> tuple[int, float]:
        """Post once; return the status, and the seconds that the server asks to wait for."""
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
            return response.status, _asked_s(response.headers.get("Retry-After"))


def _is_taken(status: int) -> bool:
    return 200 <= status < 300


def _encoded(data: dict[str, Any]) -> bytes:
    """Return the JSON of an answer."""
    members = []
    for name, value in data.items():
        whole = value.whole if isinstance(value, Answer) else value
        text = whole.data if isinstance(whole, RawJson) else json_text(whole).encode()
        members.append(b"%b:%b" % (json.dumps(name).encode(), text))
    return b"{%b}" % b",".join(members)


def _shortened(data: dict[str, Any], status: int) -> dict[str, Any]:
    """Return what is sent where the whole answer was refused."""
    rest = {name: value for name, value in data.items() if name not in {"output", "error"}}
    output = data.get("output")
    if isinstance(output, Answer):
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


def _asked_s(text: str | None) -> float:
    """Return the seconds of a Retry-After (RFC 9110, 10.2.3): a number, or a date."""
    if not text:
        return 0.0
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
