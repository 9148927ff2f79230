"""Tests downloads from a real HTTP server that misbehaves."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import (
    AddressRefused,
    BadMedia,
    CallerError,
    DiskFull,
    DownloadFailed,
    InputFileTooLarge,
    InputForbidden,
    InputNotFound,
)
from orchestrator.storage.address_guard import AddressGuard
from tests.support.transfers import LOOPBACK, QUICK, Mover
from tests.support.web import (
    CONTENT,
    ETAG,
    Handler,
    Server,
    broken_after,
    chunked,
    cut_after,
    dripping,
    ignoring_ranges,
    serving,
    serving_both,
    silent_after,
    status,
    whole,
    with_headers,
    wrong_range,
)

EXPIRED = b"<?xml version='1.0'?><Error><Code>ExpiredRequest</Code><Message>secret</Message></Error>"


def test_a_file_comes_whole_and_its_progress_is_reported(mover: Mover, server: Server) -> None:
    assert mover.fetch(server.url) == CONTENT
    assert mover.advances[0] == (0, len(CONTENT))
    assert mover.advances[-1] == (len(CONTENT), len(CONTENT))
    assert mover.advances == sorted(mover.advances)
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.server_port}"


def test_an_empty_file_comes_empty(mover: Mover, server: Server) -> None:
    server.script = [status(200)]
    assert mover.fetch(server.url) == b""


def test_a_file_of_unknown_length_comes_whole(mover: Mover, server: Server) -> None:
    server.script = [chunked()]
    assert mover.fetch(server.url) == CONTENT


def test_a_broken_connection_is_resumed_with_the_validator_of_the_file(mover: Mover, server: Server) -> None:
    server.script = [broken_after(2_000_000, ETag='"v1"'), broken_after(500_000, ETag='"v1"')]
    assert mover.fetch(server.url) == CONTENT
    assert server.ranges == [None, "bytes=2000000-", "bytes=2500000-"]
    assert [request.headers.get("if-range") for request in server.requests] == [None, '"v1"', '"v1"']


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"Last_Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, "Wed, 21 Oct 2015 07:28:00 GMT"),
        ({"ETag": 'W/"weak"'}, None),
        ({}, None),
    ],
)
def test_only_a_strong_validator_is_used(
    mover: Mover, server: Server, headers: dict[str, str], validator: str | None
) -> None:
    server.script = [broken_after(2_000_000, **headers)]
    assert mover.fetch(server.url) == CONTENT
    assert server.ranges == [None, "bytes=2000000-"]
    assert server.requests[1].headers.get("if-range") == validator


def test_parts_of_two_files_are_not_put_together(mover: Mover, server: Server) -> None:
    server.script = [broken_after(2_000_000, ETag='"v1"'), broken_after(500_000, ETag='"v2"'), whole]
    assert mover.fetch(server.url) == CONTENT
    assert server.ranges == [None, "bytes=2000000-", None]

    def longer(handler: Handler) -> None:
        rest = CONTENT[handler.offset :]
        handler.answer(206, rest, Content_Range=f"bytes {handler.offset}-2999999/3000001")

    server.requests.clear()
    server.script = [broken_after(2_000_000), longer]
    assert mover.fetch(server.url) == CONTENT
    assert server.ranges == [None, "bytes=2000000-", None]


def test_a_reset_in_the_middle_is_resumed(mover: Mover, server: Server) -> None:
    server.script = [cut_after(1_000_000), cut_after(500_000)]
    assert mover.fetch(server.url) == CONTENT
    assert server.ranges == [None, "bytes=1000000-", "bytes=1500000-"]


@pytest.mark.parametrize("answer", [ignoring_ranges, wrong_range, status(416)])
def test_a_server_that_cannot_resume_is_asked_for_everything(
    mover: Mover, server: Server, answer: Callable[[Handler], None]
) -> None:
    server.script = [broken_after(1_500_000), answer]
    assert mover.fetch(server.url) == CONTENT


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_server_that_answers_badly_twice_and_then_well_is_enough(
    mover: Mover, server: Server, code: int
) -> None:
    server.script = [status(code), status(code)]
    assert mover.fetch(server.url) == CONTENT
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        status(500),
        broken_after(1000),
        chunked(end=False, size=1000),
        silent_after(0, seconds=3.0),
        lambda handler: setattr(handler, "close_connection", True),
        lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    ],
    ids=["500", "truncated", "truncated in a chunk", "silent", "hangs up", "not HTTP"],
)
def test_a_server_that_goes_on_failing_is_given_up_on(
    mover: Mover, server: Server, answer: Callable[[Handler], None]
) -> None:
    mover.limits = replace(QUICK, read_s=0.2)
    server.script = [answer] * 10
    with pytest.raises(
        DownloadFailed, match=r"cannot fetch http://127.0.0.1/model.pth: .*, 3 times"
    ) as failed:
        mover.fetch(server.url)
    assert failed.value.retryable
    assert len(server.requests) == 3


def test_a_wait_that_the_server_asks_for_is_kept_if_it_is_short_and_reported_if_not(
    mover: Mover, server: Server
) -> None:
    server.script = [status(503, Retry_After="1")]
    assert mover.fetch(server.url) == CONTENT
    server.script = [status(503, Retry_After="3600")]
    with pytest.raises(DownloadFailed, match="3600 s away"):
        mover.fetch(server.url)


@pytest.mark.parametrize("value", ["soon", "-1", "Mon, 99 Foo 2015", "1e400", "9" * 400])
def test_a_strange_wait_does_no_harm(mover: Mover, server: Server, value: str) -> None:
    server.script = [status(503, Retry_After=value)]
    if value.isdecimal():
        with pytest.raises(DownloadFailed):
            mover.fetch(server.url)
    else:
        assert mover.fetch(server.url) == CONTENT


def test_a_transfer_has_a_time_of_its_own_that_a_dripping_server_cannot_stretch(
    mover: Mover, server: Server
) -> None:
    mover.limits = replace(QUICK, total_s=0.5)
    server.script = [dripping(pause_s=0.01)]
    with pytest.raises(DownloadFailed, match=r"within 0\.5 s") as failed:
        mover.fetch(server.url)
    assert failed.value.retryable


def test_a_wait_that_ends_with_the_transfers_time_ends_the_transfer(mover: Mover, server: Server) -> None:
    mover.limits = replace(QUICK, total_s=1.2, tries=100)
    server.script = [status(503, Retry_After="1")] * 10
    with pytest.raises(DownloadFailed, match=r"1 s away|within 1\.2 s"):
        mover.fetch(server.url)


def test_nobody_answers(mover: Mover) -> None:
    with pytest.raises(DownloadFailed, match="cannot be reached, 3 times"):
        mover.fetch("http://127.0.0.1:9/clip.mp4")


def test_a_name_that_cannot_be_resolved_is_tried_again(mover: Mover) -> None:
    asked = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        raise OSError

    mover.guard = AddressGuard(resolve=resolve)
    with pytest.raises(DownloadFailed, match="name cannot be resolved, 3 times"):
        mover.fetch("https://media.example.com/clip.mp4")
    assert len(asked) == 3


def test_a_file_may_have_a_limit_of_its_own(mover: Mover, server: Server, tmp_path: Path) -> None:
    """A document of tracks has a lower limit than a video."""
    path, more = tmp_path / "tracks", dict[str, Any](stop=mover.stop, on_progress=lambda *_: None)
    assert mover.client.fetch(server.url, path, most_bytes=len(CONTENT), **more) == len(CONTENT)
    path.unlink()
    with pytest.raises(InputFileTooLarge, match="3000000 bytes, and no more than 2999999 are taken"):
        mover.client.fetch(server.url, path, most_bytes=len(CONTENT) - 1, **more)
    mover.limits = replace(QUICK, max_bytes=1000)
    with pytest.raises(InputFileTooLarge, match="no more than 1000 are taken"):
        mover.client.fetch(server.url, path, most_bytes=len(CONTENT), **more)


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (status(403), InputForbidden, "input_forbidden"),
        (status(401), InputForbidden, "input_forbidden"),
        (status(403, EXPIRED), InputForbidden, "input_forbidden"),
        (status(400, EXPIRED), InputForbidden, "input_forbidden"),
        (status(404), InputNotFound, "input_not_found"),
        (status(410), InputNotFound, "input_not_found"),
        (status(204), InputForbidden, "input_forbidden"),
        (with_headers(Content_Encoding="gzip"), BadMedia, "bad_media"),
    ],
)
def test_a_refusal_is_said_at_once_by_a_code_of_its_own(
    mover: Mover, server: Server, answer: Callable[[Handler], None], error: type[CallerError], code: str
) -> None:
    server.script = [answer]
    with pytest.raises(error) as refused:
        mover.fetch(server.url + "?X-Amz-Signature=abc")
    assert refused.value.code == code
    assert not refused.value.retryable
    assert "secret" not in str(refused.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("label", ["aws-chunked", "AWS-Chunked", "aws-chunked,identity", "identity", ""])
def test_a_label_that_an_upload_left_behind_does_no_harm(mover: Mover, server: Server, label: str) -> None:
    server.script = [broken_after(2_000_000, Content_Encoding=label, ETag='"v1"'), labelled(label)]
    assert mover.fetch(server.url) == CONTENT
    assert server.ranges == [None, "bytes=2000000-"]


def labelled(label: str) -> Callable[[Handler], None]:
    """Serve the rest of the file with this Content-Encoding."""

    def behaviour(handler: Handler) -> None:
        offset = handler.offset
        place = f"bytes {offset}-{len(CONTENT) - 1}/{len(CONTENT)}"
        handler.answer(206, CONTENT[offset:], Content_Range=place, Content_Encoding=label)

    return behaviour


@pytest.mark.parametrize("signature", ["", ";chunk-signature=" + "0123abcd" * 8])
@pytest.mark.parametrize("label", ["aws-chunked", "aws-chunked, identity"])
def test_a_file_that_is_still_in_the_chunks_of_its_upload_is_refused(
    mover: Mover, server: Server, signature: str, label: str
) -> None:
    chunks = b"".join(
        f"{len(part):x}{signature}\r\n".encode() + part + b"\r\n" for part in (CONTENT[:100_000], b"")
    )
    server.script = [lambda handler: handler.answer(200, chunks, Content_Encoding=label)]
    with pytest.raises(BadMedia, match="stored in the chunks of its upload"):
        mover.fetch(server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("label", ["gzip", "aws-chunked,gzip", "gzip, aws-chunked", "br"])
def test_an_encoding_that_changes_the_bytes_is_refused(mover: Mover, server: Server, label: str) -> None:
    server.script = [with_headers(Content_Encoding=label)]
    with pytest.raises(BadMedia, match=r"Content-Encoding '(gzip|br)'"):
        mover.fetch(server.url)


def test_the_code_of_an_s3_error_is_reported(mover: Mover, server: Server) -> None:
    server.script = [status(403, EXPIRED)]
    with pytest.raises(InputForbidden, match="403 ExpiredRequest"):
        mover.fetch(server.url)


def test_an_s3_timeout_is_tried_again_although_it_is_a_400(mover: Mover, server: Server) -> None:
    server.script = [status(400, b"<Error><Code>RequestTimeout</Code></Error>")]
    assert mover.fetch(server.url) == CONTENT


def test_too_large_an_input_is_refused_before_it_is_fetched(mover: Mover, server: Server) -> None:
    mover.limits = replace(QUICK, max_bytes=len(CONTENT) - 1)
    with pytest.raises(InputFileTooLarge, match=r"3000000 bytes.*2999999"):
        mover.fetch(server.url)
    assert mover.advances == []


def test_too_large_an_input_of_unknown_length_is_left_when_it_is_seen(mover: Mover, server: Server) -> None:
    mover.limits = replace(QUICK, max_bytes=1_000_000)
    server.script = [chunked()]
    with pytest.raises(InputFileTooLarge, match="at least"):
        mover.fetch(server.url)
    assert mover.advances[-1][0] <= 1_000_000


def test_the_free_disk_that_the_settings_ask_for_is_kept(
    mover: Mover, server: Server, tmp_path: Path
) -> None:
    free = shutil.disk_usage(tmp_path).free
    mover.limits = replace(QUICK, min_free_bytes=free * 2)
    with pytest.raises(DiskFull) as full:
        mover.fetch(server.url)
    assert full.value.retryable
    assert mover.advances == []


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("disk")
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if not (mount and unmount) or os.geteuid() != 0:
        pytest.skip("a small disk needs root")
    asked = [mount, "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount")
    yield folder
    subprocess.run([unmount, str(folder)], check=True)


def test_a_file_that_does_not_fit_is_not_started(small_disk: Path, server: Server) -> None:
    mover = Mover(small_disk)
    with pytest.raises(DiskFull):
        mover.fetch(server.url)
    assert mover.advances == []


def test_a_disk_that_fills_up_ends_the_transfer_and_leaves_nothing(small_disk: Path, server: Server) -> None:
    server.script = [chunked()]
    with pytest.raises(DiskFull):
        Mover(small_disk).fetch(server.url)
    assert list(small_disk.iterdir()) == []
    assert len(server.requests) == 1


def base64_of(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


GOOD = {
    "Content_MD5": base64_of(hashlib.md5(CONTENT, usedforsecurity=False).digest()),
    "x_amz_checksum_sha256": base64_of(hashlib.sha256(CONTENT).digest()),
    "x_amz_checksum_sha1": base64_of(hashlib.sha1(CONTENT, usedforsecurity=False).digest()),
    "x_amz_checksum_crc32": base64_of(zlib.crc32(CONTENT).to_bytes(4, "big")),
}


@pytest.mark.parametrize("header", list(GOOD))
def test_a_checksum_that_the_server_offers_is_verified(mover: Mover, server: Server, header: str) -> None:
    server.script = [broken_after(1_500_000, **{header: GOOD[header]})]  # also over a resume
    assert mover.fetch(server.url) == CONTENT
    bad = base64_of(bytes(len(base64.b64decode(GOOD[header]))))
    server.script = [with_headers(**{header: bad}), whole]
    assert mover.fetch(server.url) == CONTENT  # the second time it came without
    server.script = [with_headers(**{header: bad})] * 5
    with pytest.raises(DownloadFailed, match=r"do not have the .* that the server gave, 3 times"):
        mover.fetch(server.url)


@pytest.mark.parametrize(
    "headers",
    [
        {"x_amz_checksum_crc32": f"{GOOD['x_amz_checksum_crc32'][:6]}==-3"},
        {"x_amz_checksum_crc32": "AAAAAA==", "x_amz_checksum_type": "COMPOSITE"},
        {"Content_MD5": "nonsense"},
        {"ETag": '"00000000000000000000000000000000"'},
    ],
    ids=["composite", "composite by type", "nonsense", "an ETag of who knows what"],
)
def test_what_is_no_checksum_of_the_file_is_not_taken_for_one(
    mover: Mover, server: Server, headers: dict[str, str]
) -> None:
    server.script = [with_headers(**headers)]
    assert mover.fetch(server.url) == CONTENT


WRONG = '"00000000000000000000000000000000"'


@pytest.mark.parametrize(
    ("host", "headers", "verified"),
    [
        ("0123abcd.r2.cloudflarestorage.com", {}, True),
        ("bucket.0123abcd.eu.r2.cloudflarestorage.com", {}, True),
        ("s3.amazonaws.com", {}, True),
        ("bucket.s3.eu-west-1.amazonaws.com", {"x_amz_server_side_encryption": "AES256"}, True),
        ("bucket.s3.eu-west-1.amazonaws.com", {"x_amz_server_side_encryption": "aws:kms"}, False),
        ("bucket.s3express-use1-az4.us-east-1.amazonaws.com", {}, False),
        ("r2.cloudflarestorage.com.example.org", {}, False),
    ],
)
def test_the_etag_of_s3_and_r2_is_the_md5_of_the_file(
    mover: Mover, server: Server, host: str, headers: dict[str, str], verified: bool
) -> None:
    mover.guard = replace(LOOPBACK, resolve=lambda _host, _port: ["127.0.0.1"])
    url = f"http://{host}:{server.server_port}/clip.mp4"
    server.script = [with_headers(ETag=ETAG, **headers)]
    assert mover.fetch(url) == CONTENT
    server.script = [with_headers(ETag=WRONG, **headers), with_headers(ETag=ETAG, **headers)]
    assert mover.fetch(url) == CONTENT
    assert len(server.requests) == (3 if verified else 2)


def test_a_redirect_is_followed_and_asked_anew_after_a_break(mover: Mover, server: Server) -> None:
    server.script = [
        status(302, Location="/elsewhere?token=1"),
        broken_after(2_000_000),
        status(302, Location=f"http://127.0.0.1:{server.server_port}/elsewhere?token=2"),
    ]
    assert mover.fetch(server.url) == CONTENT
    assert [request.path for request in server.requests] == [
        "/model.pth",
        "/elsewhere?token=1",
        "/model.pth",
        "/elsewhere?token=2",
    ]
    assert server.ranges[-1] == "bytes=2000000-"


def test_endless_redirects_are_left(mover: Mover, server: Server) -> None:
    server.script = [status(302, Location="/again")] * 20
    with pytest.raises(AddressRefused, match="more than 5 times"):
        mover.fetch(server.url)
    assert len(server.requests) == 6


ONE = AddressGuard(allow_http=True, allow_private_networks=(ipaddress.ip_network("127.0.0.2/32"),))


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/clip.mp4",
        "http://localhost:{port}/clip.mp4",
        "http://2130706433:{port}/clip.mp4",
        "//127.0.0.1:{port}/clip.mp4",
        "http://[::1]:{port}/clip.mp4",
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://[::ffff:169.254.169.254]/latest/meta-data/",
        "file:///etc/passwd",
        "http://[",
        "http://127.0.0.2:{port}@127.0.0.1:{port}/",
    ],
)
def test_a_redirect_to_an_address_that_may_not_be_touched_is_refused(mover: Mover, target: str) -> None:
    with serving_both() as (allowed, forbidden):
        mover.guard = ONE
        allowed.script = [status(307, Location=target.format(port=allowed.server_port))]
        with pytest.raises(AddressRefused):
            mover.fetch(allowed.url)
        assert len(allowed.requests) == 1
        assert forbidden.requests == []


def test_a_redirect_to_metadata_is_refused_even_where_all_networks_are_allowed(
    mover: Mover, server: Server
) -> None:
    mover.guard = AddressGuard(allow_http=True, allow_private_networks=(ipaddress.ip_network("0.0.0.0/0"),))
    server.script = [status(302, Location="http://169.254.169.254/latest/meta-data/")]
    with pytest.raises(AddressRefused):
        mover.fetch(server.url)


def test_a_name_that_moves_to_a_forbidden_address_is_not_followed_there(mover: Mover) -> None:
    answers = [["127.0.0.2"], ["127.0.0.1"]]
    with serving_both() as (first, second):
        mover.guard = replace(ONE, resolve=lambda _host, _port: answers.pop(0))
        first.script = [status(500)]
        with pytest.raises(AddressRefused, match="not a public one"):
            mover.fetch(f"http://media.example.com:{first.server_port}/clip.mp4")
        assert len(first.requests) == 1
        assert second.requests == []


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(mover: Mover) -> None:
    asked = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    with serving_both() as (first, second):
        mover.guard = replace(ONE, resolve=resolve)
        assert mover.fetch(f"http://localhost:{first.server_port}/clip.mp4") == CONTENT
        assert asked == ["localhost"]
        assert first.requests[0].headers["host"] == f"localhost:{first.server_port}"
        assert second.requests == []


def test_the_next_address_of_a_name_is_tried_when_one_is_dead(mover: Mover, server: Server) -> None:
    mover.guard = replace(LOOPBACK, resolve=lambda _host, _port: ["127.0.0.3", "127.0.0.1"])
    assert mover.fetch(f"http://media.example.com:{server.server_port}/clip.mp4") == CONTENT


def test_a_proxy_in_the_environment_is_not_used(
    mover: Mover, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
        assert mover.fetch(server.url) == CONTENT
        assert proxy.requests == []


@pytest.mark.parametrize("address", ["file:///etc/passwd", "/etc/passwd", "clip.mp4", "s3://bucket/key", ""])
def test_nothing_but_web_addresses_is_taken_from_a_job(mover: Mover, address: str) -> None:
    with pytest.raises(AddressRefused):
        mover.client.check(address)
    with pytest.raises(AddressRefused):
        mover.fetch(address)


def test_a_file_that_is_there_is_not_written_into(tmp_path: Path, server: Server) -> None:
    mover = Mover(tmp_path)
    (tmp_path / "input").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        mover.fetch(server.url)
    assert (tmp_path / "input").read_bytes() == b"mine"
