"""The API's own code about storage: which URLs are ours, what is signed, what a browser saves a file as."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from tests.support.node_functions import ApiRefused, NodeFunctions, node_functions
from tools.stand_ins import s3_door
from tools.stand_ins.bucket import KEY_ID, NAME, SECRET
from tools.stand_ins.s3_door import ServedBucket

KEY = f"in/user_{'0' * 31}a/up_{'0' * 31}b.mp4"
OUTPUT = f"out/user_{'0' * 31}a/job_{'0' * 31}b.webm"
R2 = "https://abc123.r2.cloudflarestorage.com"
BUCKET_URL = f"{R2}/framewright"


def env(endpoint: str = R2, bucket: str = "framewright") -> dict[str, str]:
    return {
        "S3_ENDPOINT": endpoint,
        "S3_BUCKET": bucket,
        "S3_ACCESS_KEY_ID": KEY_ID,
        "S3_SECRET_ACCESS_KEY": SECRET,
    }


@pytest.fixture(scope="module")
def storage() -> Iterator[NodeFunctions]:
    with node_functions("api/storage.ts") as functions:
        yield functions


@pytest.fixture(scope="module")
def dispositions() -> Iterator[NodeFunctions]:
    with node_functions("api/content_disposition.ts") as functions:
        yield functions


@pytest.fixture(scope="module")
def multipart() -> Iterator[NodeFunctions]:
    with node_functions("api/multipart.ts") as functions:
        yield functions


@pytest.fixture(scope="module")
def door() -> Iterator[ServedBucket]:
    with s3_door.serving() as bucket:
        yield bucket


# --- which URLs are ours -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [KEY, OUTPUT])
@pytest.mark.parametrize("query", ["", "?", "?X-Amz-Signature=00", "?a=//../&b=https://evil.example/@x?y"])
def test_a_url_of_an_uploaded_object_gives_its_key(storage: NodeFunctions, key: str, query: str) -> None:
    assert storage.call("keyOfBucketUrl", env(), f"{BUCKET_URL}/{key}{query}") == key


def test_every_signed_url_gives_its_key(storage: NodeFunctions) -> None:
    put = storage.call("presignPut", env(), KEY, 60, {"contentType": "video/mp4", "bytes": 4})
    get = storage.call("presignGet", env(), OUTPUT, 60, {"downloadName": "ä b/\"'.webm"})
    assert storage.call("keyOfBucketUrl", env(), put) == KEY
    assert storage.call("keyOfBucketUrl", env(), get) == OUTPUT


@pytest.mark.parametrize(
    "url",
    [
        f"http://abc123.r2.cloudflarestorage.com/framewright/{KEY}",
        f"https://abc123.r2.cloudflarestorage.com.evil.example/framewright/{KEY}",
        f"https://abc123.r2.cloudflarestorage.com@evil.example/framewright/{KEY}",
        f"https://evil.example\\@abc123.r2.cloudflarestorage.com/framewright/{KEY}",
        f"https://user@abc123.r2.cloudflarestorage.com/framewright/{KEY}",
        f"https://abc123.r2.cloudflarestorage.com:443/framewright/{KEY}",
        f"https://abc123.r2.cloudflarestorage.com:444/framewright/{KEY}",
        f"https://abc123.r2.cloudflarestorage.com./framewright/{KEY}",
        f"https://abc123.r2.cloudflarestorage\u3002com/framewright/{KEY}",
        f"https://abc123.r2.cloudflar\u0435storage.com/framewright/{KEY}",
        f"https://\uff41bc123.r2.cloudflarestorage.com/framewright/{KEY}",
        f"HTTPS://ABC123.R2.cloudflarestorage.com/framewright/{KEY}",
        f"https://framewright.abc123.r2.cloudflarestorage.com/{KEY}",
        f"{R2}/framewright-other/{KEY}",
        f"{R2}/Framewright/{KEY}",
        f"{R2}//framewright/{KEY}",
        f"{R2}/other/../framewright/{KEY}",
        f"{BUCKET_URL}//{KEY}",
        f"{BUCKET_URL}/./{KEY}",
        f"{BUCKET_URL}/x/../{KEY}",
        f"{BUCKET_URL}/{KEY}/",
        f"{BUCKET_URL}/{KEY}/../{OUTPUT}",
        f"{BUCKET_URL}/{KEY}%00",
        f"{BUCKET_URL}/{KEY}%3Fx",
        f"{BUCKET_URL}/{KEY};x",
        f"{BUCKET_URL}/{KEY}#x",
        f"{BUCKET_URL}/{KEY}?x#y",
        f"{BUCKET_URL}/{KEY}?x\n",
        f"{BUCKET_URL}/{KEY}\n",
        f"{BUCKET_URL}/{KEY}?x y",
        f"{BUCKET_URL}/{KEY}?\u00e4",
        f"{BUCKET_URL}/%69{KEY[1:]}",
        f"{BUCKET_URL}/{KEY.replace('/', '%2F')}",
        f"{BUCKET_URL}/{KEY.replace('/', chr(92))}",
        f"{BUCKET_URL}/{KEY.upper()}",
        f" {BUCKET_URL}/{KEY}",
        f"{BUCKET_URL}/",
        BUCKET_URL,
        f"s3://framewright/{KEY}",
        KEY,
        "",
    ],
)
def test_any_other_spelling_is_refused(storage: NodeFunctions, url: str) -> None:
    assert storage.call("keyOfBucketUrl", env(), url) is None


@st.composite
def mutated_urls(draw: st.DrawFn) -> str:
    """A URL of ours with some characters replaced, removed, inserted or percent-encoded."""
    url = f"{BUCKET_URL}/{draw(st.sampled_from([KEY, OUTPUT]))}{draw(st.sampled_from(['', '?a=b']))}"
    odd = st.sampled_from(
        ["/", "//", "..", "/../", "@", ":", "#", "?", "%", "%2f", "%2e", "\\", "\t", "A", "\u3002"]
    )
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(url) - 1))
        encoded = f"%{ord(url[at]) & 0xFF:02x}"
        piece = draw(st.one_of(odd, st.characters(codec="utf-8"), st.just(encoded), st.just("")))
        url = url[:at] + piece + url[at + draw(st.integers(0, 1)) :]
    return url


@given(url=st.one_of(mutated_urls(), st.text()))
def test_a_key_is_given_only_if_another_parser_reads_the_same_object(
    storage: NodeFunctions, url: str
) -> None:
    key = storage.call("keyOfBucketUrl", env(), url)
    if key is None:
        exact = re.fullmatch(re.escape(BUCKET_URL) + '/(.*?)(\\?[!"$-~]*)?', url, re.ASCII)
        assert exact is None or exact[1] not in {KEY, OUTPUT}, (
            "a URL of ours in its usual spelling is accepted"
        )
    else:
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.fragment) == (
            "https",
            "abc123.r2.cloudflarestorage.com",
            "",
        )
        assert parts.path == unquote(parts.path) == f"/framewright/{key}"
        kinds = r"in/user_[0-9a-f]{32}/up_[0-9a-f]{32}|out/user_[0-9a-f]{32}/job_[0-9a-f]{32}"
        assert re.fullmatch(rf"({kinds})\.[a-z0-9]{{1,8}}", key)


@pytest.mark.parametrize("part", ["../x", "user_1", f"user_{'A' * 32}", f"user_{'0' * 32}/.."])
def test_a_key_is_made_of_ids_only(storage: NodeFunctions, part: str) -> None:
    with pytest.raises(ApiRefused, match="consists of ids"):
        storage.call("inputKey", part, f"up_{'0' * 32}", "mp4")
    with pytest.raises(ApiRefused, match="consists of ids"):
        storage.call("outputKey", f"user_{'0' * 32}", f"job_{'0' * 32}", "mp4/../x")


# --- what is signed ----------------------------------------------------------------------------------------


def test_a_url_expires(storage: NodeFunctions, door: ServedBucket) -> None:
    here = env(door.endpoint, NAME)
    headers = {"contentType": "video/mp4", "bytes": 4}
    short = storage.call("presignPut", here, KEY, 1, headers)
    long = storage.call("presignPut", here, KEY, 60, headers)
    time.sleep(1.1)
    refused = requests.put(short, data=b"data", headers={"Content-Type": "video/mp4"}, timeout=60)
    assert (refused.status_code, "expired" in refused.text) == (403, True)
    assert requests.put(long, data=b"data", headers={"Content-Type": "video/mp4"}, timeout=60).ok


@pytest.mark.parametrize(
    "name",
    [
        "plain.mp4",
        "two words + 100%.mp4",
        "quo\"te's;filename=x.mp4",
        "Grüße 日本 \U0001f3d6.mp4",
        "a\r\nSet-Cookie: x=y.mp4",
        "../../etc/passwd",
        "\u202egpj.4pm",
        "x" * 400 + ".mp4",
    ],
)
def test_a_download_has_the_name_in_its_header(
    storage: NodeFunctions, dispositions: NodeFunctions, door: ServedBucket, name: str
) -> None:
    door.client.put_object(Bucket=NAME, Key=OUTPUT, Body=b"data")
    url = storage.call("presignGet", env(door.endpoint, NAME), OUTPUT, 60, {"downloadName": name})
    answer = requests.get(url, timeout=60)
    assert (answer.status_code, answer.content) == (200, b"data")
    assert answer.headers["Content-Disposition"] == dispositions.call("contentDisposition", name)
    assert "Set-Cookie" not in answer.headers


def test_a_download_name_cannot_be_changed_afterwards(storage: NodeFunctions, door: ServedBucket) -> None:
    door.client.put_object(Bucket=NAME, Key=OUTPUT, Body=b"data")
    url = storage.call("presignGet", env(door.endpoint, NAME), OUTPUT, 60, {"downloadName": "good.mp4"})
    assert "good.mp4" in url
    assert requests.get(url.replace("good.mp4", "evil.exe"), timeout=60).status_code == 403


# --- what a browser saves a file as ------------------------------------------------------------------------


@given(
    name=st.one_of(st.text(), st.text(st.sampled_from("a.b/\\\"'%;=*\r\n\0 ä\U0001f3d6\u202e"), max_size=400))
)
def test_a_header_carries_a_safe_name_and_nothing_else(dispositions: NodeFunctions, name: str) -> None:
    safe = dispositions.call("safeFileName", name)
    header = dispositions.call("contentDisposition", name)
    assert 0 < len(safe.encode()) <= 255
    assert not re.search(r"[/\\\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", safe)
    assert safe.strip(".") != ""
    assert dispositions.call("safeFileName", safe) == safe
    assert re.fullmatch(r"[\x20-\x7e]+", header)
    simple = header.partition("; filename*=")[0]
    assert parse_options_header(header)[0] == "attachment"
    assert set(parse_options_header(header)[1]) == {"filename"}
    assert parse_options_header(header)[1]["filename"] == safe
    fallback = parse_options_header(simple)[1]["filename"]
    assert fallback == re.sub(r'[^\x20-\x7e]|["\\%]', "_", safe)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("film.mp4", "film.mp4"),
        ("C:\\films\\film.mp4", "film.mp4"),
        ("/etc/passwd", "passwd"),
        ("folder/", "download"),
        ("", "download"),
        ("..", "download"),
        (".mp4", ".mp4"),
        ("x" * 300, "x" * 255),
        ("x" * 300 + ".mp4", "x" * 251 + ".mp4"),
        ("\U0001f3d6" * 100 + ".mp4", "\U0001f3d6" * 62 + ".mp4"),
        ("film." + "x" * 300, "film." + "x" * 250),
    ],
)
def test_a_name_is_made_safe(dispositions: NodeFunctions, name: str, safe: str) -> None:
    assert dispositions.call("safeFileName", name) == safe


# --- parts -------------------------------------------------------------------------------------------------


@given(size=st.one_of(st.integers(8 * 2**20 + 1, 10 * 2**30), st.integers(8 * 2**20 + 1, 2**40)))
def test_parts_are_equal_and_make_up_the_file(parts: NodeFunctions, size: int) -> None:
    part_bytes = parts.call("partSize", size)
    assert 5 * 2**20 <= part_bytes <= 5 * 2**30
    found = parts.call("partsOf", size, part_bytes)
    assert [part["number"] for part in found] == list(range(1, len(found) + 1))
    assert {part["bytes"] for part in found[:-1]} <= {part_bytes}
    assert 0 < found[-1]["bytes"] <= part_bytes
    assert sum(part["bytes"] for part in found) == size
    assert len(found) <= 1000


@pytest.fixture(scope="module")
def parts() -> Iterator[NodeFunctions]:
    with node_functions("api/upload_parts.ts") as functions:
        yield functions


@contextmanager
def answering(body: str | None) -> Iterator[str]:
    """Serve a store that answers every request with status 200 and this body, or with nothing for None."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if body is None:
                ended.wait(60)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


ERROR = '<?xml version="1.0"?>\n   <Error><Code>{}</Code><Message>m</Message></Error>'


@pytest.mark.parametrize("body", [ERROR.format("InternalError"), ERROR.format("SlowDown"), "   ", "<html>"])
def test_an_error_with_status_200_is_no_success(multipart: NodeFunctions, body: str) -> None:
    with answering(body) as url, pytest.raises(ApiRefused) as raised:
        multipart.call("completeMultipart", env(url), KEY, "id", [{"number": 1, "etag": '"x"'}])
    assert (raised.value.status, raised.value.code) == (503, "storage_unavailable")


def test_an_error_of_the_caller_with_status_200_is_returned(multipart: NodeFunctions) -> None:
    with answering(ERROR.format("InvalidPart")) as url:
        code = multipart.call("completeMultipart", env(url), KEY, "id", [{"number": 1, "etag": '"x"'}])
    assert code == "InvalidPart"


def test_a_store_that_does_not_answer_is_given_up(storage: NodeFunctions) -> None:
    with answering(None) as url, pytest.raises(ApiRefused) as raised:
        storage.call("storageRequest", env(url), "POST", KEY, {"deadlineMs": 300})
    assert (raised.value.status, raised.value.code) == (503, "storage_unavailable")
