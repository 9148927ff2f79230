"""Tests the RunPod stand-in against RunPod's documentation, with the SDK's own client and a real worker."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import runpod

from tests.support.results import frames
from tools.fixtures import clips, upscalers
from tools.stand_ins import runpod_faults as faults
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.processes import environment
from tools.stand_ins.runpod_api import ENDPOINT, MAX_BODY_BYTES, RunPodApi
from tools.stand_ins.runpod_queue import Pretence
from tools.stand_ins.runpod_server import API_KEY
from tools.stand_ins.worker_process import working

DAY_MS = 86_400_000


class Receiver:
    """A server that records the webhooks that it gets.

    Attributes:
        answers: the statuses of the next answers; later ones are 200.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.url = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            state.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(state.answers.pop(0) if state.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 512

    with Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/webhook/job/mac?x=1"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield state
        server.shutdown()


@pytest.fixture
def api() -> Iterator[RunPodApi]:
    """A stand-in whose jobs wait until a test decides otherwise."""
    with RunPodApi().running() as server:
        yield server


def call(
    api: RunPodApi, method: str, path: str, body: Any = None, key: str = f"Bearer {API_KEY}"
) -> requests.Response:
    url = f"{api.url}/{ENDPOINT}/{path}"
    return requests.request(method, url, json=body, headers={"Authorization": key}, timeout=30)


def run(api: RunPodApi, **more: Any) -> str:
    answer = call(api, "POST", "run", {"input": {"a": 1}, **more})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "IN_QUEUE"
    return str(answer.json()["id"])


def status(api: RunPodApi, job: str) -> dict[str, Any]:
    answer = call(api, "GET", f"status/{job}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def pretend(api: RunPodApi, **values: Any) -> None:
    api.pretend = lambda _job: Pretence(**values)


def wait_for_deliveries(api: RunPodApi, job: str, count: int) -> None:
    api.wait(lambda: len(api.jobs[job].deliveries) == count)


@pytest.fixture
def sdk(api: RunPodApi, monkeypatch: pytest.MonkeyPatch) -> runpod.Endpoint:
    monkeypatch.setattr(runpod, "endpoint_url_base", api.url)
    return runpod.Endpoint(ENDPOINT, api_key=API_KEY)


def test_the_sdks_client_runs_a_job(api: RunPodApi, sdk: runpod.Endpoint) -> None:
    pretend(api, run_s=0.2, answer={"output": {"status": "completed", "frames": 5}})
    job = sdk.run({"input": {"task": "upscale"}})
    assert job.output(timeout=30) == {"status": "completed", "frames": 5}
    assert job.status() == "COMPLETED"
    assert api.jobs[job.job_id].input == {"task": "upscale"}
    assert sdk.health()["jobs"] == {
        "completed": 1,
        "failed": 0,
        "inProgress": 0,
        "inQueue": 0,
        "retried": 0,
    }


def test_the_sdks_client_cancels_a_job(sdk: runpod.Endpoint) -> None:
    job = sdk.run({"input": {"task": "upscale"}})
    assert job.status() == "IN_QUEUE"
    assert job.cancel() == {"id": job.job_id, "status": "CANCELLED"}
    assert job.status() == "CANCELLED"


def test_the_sdks_client_is_refused_with_another_key(api: RunPodApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runpod, "endpoint_url_base", api.url)
    with pytest.raises(RuntimeError, match="401"):
        runpod.Endpoint(ENDPOINT, api_key="rpa_other").run({"input": {"a": 1}})
    assert not api.jobs


@pytest.mark.parametrize("key", ["", API_KEY, f"Basic {API_KEY}", f"Bearer {API_KEY}x", "Bearer "])
@pytest.mark.parametrize(("method", "path"), [("POST", "run"), ("GET", "status/x"), ("GET", "health")])
def test_every_route_needs_the_key(api: RunPodApi, method: str, path: str, key: str) -> None:
    assert call(api, method, path, {"input": {}} if method == "POST" else None, key).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"input": None},
        {"input": "text"},
        {"input": {}, "webhook": 7},
        {"input": {}, "policy": []},
        *(
            {"input": {}, "policy": {name: value}}
            for name, low in (("executionTimeout", 5_000), ("ttl", 10_000))
            for value in (low - 1, 7 * DAY_MS + 1, 0, -1, "6000", 60_000.5, True, None)
        ),
        {"input": {}, "policy": {"lowPriority": "yes"}},
    ],
)
def test_bad_requests_are_refused(api: RunPodApi, body: Any) -> None:
    assert call(api, "POST", "run", body).status_code == 400
    assert not api.jobs


