"""Defines every error that a user can meet, in one tree.

A message is one line: what was wrong, then what to do. Errors of libraries are translated where the library
is imported, with `raise ... from exc`.
"""

from __future__ import annotations

import errno
from typing import ClassVar


class WorkerError(Exception):
    """Root of the tree. `str(error)` is one line for a person.

    Attributes:
        code: stable snake_case name for programs.
        retryable: whether the same request may succeed later, unchanged.
        exit_code: exit code of the command line: 2 if the caller is at fault, 1 if we are.
        details: further facts for programs, by name; they stand beside the code in the JSON of a failure.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", **details: int) -> None:
        super().__init__(message)
        self.details = details


class CallerError(WorkerError):
    """The request or its input is wrong; the same request will fail again."""

    code = "bad_request"
    exit_code = 2


class BadRequest(CallerError):
    """A parameter is missing, unknown or out of range."""


class AddressRefused(CallerError):
    """The address is malformed or forbidden, or its server fails the TLS certificate check."""

    code = "address_refused"


class LimitExceeded(CallerError):
    """The job exceeds a limit of this worker: a longer or larger video, or a larger output."""

    code = "limit_exceeded"


class ResultTooLarge(CallerError):
    """The result does not fit into a response, and the job names no URL for it."""

    code = "result_too_large"


class InputNotFound(CallerError):
    """The input does not exist or is not a file."""

    code = "input_not_found"


class InputForbidden(CallerError):
    """The server refuses the input: the URL has expired, has a bad signature, or forbids reading."""

    code = "input_forbidden"


class InputFileTooLarge(CallerError):
    """The input file has more bytes than the worker accepts."""

    code = "input_too_large"


class BadMedia(CallerError):
    """The input is not a readable video: empty, truncated, without a video stream or of a wrong format."""

    code = "bad_media"


class UnsupportedMedia(CallerError):
    """The video is of a kind that is refused because it could not be converted well."""

    code = "unsupported_media"


class OutputPathRefused(CallerError):
    """The output exists already, its folder does not, or its format is unknown."""

    code = "output_refused"


class OutputForbidden(CallerError):
    """The server refuses the output: the URL has expired, has a bad signature, or forbids writing."""

    code = "output_forbidden"


class OutputTooLarge(CallerError):
    """The output has more bytes than one upload may have, or than the part URLs can take."""

    code = "output_too_large"


class UnknownModel(CallerError):
    """No model of that name exists in the catalog or on the server."""

    code = "unknown_model"


class ModelNotBuilt(CallerError):
    """The model is known but has not been built into the model repository."""

    code = "model_not_built"


class WeightsRefused(CallerError):
    """A weight file is missing or damaged, or is not the one that the catalog names."""

    code = "weights_refused"


class SourceChanged(CallerError):
    """The source is not the file that the plan was made from."""

    code = "source_changed"


class PlanRefused(CallerError):
    """The plan is not one that this worker can follow: another version, another hash, another model."""

    code = "plan_refused"


class ServiceError(WorkerError):
    """Our side failed."""


class TritonUnavailable(ServiceError):
    """No Triton answers at that address, or the one that we started died."""

    code = "triton_unavailable"
    retryable = True


class InferenceFailed(ServiceError):
    """Triton answered a request with an error, or its answer breaks the model's contract."""

    code = "inference_failed"


class InferenceTimedOut(InferenceFailed):
    """Triton did not answer in time: it hangs or is overloaded."""

    code = "inference_timed_out"
    retryable = True


class ModelOutOfMemory(ServiceError):
    """The server had too little memory for a request, even at the smallest tile."""

    code = "model_out_of_memory"
    retryable = True


class ModelProcessDied(ModelOutOfMemory):
    """The process that runs the model was killed, most likely for lack of memory."""


class DiskFull(ServiceError):
    """No space is left where the output or a temporary file is written."""

    code = "disk_full"
    retryable = True


class EncodeFailed(ServiceError):
    """The encoder or the muxer failed, or the output is incomplete."""

    code = "encode_failed"


class OutputCheckFailed(ServiceError):
    """The finished output was read back, and its pictures do not match the source."""

    code = "output_rejected"


class DownloadFailed(ServiceError):
    """A download failed after all its retries."""

    code = "download_failed"
    retryable = True


class UploadFailed(ServiceError):
    """An upload failed after all its retries."""

    code = "upload_failed"
    retryable = True


class PieceDamaged(ServiceError):
    """A piece of a film is missing, is another one, or was changed after it was stored."""

    code = "piece_damaged"


class ModelBuildFailed(ServiceError):
    """A model could not be exported, or its parity with PyTorch was not proved."""

    code = "export_failed"


class JobCrashed(ServiceError):
    """The job's process crashed, most likely on its video."""

    code = "job_crashed"


class JobKilled(ServiceError):
    """The job's process was killed, most likely for lack of memory."""

    code = "job_killed"
    retryable = True


class TimedOut(ServiceError):
    """The job took longer than its time limit."""

    code = "timed_out"


class ShuttingDown(ServiceError):
    """The worker was asked to stop before the job was done."""

    code = "shutting_down"
    retryable = True


class Cancelled(ServiceError):
    """Ctrl-C, SIGTERM or a caller stopped the work."""

    code = "cancelled"
    retryable = True


def disk_full_error(error: BaseException) -> DiskFull | None:
    """Return `DiskFull` if a full disk caused the error, directly or through its causes; else None.

    FFmpeg's errors have the same `errno` as the system's.
    """
    if isinstance(error, DiskFull):
        return error
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if getattr(cause, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
            return DiskFull(
                "no space is left for temporary files; free some, or set TMPDIR to a folder with more"
            )
        cause = cause.__cause__ or cause.__context__
    return None
