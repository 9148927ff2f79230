"""Fetches the inputs of jobs and publishes their outputs: http(s), multipart and s3:// addresses."""

from __future__ import annotations

import logging
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Self

from orchestrator.errors import AddressRefused, BadRequest
from orchestrator.jobs import OutputParts
from orchestrator.redaction import redacted
from orchestrator.settings import Settings
from orchestrator.storage import presigned_url_check as presigned
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.fetch import fetch
from orchestrator.storage.multipart import publish_parts
from orchestrator.storage.publish import content_type, publish
from orchestrator.storage.range_requests import RangeRequests
from orchestrator.storage.ranged import RangedFile
from orchestrator.storage.retrying_transfer import OnBytes, RetryingTransfer, TransferLimits
from orchestrator.storage.s3_presigning import S3Presigner, split_s3_address

_log = logging.getLogger(__name__)


class StorageClient:
    """Fetches inputs and publishes outputs. Holds no connection; any number of threads may use it at once.

    Paths and file:// are refused: a job must not read the worker's disk.

    Args:
        guard: checks addresses.
        limits: limits of bytes, time and tries.
        presigner: signs requests for s3:// addresses; None refuses those.
    """

    def __init__(
        self, *, guard: AddressGuard, limits: TransferLimits, presigner: S3Presigner | None = None
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._presigner = presigner

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Create a client with the limits and the credentials of the settings.

        Raises:
            BadRequest: the S3 endpoint is set and its credentials are not.
            AddressRefused: the S3 endpoint is not an http(s) address.
        """
        limits = TransferLimits(
            max_bytes=settings.max_input_bytes,
            min_free_bytes=settings.min_free_disk_bytes,
            connect_s=settings.connect_timeout_s,
            read_s=settings.read_timeout_s,
            answer_s=settings.answer_timeout_s,
            total_s=settings.transfer_timeout_s,
        )
        guard = AddressGuard(
            allow_http=settings.allow_http,
            allow_private_networks=settings.allow_private_networks,
            allowed_hosts=settings.allowed_hosts,
        )
        if settings.s3_endpoint is None:
            return cls(guard=guard, limits=limits)
        if not (settings.s3_key_id and settings.s3_secret):
            raise BadRequest(
                "FRAMEWRIGHT_S3_ENDPOINT is set without credentials; set FRAMEWRIGHT_S3_ACCESS_KEY_ID and "
                "FRAMEWRIGHT_S3_SECRET_ACCESS_KEY"
            )
        presigner = S3Presigner(
            endpoint=settings.s3_endpoint,
            key_id=settings.s3_key_id,
            secret=settings.s3_secret,
            region=settings.s3_region,
            expires_s=limits.total_s + 60,
        )
        return cls(guard=guard, limits=limits, presigner=presigner)

    def check(self, address: str | OutputParts) -> None:
        """Refuse a wrong address before any work is done for it. Makes no network request.

        Raises:
            AddressRefused: the address is malformed or forbidden.
        """
        if isinstance(address, OutputParts):
            for url in (*address.urls, address.complete_url, address.abort_url):
                self._guard.check(url)
        elif address.startswith("s3://"):
            self._own_store(address)
            split_s3_address(address)
        else:
            self._guard.check(address)

    def check_input(self, source: str) -> None:
        """Refuse the address of an input that cannot work. Makes no network request.

        Raises:
            AddressRefused: see `check`.
            InputForbidden: the URL has expired, or is signed with headers that are not sent.
        """
        self.check(source)
        if not source.startswith("s3://"):
            presigned.check_input(source)

    def check_output(
        self, destination: str | OutputParts, *, needed_s: float, keep_existing: bool = False
    ) -> None:
        """Refuse the address of an output that cannot work. Makes no network request.

        Args:
            destination: a URL for PUT, a multipart upload, or s3://bucket/key.
            needed_s: how long a presigned URL must stay valid, in seconds: as long as the job may take.
            keep_existing: see `publish`.

        Raises:
            AddressRefused: see `check`.
            OutputForbidden: a URL expires too early, or is signed with headers that are not sent.
        """
        self.check(destination)
        if isinstance(destination, OutputParts):
            urls = [(url, presigned.PART_HEADERS) for url in destination.urls]
            urls += [(destination.complete_url, presigned.PUT_HEADERS)]
            urls += [(destination.abort_url, presigned.ABORT_HEADERS)]
            for url, headers in urls:
                presigned.check_output(url, headers=headers, needed_s=needed_s)
        elif not destination.startswith("s3://"):
            headers = presigned.FIRST_PUT_HEADERS if keep_existing else presigned.PUT_HEADERS
            presigned.check_output(destination, headers=headers, needed_s=needed_s)

    def fetch(
        self,
        source: str,
        path: Path,
        *,
        stop: threading.Event,
        on_progress: OnBytes,
        most_bytes: int | None = None,
    ) -> int:
        """Download an input to a new file.

        Args:
            source: http(s) address or s3://bucket/key.
            path: path of the file; after a failure it does not exist.
            stop: ends the transfer within a second when it is set.
            on_progress: see `OnBytes`.
            most_bytes: largest file, if that is less than the limits allow.

        Returns:
            Length of the file, in bytes.

        Raises:
            AddressRefused: the address, or one that it redirects to, is forbidden.
            InputNotFound, InputForbidden, InputFileTooLarge, BadMedia: the server sends no usable file.
            DownloadFailed: all tries failed, or the time limit is reached.
            DiskFull: too little disk space is free.
            Cancelled: `stop` was set.
        """
        guard = self._guard
        if source.startswith("s3://"):
            presigner = self._own_store(source)
            guard, source = presigner.guard, presigner.get_url(source)
        limits = self._limits
        if most_bytes is not None:
            limits = replace(limits, max_bytes=min(limits.max_bytes, most_bytes))
        with RetryingTransfer(guard=guard, limits=limits, stop=stop, on_retry=_log.warning) as transfer:
            return fetch(source, path, transfer=transfer, on_progress=on_progress)

    def ranged(
        self,
        source: str,
        *,
        stop: threading.Event,
        expected_bytes: int | None = None,
        expected_etag: str | None = None,
    ) -> RangedFile:
        """Return a file that is read over HTTP by ranges, and never as a whole. Sends no request yet.

        Args:
            source: http(s) address or s3://bucket/key.
            stop: ends a request within a second when it is set.
            expected_bytes: size of the file, if it is known. The first answer is checked against it.
            expected_etag: strong ETag of the file with its quotes, if it is known. It is sent as If-Match,
                and each answer is checked against it.

        Raises:
            AddressRefused: the address is malformed or forbidden.
            BadRequest: `expected_etag` is not a strong ETag.
        """
        self.check(source)
        guard, sign = self._guard, lambda: source
        if source.startswith("s3://"):
            presigner = self._own_store(source)
            guard, sign = presigner.guard, lambda: presigner.get_url(source)
        return RangedFile(
            RangeRequests(
                source,
                sign=sign,
                guard=guard,
                limits=self._limits,
                stop=stop,
                expected_bytes=expected_bytes,
                expected_etag=expected_etag,
            )
        )

    def publish(
        self,
        path: Path,
        destination: str | OutputParts,
        *,
        stop: threading.Event,
        on_progress: OnBytes,
        most_s: float = math.inf,
        keep_existing: bool = False,
    ) -> bool:
        """Upload a finished file.

        Args:
            path: path of the file, which nobody writes to any more; its suffix gives the Content-Type.
            destination: a URL for PUT, a multipart upload, or s3://bucket/key.
            stop: ends the transfer within a second when it is set; aborting a multipart upload may take 3 s.
            on_progress: see `OnBytes`.
            most_s: longest time of the transfer in seconds, if that is less than the limits allow.
            keep_existing: whether an object that is already there is kept (`If-None-Match: *`). The file is
                then sent in one PUT.

        Returns:
            Whether the file was stored; False if an object was there and `keep_existing` is set.

        Raises:
            AddressRefused: the address is forbidden.
            OutputForbidden: the server does not accept the file.
            OutputTooLarge: the file is too large for one PUT, or for its part URLs.
            UploadFailed: all tries failed, or the time limit is reached.
            Cancelled: `stop` was set.
        """
        guard, presigner = self._guard, None
        if isinstance(destination, str) and destination.startswith("s3://"):
            presigner = self._own_store(destination)
            guard = presigner.guard
        limits = replace(self._limits, total_s=min(self._limits.total_s, most_s))
        with RetryingTransfer(guard=guard, limits=limits, stop=stop, on_retry=_log.warning) as transfer:
            if presigner is not None:
                if keep_existing:
                    destination = presigner.put_url(str(destination), media_type=content_type(path))
                else:
                    destination = self._signed(presigner, path, str(destination), transfer)
            if isinstance(destination, OutputParts):
                publish_parts(path, destination, transfer=transfer, on_progress=on_progress)
                return True
            return publish(
                path, destination, transfer=transfer, on_progress=on_progress, keep_existing=keep_existing
            )

    def _signed(
        self, presigner: S3Presigner, path: Path, destination: str, transfer: RetryingTransfer
    ) -> str | OutputParts:
        """Sign the upload of a file to s3://bucket/key, in parts if it is too large for one PUT."""
        size, media_type = path.stat().st_size, content_type(path)
        if size <= self._limits.single_put_bytes:
            return presigner.put_url(destination, media_type=media_type)
        return presigner.create_upload(
            destination,
            size=size,
            part_bytes=self._limits.part_bytes,
            media_type=media_type,
            transfer=transfer,
        )

    def _own_store(self, address: str) -> S3Presigner:
        if self._presigner is None:
            raise AddressRefused(
                f"{redacted(address)} is in a store of the worker's own, and none is set; give a presigned "
                "https address, or set FRAMEWRIGHT_S3_ENDPOINT"
            )
        return self._presigner
