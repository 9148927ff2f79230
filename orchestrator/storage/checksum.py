"""Reads the checksums that a server sends with a file, if they are certain to cover the whole file.

Content-MD5                        RFC 1864
x-amz-checksum-sha256 and others   Amazon S3, Checking object integrity; of the whole object
ETag                               the MD5 of an object that S3 or R2 got in one PUT, unless S3 encrypted it
                                   with a key of KMS or of the customer; elsewhere it may be anything
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from http.client import HTTPMessage

from orchestrator.storage.url import ParsedUrl

_HEADERS = {
    "x-amz-checksum-sha256": "sha256",
    "x-amz-checksum-sha1": "sha1",
    "Content-MD5": "md5",
    "x-amz-checksum-crc32": "crc32",
}
"""Headers and their algorithms, the strongest first."""
_LENGTH = {"sha256": 32, "sha1": 20, "md5": 16, "crc32": 4}
_MD5_ETAG = re.compile(r'"([0-9a-f]{32})"')
_ETAG_IS_MD5 = re.compile(
    r"(?:.+\.)?(?:s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com|[0-9a-f]+(?:\.[a-z]+)?\.r2\.cloudflarestorage\.com)"
)
"""Amazon S3 API Reference, Object; Cloudflare R2, Upload objects. S3 Express has other hosts and ETags."""
_OTHER_KEYS = ("aws:kms", "aws:kms:dsse")


class Checksum:
    """An expected checksum, and the checksum of the bytes received so far.

    Args:
        algorithm: sha256, sha1, md5 or crc32.
        expected: the raw value, 4 to 32 bytes.
    """

    def __init__(self, algorithm: str, expected: bytes) -> None:
        self.algorithm = algorithm
        self._expected = expected
        self._digest = _Crc32() if algorithm == "crc32" else hashlib.new(algorithm, usedforsecurity=False)

    def update(self, data: bytes) -> None:
        """Add more bytes."""
        self._digest.update(data)

    def matches(self) -> bool:
        """Return whether the bytes so far have the expected checksum."""
        return self._digest.digest() == self._expected


def checksum_from_headers(address: ParsedUrl, headers: HTTPMessage) -> Checksum | None:
    """Return the checksum of the whole object from the headers of a response, or None."""
    whole = headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT"
    for header, algorithm in _HEADERS.items():
        value = headers.get(header)
        if value is None or (header.startswith("x-amz-") and not whole):
            continue
        try:
            expected = base64.b64decode(value, validate=True)
        except binascii.Error:  # "...-3": a checksum of the checksums of three parts
            continue
        if len(expected) == _LENGTH[algorithm]:
            return Checksum(algorithm, expected)
    md5 = md5_from_etag(address, headers)
    return None if md5 is None else Checksum("md5", md5)


def md5_from_etag(address: ParsedUrl, headers: HTTPMessage) -> bytes | None:
    """Return the MD5 of an object if its ETag is certain to be that, else None."""
    etag = _MD5_ETAG.fullmatch(headers.get("ETag", ""))
    encrypted = (
        headers.get("x-amz-server-side-encryption") in _OTHER_KEYS
        or "x-amz-server-side-encryption-customer-algorithm" in headers
    )
    if etag is None or encrypted or not _ETAG_IS_MD5.fullmatch(address.host):
        return None
    return bytes.fromhex(etag[1])


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")
