"""Tests that a job continues without a trace after Triton, or the process of its model, dies."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from orchestrator.errors import Cancelled, InferenceTimedOut, TritonUnavailable, WorkerError
from orchestrator.frames import Frame, Planes
from orchestrator.inference.upscaler import TiledUpscaler
from orchestrator.jobs.track import TrackParams
from orchestrator.jobs.upscale import UpscaleParams, UpscaleResult
from orchestrator.media.colour.coded_planes import coded_format
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.progress import Progress
from orchestrator.pipeline.track import TrackOutputs
from orchestrator.settings import Settings
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer
from orchestrator.triton.supervisor import Supervisor
from orchestrator.worker import Worker
from tests.support.command import framewright
from tests.support.server_processes import (
    kill,
    killing,
    left_behind,
    others_left_alone,
    stubs,
    successor,
    tritonservers,
    until,
)
from tools.fixtures import clips, upscalers
from tools.stand_ins.processes import COMMAND, environment

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 24
VICTIMS = {"tritonserver": tritonservers, "the model's process": stubs}
MOMENTS = {"load": 0, "first frame": 1, "middle": FRAMES // 2, "last frames": FRAMES - 2}


@pytest.fixture(scope="module", autouse=True)
def _alone() -> Iterator[None]:
    with others_left_alone():
        yield


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a worker with models that are real networks, and one that is slow."""
    repository = tmp_path_factory.mktemp("repository")
    for name in ("lite-x4", "lite-detector"):
        shutil.copytree(ROOT / "model_repository" / name, repository / name)
    upscalers.write_slow(repository, rounds=upscalers.rounds_in(0.1), tile=64)
    upscalers.write_slow(repository, "endless", rounds=100_000, tile=64)
    return Settings(
        model_repository=repository,
        upscale_model="lite-x4",
        infer_timeout_s=60,
        start_timeout_s=60,
        reconnect_timeout_s=30,
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.make_clip(tmp_path_factory.mktemp("clip") / "in.mp4", FRAMES)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip for jobs that must not end by themselves."""
    return clips.make_clip(tmp_path_factory.mktemp("clip") / "long.mp4", 600)


@pytest.fixture(scope="module")
def film() -> Path:
    return ROOT / "examples" / "sample.mp4"


def upscaled(worker: Worker, source: Path, output: Path, **options: Any) -> UpscaleResult:
    model = options.pop("model", "lite-x4")
    return worker.upscale(source, output, UpscaleParams(model=model), **options)


def tracked(worker: Worker, source: Path, output: Path, **options: Any) -> dict[str, Any]:
    worker.track(source, TrackParams(model="lite-detector", side=320), TrackOutputs(tracks=output), **options)
    document = json.loads(output.read_text())
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="module")
def undisturbed(settings: Settings, clip: Path, film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the outputs of jobs that are not disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with Worker(settings) as worker:
        assert not upscaled(worker, clip, folder / "out.mp4").notes
        assert tracked(worker, film, folder / "tracks.json")["tracks"]
    assert left_behind() == set()
    return folder


class Killer:
    """A progress callback that kills processes, once each, after so many frames; it counts the frames."""

    def __init__(self, find: Callable[[], set[psutil.Process]], *moments: int) -> None:
        self.frames: list[int] = []
        self._find = find
        self._moments = list(moments)

    def __call__(self, moment: Progress) -> None:
        if moment.stage in {"upscaling", "tracking"}:
            self.frames.append(moment.frames)
        while self._moments and moment.frames >= self._moments[0]:
            self._moments.pop(0)
            kill(self._find())


def assert_restarted(notes: Any, times: str) -> None:
    assert f"the inference server was restarted {times}: no frame was lost" in notes


@pytest.mark.parametrize(
    "moment", [pytest.param(name, marks=[pytest.mark.slow] * (name != "middle")) for name in MOMENTS]
)
@pytest.mark.parametrize("victim", VICTIMS)
def test_an_upscaled_video_is_the_same_to_the_bit(
    settings: Settings, clip: Path, undisturbed: Path, tmp_path: Path, victim: str, moment: str
) -> None:
    out = tmp_path / "out.mp4"
    with Worker(settings) as worker:
        if moment == "load":
            worker.client()
            with killing(VICTIMS[victim] if victim != "tritonserver" else loading_servers, times=1) as killed:
                result = upscaled(worker, clip, out)
            assert len(killed) == 1
        else:
            killer = Killer(VICTIMS[victim], MOMENTS[moment])
            result = upscaled(worker, clip, out, on_progress=killer)
            assert killer.frames == list(range(1, FRAMES + 1))
            if moment == "first frame":  # later ones may all have been answered before they are written
                assert_restarted(result.notes, "once")
    assert result.stats.frames == FRAMES
    assert out.read_bytes() == (undisturbed / "out.mp4").read_bytes()
    assert left_behind() == set()


def loading_servers() -> set[psutil.Process]:
    """Return the tritonservers, once they load a model."""
    return tritonservers() if stubs() else set()


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_the_very_last_request_is_sent_again(settings: Settings, clip: Path, victim: str) -> None:
    info = probe(clip)

    def all_frames(then: Callable[[], None]) -> Iterator[Frame[Planes]]:
        with VideoReader[Planes](clip, info, form="planes") as reader:
            for frame in itertools.islice(
                reader.frames(), FRAMES - 1
            ):  # odd: one more request has to be sent
                yield frame
                y, u, v = (samples.copy() for samples in frame.pixels)
                yield replace(frame, pixels=Planes(y=y, u=u, v=v))  # is not inferred again
        then()

    with Worker(settings) as worker:
        client = worker.client()
        client.load("lite-x4")
        contract = client.contract("lite-x4", UpscaleContract)
        runs = []
        for then in (lambda: None, lambda: kill(VICTIMS[victim]())):
            size = {"height": info.height, "width": info.width}
            planes = coded_format(info)
            with TiledUpscaler(client, contract, **size, planes=planes, output=planes, tolerance=2) as tiled:
                runs.append(list(tiled.run(all_frames(then))))
        assert_restarted(tiled.notes, "once")
    for before, after in zip(*runs, strict=True):
        assert before.source.pts == after.source.pts
        assert all(np.array_equal(*both) for both in zip(before.pixels, after.pixels, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["first frame", "middle"])
@pytest.mark.parametrize("victim", VICTIMS)
def test_tracks_are_the_same_to_the_bit(
    settings: Settings, film: Path, undisturbed: Path, tmp_path: Path, victim: str, moment: str
) -> None:
    out = tmp_path / "tracks.json"
    before = json.loads((undisturbed / "tracks.json").read_text())
    with Worker(settings) as worker:
        killer = Killer(VICTIMS[victim], 1 if moment == "first frame" else 60)
        document = tracked(worker, film, out, on_progress=killer)
        assert killer.frames == list(range(1, before["video"]["frames"] + 1))
    assert_restarted(document["notes"], "once")
    assert document["tracks"] == before["tracks"]
    assert document["video"] == before["video"]
    assert left_behind() == set()


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_several_deaths_of_one_job_change_nothing_and_leak_nothing(
    settings: Settings, tmp_path: Path, victim: str
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 60)

    def held() -> tuple[int, int, int]:
        maps = Path("/proc/self/maps").read_text().count("framewright-")
        return len(list(Path("/proc/self/fd").iterdir())), maps, threading.active_count()

    with Worker(settings) as worker:
        upscaled(worker, source, tmp_path / "first.mp4")
        shared = left_behind()
        before = held()
        result = upscaled(worker, source, tmp_path / "out.mp4", on_progress=Killer(VICTIMS[victim], 1, 30))
        assert_restarted(result.notes, "2 times")
        # What a thread holds as it ends, and a process that was killed, are gone a moment later.
        until(lambda: all(now <= was for now, was in zip(held(), before, strict=True)), timeout_s=20)
        if victim == "tritonserver":  # which keeps the memory of dead backends until it ends
            until(lambda: len(left_behind()) == len(shared), timeout_s=20)
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "first.mp4").read_bytes()
    assert left_behind() == set()


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_one_that_dies_again_and_again_fails_the_job_as_retryable_and_leaves_nothing(
    settings: Settings, clip: Path, tmp_path: Path, victim: str
) -> None:
    with Worker(replace(settings, recoveries=4)) as worker:
        worker.client()
        with (
            killing(loading_servers) if victim == "tritonserver" else killing(stubs, after_s=0.5) as killed,
            pytest.raises(WorkerError) as caught,
        ):
            upscaled(worker, clip, tmp_path / "out.mp4", model="endless")  # or it ends between two deaths
        assert caught.value.retryable
        assert "\n" not in str(caught.value)
        # After the first death the model is loaded again, after the second the tile is halved, and after the
        # third it cannot be halved again. Deaths while the model is loaded come on top of these three.
        assert 3 <= len(killed) < 12
        if victim == "tritonserver":
            assert caught.type is TritonUnavailable
            assert "died 4 times within 10 minutes" in str(caught.value)
            with pytest.raises(TritonUnavailable, match="not started again"):  # at once, now that it is known
                upscaled(worker, clip, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []
    assert left_behind() == set()


def test_without_recoveries_the_first_death_is_the_end(
    settings: Settings, long_clip: Path, tmp_path: Path
) -> None:
    with (
        Worker(replace(settings, recoveries=0)) as worker,
        pytest.raises(TritonUnavailable, match="died or cannot be reached"),
    ):
        upscaled(worker, long_clip, tmp_path / "out.mp4", model="slow", on_progress=Killer(tritonservers, 1))
    assert list(tmp_path.iterdir()) == []
    assert left_behind() == set()


@pytest.fixture
def supervised(settings: Settings) -> Iterator[Supervisor]:
    """A server that does not belong to the jobs."""
    with Supervisor(TritonServer(settings.model_repository, start_timeout_s=60)) as supervisor:
        yield supervisor


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_server_of_somebody_else_is_waited_for(
    settings: Settings, supervised: Supervisor, clip: Path, undisturbed: Path, tmp_path: Path, victim: str
) -> None:
    out = tmp_path / "out.mp4"
    with Worker(replace(settings, triton_url=supervised.server.url)) as worker:
        result = upscaled(worker, clip, out, on_progress=Killer(VICTIMS[victim], 1, FRAMES // 2))
    assert any("the inference server was restarted" in note for note in result.notes)
    assert out.read_bytes() == (undisturbed / "out.mp4").read_bytes()


@pytest.mark.slow
def test_a_server_that_is_back_after_seconds_is_found_again(
    settings: Settings, clip: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    with (
        TritonServer(settings.model_repository, start_timeout_s=60) as first,
        successor(first, settings.model_repository, after_s=3) as later,
    ):

        def report(moment: Progress) -> None:
            if moment.frames == 5:
                first.stop()
                later.start()

        with Worker(replace(settings, triton_url=first.url)) as worker:
            result = upscaled(worker, clip, out, on_progress=report)
    assert_restarted(result.notes, "once")
    assert out.read_bytes() == (undisturbed / "out.mp4").read_bytes()


@pytest.mark.slow
def test_a_job_that_begins_while_the_server_is_away_waits_for_it(
    settings: Settings, clip: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """The server returns only after the 5 s that a command other than a job waits."""
    out = tmp_path / "out.mp4"
    with TritonServer(settings.model_repository, start_timeout_s=60) as first:
        pass
    with successor(first, settings.model_repository, after_s=6) as later:
        later.start()
        with Worker(replace(settings, triton_url=first.url)) as worker:
            result = upscaled(worker, clip, out)
    assert result.stats.frames == FRAMES
    assert out.read_bytes() == (undisturbed / "out.mp4").read_bytes()


@pytest.mark.parametrize("connected", [False, True], ids=["not connected yet", "connected"])
def test_a_job_that_begins_as_the_server_is_started_again_is_done(
    settings: Settings,
    supervised: Supervisor,
    clip: Path,
    undisturbed: Path,
    tmp_path: Path,
    *,
    connected: bool,
) -> None:
    out = tmp_path / "out.mp4"
    with Worker(replace(settings, triton_url=supervised.server.url)) as worker:
        if connected:
            worker.client().load("lite-x4")
        kill(tritonservers())
        result = upscaled(worker, clip, out)
    assert result.stats.frames == FRAMES
    assert out.read_bytes() == (undisturbed / "out.mp4").read_bytes()


def test_a_job_that_begins_while_the_server_is_away_for_good_is_one_clear_error(
    settings: Settings, clip: Path, tmp_path: Path
) -> None:
    with TritonServer(settings.model_repository) as server:
        url = server.url
    away = replace(settings, triton_url=url, reconnect_timeout_s=1)
    with Worker(away) as worker, pytest.raises(TritonUnavailable, match=f"no Triton answers at {url}: is it"):
        upscaled(worker, clip, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_stays_away_is_one_clear_error(
    settings: Settings, long_clip: Path, tmp_path: Path
) -> None:
    with TritonServer(settings.model_repository) as server:
        away = replace(settings, triton_url=server.url, reconnect_timeout_s=1)
        with Worker(away) as worker, pytest.raises(TritonUnavailable, match=r"not back within 1 s; is it"):
            upscaled(
                worker, long_clip, tmp_path / "out.mp4", model="slow", on_progress=Killer(tritonservers, 1)
            )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_jobs_that_share_a_server_recover_together(
    settings: Settings, supervised: Supervisor, clip: Path, undisturbed: Path, tmp_path: Path, victim: str
) -> None:
    jobs = 3
    shared = replace(settings, triton_url=supervised.server.url)
    under_way = threading.Barrier(jobs)

    def job(number: int) -> UpscaleResult:
        def report(moment: Progress) -> None:
            if moment.frames == 5 and under_way.wait(60) == 0:
                kill(VICTIMS[victim]())

        with Worker(shared) as worker:
            return upscaled(worker, clip, tmp_path / f"{number}.mp4", on_progress=report)

    with ThreadPoolExecutor(jobs) as threads:
        results = list(threads.map(job, range(jobs)))
    loads = [line for line in supervised.server.log_tail(200) if "loading: lite-x4" in line]
    assert len(loads) == (1 if victim == "tritonserver" else 2), "one of them brings it back for all"
    for number, result in enumerate(results):
        assert result.stats.frames == FRAMES
        assert (tmp_path / f"{number}.mp4").read_bytes() == (undisturbed / "out.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_one_that_hangs_is_restarted_after_the_timeout(
    settings: Settings, clip: Path, undisturbed: Path, tmp_path: Path, victim: str
) -> None:
    def hang(moment: Progress) -> None:
        if moment.frames == 5 and not hanging:
            hanging.extend(VICTIMS[victim]())
            for process in hanging:
                process.send_signal(signal.SIGSTOP)

    hanging: list[psutil.Process] = []
    with Worker(replace(settings, infer_timeout_s=5)) as worker:
        result = upscaled(worker, clip, tmp_path / "out.mp4", on_progress=hang)
    assert_restarted(result.notes, "once")
    assert (tmp_path / "out.mp4").read_bytes() == (undisturbed / "out.mp4").read_bytes()
    assert left_behind() == set()


def test_a_model_that_is_too_slow_is_no_hanging_server(
    settings: Settings, long_clip: Path, tmp_path: Path
) -> None:
    with (
        Worker(replace(settings, infer_timeout_s=0.05)) as worker,
        pytest.raises(InferenceTimedOut, match="no answer within"),
    ):
        upscaled(worker, long_clip, tmp_path / "out.mp4", model="slow")
    assert list(tmp_path.iterdir()) == []


def test_waiting_for_a_server_ends_when_nobody_waits_any_more(settings: Settings, long_clip: Path) -> None:
    caught: list[WorkerError] = []
    info = probe(long_clip)
    with (
        TritonServer(settings.model_repository) as server,
        TritonClient(server.url, recoveries=3, reconnect_timeout_s=60) as client,
        VideoReader[Planes](long_clip, info, form="planes") as reader,
    ):
        client.load("slow")
        contract = client.contract("slow", UpscaleContract)
        planes = coded_format(info)
        tiled = TiledUpscaler(
            client, contract, height=info.height, width=info.width, planes=planes, output=planes
        )

        def run() -> None:
            try:
                for _ in tiled.run(reader.frames()):
                    server.kill()
            except WorkerError as exc:
                caught.append(exc)

        with tiled:
            running = threading.Thread(target=run)
            running.start()
            until(lambda: any(thread.name == "recovery" for thread in threading.enumerate()))
        running.join(30)
        assert not running.is_alive()
        until(lambda: not any(thread.name == "recovery" for thread in threading.enumerate()), timeout_s=30)
    assert [type(exc) for exc in caught] == [Cancelled]


@pytest.mark.slow
def test_serve_starts_its_triton_again_under_the_jobs_of_others(
    settings: Settings, clip: Path, tmp_path: Path
) -> None:
    options = ["--grpc-port", "18411", "--http-port", "18410", "--metrics-port", "18412"]
    surroundings = environment(MODEL_REPOSITORY=settings.model_repository)
    with subprocess.Popen(
        [COMMAND, "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings,
    ) as serving:
        assert serving.stdout is not None
        assert serving.stderr is not None
        assert "127.0.0.1:18411" in serving.stdout.readline()
        with killing(loading_servers, times=1, after_s=1) as killed:
            out = tmp_path / "out.mp4"
            ended = framewright("upscale", clip, out, "--model", "slow", "--json", "--url", "127.0.0.1:18411")
        assert ended.code == 0, ended
        assert len(killed) == 1
        document = json.loads(ended.out)
        assert document["stats"]["frames"] == FRAMES
        serving.send_signal(signal.SIGINT)
        assert serving.wait(60) == 0
        assert "started again (1 of 3)" in serving.stderr.read()
    assert left_behind() == set()