@pytest.mark.parametrize(("timeout_ms", "ttl_ms"), [(5_000, 10_000), (7 * DAY_MS, 7 * DAY_MS)])
def test_the_bounds_of_the_policy_are_inclusive(api: RunPodApi, timeout_ms: int, ttl_ms: int) -> None:
    run(api, policy={"executionTimeout": timeout_ms, "ttl": ttl_ms, "lowPriority": True})


def test_a_body_of_more_than_ten_megabytes_is_refused(api: RunPodApi) -> None:
    overhead = len(json.dumps({"input": {"a": ""}}))
    assert call(api, "POST", "run", {"input": {"a": "x" * (MAX_BODY_BYTES - overhead)}}).status_code == 200
    # Through http.client, because requests may see the connection end before it reads the answer.
    host = api.url.removeprefix("http://").removesuffix("/v2")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.putrequest("POST", f"/v2/{ENDPOINT}/run")
    connection.putheader("Authorization", f"Bearer {API_KEY}")
    connection.putheader("Content-Length", str(MAX_BODY_BYTES + 1))
    connection.endheaders(b" " * (MAX_BODY_BYTES + 1))
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "status/unknown"),
        ("POST", "cancel/unknown"),
        ("POST", "retry/unknown"),
        ("GET", "run"),
        ("GET", "cancel/x"),
        ("POST", "runs"),
        ("POST", ""),
    ],
)
def test_what_does_not_exist_is_not_found(api: RunPodApi, method: str, path: str) -> None:
    assert call(api, method, path).status_code == 404


def test_another_endpoint_is_not_found(api: RunPodApi) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    answer = requests.post(f"{api.url}/other/run", json={"input": {}}, headers=headers, timeout=30)
    assert answer.status_code == 404


def test_the_status_follows_the_job(api: RunPodApi, receiver: Receiver) -> None:
    update = {"stage": "upscaling", "percent": 40}
    pretend(api, wait_s=100, run_s=200, progress=(update,), answer={"output": {"status": "completed"}})
    job = run(api, webhook=receiver.url)
    assert status(api, job) == {"id": job, "status": "IN_QUEUE"}
    api.clock.advance(100)
    api.wait(lambda: api.jobs[job].progress)
    running = status(api, job)
    assert running.pop("delayTime") >= 100_000
    assert running == {"id": job, "status": "IN_PROGRESS", "output": update, "workerId": "pretended"}
    assert not receiver.bodies
    api.clock.advance(200)
    api.wait(lambda: api.jobs[job].deliveries)
    done = status(api, job)
    assert done["status"] == "COMPLETED"
    assert done["output"] == {"status": "completed"}
    assert 200_000 <= done["executionTime"] < 230_000
    assert receiver.bodies == [done | {"input": {"a": 1}, "webhook": receiver.url}]


def test_an_error_fails_the_job(api: RunPodApi, receiver: Receiver) -> None:
    pretend(api, answer={"error": "bad_input: no video", "output": {"code": "bad_input"}})
    job = run(api, webhook=receiver.url)
    api.wait(lambda: api.jobs[job].deliveries)
    failed = status(api, job)
    assert (failed["status"], failed["error"]) == ("FAILED", "bad_input: no video")
    assert receiver.bodies[0]["status"] == "FAILED"


