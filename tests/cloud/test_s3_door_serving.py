"""Tests the S3 door as a server: CORS, faults on demand, the record of requests, and a process of its own."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.web import Handler, serving
from tools.cloud.wrangler_dev import OFFLINE, PROJECT, NodeMissing, node
from tools.stand_ins import s3_door
from tools.stand_ins.bucket import SECRET, Bucket
from tools.stand_ins.s3_cors import RULES
from tools.stand_ins.s3_door import SeenRequest, ServedBucket

ROOT = Path(__file__).resolve().parents[2]
PAGE = "http://127.0.0.1:8787"
OTHER_PAGE = "https://app.example.com"


@pytest.fixture(scope="module")
def bucket() -> Iterator[ServedBucket]:
    with s3_door.serving(origins=[PAGE, OTHER_PAGE]) as serving:
        requests.put(serving.put_url("clip.mp4"), b"clip", timeout=60)
        yield serving


def preflight(url: str, origin: str, method: str, headers: str | None = None) -> requests.Response:
    asked = {"origin": origin, "access-control-request-method": method}
    if headers is not None:
        asked["access-control-request-headers"] = headers
    return requests.options(url, headers=asked, timeout=60)


def cors_headers(response: requests.Response) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in response.headers.items()
        if name.lower().startswith("access-control-")
    }


@pytest.mark.parametrize("origin", [PAGE, OTHER_PAGE])
@pytest.mark.parametrize(
    ("method", "headers"),
    [("PUT", "content-type"), ("PUT", "Content-Type"), ("GET", "range"), ("GET", None), ("HEAD", "")],
)
def test_a_page_may_ask_before_it_sends(
    origin: str, method: str, headers: str | None, bucket: ServedBucket
) -> None:
    answer = preflight(bucket.put_url("clip.mp4"), origin, method, headers)
    assert answer.status_code == 204
    assert cors_headers(answer) == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, HEAD, PUT",
        "access-control-allow-headers": "content-type, range",
        "access-control-max-age": "3600",
    }
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("http://127.0.0.1:8788", "PUT", "content-type"),
        ("https://127.0.0.1:8787", "PUT", "content-type"),
        ("http://127.0.0.1:8787.example.com", "PUT", "content-type"),
        ("null", "GET", None),
        ("*", "GET", None),
        ("", "GET", None),
        (PAGE, "DELETE", None),
        (PAGE, "POST", "content-type"),
        (PAGE, "put", None),
        (PAGE, "PUT", "content-type, authorization"),
        (PAGE, "PUT", "x-amz-meta-user"),
        (PAGE, "PUT", "*"),
    ],
)
def test_other_pages_methods_and_headers_are_refused(
    origin: str, method: str, headers: str | None, bucket: ServedBucket
) -> None:
    answer = preflight(bucket.put_url("clip.mp4"), origin, method, headers)
    assert (answer.status_code, "<Code>AccessForbidden</Code>" in answer.text) == (403, True)
    assert cors_headers(answer) == {}


def test_a_page_may_read_the_etag_and_the_range(bucket: ServedBucket) -> None:
    got = requests.get(bucket.get_url("clip.mp4"), headers={"origin": PAGE, "range": "bytes=1-2"}, timeout=60)
    assert (got.status_code, got.content) == (206, b"li")
    assert cors_headers(got) == {
        "access-control-allow-origin": PAGE,
        "access-control-expose-headers": "ETag, Content-Range",
    }
    assert "Origin" in got.headers["vary"]


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", None])
def test_another_page_gets_the_object_without_cors_headers(origin: str | None, bucket: ServedBucket) -> None:
    got = requests.get(bucket.get_url("clip.mp4"), headers={"origin": origin} if origin else {}, timeout=60)
    assert (got.status_code, cors_headers(got)) == (200, {})


def test_no_rule_names_all_headers_or_all_origins() -> None:
    (rule,) = json.loads(RULES.read_text())["rules"]
    assert not any("*" in entry for entry in (*rule["allowed"]["headers"], *rule["allowed"]["origins"]))
    assert "ETag" in rule["exposeHeaders"]


@pytest.mark.parametrize("kind", ["cors", "lifecycle"])
def test_wrangler_sends_the_rules_of_the_bucket(kind: str, tmp_path: Path) -> None:
    """R2's own check of them needs an account; this shows that wrangler reads the file and what it sends."""

    def accept(handler: Handler) -> None:
        sent.append(json.loads(handler.body()))
        answer = {"success": True, "errors": [], "messages": [], "result": {}}
        handler.answer(200, json.dumps(answer).encode(), Content_Type="application/json")

    file = PROJECT / f"r2-{kind}.json"
    sent: list[Any] = []
    try:
        wrangler = [node(), PROJECT / "node_modules" / "wrangler" / "bin" / "wrangler.js"]
    except NodeMissing as missing:
        pytest.skip(str(missing))
    with serving() as cloudflare:
        cloudflare.script.append(accept)
        subprocess.run(
            [*wrangler, "r2", "bucket", kind, "set", "framewright", "--file", file, "--force"],
            cwd=tmp_path,
            env={
                "HOME": str(tmp_path),
                "CLOUDFLARE_API_BASE_URL": cloudflare.url.removesuffix("/model.pth"),
                "CLOUDFLARE_ACCOUNT_ID": "account",
                "CLOUDFLARE_API_TOKEN": "token",
                **OFFLINE,
            },
            check=True,
            capture_output=True,
            timeout=120,
        )
    (request,) = cloudflare.requests
    assert (request.method, request.path) == ("PUT", f"/accounts/account/r2/buckets/framewright/{kind}")
    assert sent == [json.loads(file.read_text())]


