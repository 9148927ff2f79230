"""Starts the API with a bucket, RunPod and a worker on this machine, until Ctrl-C: `make cloud`."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import requests

from tools.cloud import local_worker, service, walkthrough, wrangler_dev
from tools.cloud.browser import open_page
from tools.cloud.local_worker import WorkerFailed
from tools.cloud.owned_process import OwnedProcess
from tools.cloud.page_build import PageFailed
from tools.cloud.ports import is_free
from tools.cloud.wrangler_dev import NodeMissing, WranglerFailed
from tools.stand_ins.runpod_api import RunPodApi

LOGS = Path("out", "cloud")
PARTS = ("the API", "the bucket", "RunPod", "RunPod's workers")
"""What listens on the first port, and on those that follow it."""

DOLLARS = 5
CRON_S = 60.0
"""How often the cron event happens that wrangler.jsonc asks Cloudflare for; `wrangler dev` leaves it out."""


NO_PROXY = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
"""A proxy that the environment names cannot reach this machine's loopback."""


class Ended(BaseException):
    """The user asks for the end, with Ctrl-C or a signal."""


def main() -> int:
    """Run all parts until a signal comes or one of them ends; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.cloud", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=8787, help="the port of the API; the next three are used too (8787)"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        default=wrangler_dev.PROJECT / wrangler_dev.ENTRY,
        help="run this file as the API, such as out/deploy/index.js, which `make cloud-check` writes",
    )
    parser.add_argument(
        "--film-seconds",
        type=int,
        default=600,
        help="make a job as a film if one worker needs longer for it, in parts of a quarter of that (600)",
    )
    chosen = parser.parse_args()
    port, bundle = chosen.port, chosen.bundle.resolve()
    if not bundle.is_file():
        _say(f"error: {bundle} does not exist: run make cloud-check first")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    os.environ |= NO_PROXY
    try:
        for offset, part in enumerate(PARTS):
            if not is_free(port + offset):
                _say(f"error: port {port + offset}, for {part}, is taken: make cloud PORT=...")
                return 1
        return _run(port, bundle, chosen.film_seconds)
    except (NodeMissing, PageFailed, WranglerFailed, WorkerFailed) as error:
        _say(f"error: {error}")
        return 1
    except Ended:
        return 0


def _run(port: int, bundle: Path, film_s: int) -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    logs = {part: LOGS / f"{part}.log" for part in ("api", "worker")}
    for log in logs.values():
        log.unlink(missing_ok=True)
    runpod = RunPodApi()
    _say(f"starting the API, a bucket and RunPod (the logs are in {LOGS}) ...")
    with (
        contextlib.ExitStack() as stack,
        service.running(
            runpod,
            api_port=port,
            bucket_port=port + 1,
            runpod_port=port + 2,
            worker_port=port + 3,
            variables={
                "GPU": "cpu",
                "FILM_SECONDS": str(film_s),
                "SEGMENT_SECONDS": str(min(30, max(1, film_s // 4))),
                **local_worker.quoted_models(),
            },
            log_path=logs["api"],
            entry=str(bundle),
        ) as parts,
    ):
        stack.callback(_say, "everything has ended")
        _say(f"the page and the API answer at {parts.api.url}")
        _say(f"the bucket answers at {parts.bucket.endpoint}, RunPod at {runpod.url}")
        _say("starting the worker and its Triton ...")
        with local_worker.running(runpod, log_path=logs["worker"]) as worker:
            user = parts.operator.new_user("demo", DOLLARS)
            _say("the worker waits for jobs\n")
            _say("A job by command; paste it into a second terminal, in this folder:\n")
            _say(walkthrough.example(parts.api.url, user.key))
            _say(f"The operator's token, for /admin/...:  {parts.operator.token}\n")
            _say(f"The page:  {parts.api.url}/")
            _say(f"The key to sign in with, which has {DOLLARS} dollars:  {user.key}\n")
            if open_page(f"{parts.api.url}/"):
                _say("The page opens in your browser.")
            _say("Ctrl-C ends everything; uploads, jobs and the key are gone then.")
            return _watch(parts.api.url, [parts.api.process, worker])


def _watch(url: str, processes: list[OwnedProcess]) -> int:
    """Wait until a process ends, which it should not, and let the cron event happen meanwhile; return 1."""
    next_cron_s = time.monotonic() + CRON_S
    while True:
        time.sleep(0.5)
        for process in processes:
            if process.exit_status is not None:
                time.sleep(0.5)  # Ctrl-C reaches that process and this one in any order
                _say(f"error: {process.name} ended with status {process.exit_status}; its last lines:")
                _say(process.last_lines())
                return 1
        if time.monotonic() > next_cron_s:
            next_cron_s += CRON_S
            with contextlib.suppress(requests.RequestException):
                requests.get(f"{url}/cdn-cgi/handler/scheduled", timeout=CRON_S)


def _end(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # nothing interrupts the end
    _say("ending ...")
    raise Ended


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