def test_the_execution_timeout_ends_a_running_job(api: RunPodApi, receiver: Receiver) -> None:
    pretend(api, run_s=1000)
    job = run(api, webhook=receiver.url, policy={"executionTimeout": 60_000})
    api.wait(lambda: api.jobs[job].runs)
    api.clock.advance(61)
    api.wait(lambda: api.jobs[job].deliveries)
    assert status(api, job)["status"] == "TIMED_OUT"
    assert 60_000 <= status(api, job)["executionTime"] < 90_000
    assert receiver.bodies[0]["status"] == "TIMED_OUT"


def test_the_execution_timeout_does_not_count_the_queue(api: RunPodApi) -> None:
    pretend(api, wait_s=1000, run_s=50)
    job = run(api, policy={"executionTimeout": 60_000})
    api.clock.advance(1001)
    api.wait(lambda: api.jobs[job].runs)
    api.clock.advance(51)
    api.wait(lambda: api.jobs[job].is_final)
    assert status(api, job)["status"] == "COMPLETED"


@pytest.mark.parametrize("wait_s", [0, 10_000])
def test_ttl_deletes_a_job_in_the_queue_or_running(api: RunPodApi, receiver: Receiver, wait_s: float) -> None:
    pretend(api, wait_s=wait_s, run_s=10_000)
    job = run(api, webhook=receiver.url, policy={"executionTimeout": 7 * DAY_MS, "ttl": 60_000})
    api.wait(lambda: wait_s or api.jobs[job].runs)
    api.clock.advance(61)
    api.wait(lambda: api.jobs[job].deleted)
    assert call(api, "GET", f"status/{job}").status_code == 404
    api.clock.advance(20_000)
    assert not receiver.bodies
    assert not api.jobs[job].is_final


def test_results_are_kept_for_half_an_hour(api: RunPodApi) -> None:
    pretend(api)
    job = run(api, policy={"ttl": 60_000})
    api.wait(lambda: api.jobs[job].is_final)
    api.clock.advance(1790)
    assert status(api, job)["status"] == "COMPLETED"
    api.clock.advance(20)
    api.wait(lambda: api.jobs[job].deleted)
    assert call(api, "GET", f"status/{job}").status_code == 404


def test_retry_runs_a_failed_job_again_and_nothing_else(api: RunPodApi) -> None:
    pretend(api, answer={"error": "job_crashed: why"})
    job = run(api)
    api.wait(lambda: api.jobs[job].is_final)
    pretend(api, wait_s=100)
    assert call(api, "POST", f"retry/{job}").json() == {"id": job, "status": "IN_QUEUE"}
    assert "error" not in status(api, job)
    assert call(api, "POST", f"retry/{job}").status_code == 400
    api.clock.advance(101)
    api.wait(lambda: api.jobs[job].is_final)
    assert (status(api, job)["status"], status(api, job)["retries"]) == ("COMPLETED", 1)
    assert len(api.jobs[job].runs) == 2
    assert call(api, "POST", f"retry/{job}").status_code == 400


def test_a_cancel_after_the_end_changes_nothing(api: RunPodApi) -> None:
    pretend(api)
    job = run(api)
    api.wait(lambda: api.jobs[job].is_final)
    assert call(api, "POST", f"cancel/{job}").json() == {"id": job, "status": "COMPLETED"}


def test_a_webhook_is_sent_three_times_ten_seconds_apart(api: RunPodApi, receiver: Receiver) -> None:
    receiver.answers = [500, 204, 302]
    pretend(api)
    job = run(api, webhook=receiver.url)
    for count in (1, 2, 3):
        wait_for_deliveries(api, job, count)
        api.clock.advance(9)
        assert len(receiver.bodies) == count
        api.clock.advance(1.5)
    api.clock.advance(100)
    assert [delivery.status for delivery in api.jobs[job].deliveries] == [500, 204, 302]
    assert len(receiver.bodies) == 3


