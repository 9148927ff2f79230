"""Tests that errors and logs contain no secret of a URL and no credentials."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import WorkerError
from orchestrator.jobs import OutputParts
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient
from orchestrator.storage.s3_presigning import S3Presigner
from tests.support.transfers import QUICK, Mover
from tests.support.web import Handler, Server, broken_after, drained, mute, reset_after, status

SECRET = "5ec2e75ec2e7"  # noqa: S105  it stands for one
QUERY = f"X-Amz-Credential=AKIA{SECRET}&X-Amz-Signature={SECRET}"
DOCUMENT = f"<Error><Code>AccessDenied</Code><StringToSign>{SECRET}</StringToSign></Error>".encode()


def strange(handler: Handler) -> None:
    """Send a head that cannot be parsed."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nBad header\x00\r\nX: " + SECRET.encode() + b"\r\n: y\r\n\r\n")
    handler.close_connection = True


def echoing(handler: Handler) -> None:
    """Repeat the request, as servers of other protocols do."""
    handler.wfile.write(f"500 unknown command: GET {handler.path}\r\n".encode())
    handler.close_connection = True


ANSWERS: dict[str, Callable[[Handler], None]] = {
    "403": status(403, DOCUMENT),
    "404": drained(404, DOCUMENT),
    "500": status(500, DOCUMENT),
    "503": drained(503, DOCUMENT, Retry_After="999"),
    "redirect": status(302, Location=f"http://10.0.0.1/x?{QUERY}"),
    "redirect to a password": status(302, Location=f"https://user:{SECRET}@example.com/"),
    "redirect to nonsense": status(302, Location=f"http://[{SECRET}"),
    "reset": reset_after(10),
    "broken": broken_after(10),
    "silent": mute,
    "strange": strange,
    "not HTTP": echoing,
}


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[Callable[[], object]], str]:
    """Return a function that runs some work and returns its error, the traceback and all logs at DEBUG."""

    def listen(work: Callable[[], object]) -> str:
        caplog.set_level(logging.DEBUG)
        words = [repr(work)]
        try:
            work()
        except WorkerError as exc:
            words += [str(exc), repr(exc), *traceback.format_exception(exc)]
        return "".join([*words, caplog.text])

    return listen


@pytest.mark.parametrize("answer", list(ANSWERS))
def test_a_transfer_that_fails_reveals_no_secret(
    tmp_path: Path, server: Server, said: Callable[[Callable[[], object]], str], answer: str
) -> None:
    mover = Mover(tmp_path, limits=replace(QUICK, read_s=0.1, answer_s=0.1, tries=2))
    url = f"http://127.0.0.1:{server.server_port}/out.mp4?{QUERY}"
    parts = OutputParts(part_bytes=5 * 2**20, urls=(url,), complete_url=url, abort_url=url)
    for work in (
        lambda: mover.fetch(url),
        lambda: mover.publish(b"x", url),
        lambda: mover.publish(b"x", parts),
    ):
        server.script = [ANSWERS[answer]] * 10
        assert SECRET not in said(work)
    assert SECRET in server.requests[0].path


@pytest.mark.parametrize(
    "address",
    [
        f"http://10.0.0.1/out.mp4?{QUERY}",
        f"https://user:{SECRET}@example.com/out.mp4",
        f"file:///{SECRET}/out.mp4",
        f"https://example.com/a b?{QUERY}",
        f"https://example.com:99999/?{QUERY}",
        f"https://0x7f.1/?{QUERY}",
        f"s3://Bucket/{SECRET}/out.mp4",
        f"?{QUERY}",
        f"https://example.com/?{QUERY}{'a' * 9000}",
    ],
)
def test_an_address_that_is_refused_reveals_no_secret(
    tmp_path: Path, said: Callable[[Callable[[], object]], str], address: str
) -> None:
    mover = Mover(tmp_path)
    assert SECRET not in said(lambda: mover.client.check(address))
    assert SECRET not in said(lambda: mover.fetch(address))
    assert SECRET not in said(lambda: mover.publish(b"x", address))


def test_credentials_and_what_they_sign_are_not_reported(
    tmp_path: Path, server: Server, said: Callable[[Callable[[], object]], str]
) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    presigner = S3Presigner(
        endpoint=f"http://127.0.0.1:{server.server_port}",
        key_id=f"AKIA{SECRET}",
        secret=SECRET,
        region="auto",
        expires_s=60,
    )
    mover = Mover(tmp_path, limits=replace(QUICK, single_put_bytes=1), presigner=presigner)
    server.script = [status(403, DOCUMENT), drained(403, DOCUMENT)]
    words = said(lambda: mover.fetch("s3://media/clip.mp4")) + said(
        lambda: mover.publish(b"xy", "s3://media/clip.mp4")
    )
    signatures = [request.path.partition("X-Amz-Signature=")[2][:64] for request in server.requests]
    assert all(len(signature) == 64 for signature in signatures)
    assert not any(secret in words for secret in (SECRET, *signatures))


def test_no_value_shows_a_secret(tmp_path: Path) -> None:
    url = f"https://example.com/out.mp4?{QUERY}"
    parts = OutputParts(part_bytes=5 * 2**20, urls=(url,), complete_url=url, abort_url=url)
    settings = Settings(s3_endpoint="https://example.com", s3_key_id=SECRET, s3_secret=SECRET)
    values = [parts, settings, StorageClient.from_settings(settings), Mover(tmp_path).guard.check(url)]
    assert SECRET not in repr(values)
