"""Turns s3://bucket/key into presigned URLs, with the worker's own credentials. The only importer of boto3.

boto3 only signs: every request is sent like all others, with the same time limits, retries and stop.
"""

from __future__ import annotations

import html
import ipaddress
import logging
import re
from typing import Any

from orchestrator.errors import AddressRefused, UploadFailed
from orchestrator.jobs import OutputParts
from orchestrator.redaction import redacted
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.http_errors import DOCUMENT_BYTES, refuse_output
from orchestrator.storage.retryable_errors import TryAgain
from orchestrator.storage.retrying_transfer import RetryingTransfer
from orchestrator.storage.url import parse_url

MAX_PARTS = 10_000
MAX_EXPIRY_S = 7 * 24 * 3600
"""Longest lifetime of a presigned URL (Amazon S3 User Guide, Presigned URLs); R2 has the same limit."""
MAX_KEY_BYTES = 1024
"""Longest key in UTF-8 (Amazon S3 User Guide, Naming objects); R2 has the same limit."""
_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9.-]{3,63})/(?P<key>[^\x00-\x1f\x7f]+)")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_UPLOAD_ID = re.compile(r"<UploadId>([^<]+)</UploadId>")
_ANYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class S3Presigner:
    """Presigns requests to the buckets of one S3 endpoint.

    Args:
        endpoint: http(s) address of the endpoint.
        key_id, secret: credentials.
        region: region of the buckets; "auto" for R2.
        expires_s: lifetime of the URLs, in seconds: a little more than the longest transfer.

    Attributes:
        guard: allows only the scheme, host and port of the endpoint, also after a redirect. The operator
            chooses the endpoint, so it may be private.
    """

    def __init__(self, *, endpoint: str, key_id: str, secret: str, region: str, expires_s: float) -> None:
        # Not at the top: the import takes a third of a second, and most jobs do not need it.
        import boto3.session  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        address = parse_url(endpoint)
        self.guard = AddressGuard(
            allow_http=address.scheme == "http",
            allow_private_networks=_ANYWHERE,
            endpoint=address,
        )
        self._expires_s = int(min(expires_s, MAX_EXPIRY_S))
        for name in ("boto3", "botocore"):
            logging.getLogger(name).setLevel(logging.INFO)  # at DEBUG they log signatures
        self._client: Any = boto3.session.Session(
            aws_access_key_id=key_id, aws_secret_access_key=secret, region_name=region
        ).client(
            "s3",
            endpoint_url=endpoint,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                # R2 refuses the CRC32 that boto3 adds by default.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def get_url(self, source: str) -> str:
        """Return a URL for GET. Raises AddressRefused if the source is not of the form s3://bucket/key."""
        return self._signed("get_object", source)

    def put_url(self, destination: str, *, media_type: str) -> str:
        """Return a URL for PUT with this Content-Type. Raises AddressRefused like `get_url`."""
        return self._signed("put_object", destination, ContentType=media_type)

    def create_upload(
        self, destination: str, *, size: int, part_bytes: int, media_type: str, transfer: RetryingTransfer
    ) -> OutputParts:
        """Create a multipart upload.

        Args:
            destination: s3://bucket/key.
            size: size of the object, in bytes.
            part_bytes: size of its parts; they are larger if there would be more than MAX_PARTS.
            media_type: Content-Type of the object.
            transfer: sends the request.

        Returns:
            URLs for all parts.

        Raises:
            AddressRefused, OutputForbidden, UploadFailed, Cancelled: see `publish.publish`.
        """
        url = self._signed("create_multipart_upload", destination, ContentType=media_type)

        def attempt() -> str:
            with transfer.request("POST", url, headers={"Content-Type": media_type}, body=b"") as response:
                if response.status != 200:
                    refuse_output(response, url)
                found = _UPLOAD_ID.search(response.read(DOCUMENT_BYTES).decode("utf-8", "replace"))
                if found is None:
                    raise TryAgain("the server created an upload and gave no id for it")
                return html.unescape(found[1])

        upload = transfer.retry(
            attempt, what=f"begin the upload to {redacted(destination)}", failed=UploadFailed
        )
        part_bytes = max(part_bytes, -(-size // MAX_PARTS))
        return OutputParts(
            part_bytes=part_bytes,
            urls=tuple(
                self._signed("upload_part", destination, UploadId=upload, PartNumber=number)
                for number in range(1, -(-size // part_bytes) + 1)
            ),
            complete_url=self._signed("complete_multipart_upload", destination, UploadId=upload),
            abort_url=self._signed("abort_multipart_upload", destination, UploadId=upload),
        )

    def _signed(self, operation: str, address: str, **parameters: object) -> str:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415  see __init__

        bucket, key = split_s3_address(address)
        try:
            url = self._client.generate_presigned_url(
                operation, Params={"Bucket": bucket, "Key": key, **parameters}, ExpiresIn=self._expires_s
            )
        except (BotoCoreError, ValueError) as exc:
            raise AddressRefused(
                f"{redacted(address)} cannot be signed for the worker's own store; use another bucket or key"
            ) from exc
        return str(url)


def split_s3_address(address: str) -> tuple[str, str]:
    """Return the bucket and the key of s3://bucket/key.

    A key with `.` or `..` between slashes is refused: a server may resolve it, even to another bucket.

    Raises:
        AddressRefused: the address has another form, or S3 does not allow the bucket or the key.
    """
    found = _S3.fullmatch(address)
    if found is None or not all(map(_LABEL.fullmatch, found["bucket"].split("."))):
        raise AddressRefused(f"{redacted(address)} is not an address of the form s3://bucket/key; give one")
    try:
        key_bytes = len(found["key"].encode())
    except UnicodeEncodeError as exc:
        raise AddressRefused(
            f"the key of {redacted(address)} is not Unicode text; give the key s3://bucket/key as UTF-8"
        ) from exc
    if key_bytes > MAX_KEY_BYTES:
        raise AddressRefused(
            f"the key of {redacted(address)} has {key_bytes} bytes, and S3 takes {MAX_KEY_BYTES}; "
            "give a shorter one"
        )
    if not {".", ".."}.isdisjoint(found["key"].split("/")):
        raise AddressRefused(
            f"the key of {redacted(address)} holds '.' or '..' between slashes; give a key without them"
        )
    return found["bucket"], found["key"]