def test_a_webhook_that_nobody_hears_is_recorded(api: RunPodApi) -> None:
    pretend(api)
    job = run(api, webhook="http://127.0.0.1:9/webhook")
    api.wait(lambda: api.jobs[job].deliveries)
    assert api.jobs[job].deliveries[0].status is None


@pytest.mark.parametrize(
    ("method", "path", "rate"),
    [("POST", "run", 1000), ("GET", "status/x", 2000), ("POST", "cancel/x", 100)],
)
def test_rates_are_limited_by_ten_seconds(api: RunPodApi, method: str, path: str, rate: int) -> None:
    url, usual = f"{api.url}/{ENDPOINT}/{path}", 404 if "/" in path else 400
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {API_KEY}"
        api.clock.advance(1)
        recent = api._recent[path.partition("/")[0]]  # all but two requests, without the time that they take
        recent.extend([api.clock.now_s()] * (rate - 2))
        codes = [session.request(method, url, timeout=30).status_code for _ in range(4)]
        assert codes == [usual, usual, 429, 429]
        api.clock.advance(11)
        assert session.request(method, url, timeout=30).status_code == usual


@pytest.mark.parametrize("code", [429, 500, 503])
def test_refusals_on_demand_do_nothing(api: RunPodApi, code: int) -> None:
    api.faults.add("run", faults.refusal(code))
    assert call(api, "POST", "run", {"input": {}}).status_code == code
    assert not api.jobs
    job = run(api)
    api.faults.add("cancel", faults.refusal(code))
    assert call(api, "POST", f"cancel/{job}").status_code == code
    assert status(api, job)["status"] == "IN_QUEUE"


@pytest.mark.parametrize(("fault", "accepted"), [(faults.silence(0.1), 0), (faults.lost_answer(0.1), 1)])
def test_answers_are_lost_on_demand_before_or_after_the_job_was_accepted(
    api: RunPodApi, fault: faults.Fault, accepted: int
) -> None:
    api.faults.add("run", fault)
    with pytest.raises(requests.ConnectionError):
        call(api, "POST", "run", {"input": {}})
    assert len(api.jobs) == accepted
    run(api)


def test_an_answer_may_be_late_or_nonsense(api: RunPodApi) -> None:
    api.faults.add("run", faults.other_answer(b"<html>welcome</html>"), faults.late_answer(0.2))
    answer = call(api, "POST", "run", {"input": {}})
    assert (answer.status_code, answer.text) == (200, "<html>welcome</html>")
    assert answer.headers["Content-Type"] == "text/html"
    assert len(api.jobs) == 1
    run(api)


def test_a_webhook_comes_before_the_answer_of_run_on_demand(api: RunPodApi, receiver: Receiver) -> None:
    pretend(api)
    api.faults.add("run", faults.answer_after_webhook())
    job = run(api, webhook=receiver.url)
    assert [body["id"] for body in receiver.bodies] == [job]


def test_webhooks_are_lost_twice_or_late_on_demand(api: RunPodApi, receiver: Receiver) -> None:
    pretend(api)
    api.faults.add_webhook(faults.WebhookFault(copies=0), faults.WebhookFault(copies=2))
    lost, twice = run(api, webhook=receiver.url), run(api, webhook=receiver.url)
    api.wait(lambda: len(api.jobs[twice].deliveries) == 2)
    api.faults.add_webhook(faults.WebhookFault(delay_s=500))
    late = run(api, webhook=receiver.url)
    api.wait(lambda: api.jobs[late].is_final)
    assert [body["id"] for body in receiver.bodies] == [twice, twice]
    assert not api.jobs[lost].deliveries
    api.clock.advance(501)
    api.wait(lambda: api.jobs[late].deliveries)
    assert receiver.bodies[-1]["id"] == late


def test_a_job_runs_twice_on_demand(api: RunPodApi, receiver: Receiver) -> None:
    pretend(api, runs=2, wait_s=10)
    job = run(api, webhook=receiver.url)
    for runs in (1, 2):
        api.clock.advance(11)
        wait_for_deliveries(api, job, runs)
    assert [body["status"] for body in receiver.bodies] == ["COMPLETED", "COMPLETED"]
    assert len(api.jobs[job].runs) == 2


