"""Runs the steps that the jobs of all tasks share: fetch, connect to Triton, publish, report progress."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from orchestrator.errors import Cancelled, ResultTooLarge, WorkerError
from orchestrator.executor.progress import ProgressReporter
from orchestrator.executor.raw_json import EncodedResult, RawJson
from orchestrator.framing.track_file_reader import MOST_BYTES, SubjectTracks, parse_tracks, read_tracks
from orchestrator.jobs import DeliveryJob, ExportParams, FileJob, OutputParts, Strict
from orchestrator.jobs.track import TrackStored
from orchestrator.media_containers import MP4, by_suffix
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.link_detections import Tracked
from orchestrator.redaction import without_query
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient
from orchestrator.track_output.document import write_tracks
from orchestrator.utf8_json import json_text
from orchestrator.worker import Worker

_IN_SHORT = "the whole answer, with figures and notes, was refused by RunPod: this one is short"
_NOT_PUBLISHED = "the preview could not be uploaded; the output is complete"
_PREVIEW_UPLOAD_S = 30.0
"""Longest upload of a preview, in seconds: the output is complete, and the GPU costs money while it waits."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class JobRunner:
    """Runs the steps that all tasks share, for one job."""

    folder: Path
    settings: Settings
    storage: StorageClient
    stop: threading.Event
    progress: ProgressReporter

    def make_file(
        self,
        job: FileJob,
        make: Callable[[Path, Path, Any, JobContext], Strict],
        *,
        suffix: str | None = None,
    ) -> EncodedResult:
        """Run a job whose result is a file: fetch its video, make the file, publish it.

        Args:
            job: the job.
            make: makes the file. It gets the paths of the source and of the output, the params and the
                context, and returns the result, in which `publish` replaces `output_url`.
            suffix: suffix of the output; None takes the suffix of the address, if it is that of a video.
        """
        source = self.fetch(job.input_url)
        if suffix is None:
            suffix = url_suffix(_address(job.destination))
        output = self.folder / f"output{suffix if by_suffix(suffix) else MP4.suffixes[0]}"
        with self.context(job) as context:
            result = make(source, output, job.params, context)
        return self.publish(result, output, job, job.destination)

    @contextmanager
    def context(self, job: DeliveryJob | None = None) -> Iterator[JobContext]:
        """Connect the job to Triton, on demand, within the block; a preview is made if `job` asks for one."""
        preview = None if job is None or job.preview_url is None else self.preview
        with Worker(self.settings, limits=self.settings.limits) as worker:
            yield replace(worker.context(self.progress.report), preview=preview)

    @property
    def preview(self) -> Path:
        """The file of the preview, if one was made."""
        return self.folder / "preview.json"

    def fetch(self, url: str, name: str = "input", *, most_bytes: int | None = None) -> Path:
        """Fetch a file into the job's folder."""
        file = self.folder / f"{name}{url_suffix(url)}"
        on_progress = self.progress.transfer("fetching")
        self.storage.fetch(url, file, stop=self.stop, on_progress=on_progress, most_bytes=most_bytes)
        return file

    def publish(
        self, result: Strict, file: Path, job: DeliveryJob, destination: str | OutputParts
    ) -> EncodedResult:
        """Publish a file, and then the preview if there is one; return the result with their addresses.

        Raises:
            ResultTooLarge: the result is too long for a response. Nothing is published then.
        """
        values = result.model_dump(mode="json") | {"output_url": without_query(_address(destination))}
        values |= self._shortened(values, job)
        self.storage.publish(
            file, destination, stop=self.stop, on_progress=self.progress.transfer("publishing")
        )
        values |= self.publish_preview(job, values.get("notes", ()))
        short: dict[str, Any] = {"status": "completed", "output_url": values["output_url"]}
        short |= {"preview_url": values.get("preview_url"), "notes": [_IN_SHORT]}
        text = self.encode([json_text(values)])
        return EncodedResult(whole=RawJson(text), short=RawJson(json_text(short).encode()))

    def publish_tracks(self, tracked: Tracked, job: DeliveryJob) -> EncodedResult:
        """Return the result of a track job; publish the tracks if they are too long for a response.

        Raises:
            ResultTooLarge: they are too long, and the job names no address for them.
        """
        document = tracked.document()
        try:
            self.encode(replace(document, **self.with_longest_preview(job, document.notes)).json())
        except ResultTooLarge:
            if job.destination is None:
                raise
        else:
            document = replace(document, **self.publish_preview(job, document.notes))
            return EncodedResult(whole=RawJson(self.encode(document.json())), short=None)
        address = _address(job.destination)
        is_plain = url_suffix(address) == ".json"  # its URL may be signed for application/json
        file = self.folder / ("tracks.json" if is_plain else "tracks.json.gz")
        write_tracks(file, document, overwrite=False)
        stored = TrackStored(
            **tracked.result.model_dump(),
            output_url=address,
            json_bytes=sum(map(len, document.json())) + 1,  # the file ends its one line
            gzip_bytes=None if is_plain else file.stat().st_size,
        )
        return self.publish(stored, file, job, job.destination)

    def publish_preview(self, job: DeliveryJob, notes: Sequence[str]) -> dict[str, Any]:
        """Publish the preview, if the job asks for one; return the fields of the result that this changes.

        Args:
            job: the job.
            notes: the result's notes; one is added if the preview cannot be published.

        Raises:
            Cancelled: `stop` was set.
        """
        if job.preview_url is None:
            return {}
        if not self.preview.exists():
            return {"preview_url": None}
        try:
            self.storage.publish(
                self.preview,
                job.preview_url,
                stop=self.stop,
                on_progress=lambda *_: None,
                most_s=_PREVIEW_UPLOAD_S,
            )
        except Cancelled:
            raise
        except WorkerError as exc:
            log.warning("the preview was not published: %s", exc)
            return {"preview_url": None, "notes": [*notes, _NOT_PUBLISHED]}
        return {"preview_url": without_query(job.preview_url)}

    def with_longest_preview(self, job: DeliveryJob, notes: Sequence[str]) -> dict[str, Any]:
        """Return fields that take at least as many characters as those of `publish_preview`."""
        if job.preview_url is None:
            return {}
        return {"preview_url": without_query(job.preview_url), "notes": [*notes, _NOT_PUBLISHED]}

    def _shortened(self, values: dict[str, Any], job: DeliveryJob) -> dict[str, Any]:
        """Return what to change in a result so that it fits into a response, whatever becomes of the preview.

        Raises:
            ResultTooLarge: it does not fit.
        """
        longest = values | self.with_longest_preview(job, values.get("notes", ()))
        try:
            self.encode([json_text(longest)])
        except ResultTooLarge:
            if longest.get("fidelity") is None:
                raise
            self.encode([json_text(longest | {"fidelity": None})])
            return {"fidelity": None}
        return {}

    def encode(self, pieces: Iterable[str]) -> bytes:
        """Join the JSON of a result, in UTF-8.

        Raises:
            ResultTooLarge: a response with this result would be too long.
        """
        most_bytes = self.settings.max_result_bytes
        kept: list[bytes] = []
        size = len(b'{"output":}')
        for piece in pieces:
            data = piece.encode()
            size += len(data)
            if size <= most_bytes:
                kept.append(data)
        if size > most_bytes:
            raise ResultTooLarge(
                f"the result has {size} bytes, and an answer takes {most_bytes}; give an output_url for it, "
                "or ask for less"
            )
        return b"".join(kept)


def fetch_subjects(runner: JobRunner, params: ExportParams) -> SubjectTracks | None:
    """Return the tracks that the crop of an export can follow; None if it follows none."""
    if isinstance(params.tracks, dict):
        return parse_tracks(params.tracks)
    if params.tracks is None:
        return None
    with runner.fetch(params.tracks, "tracks", most_bytes=MOST_BYTES).open("rb") as file:
        return read_tracks(file)


def _address(destination: str | OutputParts) -> str:
    return destination.complete_url if isinstance(destination, OutputParts) else destination


def url_suffix(url: str) -> str:
    """Return the suffix of the file in a URL; empty if it has none, or an unusual one."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= 5 else ""
