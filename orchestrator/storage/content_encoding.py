"""Refuses inputs that are stored with a Content-Encoding that changes their bytes."""

from __future__ import annotations

import re
from http.client import HTTPResponse

from orchestrator.errors import BadMedia
from orchestrator.redaction import redacted

PLAIN_ENCODINGS = frozenset({"", "identity", "aws-chunked"})
"""AWS SDKs upload with aws-chunked, which the store decodes. Some stores keep the label."""
CHUNK_HEAD_BYTES = 128
_CHUNK = re.compile(rb"[0-9a-fA-F]{1,16}(?:;chunk-signature=[0-9a-f]{64})?\r\n")
"""The start of a body that is still aws-chunked (Amazon S3 API Reference, Transferring in chunks)."""


def has_chunked_label(response: HTTPResponse, url: str) -> bool:
    """Return whether the server says that the bytes are aws-chunked; often they are not.

    Raises:
        BadMedia: they have another encoding.
    """
    encodings = {name.strip().lower() for name in response.headers.get("Content-Encoding", "").split(",")}
    if unknown := encodings - PLAIN_ENCODINGS:
        named = min(unknown)[:20]
        raise BadMedia(f"{redacted(url)} comes with Content-Encoding {named!r}; store the file without one")
    return "aws-chunked" in encodings


def refuse_chunks(head: bytes, url: str) -> None:
    """Refuse a file that is still aws-chunked.

    Args:
        head: the first CHUNK_HEAD_BYTES of a file whose label says so.
        url: its address.

    Raises:
        BadMedia: it is.
    """
    if _CHUNK.match(head):
        raise BadMedia(
            f"{redacted(url)} is stored in the chunks of its upload (aws-chunked), which its store "
            "did not take off; upload it again, without aws-chunked"
        )
