"""Where an output goes that is too large for one upload."""

from __future__ import annotations

from pydantic import Field

from orchestrator.jobs.validation import Strict


class OutputParts(Strict):
    """Presigned addresses of an S3 multipart upload that the caller has created, with the right Content-Type.

    Attributes:
        part_bytes: size of all parts but the last. 5 MiB to 5 GiB are what S3 and R2 take.
        urls: each part is PUT to one of these, in order; more than are needed do no harm. At most 10,000.
        complete_url: the list of parts is POSTed here (CompleteMultipartUpload).
        abort_url: DELETE is sent here if the output fails (AbortMultipartUpload).
    """

    part_bytes: int = Field(ge=5 * 2**20, le=5 * 2**30)
    urls: tuple[str, ...] = Field(min_length=1, max_length=10_000, repr=False)
    complete_url: str = Field(repr=False)
    abort_url: str = Field(repr=False)
