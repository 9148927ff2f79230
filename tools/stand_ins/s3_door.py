"""Runs a local S3 server that stands in for R2: a strict door in front of moto.

The door checks every request before moto sees it: the signature (`s3_signature`), the length and the hash
of the body, the sizes of parts, features that R2 does not have, and CORS (`s3_cors`). moto keeps the objects
for as long as the process lives: large ones in temporary files, though it reads and assembles them in memory.

The door does not check permissions (every access key may do everything), request rates, metadata and
lifecycle rules. docs/cloud-stand-ins.md lists what it checks, and where R2's error codes differ.

    python -m tools.stand_ins.s3_door --port 9000 --origin http://127.0.0.1:8787
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import re
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from types import MappingProxyType
from typing import IO, Any, NamedTuple
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import BackendRequest, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

from tools.stand_ins.bucket import KEY_ID, SECRET, Bucket
from tools.stand_ins.s3_cors import CorsRule
from tools.stand_ins.s3_signature import UNSIGNED, S3Error, check_signature

MAX_PUT_BYTES = 5 * 2**30 - 5 * 2**20
"""R2's limit of a single PUT (developers.cloudflare.com/r2/platform/limits); parts have the next one."""
MAX_PART_BYTES = 5 * 2**30
MIN_PART_BYTES = 5 * 2**20
MAX_PARTS = 10_000
MAX_KEY_BYTES = 1024
NOT_IN_R2 = ("HTTP_X_AMZ_TRAILER", "HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", "HTTP_X_AMZ_CHECKSUM_CRC32")
"""R2 refuses checksums in trailers, and has no CRC32 of a whole object."""

_FAULT_CODES = {429: "TooManyRequests", 500: "InternalError", 503: "SlowDown"}
_PART_NUMBER = re.compile(rb"<PartNumber>\s*([0-9]{1,5})\s*</PartNumber>")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 2**20


class _WholeBodyRequest(BackendRequest):
    """The body is the object, even where its content type is that of a form."""

    want_form_data_parsed = False


class SeenRequest(NamedTuple):
    """A request that was answered, without its query, which may be a credential."""

    method: str
    key: str
    status: int