def test_fields_of_the_status_are_replaced_on_demand(api: RunPodApi) -> None:
    pretend(api, replaced={"executionTime": "soon", "output": ...})
    job = run(api)
    api.wait(lambda: api.jobs[job].is_final)
    assert status(api, job)["executionTime"] == "soon"
    assert "output" not in status(api, job)


def test_hundreds_of_jobs_run_at_once(api: RunPodApi, receiver: Receiver) -> None:
    pretend(api, run_s=0.1)
    with ThreadPoolExecutor(20) as threads:
        jobs = list(threads.map(lambda _: run(api, webhook=receiver.url), range(300)))
    api.wait(lambda: all(api.jobs[job].deliveries for job in jobs))
    assert sorted(body["id"] for body in receiver.bodies) == sorted(jobs)


def test_it_is_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "tools.stand_ins.runpod_api", "--pretend-s", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True) as process:
        assert process.stdout is not None
        settings = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {settings['api_key']}"}
        url = f"{settings['url']}/{settings['endpoint']}"
        answer = requests.post(f"{url}/run", json={"input": {}}, headers=headers, timeout=30)
        assert answer.json()["status"] == "IN_QUEUE"
        assert "RUNPOD_WEBHOOK_GET_JOB" in settings["worker_environment"]
        process.terminate()
        assert process.wait(20) == 0


def test_the_real_worker_runs_jobs_and_stops_what_is_cancelled(
    api: RunPodApi, receiver: Receiver, bucket: Bucket, tmp_path: Path
) -> None:
    repository = tmp_path / "models"
    repository.mkdir()
    upscalers.write_nearest_x4(repository)
    upscalers.write_slow(repository, rounds=1000, max_batch=1)  # a job of about a minute
    clip = bucket.put("clip.mp4", clips.make_clip(tmp_path / "clip.mp4", 25))
    values = {"task": "upscale", "input_url": clip, "output_url": bucket.put_url("stand-in.mp4")}
    slow = {**values, "params": {"model": "slow"}}
    settings = {
        "MODEL_REPOSITORY": repository,
        "FRAMEWRIGHT_UPSCALE_MODEL": "nearest-x4",
        **api.worker.environment,
    }
    with working(tmp_path / "jobs", **settings) as worker:
        job = call(api, "POST", "run", {"input": values, "webhook": receiver.url}).json()["id"]
        api.wait(lambda: api.jobs[job].deliveries, 120)
        assert receiver.bodies[0]["status"] == "COMPLETED", receiver.bodies
        assert receiver.bodies[0]["output"]["stats"]["frames"] == 25
        video = bucket.get("stand-in.mp4")
        assert video is not None
        assert frames(video) == list(range(25))

        broken = call(api, "POST", "run", {"input": {"task": "nonsense"}}).json()["id"]
        api.wait(lambda: api.jobs[broken].is_final)
        assert status(api, broken)["status"] == "FAILED"
        assert status(api, broken)["error"].startswith("bad_request: ")

        cancelled = call(api, "POST", "run", {"input": slow}).json()["id"]
        api.wait(lambda: (api.jobs[cancelled].progress or {}).get("stage") == "upscaling", 120)
        assert status(api, cancelled)["output"]["stage"] == "upscaling"
        assert call(api, "POST", f"cancel/{cancelled}").json()["status"] == "CANCELLED"
        worker.idle()
        assert not any(not message.is_update for message in api.worker.of(cancelled))

        timed = call(api, "POST", "run", {"input": slow}).json()["id"]
        api.wait(lambda: (api.jobs[timed].progress or {}).get("stage") == "upscaling", 120)
        api.clock.advance(600)
        api.wait(lambda: api.jobs[timed].is_final)
        assert status(api, timed)["status"] == "TIMED_OUT"
        worker.idle()