def test_the_next_requests_get_the_faults_that_were_asked_for(bucket: ServedBucket) -> None:
    url = bucket.get_url("clip.mp4")
    bucket.door.faults.extend([503, 500, 520])
    preflight(url, PAGE, "GET")
    answers = [requests.get(url, timeout=60) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 500, 520, 200]
    assert "<Code>SlowDown</Code>" in answers[0].text
    assert not bucket.door.faults


def test_requests_are_recorded_without_their_signatures(bucket: ServedBucket) -> None:
    bucket.door.requests.clear()
    put, got = bucket.put_url("a b/\u00fc.mp4"), bucket.get_url("clip.mp4")
    requests.put(put, b"new", timeout=60)
    requests.put(got, b"new", timeout=60)
    requests.head(got, timeout=60)
    preflight(put, PAGE, "PUT")
    assert list(bucket.door.requests) == [
        SeenRequest("PUT", "a b/\u00fc.mp4", 200),
        SeenRequest("PUT", "clip.mp4", 403),
        SeenRequest("HEAD", "clip.mp4", 403),
        SeenRequest("OPTIONS", "a b/\u00fc.mp4", 204),
    ]


def test_many_objects_are_put_and_got_at_once(bucket: ServedBucket) -> None:
    def there_and_back(number: int) -> bool:
        body = number.to_bytes(4, "big") * 50_000
        put = requests.put(bucket.put_url(f"many/{number}"), body, timeout=60)
        got = requests.get(bucket.get_url(f"many/{number}"), timeout=60)
        return put.status_code == 200 and got.content == body

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(there_and_back, range(64)))


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_process_of_its_own_serves_until_it_is_told_to_end(ending: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.stand_ins.s3_door", "--port", "0", "--origin", PAGE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", address)
        bucket = Bucket(address)
        body = bytes(range(256)) * 4096
        headers = {"origin": PAGE}
        put = requests.put(bucket.put_url("clip.mp4"), body, headers=headers, timeout=60)
        assert put.status_code == 200
        assert cors_headers(put)["access-control-allow-origin"] == PAGE
        got = bucket.get("clip.mp4")
        assert got is not None
        assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()
        assert requests.get(bucket.get_url("clip.mp4") + "0", timeout=60).status_code == 403
        process.send_signal(ending)
        printed, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, printed) == (0, "")
    assert SECRET not in told
    assert not any(signature in told for signature in bucket.signatures)
