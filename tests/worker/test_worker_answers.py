"""Tests how results reach RunPod: with retries, in a short form after a refusal, as encodable text."""

from __future__ import annotations

import asyncio
import email.utils
import time
from typing import Any

import aiohttp
import pytest

from orchestrator.executor.raw_json import EncodedResult, RawJson
from orchestrator.runpod_handler.send_results import ResultSender, RetryPolicy
from tools.stand_ins.runpod_server import RunPodServer

SHORT = {"status": "completed", "output_url": "https://store.example/out.mp4"}
WHOLE = SHORT | {"notes": ["all of it"] * 100}
DATA = {"output": EncodedResult(whole=RawJson.of(WHOLE), short=RawJson.of(SHORT))}
FAILED = {"status": "failed", "code": "bad_media", "retryable": False}
QUICK = RetryPolicy(first_wait_s=0.01, longest_wait_s=0.04, total_s=20)


def send(
    runpod: RunPodServer, data: dict[str, Any], name: str = "job", retries: RetryPolicy = QUICK
) -> list[dict[str, Any]]:
    """Send a result; return the bodies that the server accepted."""
    address = runpod.environment["RUNPOD_WEBHOOK_POST_OUTPUT"].replace("$RUNPOD_POD_ID", "pod-1")

    async def sent() -> None:
        async with aiohttp.ClientSession() as session:
            await ResultSender(address, retries).send(session, data, {"id": name})

    asyncio.run(sent())
    return [message.body for message in runpod.of(name)]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_an_answer_is_sent_until_the_server_is_well_again(runpod: RunPodServer, status: int) -> None:
    runpod.answers.extend([status] * 12)
    assert send(runpod, DATA) == [{"output": WHOLE}]
    assert runpod.refused == [{"output": WHOLE}] * 12


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_server_says_how_long_to_wait(runpod: RunPodServer, form: str) -> None:
    runpod.answers.append(429)
    date_s = int(time.time()) + 2
    runpod.retry_after = "1" if form == "seconds" else email.utils.formatdate(date_s, usegmt=True)
    began_s = time.monotonic()
    assert send(runpod, DATA) == [{"output": WHOLE}]
    if form == "seconds":
        assert time.monotonic() - began_s >= 0.9
    else:
        assert time.time() >= date_s - 0.1


def test_a_wait_that_is_longer_than_our_patience_is_not_started(runpod: RunPodServer) -> None:
    runpod.answers.append(429)
    runpod.retry_after = "86400"
    assert send(runpod, DATA) == []


@pytest.mark.parametrize("text", ["Mon, 21 Oct 99999999999 07:28:00 GMT", "soon", "-1", "1e3", "\u00b2"])
def test_a_wait_that_cannot_be_read_loses_no_answer(runpod: RunPodServer, text: str) -> None:
    runpod.answers.append(429)
    runpod.retry_after = text
    assert send(runpod, DATA) == [{"output": WHOLE}]


def test_patience_has_an_end(runpod: RunPodServer) -> None:
    runpod.answers.extend([500] * 1000)
    assert send(runpod, DATA, retries=RetryPolicy(first_wait_s=0.05, longest_wait_s=0.05, total_s=1.5)) == []
    assert 2 <= len(runpod.refused) < 100


def test_a_server_that_is_gone_for_a_while_gets_the_answer_later(runpod: RunPodServer) -> None:
    async def sent() -> None:
        gone, port = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0), 0
        port = gone.sockets[0].getsockname()[1]
        address = runpod.environment["RUNPOD_WEBHOOK_POST_OUTPUT"].replace("$RUNPOD_POD_ID", "pod-1")
        broken = address.replace(address.split("/")[2], f"127.0.0.1:{port}")
        async with gone, aiohttp.ClientSession() as session:
            sender = ResultSender(broken, QUICK)
            sending = asyncio.ensure_future(sender.send(session, DATA, {"id": "job"}))
            await asyncio.sleep(0.1)
            assert not sending.done()
            sender._address = address  # the same name leads to a server again
            await sending

    asyncio.run(sent())
    assert [message.body for message in runpod.of("job")] == [{"output": WHOLE}]


@pytest.mark.parametrize("status", [400, 413])
def test_an_answer_that_is_refused_is_followed_by_a_short_one(runpod: RunPodServer, status: int) -> None:
    runpod.answers.extend([500, status, 500])
    assert send(runpod, DATA) == [{"output": SHORT}]
    assert runpod.refused == [{"output": WHOLE}] * 2 + [{"output": SHORT}]


def test_tracks_that_are_refused_fail_with_what_to_do(runpod: RunPodServer) -> None:
    runpod.answers.append(413)
    (body,) = send(runpod, {"output": EncodedResult(whole=RawJson(b'{"tracks":[]}'), short=None)})
    assert body["output"] == {"status": "failed", "code": "result_too_large", "retryable": False}
    assert body["error"].startswith(
        "result_too_large: RunPod refused the result with status 413; give an output_url"
    )


def test_an_error_that_is_refused_keeps_its_code(runpod: RunPodServer) -> None:
    runpod.answers.append(400)
    (body,) = send(runpod, {"output": FAILED, "error": "bad_media: \x00 odd", "stopPod": True})
    assert body["output"] == FAILED
    assert body["stopPod"] is True
    assert body["error"].startswith("bad_media: RunPod refused the message with status 400")


@pytest.mark.parametrize("statuses", [[404], [401], [400, 400]])
def test_what_will_never_be_taken_is_given_up(runpod: RunPodServer, statuses: list[int]) -> None:
    runpod.answers.extend(statuses)
    assert send(runpod, DATA) == []
    assert len(runpod.refused) == len(statuses)


def test_text_that_cannot_be_encoded_is_written_out(runpod: RunPodServer) -> None:
    (body,) = send(
        runpod, {"output": FAILED | {"fps": float("nan")}, "error": "internal: \ud800 and \udcff, é猫"}
    )
    assert body["error"] == "internal: \\ud800 and \\xff, é猫"
    assert body["output"] == FAILED | {"fps": None}


@pytest.mark.parametrize(
    "name", ["../../x", "a b?c#d&e%2F", "é猫", 'quote"', "line\r\nX-Evil: 1", "x" * 1000]
)
def test_odd_ids_are_answered_at_their_own_address(runpod: RunPodServer, name: str) -> None:
    assert send(runpod, DATA, name) == [{"output": WHOLE}]
