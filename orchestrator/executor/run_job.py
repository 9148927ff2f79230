"""One job from its addresses to its result: fetch, do, publish. Runs in the process of the job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orchestrator.errors import ResultTooLarge
from orchestrator.executor.preflight import check_job
from orchestrator.executor.progress import ProgressReporter
from orchestrator.executor.raw_json import Answer, RawJson
from orchestrator.framing.subjects import MOST_BYTES, parse_subjects, read_subjects
from orchestrator.jobs import TrackJob, UpscaleJob
from orchestrator.jobs.track import TrackStored
from orchestrator.media.write.containers import CONTAINERS
from orchestrator.pipeline.track import Outputs
from orchestrator.redaction import without_query
from orchestrator.safe_text import json_text
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient
from orchestrator.track_output.document import write_tracks
from orchestrator.worker import Worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from orchestrator.framing.subjects import Subjects
    from orchestrator.jobs import ExportJob, ExportResult, OutputParts, UpscaleResult

_IN_SHORT = "the whole answer, with figures and notes, was refused by RunPod: this one is short"


def run(
    values: dict[str, Any],
    *,
    folder: Path,
    triton_url: str,
    needed_s: float,
    stop: threading.Event,
    tell: Callable[[dict[str, Any]], None],
) -> Answer:
    """Do a job.

    Args:
        values: the job as it arrived.
        folder: for its files; whoever made it removes it.
        triton_url: of a running Triton.
        needed_s: see `check_job`.
        stop: ends transfers.
        tell: is told how far the job is, some times a second at most.

    Returns:
        The result; its JSON is one line.

    Raises:
        CallerError: the job, its source or its addresses are wrong.
        ServiceError: Triton, the encoder, the network or the disk failed.
    """
    settings = replace(Settings.from_env(), triton_url=triton_url)
    storage = StorageClient.from_settings(settings)
    job = check_job(values, settings=settings, storage=storage, needed_s=needed_s)
    runner = JobRunner(
        folder=folder,
        settings=settings,
        storage=storage,
        stop=stop,
        progress=ProgressReporter(tell, settings.limits),
    )
    if isinstance(job, UpscaleJob):
        return runner.upscale(job)
    if isinstance(job, TrackJob):
        return runner.track(job)
    return runner.export(job)


@dataclass(frozen=True, kw_only=True)
class JobRunner:
    """What the tasks have in common."""

    folder: Path
    settings: Settings
    storage: StorageClient
    stop: threading.Event
    progress: ProgressReporter

    def upscale(self, job: UpscaleJob) -> Answer:
        """Fetch, upscale and publish a video."""
        source = self._fetch(job.input_url)
        output = self._output(job)
        with Worker(self.settings, limits=self.settings.limits) as worker:
            result = worker.upscale(source, output, job.params, on_progress=self.progress.report)
        answer = self._answer(result.model_copy(update={"output_url": without_query(job.destination_url)}))
        self._publish(output, job.destination)
        return answer

    def export(self, job: ExportJob) -> Answer:
        """Fetch a video, export a part of it and publish that."""
        subjects = self._subjects(job.params.tracks)
        source = self._fetch(job.input_url)
        output = self._output(job, job.params.format)
        with Worker(self.settings, limits=self.settings.limits) as worker:
            result = worker.export(
                source, output, job.params, subjects=subjects, on_progress=self.progress.report
            )
        answer = self._answer(result.model_copy(update={"output_url": without_query(job.destination_url)}))
        self._publish(output, job.destination)
        return answer

    def track(self, job: TrackJob) -> Answer:
        """Fetch a video and track it; publish the tracks where they are too long for the answer."""
        source = self._fetch(job.input_url)
        with Worker(self.settings, limits=self.settings.limits) as worker:
            tracked = worker.track(source, job.params, Outputs(), on_progress=self.progress.report)
        document = tracked.document()
        text, size_bytes = self._fitting(document.json())
        if text is not None:
            return Answer(whole=RawJson(text), short=None)
        if job.output_url is None:
            raise _too_large(size_bytes, self.settings.max_result_bytes)
        is_plain = _suffix(job.output_url) == ".json"  # its URL may be signed for application/json
        file = self.folder / ("tracks.json" if is_plain else "tracks.json.gz")
        write_tracks(file, document, overwrite=False)
        stored = TrackStored(
            **tracked.result.model_dump(),
            output_url=without_query(job.output_url),
            json_bytes=sum(map(len, document.json())) + 1,  # the file ends its one line
            gzip_bytes=None if is_plain else file.stat().st_size,
        )
        answer = self._answer(stored)
        self._publish(file, job.output_url)
        return answer

    def _subjects(self, tracks: dict[str, Any] | str | None) -> Subjects | None:
        if isinstance(tracks, str):
            file = self._fetch(tracks, "tracks", most_bytes=MOST_BYTES)
            with file.open("rb") as opened:
                return read_subjects(opened)
        return None if tracks is None else parse_subjects(tracks)

    def _fetch(self, url: str, name: str = "input", *, most_bytes: int | None = None) -> Path:
        file = self.folder / f"{name}{_suffix(url)}"
        advance = self.progress.transfer("fetching")
        self.storage.fetch(url, file, stop=self.stop, advance=advance, most_bytes=most_bytes)
        return file

    def _output(self, job: UpscaleJob | ExportJob, wanted: str | None = None) -> Path:
        """Return where the result is made; its suffix is that of its address, if that is one of a video."""
        suffix = _suffix(job.destination_url) if wanted is None else f".{wanted}"
        return self.folder / f"output{suffix if suffix in CONTAINERS else '.mp4'}"

    def _publish(self, file: Path, where: str | OutputParts) -> None:
        self.storage.publish(file, where, stop=self.stop, advance=self.progress.transfer("publishing"))

    def _answer(self, result: UpscaleResult | ExportResult | TrackStored) -> Answer:
        """Make the answer of a job whose output is a file. Called before that is published.

        Raises:
            ResultTooLarge: it does not fit.
        """
        text, size_bytes = self._fitting([json_text(result.model_dump(mode="json"))])
        if text is None:
            raise _too_large(size_bytes, self.settings.max_result_bytes)
        short = {"status": "completed", "output_url": result.output_url, "notes": [_IN_SHORT]}
        return Answer(whole=RawJson(text), short=RawJson(json_text(short).encode()))

    def _fitting(self, pieces: Iterable[str]) -> tuple[bytes | None, int]:
        """Return a result whole, if it can be given as an answer, and its size.

        Args:
            pieces: of its JSON.

        Returns:
            The text as UTF-8, None if it is too large; bytes of what is sent: an object with the text in it.
        """
        most_bytes = self.settings.max_result_bytes
        kept: list[bytes] = []
        size = len(b'{"output":}')
        for piece in pieces:
            data = piece.encode()
            size += len(data)
            if size <= most_bytes:
                kept.append(data)
        return (b"".join(kept) if size <= most_bytes else None), size


def _suffix(url: str) -> str:
    """Return how the file of an address is named at its end, if that is a suffix as files have."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= 5 else ""


def _too_large(size_bytes: int, most_bytes: int) -> ResultTooLarge:
    return ResultTooLarge(
        f"the result has {size_bytes} bytes, and an answer takes {most_bytes}; give an output_url for it, or "
        "ask for less"
    )
