"""Defines the limits of a transfer: bytes, times and tries."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.settings import Settings

SINGLE_PUT_BYTES = 5 * 2**30 - 5 * 2**20
"""Largest object of one PUT in R2 (Cloudflare R2, Limits); S3's is 5 GiB."""


@dataclass(frozen=True, kw_only=True)
class TransferLimits:
    """Limits of one transfer. docs/storage.md gives the reasons.

    Attributes:
        max_bytes, min_free_bytes, connect_s, read_s, answer_s, total_s: see `Settings.max_input_bytes`,
            `min_free_disk_bytes`, `connect_timeout_s`, `read_timeout_s`, `answer_timeout_s` and
            `transfer_timeout_s`.
        tries: most failures in a row without progress.
        backoff_s: wait after the first failure; doubled after each further one, and multiplied by a random
            factor of 0.5 to 1, so that workers that failed together do not retry together.
        longest_wait_s: longest wait; if a server asks for more (Retry-After), the transfer fails.
        single_put_bytes: largest file that is sent in one PUT.
        part_bytes: size of the parts of a multipart upload to s3://.
    """

    max_bytes: int = Settings.max_input_bytes
    min_free_bytes: int = Settings.min_free_disk_bytes
    connect_s: float = Settings.connect_timeout_s
    read_s: float = Settings.read_timeout_s
    answer_s: float = Settings.answer_timeout_s
    total_s: float = Settings.transfer_timeout_s
    tries: int = 6
    backoff_s: float = 1.0
    longest_wait_s: float = 60.0
    single_put_bytes: int = SINGLE_PUT_BYTES
    part_bytes: int = 64 * 2**20
