"""The way in and out of the worker for what jobs name: http(s) addresses, part addresses, s3://bucket/key."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from orchestrator.errors import AddressRefused, BadRequest
from orchestrator.jobs import OutputParts
from orchestrator.redaction import redacted
from orchestrator.storage import presigned_url_check as presigned
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.fetch import fetch
from orchestrator.storage.limits import TransferLimits
from orchestrator.storage.multipart import publish_parts
from orchestrator.storage.publish import content_type, publish
from orchestrator.storage.s3_presigning import Buckets, split
from orchestrator.storage.transfer import Transfer

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from orchestrator.settings import Settings
    from orchestrator.storage.transfer import Advance

_log = logging.getLogger(__name__)


class StorageClient:
    """Fetches inputs and publishes outputs. Holds no connection; for any number of threads at once.

    Paths and file:// are not taken: a job is not told what the worker's disk holds.

    Args:
        guard: which addresses may be touched.
        limits: on bytes, time and tries.
        buckets: what s3:// leads to; None refuses it.
    """

    def __init__(
        self, *, guard: AddressGuard, limits: TransferLimits, buckets: Buckets | None = None
    ) -> None:
        self._guard = guard
        self._limits = limits
        self._buckets = buckets

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make one as the settings say.

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
        buckets = Buckets(
            endpoint=settings.s3_endpoint,
            key_id=settings.s3_key_id,
            secret=settings.s3_secret,
            region=settings.s3_region,
            expires_s=limits.total_s + 60,
        )
        return cls(guard=guard, limits=limits, buckets=buckets)

    def check(self, address: str | OutputParts) -> None:
        """Refuse an address before any work is done for it, without asking the network.

        Raises:
            AddressRefused: it is malformed, or may not be touched.
        """
        if isinstance(address, OutputParts):
            for url in (*address.urls, address.complete_url, address.abort_url):
                self._guard.address(url)
        elif address.startswith("s3://"):
            self._own_buckets(address)
            split(address)
        else:
            self._guard.address(address)

    def check_input(self, source: str) -> None:
        """Refuse the address of an input that cannot work, without asking the network.

        Raises:
            AddressRefused: see `check`.
            InputForbidden: it is presigned and has expired, or is signed with headers that are not sent.
        """
        self.check(source)
        if not source.startswith("s3://"):
            presigned.check_input(source)

    def check_output(self, destination: str | OutputParts, *, needed_s: float) -> None:
        """Refuse the address of an output that cannot work, without asking the network.

        Args:
            destination: http(s) address that takes a PUT, part addresses, or s3://bucket/key.
            needed_s: for how long what is presigned must be good: as long as the job may take.

        Raises:
            AddressRefused: see `check`.
            OutputForbidden: it is presigned and expires too early, or is signed with headers that are not
                sent.
        """
        self.check(destination)
        if isinstance(destination, OutputParts):
            for url in destination.urls:
                presigned.check_output(url, headers=presigned.PART_HEADERS, needed_s=needed_s)
            for url, headers in (
                (destination.complete_url, presigned.PUT_HEADERS),
                (destination.abort_url, presigned.ABORT_HEADERS),
            ):
                presigned.check_output(url, headers=headers, needed_s=needed_s)
        elif not destination.startswith("s3://"):
            presigned.check_output(destination, headers=presigned.PUT_HEADERS, needed_s=needed_s)

    def fetch(
        self,
        source: str,
        path: Path,
        *,
        stop: threading.Event,
        advance: Advance,
        most_bytes: int | None = None,
    ) -> int:
        """Bring an input to a new file.

        Args:
            source: http(s) address or s3://bucket/key.
            path: of the file; nothing is left there after a failure.
            stop: ends the transfer within a second.
            advance: is told the bytes that are there and, once known, the bytes of the whole file.
            most_bytes: of the file, where that is less than the limits allow.

        Returns:
            Length of the file, in bytes.

        Raises:
            AddressRefused: the address, or one that it redirects to, may not be touched.
            InputNotFound, InputForbidden, InputFileTooLarge, BadMedia: the server gives no usable file.
            DownloadFailed: the network failed after all tries, or the time is over.
            DiskFull: too little disk is free.
            Cancelled: a stop was asked for.
        """
        guard = self._guard
        if source.startswith("s3://"):
            buckets = self._own_buckets(source)
            guard, source = buckets.guard, buckets.get_url(source)
        limits = self._limits
        if most_bytes is not None:
            limits = replace(limits, max_bytes=min(limits.max_bytes, most_bytes))
        with Transfer(guard=guard, limits=limits, stop=stop, on_retry=_log.warning) as transfer:
            return fetch(source, path, transfer=transfer, advance=advance)

    def publish(
        self, path: Path, destination: str | OutputParts, *, stop: threading.Event, advance: Advance
    ) -> None:
        """Put a finished file where a job wants it.

        Args:
            path: of the file, whole and not written to any more; its suffix gives the Content-Type.
            destination: http(s) address that takes a PUT, part addresses, or s3://bucket/key.
            stop: ends the transfer within a second, and an abort of a multipart upload takes 3 s at most.
            advance: is told the bytes that are sent, and the bytes of the whole file.

        Raises:
            AddressRefused: the address may not be touched.
            OutputForbidden: the server does not take the file.
            OutputTooLarge: the file is too large for one PUT, or for its part addresses.
            UploadFailed: the network failed after all tries, or the time is over.
            Cancelled: a stop was asked for.
        """
        if isinstance(destination, str) and destination.startswith("s3://"):
            buckets = self._own_buckets(destination)
            with self._transfer(buckets.guard, stop) as transfer:
                where = self._signed(buckets, path, destination, transfer)
                _publish(path, where, transfer, advance)
        else:
            with self._transfer(self._guard, stop) as transfer:
                _publish(path, destination, transfer, advance)

    def _transfer(self, guard: AddressGuard, stop: threading.Event) -> Transfer:
        return Transfer(guard=guard, limits=self._limits, stop=stop, on_retry=_log.warning)

    def _signed(
        self, buckets: Buckets, path: Path, destination: str, transfer: Transfer
    ) -> str | OutputParts:
        """Where to put a file for s3://bucket/key: in parts, if one PUT does not take it."""
        size, media_type = path.stat().st_size, content_type(path)
        if size <= self._limits.single_put_bytes:
            return buckets.put_url(destination, media_type=media_type)
        return buckets.create_parts(
            destination,
            size=size,
            part_bytes=self._limits.part_bytes,
            media_type=media_type,
            transfer=transfer,
        )

    def _own_buckets(self, address: str) -> Buckets:
        if self._buckets is None:
            raise AddressRefused(
                f"{redacted(address)} is in a store of the worker's own, and none is set; give a presigned "
                "https address, or set FRAMEWRIGHT_S3_ENDPOINT"
            )
        return self._buckets


def _publish(path: Path, where: str | OutputParts, transfer: Transfer, advance: Advance) -> None:
    if isinstance(where, OutputParts):
        publish_parts(path, where, transfer=transfer, advance=advance)
    else:
        publish(path, where, transfer=transfer, advance=advance)
