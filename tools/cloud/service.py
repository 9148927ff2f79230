"""Runs the API and its page on loopback, with local stand-ins for the bucket and for RunPod."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.cloud import wrangler_dev
from tools.cloud.client import Operator
from tools.cloud.ports import free_port
from tools.cloud.wrangler_dev import WranglerDev
from tools.stand_ins import bucket, s3_door
from tools.stand_ins.runpod_api import ENDPOINT, RunPodApi
from tools.stand_ins.runpod_server import API_KEY
from tools.stand_ins.s3_door import ServedBucket


@dataclass(frozen=True)
class Service:
    """The running parts.

    Attributes:
        api: the API under `wrangler dev`.
        bucket: the store of uploads and results.
        runpod: RunPod, to which a worker can connect with `runpod.worker.environment`.
        operator: a client of the API's admin routes.
    """

    api: WranglerDev
    bucket: ServedBucket
    runpod: RunPodApi
    operator: Operator


@contextmanager
def running(
    runpod: RunPodApi,
    *,
    api_port: int | None = None,
    bucket_port: int = 0,
    runpod_port: int = 0,
    worker_port: int = 0,
    origins: Iterable[str] = (),
    variables: dict[str, str] | None = None,
    log_path: Path | None = None,
    entry: str = wrangler_dev.ENTRY,
) -> Iterator[Service]:
    """Start all parts; stop them at the end.

    Args:
        runpod: RunPod, which is not running yet.
        api_port: the port of the API on 127.0.0.1; None takes a free one.
        bucket_port: the port of the bucket; 0 takes a free one.
        runpod_port: the port of RunPod's API; 0 takes a free one.
        worker_port: the port where workers get their jobs; 0 takes a free one.
        origins: other web pages that may use the API and the bucket.
        variables: more variables of the Worker, which replace those of wrangler.jsonc.
        log_path: the file to which the API's output is appended; None keeps it until the end.
        entry: the module that is the Worker: absolute, or relative to deploy/cloudflare.

    Raises:
        NodeMissing: Node or wrangler is not installed.
        PageFailed: The page could not be built.
        WranglerFailed: The API did not start.
    """
    wrangler_dev.node()  # fails before anything is started
    token = secrets.token_hex(32)
    api_port = api_port or free_port()
    with (
        s3_door.serving(port=bucket_port, origins=[f"http://127.0.0.1:{api_port}", *origins]) as served,
        runpod.running(runpod_port, worker_port),
    ):
        settings = {
            "ALLOWED_ORIGINS": " ".join(origins),
            "S3_ENDPOINT": served.endpoint,
            "S3_BUCKET": bucket.NAME,
            "RUNPOD_URL": runpod.url,
            "RUNPOD_ENDPOINT": ENDPOINT,
        }
        credentials = {
            "S3_ACCESS_KEY_ID": bucket.KEY_ID,
            "S3_SECRET_ACCESS_KEY": bucket.SECRET,
            "RUNPOD_API_KEY": API_KEY,
            "WEBHOOK_SECRET": secrets.token_hex(32),
            "ADMIN_TOKEN": token,
        }
        with wrangler_dev.serving(
            variables=settings | (variables or {}),
            secrets=credentials,
            port=api_port,
            log_path=log_path,
            entry=entry,
        ) as api:
            yield Service(api, served, runpod, Operator(api.url, token))
