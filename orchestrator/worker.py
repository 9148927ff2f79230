"""Runs jobs on local files: makes the Triton client and the job context from the settings."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Self

from orchestrator.cost.calculator import CostCalculator, calculator_for_machine
from orchestrator.framing.track_file_reader import MOST_BYTES, SubjectTracks, parse_tracks, read_tracks
from orchestrator.jobs import ExportParams, ExportResult, TrackParams, UpscaleParams, UpscaleResult
from orchestrator.limits import Limits
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export
from orchestrator.pipeline.link_detections import Tracked
from orchestrator.pipeline.progress import OnProgress
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.pipeline.upscale import upscale
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from orchestrator.triton.supervisor import Supervisor


class Worker:
    """Runs jobs with one Triton: that of the settings, else its own, which it starts when a job needs it.

    A context manager: its exit stops the server that it started. One thread may use it at a time. A job
    continues after Triton has died if it comes back in time; the worker restarts its own Triton.

        with Worker(Settings.from_env()) as worker:
            result = worker.upscale(Path("in.mp4"), Path("out.mp4"), UpscaleParams(model="lite-x4"))

    Args:
        settings: the settings of the process.
        limits: what a job may ask for; None sets no limits.
    """

    def __init__(self, settings: Settings, *, limits: Limits | None = None) -> None:
        self._settings = settings
        self._limits = limits
        self._stack = ExitStack()
        self._client: TritonClient | None = None
        self._own_server: TritonServer | None = None
        self._cost_calculator: CostCalculator | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client = None
        self._stack.close()

    def client(self) -> TritonClient:
        """Return the client of a running Triton; start one if the settings name none.

        Raises:
            TritonUnavailable: Triton does not start, or does not answer within `reconnect_timeout_s`.
        """
        if self._client is None:
            settings = self._settings
            url, server = settings.triton_url, None
            if url is None:
                own = TritonServer(
                    model_repository=settings.model_repository, start_timeout_s=settings.start_timeout_s
                )
                server = self._stack.enter_context(Supervisor(own, restarts=settings.triton_restarts))
                url, self._own_server = own.url, own
            client = TritonClient(
                url,
                infer_timeout_s=settings.infer_timeout_s,
                load_timeout_s=settings.start_timeout_s,
                server=server,
                recoveries=settings.recoveries,
                reconnect_timeout_s=settings.reconnect_timeout_s,
                key=settings.triton_key,
            )
            self._client = self._stack.enter_context(client)
            client.wait_ready(settings.reconnect_timeout_s)
        return self._client

    def lifeline(self) -> int | None:
        """Return the `TritonServer.lifeline` of the Triton that it started; None if it started none."""
        return None if self._own_server is None else self._own_server.lifeline

    def upscale(
        self,
        source: Path,
        output: Path,
        params: UpscaleParams,
        *,
        overwrite: bool = False,
        comparison: Path | None = None,
        report: Path | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> UpscaleResult:
        """Upscale a local video; see `orchestrator.pipeline.upscale.upscale`."""
        return upscale(
            source,
            output,
            params,
            self.context(on_progress),
            overwrite=overwrite,
            comparison=comparison,
            report=report,
        )

    def export(
        self,
        source: Path,
        output: Path,
        params: ExportParams,
        *,
        subjects: SubjectTracks | None = None,
        overwrite: bool = False,
        report: Path | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> ExportResult:
        """Export a part of a local video; see `orchestrator.pipeline.export.export`.

        Args:
            subjects: the tracks that a crop can follow; None reads them from `params.tracks`, which holds
                them or their address.
        """
        return export(
            source,
            output,
            params,
            self.context(on_progress),
            subjects=self.subjects(params) if subjects is None else subjects,
            overwrite=overwrite,
            report=report,
        )

    def track(
        self,
        source: Path,
        params: TrackParams,
        outputs: TrackOutputs,
        *,
        on_progress: OnProgress = lambda _: None,
    ) -> Tracked:
        """Track the objects in a local video; see `orchestrator.pipeline.track.track`."""
        return track(source, params, outputs, self.context(on_progress))

    def subjects(self, params: ExportParams) -> SubjectTracks | None:
        """Return the tracks that an export can follow, fetched if need be; None if it follows none."""
        if params.follow is None or params.tracks is None:
            return None
        if isinstance(params.tracks, dict):
            return parse_tracks(params.tracks)
        storage = StorageClient.from_settings(self._settings)
        with TemporaryDirectory(prefix="framewright-") as folder:
            path = Path(folder) / "tracks"
            storage.fetch(
                params.tracks,
                path,
                stop=Event(),
                on_progress=lambda *_: None,
                most_bytes=MOST_BYTES,
            )
            with path.open("rb") as file:
                return read_tracks(file)

    def context(self, on_progress: OnProgress) -> JobContext:
        """Return the context of a job. A cost table that cannot be read fails the job here, at once."""
        if self._cost_calculator is None:
            self._cost_calculator = calculator_for_machine(self._settings.gpu, self._settings.cost_table)
        return JobContext(
            connect=self.client,
            default_model=self._settings.upscale_model,
            default_detector=self._settings.detector,
            resolve=self._settings.resolved,
            cost_of=self._cost_calculator.cost,
            limits=self._limits,
            on_progress=on_progress,
        )
