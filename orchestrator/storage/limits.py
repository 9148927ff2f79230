"""How much a transfer may take: bytes, time and patience."""

from __future__ import annotations

from dataclasses import dataclass

SINGLE_PUT_BYTES = 5 * 2**30 - 5 * 2**20
"""Largest object of one PUT in R2 (Cloudflare R2, Limits); S3's is 5 GiB."""


@dataclass(frozen=True, kw_only=True)
class TransferLimits:
    """Limits of one transfer. `docs/storage.md` says what they are for.

    Attributes:
        max_bytes: largest input.
        min_free_bytes: what an input leaves free on its disk.
        connect_s: longest wait for a connection: name, TCP and TLS together.
        read_s: longest silence of a connection while bytes flow, and before the answer to a GET or DELETE.
        answer_s: longest wait for the answer to a PUT or POST, once all of it is sent: a store may take its
            time to write a file down, and to ask again costs the whole upload.
        total_s: longest time of the whole transfer, its retries and waits included.
        tries: in a row, without progress.
        backoff_s: wait after the first failure; doubled after each further one, and shortened by chance to as
            little as half, so that workers that failed together do not come back together.
        longest_wait_s: no wait is longer; a server that asks for more (Retry-After) is given up on.
        single_put_bytes: largest file that is sent in one PUT.
        part_bytes: of the parts of a multipart upload by credentials.
    """

    max_bytes: int = 10 * 2**30
    min_free_bytes: int = 2**30
    connect_s: float = 10.0
    read_s: float = 60.0
    answer_s: float = 300.0
    total_s: float = 1800.0
    tries: int = 6
    backoff_s: float = 1.0
    longest_wait_s: float = 60.0
    single_put_bytes: int = SINGLE_PUT_BYTES
    part_bytes: int = 64 * 2**20
