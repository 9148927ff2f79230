"""Defines the presigned multipart upload of an output that is too large for one PUT."""

from __future__ import annotations

from pydantic import Field

from orchestrator.jobs.validation import Address, Strict, WholeNumber


class OutputParts(Strict):
    """Presigned URLs of an S3 multipart upload that the caller has created, with the right Content-Type."""

    part_bytes: WholeNumber = Field(ge=5 * 2**20, le=5 * 2**30)
    """The size of every part but the last. S3 and R2 accept 5 MiB to 5 GiB."""
    urls: tuple[Address, ...] = Field(min_length=1, max_length=10_000, repr=False)
    """One URL for the PUT of each part, in order, at most 10,000. The worker ignores those it does not need.
    """
    complete_url: Address = Field(repr=False)
    """The URL for the POST of the list of parts (CompleteMultipartUpload)."""
    abort_url: Address = Field(repr=False)
    """The URL for the DELETE if the upload fails (AbortMultipartUpload)."""
