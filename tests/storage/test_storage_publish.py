"""Tests uploads to a real HTTP server that misbehaves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.errors import AddressRefused, BadRequest, OutputForbidden, OutputTooLarge, UploadFailed
from orchestrator.jobs import OutputParts, parse
from orchestrator.storage.address_guard import AddressGuard
from tests.support.transfers import LOOPBACK, QUICK, Mover, parts_of
from tests.support.web import (
    CONTENT,
    Handler,
    Server,
    drained,
    kept_without_answer,
    mute,
    reset_after,
    slow_to_answer,
    status,
    stored,
)

MIB = 2**20
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


def put_to(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/out?X-Amz-Signature=abc"


def asked(server: Server) -> list[str]:
    return [f"{request.method} {request.path.partition('?')[0]}" for request in server.requests]


def test_a_file_is_put_whole_with_its_length_and_its_progress_is_reported(
    mover: Mover, server: Server
) -> None:
    mover.publish(CONTENT, put_to(server))
    assert server.objects == {"/out": CONTENT}
    headers = server.requests[0].headers
    assert headers["content-length"] == str(len(CONTENT))
    assert "transfer-encoding" not in headers
    assert mover.advances[0] == (0, len(CONTENT))
    assert mover.advances[-1] == (len(CONTENT), len(CONTENT))
    assert mover.advances == sorted(mover.advances)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("out.mp4", "video/mp4"),
        ("out.MOV", "video/quicktime"),
        ("out.mkv", "video/x-matroska"),
        ("out.webm", "video/webm"),
        ("out.gif", "image/gif"),
        ("out.json", "application/json"),
        ("out.json.gz", "application/gzip"),
        ("out", "application/octet-stream"),
    ],
)
def test_a_file_has_the_content_type_of_its_name(
    mover: Mover, server: Server, name: str, content_type: str
) -> None:
    mover.publish(b"x", put_to(server), name)
    assert server.requests[0].headers["content-type"] == content_type


@pytest.mark.parametrize(
    "failure",
    [
        drained(500),
        drained(429),
        drained(400, b"<Error><Code>BadDigest</Code></Error>"),
        status(503),
        reset_after(0),
        reset_after(1_000_000),
    ],
    ids=["500", "429", "bad digest", "503 before the body", "hangs up", "hangs up in the middle"],
)
def test_a_put_that_fails_twice_is_sent_again_from_its_beginning(
    mover: Mover, server: Server, failure: Callable[[Handler], None]
) -> None:
    server.script = [failure, failure]
    mover.publish(CONTENT, put_to(server))
    assert server.objects == {"/out": CONTENT}
    assert len(server.requests) == 3


def test_a_server_that_takes_nothing_is_given_up_on(mover: Mover, server: Server) -> None:
    mover.limits = replace(QUICK, read_s=0.2)
    server.script = [drained(500), mute, reset_after(1000)]
    with pytest.raises(
        UploadFailed, match=r"cannot put the output to http://127.0.0.1/out: .*3 times"
    ) as failed:
        mover.publish(CONTENT, put_to(server))
    assert failed.value.code == "upload_failed"
    assert failed.value.retryable
    assert server.objects == {}


@pytest.mark.parametrize("size", [1, 3_000_000, 20_000_000], ids=["1 byte", "3 MB", "20 MB"])
@pytest.mark.parametrize(
    "answer",
    [
        status(403, EXPIRED),
        drained(403, EXPIRED),
        status(400, b"<Error><Code>ExpiredRequest</Code></Error>"),
        status(404, b"<Error><Code>NoSuchBucket</Code></Error>"),
        status(307, Location="/elsewhere"),
        drained(412),
    ],
    ids=["403 before the body", "403", "expired", "no bucket", "redirect", "412"],
)
def test_a_refusal_is_said_at_once(
    mover: Mover, server: Server, answer: Callable[[Handler], None], size: int
) -> None:
    server.script = [answer]
    with pytest.raises(OutputForbidden) as refused:
        mover.publish(bytes(size), put_to(server))
    assert refused.value.code == "output_forbidden"
    assert not refused.value.retryable
    assert len(server.requests) == 1


def test_an_answer_before_the_body_is_no_success(mover: Mover, server: Server) -> None:
    server.script = [status(200)]
    mover.publish(bytes(20_000_000), put_to(server))
    assert server.objects == {"/out": bytes(20_000_000)}


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_every_way_to_say_that_it_is_stored_is_success(mover: Mover, server: Server, code: int) -> None:
    """This includes 202 Accepted for a single PUT, for a part, and for the completion."""
    server.script = [drained(code)]
    mover.publish(CONTENT, put_to(server))
    assert asked(server) == ["PUT /out"]
    server.requests.clear()
    server.script = [drained(code, ETag='"abc"'), drained(code)]
    mover.publish(b"small", parts_of(server, count=1))
    assert asked(server) == ["PUT /part1", "POST /complete"]


@pytest.mark.parametrize("size", [5, 3_000_000, 20_000_000], ids=["5 bytes", "3 MB", "20 MB"])
def test_a_store_may_take_its_time_to_answer_a_put(mover: Mover, server: Server, size: int) -> None:
    """Waiting for the response has a longer limit than a pause while bytes flow."""
    mover.limits = replace(QUICK, read_s=0.3, answer_s=5.0)
    server.script = [slow_to_answer(0.5)]
    mover.publish(bytes(size), put_to(server))
    assert server.objects == {"/out": bytes(size)}
    assert len(server.requests) == 1
    server.script = [slow_to_answer(0.5), slow_to_answer(0.5)]
    mover.publish(bytes(size), parts_of(server, count=4).model_copy(update={"part_bytes": 20 * MIB}))
    assert asked(server) == ["PUT /out", "PUT /part1", "POST /complete"]


def test_the_silence_of_a_body_on_its_way_is_limited_by_the_other_setting(
    mover: Mover, server: Server
) -> None:
    mover.limits = replace(QUICK, read_s=0.2, answer_s=60.0)
    server.script = [mute]
    mover.publish(bytes(20_000_000), put_to(server))
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (slow_to_answer(3.0), r"did not answer within 0\.3 s, for the second time"),
        (kept_without_answer, "closed the connection without an answer, for the second time"),
    ],
    ids=["too late", "hangs up"],
)
def test_an_upload_whose_answer_was_lost_is_repeated_once_and_no_more(
    mover: Mover, server: Server, lost: Callable[[Handler], None], said: str
) -> None:
    mover.limits = replace(QUICK, answer_s=0.3, tries=6)
    server.script = [lost]
    mover.publish(CONTENT, put_to(server))
    assert len(server.requests) == 2
    assert server.objects == {"/out": CONTENT}
    server.requests.clear()
    server.script = [lost] * 9
    with pytest.raises(UploadFailed, match=said) as failed:
        mover.publish(CONTENT, put_to(server))
    assert failed.value.retryable
    assert "may be there all the same" in str(failed.value)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "query",
    [
        "x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32",
        "X-Amz-Checksum-Sha256=47DEQpj8HBSa%2B%2FTImW%2B5JCeuQeRkm5NMpJWZG3hSuFU%3D",
        "x-amz-checksum-crc64nvme=AAAAAAAAAAA%3D",
    ],
)
def test_a_url_that_is_signed_with_the_checksum_of_nothing_is_tried_once(
    mover: Mover, server: Server, query: str
) -> None:
    server.script = [drained(400, b"<Error><Code>BadDigest</Code></Error>")] * 9
    with pytest.raises(
        OutputForbidden, match=r"400 BadDigest, because .* of another body.*WHEN_REQU"
    ) as caught:
        mover.publish(CONTENT, f"{put_to(server)}&{query}")
    assert query.partition("=")[0].lower() in str(caught.value)
    assert not caught.value.retryable
    assert len(server.requests) == 1
    server.script = []
    mover.publish(CONTENT, f"{put_to(server)}&{query}")  # a store that does not look at it
    assert server.objects == {"/out": CONTENT}


def test_a_refusal_says_which_type_and_length_were_sent(mover: Mover, server: Server) -> None:
    server.script = [drained(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")]
    with pytest.raises(OutputForbidden) as refused:
        mover.publish(CONTENT, put_to(server), "out.mov")
    assert "403 SignatureDoesNotMatch" in str(refused.value)
    assert "it was sent with Content-Length 3000000 and Content-Type video/quicktime" in str(refused.value)


def test_what_a_server_does_not_know_how_to_do_is_not_asked_again(mover: Mover, server: Server) -> None:
    server.script = [drained(501, b"<Error><Code>NotImplemented</Code></Error>")]
    with pytest.raises(OutputForbidden, match="501 NotImplemented"):
        mover.publish(CONTENT, put_to(server))
    assert len(server.requests) == 1


def test_a_file_that_one_put_does_not_take_is_refused(mover: Mover, server: Server) -> None:
    mover.limits = replace(QUICK, single_put_bytes=1000)
    with pytest.raises(OutputTooLarge, match="1001 bytes") as refused:
        mover.publish(bytes(1001), put_to(server))
    assert refused.value.code == "output_too_large"
    assert server.requests == []


def test_bytes_that_r2_did_not_store_as_they_were_sent_are_sent_again(mover: Mover, server: Server) -> None:
    mover.guard = replace(LOOPBACK, resolve=lambda _host, _port: ["127.0.0.1"])
    server.script = [drained(200, ETag='"00000000000000000000000000000000"')]
    mover.publish(CONTENT, f"http://0123abcd.r2.cloudflarestorage.com:{server.server_port}/out")
    assert len(server.requests) == 2


def test_an_output_may_not_go_where_an_input_may_not_come_from(mover: Mover, server: Server) -> None:
    mover.guard = AddressGuard(allow_http=True)
    for address in (put_to(server), "http://169.254.169.254/", "file:///tmp/out.mp4", "/tmp/out.mp4"):  # noqa: S108
        with pytest.raises(AddressRefused):
            mover.client.check(address)
        with pytest.raises(AddressRefused):
            mover.publish(CONTENT, address)
    assert server.requests == []


def test_a_file_is_put_in_equal_parts_and_the_parts_are_joined(mover: Mover, server: Server) -> None:
    whole = CONTENT * 4
    parts = parts_of(server, count=9)
    mover.client.check(parts)
    mover.publish(whole, parts)
    assert asked(server) == ["PUT /part1", "PUT /part2", "PUT /part3", "POST /complete"]
    sections = [whole[start : start + 5 * MIB] for start in range(0, len(whole), 5 * MIB)]
    assert [server.objects[f"/part{number}"] for number in (1, 2, 3)] == sections
    assert all("content-type" not in request.headers for request in server.requests[:3])
    listed = re.findall(
        r'<Part><PartNumber>(\d+)</PartNumber><ETag>"(\w+)"</ETag></Part>',
        server.objects["/complete"].decode(),
    )
    assert listed == [
        (str(number), hashlib.md5(section, usedforsecurity=False).hexdigest())
        for number, section in enumerate(sections, start=1)
    ]
    assert mover.advances == sorted(mover.advances)
    assert mover.advances[-1] == (len(whole), len(whole))


def test_a_small_file_is_one_part(mover: Mover, server: Server) -> None:
    mover.publish(b"small", parts_of(server, count=2))
    assert asked(server) == ["PUT /part1", "POST /complete"]


def test_only_the_part_that_fails_is_sent_again(mover: Mover, server: Server) -> None:
    server.script = [stored, drained(500), reset_after(1000)]
    mover.publish(CONTENT * 4, parts_of(server, count=3))
    assert asked(server) == [
        "PUT /part1",
        "PUT /part2",
        "PUT /part2",
        "PUT /part2",
        "PUT /part3",
        "POST /complete",
    ]
    assert b"".join(server.objects[f"/part{number}"] for number in (1, 2, 3)) == CONTENT * 4


@pytest.mark.parametrize(
    ("script", "error", "requests"),
    [
        ([stored, drained(403, EXPIRED)], OutputForbidden, 3),
        ([stored, *[drained(500)] * 3], UploadFailed, 5),
        ([*[drained(200)] * 3], UploadFailed, 4),
        ([stored, stored, stored, drained(403)], OutputForbidden, 5),
        ([stored, stored, stored, *[drained(503)] * 3], UploadFailed, 7),
        ([stored, stored, stored, drained(404)], OutputForbidden, 5),
    ],
    ids=["part 403", "part 500", "part without ETag", "complete 403", "complete 503", "complete 404"],
)
def test_an_upload_that_fails_is_aborted(
    mover: Mover,
    server: Server,
    script: list[Callable[[Handler], None]],
    error: type[Exception],
    requests: int,
) -> None:
    server.script = script
    with pytest.raises(error):
        mover.publish(CONTENT * 4, parts_of(server, count=3))
    assert asked(server)[-1] == "DELETE /abort"
    assert len(server.requests) == requests


def test_too_few_part_addresses_are_refused_and_the_upload_aborted(mover: Mover, server: Server) -> None:
    with pytest.raises(OutputTooLarge, match=r"3 parts .* 2 part URLs"):
        mover.publish(CONTENT * 4, parts_of(server, count=2))
    assert asked(server) == ["DELETE /abort"]


def test_an_error_in_the_body_of_a_200_is_no_success(mover: Mover, server: Server) -> None:
    server.script = [stored, drained(200, b"<Error><Code>InternalError</Code></Error>")]
    mover.publish(b"small", parts_of(server, count=1))
    assert asked(server) == ["PUT /part1", "POST /complete", "POST /complete"]


def test_parts_that_were_joined_by_a_request_whose_answer_was_lost_are_joined(
    mover: Mover, server: Server
) -> None:
    server.script = [stored, reset_after(50), drained(404, b"<Error><Code>NoSuchUpload</Code></Error>")]
    mover.publish(b"small", parts_of(server, count=1))
    assert asked(server) == ["PUT /part1", "POST /complete", "POST /complete"]


def test_an_abort_that_fails_does_not_hide_why_the_upload_did(mover: Mover, server: Server) -> None:
    server.script = [drained(403), drained(500), drained(500)]
    with pytest.raises(OutputForbidden):
        mover.publish(b"small", parts_of(server, count=1))
    assert asked(server) == ["PUT /part1", "DELETE /abort", "DELETE /abort"]


@pytest.mark.parametrize(
    "changes",
    [
        {"part_bytes": 5 * MIB - 1},
        {"part_bytes": 5 * 2**30 + 1},
        {"urls": []},
        {"urls": ["https://h/?X-Amz-Signature=secret"] * 10_001},
        {"complete_url": None},
        {"more": 1},
    ],
)
def test_part_addresses_that_no_store_would_take_are_refused(changes: dict[str, object]) -> None:
    good = {
        "part_bytes": 5 * MIB,
        "urls": ["https://h/1?X-Amz-Signature=secret"],
        "complete_url": "https://h/c?X-Amz-Signature=secret",
        "abort_url": "https://h/a?X-Amz-Signature=secret",
    }
    assert "secret" not in repr(parse(OutputParts, good))
    with pytest.raises(BadRequest):
        parse(OutputParts, good | changes)


@pytest.mark.parametrize("field", ["urls", "complete_url", "abort_url"])
def test_every_part_address_is_judged_before_the_work(mover: Mover, server: Server, field: str) -> None:
    bad = "http://10.0.0.1/x"
    parts = parts_of(server, count=2).model_copy(
        update={field: ("http://127.0.0.1/x", bad) if field == "urls" else bad}
    )
    with pytest.raises(AddressRefused):
        mover.client.check(parts)
