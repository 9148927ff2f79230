"""Every error a user can meet, in one tree.

    WorkerError                      exit code, stable code, retryable?
    |-- CallerError                  the request or its input is wrong: exit 2, not retryable
    |   |-- BadRequest               a parameter is wrong
    |   |-- AddressRefused           an address that the worker may not touch
    |   |-- LimitExceeded            the job asks for more than this worker does
    |   |-- ResultTooLarge           the result does not fit into an answer
    |   |-- InputNotFound            there is no such input
    |   |-- InputForbidden           the input may not be read: its URL has expired, or forbids it
    |   |-- InputFileTooLarge            the input has more bytes than the worker takes
    |   |-- BadMedia                 the input is not a video that can be read
    |   |-- UnsupportedMedia         a video, but of a kind that is refused (HDR)
    |   |-- OutputRefused            the output exists already, or cannot be placed there
    |   |-- OutputForbidden          the output may not be put there: its URL has expired, or forbids it
    |   |-- OutputTooLarge           the output has more bytes than its URLs can take
    |   |-- UnknownModel             no model of that name
    |   |-- ModelNotBuilt            known, but not in the model repository
    |   `-- WeightsRefused           a weight file is missing, damaged or not the one that was asked for
    `-- ServiceError                 our side failed: exit 1
        |-- TritonUnavailable        no server answers, or it died: retryable
        |-- InferenceFailed          the server answered with an error, or broke its contract
        |   `-- InferenceTimedOut    it did not answer in time: it hangs, or has too much to do: retryable
        |-- ModelOutOfMemory         a request did not fit into memory, at the smallest tile too: retryable
        |   `-- ModelProcessDied     the process that runs the model is gone, perhaps for that reason
        |-- DiskFull                 retryable
        |-- EncodeFailed             the encoder or muxer failed, or the output is not whole
        |-- OutputRejected           the output is whole, but does not show what it should
        |-- DownloadFailed           the network failed after all retries: retryable
        |-- UploadFailed             the network failed after all retries: retryable
        |-- ModelBuildFailed             a model could not be exported, or its parity was not proved
        |-- JobCrashed               the process of the job crashed, most likely on its video
        |-- JobKilled                the process of the job was killed, as for lack of memory: retryable
        |-- TimedOut                 the job took longer than it may
        |-- ShuttingDown             the worker was told to end: retryable
        `-- Cancelled                asked to stop (Ctrl-C, SIGTERM): retryable

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
        exit_code: of the command line: 2 for the caller's mistake, 1 for ours.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1


class CallerError(WorkerError):
    """The request or its input is wrong; the same request will fail again."""

    code = "bad_request"
    exit_code = 2


class BadRequest(CallerError):
    """A parameter is missing, unknown or out of range."""


class AddressRefused(CallerError):
    """The address is malformed, leads to where the worker may not go, or cannot prove who it is."""

    code = "address_refused"


class LimitExceeded(CallerError):
    """The job asks for more than this worker does: a longer or larger video, or a larger output."""

    code = "limit_exceeded"


class ResultTooLarge(CallerError):
    """The result does not fit into an answer, and the job gives no place for it."""

    code = "result_too_large"


class InputNotFound(CallerError):
    """The input does not exist or is not a file."""

    code = "input_not_found"


class InputForbidden(CallerError):
    """The server refuses the input: the URL has expired, is not signed well, or does not allow reading."""

    code = "input_forbidden"


class InputFileTooLarge(CallerError):
    """The input has more bytes than the worker takes."""

    code = "input_too_large"


class BadMedia(CallerError):
    """The input is not a video that can be read: empty, truncated, no video stream, wrong format."""

    code = "bad_media"


class UnsupportedMedia(CallerError):
    """A video of a kind that is refused rather than done badly."""

    code = "unsupported_media"


class OutputRefused(CallerError):
    """The output exists already, its folder does not, or its format is unknown."""

    code = "output_refused"


class OutputForbidden(CallerError):
    """The server refuses the output: the URL has expired, is not signed well, or does not allow writing."""

    code = "output_forbidden"


class OutputTooLarge(CallerError):
    """The output has more bytes than one upload may have, or than the part URLs can take."""

    code = "output_too_large"


class UnknownModel(CallerError):
    """No model of that name in the catalog or on the server."""

    code = "unknown_model"


class ModelNotBuilt(CallerError):
    """The model is known but has not been built into the model repository."""

    code = "model_not_built"


class WeightsRefused(CallerError):
    """A weight file is missing, damaged, or not the one the catalog names."""

    code = "weights_refused"


class ServiceError(WorkerError):
    """Our side failed."""


class TritonUnavailable(ServiceError):
    """No Triton answers at that address, or the one we started died."""

    code = "triton_unavailable"
    retryable = True


class InferenceFailed(ServiceError):
    """Triton answered a request with an error, or its answer breaks the model's contract."""

    code = "inference_failed"


class InferenceTimedOut(InferenceFailed):
    """Triton did not answer within the time allowed."""

    code = "inference_timed_out"
    retryable = True


class ModelOutOfMemory(ServiceError):
    """The server had too little memory for a request."""

    code = "model_out_of_memory"
    retryable = True


class ModelProcessDied(ModelOutOfMemory):
    """The process that runs the model was killed, most likely for lack of memory: more is not known of it."""


class DiskFull(ServiceError):
    """No space is left where the output or a temporary file is written."""

    code = "disk_full"
    retryable = True


class EncodeFailed(ServiceError):
    """The encoder or the muxer failed, or the output is not whole."""

    code = "encode_failed"


class OutputRejected(ServiceError):
    """The finished output was read back, and does not show what it should."""

    code = "output_rejected"


class DownloadFailed(ServiceError):
    """A download failed after all its retries."""

    code = "download_failed"
    retryable = True


class UploadFailed(ServiceError):
    """An upload failed after all its retries."""

    code = "upload_failed"
    retryable = True


class ModelBuildFailed(ServiceError):
    """A model could not be exported, or its parity with PyTorch was not proved."""

    code = "export_failed"


class JobCrashed(ServiceError):
    """The process that did the job crashed, most likely on its video."""

    code = "job_crashed"


class JobKilled(ServiceError):
    """The process that did the job was killed, most likely for lack of memory."""

    code = "job_killed"
    retryable = True


class TimedOut(ServiceError):
    """The job took longer than it may."""

    code = "timed_out"


class ShuttingDown(ServiceError):
    """The worker was told to end before the job was done."""

    code = "shutting_down"
    retryable = True


class Cancelled(ServiceError):
    """The work was asked to stop."""

    code = "cancelled"
    retryable = True


def lack_of_disk(error: BaseException) -> DiskFull | None:
    """Return `DiskFull` if an error, or one that it was raised from, came from a full disk; None otherwise.

    FFmpeg's errors carry the same numbers as the system's.
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
