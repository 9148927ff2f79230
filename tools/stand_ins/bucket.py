"""Puts and gets objects of an S3 server, and presigns URLs for it as for R2, with region auto."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

NAME = "videos"
KEY_ID = "AKIA0123456789EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105  of nobody


class Bucket:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.signatures: set[str] = set()
        """The signatures of all presigned URLs."""
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="auto",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
            ),
        )

    def put(self, key: str, path: Path) -> str:
        """Upload a file; return a presigned GET URL."""
        self.client.put_object(Bucket=NAME, Key=key, Body=path.read_bytes())
        return self.get_url(key)

    def get_url(self, key: str) -> str:
        return self._presigned("get_object", key)

    def put_url(self, key: str) -> str:
        return self._presigned("put_object", key)

    def parts(self, key: str) -> dict[str, Any]:
        """Start a multipart upload; return its `output_parts` for a job."""
        upload = self.client.create_multipart_upload(Bucket=NAME, Key=key)["UploadId"]
        return {
            "part_bytes": 5 * 2**20,
            "urls": [self._presigned("upload_part", key, UploadId=upload, PartNumber=1)],
            "complete_url": self._presigned("complete_multipart_upload", key, UploadId=upload),
            "abort_url": self._presigned("abort_multipart_upload", key, UploadId=upload),
        }

    def get(self, key: str) -> bytes | None:
        """Return the content of an object; None if it does not exist."""
        try:
            return bytes(self.client.get_object(Bucket=NAME, Key=key)["Body"].read())
        except ClientError:
            return None

    def head(self, key: str) -> dict[str, Any]:
        return dict(self.client.head_object(Bucket=NAME, Key=key))

    def names(self) -> set[str]:
        return {entry["Key"] for entry in self.client.list_objects_v2(Bucket=NAME).get("Contents", ())}

    def make(self) -> None:
        # The stand-in keeps its buckets for as long as this process lives, over several servers.
        with contextlib.suppress(self.client.exceptions.BucketAlreadyOwnedByYou):
            self.client.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": "auto"})

    def _presigned(self, method: str, key: str, **more: Any) -> str:
        params = {"Bucket": NAME, "Key": key, **more}
        url = self.client.generate_presigned_url(method, Params=params, ExpiresIn=3600)
        self.signatures.update(parse_qs(urlsplit(url).query)["X-Amz-Signature"])
        return str(url)