class Door:
    """The WSGI application: checks a request and answers it, or refuses it with an error document of S3."""

    def __init__(self, keys: Mapping[str, str], origins: Iterable[str], delay_s: float) -> None:
        self.faults: deque[int] = deque()
        """The HTTP statuses that the next requests get instead of an answer; preflight requests take none."""
        self.requests: deque[SeenRequest] = deque(maxlen=10_000)
        self._keys = keys
        self._cors = CorsRule(origins)
        self._delay_s = delay_s
        self._s3: Any = create_backend_app("s3")
        self._s3.request_class = _WholeBodyRequest
        self._one_conditional_write = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        time.sleep(self._delay_s)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            key = _bucket_and_key(environ)[1]
            self.requests.append(SeenRequest(environ["REQUEST_METHOD"], key, int(status[:3])))
            return start_response(status, headers, exc_info)

        def start_with_cors(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            kept = [pair for pair in headers if not pair[0].lower().startswith(("access-control-", "vary"))]
            return start(status, kept + self._cors.response_headers(environ), exc_info)

        try:
            if environ["REQUEST_METHOD"] == "OPTIONS":
                return self._preflight(environ, start)
            return self._answer(environ, start_with_cors)
        except S3Error as error:
            document = _error_document(error) if environ["REQUEST_METHOD"] != "HEAD" else b""
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(document)))]
            start_with_cors(f"{error.status} {error.code}", headers)
            return [document]

    def _preflight(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        headers = self._cors.preflight_headers(environ)
        if headers is None:
            raise S3Error(403, "AccessForbidden", "CORSResponse: This CORS request is not allowed.")
        start("204 No Content", headers)
        return []

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        with contextlib.suppress(IndexError):
            status = self.faults.popleft()
            raise S3Error(status, _FAULT_CODES.get(status, "InternalError"), "This fault was asked for.")
        _check_features(environ)
        payload = check_signature(environ, self._keys)
        if payload != UNSIGNED and not _SHA256.fullmatch(payload):
            raise S3Error(
                400, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a SHA-256 in hex."
            )
        conditional = "HTTP_IF_NONE_MATCH" in environ and environ["REQUEST_METHOD"] in {"PUT", "POST"}
        with tempfile.SpooledTemporaryFile(max_size=_CHUNK_BYTES) as body:
            _read_body(environ, payload, body)
            environ["wsgi.input"] = body
            # Without this header, moto answers a GET with response-content-disposition of an object that is
            # missing as if its signature were wrong.
            environ.setdefault("HTTP_AUTHORIZATION", f"AWS4-HMAC-SHA256 Credential={KEY_ID}/-/auto/s3/-")
            _check_upload(environ, body)
            with self._one_conditional_write if conditional else contextlib.nullcontext():
                answer: Iterable[bytes] = self._s3(environ, start)
        return answer


class ServedBucket(Bucket):
    """The bucket behind a door that runs in this process."""

    def __init__(self, endpoint: str, door: Door) -> None:
        super().__init__(endpoint)
        self.door = door


class _RequestHandler(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the address of a request may be a credential."""


@contextmanager
def serving(
    *,
    port: int = 0,
    origins: Iterable[str] = (),
    keys: Mapping[str, str] = MappingProxyType({}),
    delay_s: float = 0.0,
) -> Iterator[ServedBucket]:
    """Serve a bucket on loopback.

    Args:
        port: 0 takes a free one.
        origins: the web pages that get CORS headers, such as http://127.0.0.1:8787.
        keys: the secrets of more access keys, by their ids, beside the one of `Bucket`.
        delay_s: the delay of every response, in seconds, like that of a server far away.
    """
    door = Door({KEY_ID: SECRET, **keys}, origins, delay_s)
    server = make_server("127.0.0.1", port, door, threaded=True, request_handler=_RequestHandler)
    thread = threading.Thread(target=server.serve_forever, name="s3-door", daemon=True)
    thread.start()
    try:
        bucket = ServedBucket(f"http://127.0.0.1:{server.server_port}", door)
        bucket.make()
        door.requests.clear()
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _check_features(environ: dict[str, Any]) -> None:
    """Refuse what R2 does not have, whoever asks."""
    method, query = environ["REQUEST_METHOD"], _query(environ)
    if method not in {"GET", "HEAD", "PUT", "POST", "DELETE"}:
        raise S3Error(405, "MethodNotAllowed", "The method is not allowed.")
    if method == "POST" and not query.keys() & {"uploads", "uploadId", "delete"}:
        raise S3Error(501, "NotImplemented", "Uploads by POST forms are not implemented.")
    if len(_bucket_and_key(environ)[1].encode()) > MAX_KEY_BYTES:
        raise S3Error(400, "KeyTooLongError", f"A key may have {MAX_KEY_BYTES} bytes at most.")
    number = query.get("partNumber", ["1"])[0]
    if not re.fullmatch("[0-9]{1,5}", number) or not 1 <= int(number) <= MAX_PARTS:
        raise S3Error(400, "InvalidArgument", f"A part number must be from 1 to {MAX_PARTS}.")
    payload = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    if payload.startswith("STREAMING-"):
        raise S3Error(501, "NotImplemented", f"{payload} not implemented")
    if "aws-chunked" in environ.get("HTTP_CONTENT_ENCODING", "").lower():
        raise S3Error(501, "NotImplemented", "Content-Encoding aws-chunked not implemented")
    for key in NOT_IN_R2:
        if key in environ:
            name = key.removeprefix("HTTP_").replace("_", "-").lower()
            raise S3Error(501, "NotImplemented", f"Header '{name}' not implemented")


def _read_body(environ: dict[str, Any], payload: str, body: IO[bytes]) -> None:
    """Write the body of a request to a file, and check its length and its hashes."""
    length = left = _declared_bytes(environ)
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    wanted_md5 = environ.get("HTTP_CONTENT_MD5")
    while left and (chunk := environ["wsgi.input"].read(min(left, _CHUNK_BYTES))):
        if payload != UNSIGNED:
            sha256.update(chunk)
        if wanted_md5 is not None:
            md5.update(chunk)
        body.write(chunk)
        left -= len(chunk)
    if left:
        raise S3Error(400, "IncompleteBody", f"{left} of the {length} bytes of the body were not sent.")
    if payload not in {UNSIGNED, sha256.hexdigest()}:
        raise S3Error(400, "XAmzContentSHA256Mismatch", "The body has another SHA-256 than was signed.")
    if wanted_md5 is not None and wanted_md5 != base64.b64encode(md5.digest()).decode():
        raise S3Error(400, "BadDigest", "The body has another MD5 than Content-MD5 says.")
    body.seek(0)


def _declared_bytes(environ: dict[str, Any]) -> int:
    declared = environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in environ or (not declared and environ["REQUEST_METHOD"] in {"PUT", "POST"}):
        raise S3Error(411, "MissingContentLength", "The header Content-Length is missing.")
    if not declared:
        return 0
    if not re.fullmatch("[0-9]{1,15}", declared):
        raise S3Error(400, "InvalidArgument", "The header Content-Length is not a number.")
    most = MAX_PART_BYTES if "partNumber" in _query(environ) else MAX_PUT_BYTES
    if int(declared) > most:
        raise S3Error(400, "EntityTooLarge", f"The body has more than {most} bytes.")
    return int(declared)


def _check_upload(environ: dict[str, Any], body: IO[bytes]) -> None:
    """Refuse a multipart upload that does not exist, and parts that R2 does not put together."""
    upload_id = _query(environ).get("uploadId")
    bucket, key = _bucket_and_key(environ)
    kept = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)
    if upload_id is None or kept is None:
        return
    upload = kept.multiparts.get(upload_id[0])
    if upload is None or upload.key_name != key:
        raise S3Error(
            404, "NoSuchUpload", "The upload does not exist; it may have been completed or aborted."
        )
    if environ["REQUEST_METHOD"] != "POST":
        return
    numbers = [int(number) for number in _PART_NUMBER.findall(body.read())]
    body.seek(0)
    if any(number >= following for number, following in pairwise(numbers)):
        raise S3Error(400, "InvalidPartOrder", "The parts must be listed in ascending order.")
    sizes = [upload.parts[number].contentsize for number in numbers if number in upload.parts]
    if any(size < MIN_PART_BYTES for size in sizes[:-1]):
        raise S3Error(400, "EntityTooSmall", "A part that is not the last one is below 5 MiB.")
    if len(set(sizes[:-1])) > 1 or sizes[-1:] > sizes[:1]:
        raise S3Error(400, "InvalidPart", "All non-trailing parts must have the same length.")


def _bucket_and_key(environ: dict[str, Any]) -> tuple[str, str]:
    bucket, _, key = unquote(environ["RAW_URI"].partition("?")[0])[1:].partition("/")
    return bucket, key


def _query(environ: dict[str, Any]) -> dict[str, list[str]]:
    return parse_qs(environ["RAW_URI"].partition("?")[2], keep_blank_values=True)


def _error_document(error: S3Error) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    ).encode()


def main() -> None:
    """Serve until SIGINT or SIGTERM; print the address once requests are accepted."""
    parser = argparse.ArgumentParser(description="A local S3 server that stands in for R2.")
    parser.add_argument("--port", type=int, default=0, help="the port on loopback; a free one if not given")
    parser.add_argument(
        "--origin", action="append", default=[], help="a web page's origin that gets CORS headers"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt), serving(port=options.port, origins=options.origin) as bucket:
        print(bucket.endpoint, flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
