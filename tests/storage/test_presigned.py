"""Tests that presigned URLs that cannot work are refused before any request."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from orchestrator.errors import InputForbidden, OutputForbidden
from orchestrator.jobs import OutputParts
from tests.support.transfers import Mover

HOST = "https://abc.r2.cloudflarestorage.com/media/out.mp4"
HOUR = 3600


def s3(version: str = "s3v4") -> Any:
    return boto3.client(
        "s3",
        endpoint_url="https://abc.r2.cloudflarestorage.com",
        aws_access_key_id="editor",
        aws_secret_access_key="editor-secret",  # noqa: S106
        region_name="auto" if version == "s3v4" else "us-east-1",
        config=Config(signature_version=version, request_checksum_calculation="when_required"),
    )


def signed(operation: str = "put_object", version: str = "s3v4", *, lasts_s: int = HOUR, **more: Any) -> str:
    """Return a URL that boto3 presigns now."""
    params = {"Bucket": "media", "Key": "out.mp4", **more}
    return str(s3(version).generate_presigned_url(operation, Params=params, ExpiresIn=lasts_s))


def dated(ago_s: float, lasts_s: object, *, family: str = "Amz", date: str | None = None) -> str:
    """Return a URL that was signed `ago_s` seconds ago."""
    date = date or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - ago_s))
    query = f"X-{family}-Date={date}&X-{family}-Expires={lasts_s}&X-{family}-SignedHeaders=host"
    return f"{HOST}?X-{family}-Algorithm=V4&{query}&X-{family}-Signature=abc"


def epoch(in_s: float) -> str:
    """Return a URL of version 2."""
    return f"{HOST}?AWSAccessKeyId=A&Signature=abc%3D&Expires={time.time() + in_s:.0f}"


def parts(**changes: Any) -> OutputParts:
    good = {
        "urls": (signed("upload_part", UploadId="u", PartNumber=1),) * 2,
        "complete_url": signed("complete_multipart_upload", UploadId="u"),
        "abort_url": signed("abort_multipart_upload", UploadId="u"),
    }
    return OutputParts(part_bytes=5 * 2**20, **(good | changes))


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_what_boto3_has_just_signed_is_taken_for_as_long_as_it_lasts(mover: Mover, version: str) -> None:
    url = signed(version=version, lasts_s=600)
    mover.client.check_output(url, needed_s=590)
    mover.client.check_input(signed("get_object", version, lasts_s=600))
    with pytest.raises(
        OutputForbidden, match=r"expires in (600|599) s, and the job may take 610 s; sign it fo"
    ):
        mover.client.check_output(url, needed_s=610)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (lambda: dated(HOUR + 60, HOUR), "expired 6[0-9] s ago"),
        (lambda: dated(HOUR, HOUR), "expired [0-9] s ago"),
        (lambda: dated(HOUR - 60, HOUR), "expires in [56][0-9] s, and the job may take 600 s"),
        (lambda: dated(0, 0), "expired [0-9] s ago"),
        (lambda: dated(0, 86_400, date="20150830T123600Z"), "expired [0-9]{9} s ago"),
        (lambda: dated(HOUR, 60, family="Goog"), "expired 354[0-9] s ago"),
        (lambda: dated(HOUR, 60).replace("X-Amz-", "x-amz-"), "expired 354[0-9] s ago"),
        (lambda: epoch(-60), "expired 6[0-9] s ago"),
        (lambda: epoch(305), "expires in (30[0-9]|29[0-9]) s"),
        (lambda: epoch(3600 - time.time()), "expired [0-9]{10} s ago"),
        (lambda: epoch(-time.time()), "expired [0-9]{10} s ago"),
    ],
    ids=[
        *("expired", "just now", "too soon", "no time", "in 2015", "Google", "lower case"),
        *("V2 expired", "V2", "V2 signed for seconds from now", "V2 of 1970"),
    ],
)
def test_an_output_url_that_does_not_last_as_long_as_the_job_is_refused(
    mover: Mover, url: Callable[[], str], said: str
) -> None:
    with pytest.raises(OutputForbidden, match=said) as refused:
        mover.client.check_output(url(), needed_s=600)
    assert refused.value.code == "output_forbidden"
    assert "abc" not in str(refused.value).replace("abc.r2", "")


@pytest.mark.parametrize(
    "url",
    [
        dated(-60, "soon"),
        dated(0, "-5"),
        dated(0, "1e3"),
        dated(0, "9" * 30),
        dated(0, HOUR, date="yesterday"),
        dated(0, HOUR, date="20261332T256199Z"),
        dated(0, HOUR, date="%00"),
        dated(0, HOUR, date="2026-11-29T08:00:00Z"),
    ],
    ids=range(8),
)
def test_a_malformed_date_is_refused_in_one_line(mover: Mover, url: str) -> None:
    with pytest.raises(OutputForbidden, match="malformed"):
        mover.client.check_output(url, needed_s=60)
    with pytest.raises(InputForbidden, match="malformed"):
        mover.client.check_input(url)


def test_a_url_that_is_not_good_yet_or_claims_more_than_a_week_is_refused(mover: Mover) -> None:
    with pytest.raises(OutputForbidden, match=r"not good before 3[56]\d\d s from now; set the clock"):
        mover.client.check_output(dated(-HOUR, HOUR), needed_s=60)
    with pytest.raises(OutputForbidden, match="signed for 604801 s, and stores take 604800 s"):
        mover.client.check_output(dated(0, 604_801), needed_s=60)
    mover.client.check_output(dated(-600, HOUR), needed_s=60)  # clocks may differ by a quarter of an hour
    mover.client.check_output(dated(0, 604_800), needed_s=60)


def test_an_input_url_that_has_expired_is_refused_and_one_that_soon_will_is_not(mover: Mover) -> None:
    for url in (dated(HOUR + 60, HOUR), dated(HOUR, 60, family="Goog"), epoch(-60)):
        with pytest.raises(InputForbidden, match=r"expired \d+ s ago; sign it anew") as refused:
            mover.client.check_input(url)
        assert refused.value.code == "input_forbidden"
    for url in (dated(HOUR - 30, HOUR), dated(HOUR, HOUR), epoch(30)):
        mover.client.check_input(url)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"ACL": "public-read"}, "x-amz-acl"),
        ({"CacheControl": "max-age=60"}, "cache-control"),
        ({"Metadata": {"owner": "7"}}, "x-amz-meta-owner"),
        ({"ContentDisposition": "attachment"}, "content-disposition"),
        ({"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "content-md5"),
        ({"Metadata": {"user_id": "7"}}, "x-amz-meta-user_id"),
        (
            {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
            ", ".join(
                f"x-amz-server-side-encryption-customer-{name}" for name in ("algorithm", "key", "key-md5")
            ),
        ),
        (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key"},
            "x-amz-server-side-encryption, x-amz-server-side-encryption-aws-kms-key-id",
        ),
        ({"Tagging": "a=b", "StorageClass": "STANDARD_IA"}, "x-amz-storage-class, x-amz-tagging"),
    ],
)
def test_headers_that_boto3_signs_and_the_worker_does_not_send_are_named(
    mover: Mover, more: dict[str, Any], named: str
) -> None:
    with pytest.raises(OutputForbidden, match=f"headers that are not sent with it: {named}; sign it without"):
        mover.client.check_output(signed(**more), needed_s=60)


@pytest.mark.parametrize("signed_headers", ["host%3B%20Cache-Control", "host;cache-control"])
def test_signed_headers_are_read_however_they_are_written(mover: Mover, signed_headers: str) -> None:
    url = dated(0, HOUR).replace("SignedHeaders=host", f"SignedHeaders={signed_headers}")
    with pytest.raises(OutputForbidden, match="not sent with it: cache-control;"):
        mover.client.check_output(url, needed_s=60)


def test_what_is_no_name_of_a_header_is_refused_and_not_quoted(mover: Mover) -> None:
    url = dated(0, HOUR).replace("SignedHeaders=host", "SignedHeaders=host%3B%3Cscript%3E")
    with pytest.raises(OutputForbidden, match="not sent with it: \\(no header's name\\);") as refused:
        mover.client.check_output(url, needed_s=60)
    assert "script" not in str(refused.value)


@pytest.mark.parametrize(
    ("broken", "lost"),
    [
        (lambda url: url.partition("&")[0], "X-Amz-Date"),
        (lambda url: url.replace("&", "&amp;"), "X-Amz-Date"),
        (lambda url: url.rpartition("&")[0], "X-Amz-Signature"),
        (lambda url: url.replace("X-Amz-Expires", "X-Amz-Expiry"), "X-Amz-Expires"),
    ],
    ids=["cut by a shell", "escaped for HTML", "cut at its end", "misspelt"],
)
def test_a_url_that_has_lost_a_part_is_refused(mover: Mover, broken: Callable[[str], str], lost: str) -> None:
    with pytest.raises(OutputForbidden, match=f"{lost} is missing; give all of the URL"):
        mover.client.check_output(broken(signed()), needed_s=60)
    with pytest.raises(InputForbidden, match=f"{lost} is missing; give all of the URL"):
        mover.client.check_input(broken(signed("get_object")))


def test_length_and_type_may_be_signed_of_a_put(mover: Mover) -> None:
    url = signed(ContentType="video/mp4", ContentLength=5)
    assert "content-length%3Bcontent-type%3Bhost" in url
    mover.client.check_output(url, needed_s=60)
    with pytest.raises(InputForbidden, match="not sent with it: range"):
        mover.client.check_input(signed("get_object", Range="bytes=0-99"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"urls": (signed("upload_part", UploadId="u", PartNumber=1), dated(HOUR, 60))},
            "expired [0-9]+ s ago",
        ),
        ({"complete_url": dated(HOUR, 60)}, "expired [0-9]+ s ago"),
        ({"abort_url": dated(HOUR, 60)}, "expired [0-9]+ s ago"),
        ({"urls": (signed(ContentType="video/mp4"),)}, "not sent with it: content-type"),
        ({"abort_url": signed(ContentLength=0)}, "not sent with it: content-length"),
    ],
    ids=["part", "completion", "abort", "type of a part", "length of the abort"],
)
def test_every_address_of_parts_is_looked_at(mover: Mover, changes: dict[str, Any], said: str) -> None:
    mover.client.check_output(parts(), needed_s=600)
    with pytest.raises(OutputForbidden, match=said):
        mover.client.check_output(parts(**changes), needed_s=600)


@pytest.mark.parametrize(
    "url",
    [
        HOST,
        f"{HOST}?X-Amz-Signature=abc",
        f"{HOST}?Expires=soon&Signature=abc",
        f"{HOST}?Expires=1",
        f"{HOST}?token=X-Amz-Expires",
        f"{HOST}#?X-Amz-Date=20150830T123600Z&X-Amz-Expires=1",
    ],
)
def test_what_does_not_say_how_long_it_is_good_is_taken(mover: Mover, url: str) -> None:
    mover.client.check_output(url, needed_s=86_400)
    mover.client.check_input(url)
