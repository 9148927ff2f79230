"""Tests which environment variables a child process gets."""

from __future__ import annotations

import pytest

from orchestrator.child_environment import child_environment

NEEDED = {
    "PATH": "/usr/bin",
    "TMPDIR": "/scratch",
    "LC_ALL": "C.UTF-8",
    "LD_LIBRARY_PATH": "/opt/lib",
    "CUDA_VISIBLE_DEVICES": "0",
    "NVIDIA_DRIVER_CAPABILITIES": "video",
    "FRAMEWRIGHT_MAX_FRAMES": "40",
    "FRAMEWRIGHT_S3_ENDPOINT": "https://store.example",
    "WEIGHTS_DIR": "/weights",
    "MODEL_REPOSITORY": "/models",
}
CREDENTIALS = {"FRAMEWRIGHT_S3_ACCESS_KEY_ID": "id", "FRAMEWRIGHT_S3_SECRET_ACCESS_KEY": "secret"}
NOT_NEEDED = {
    "RUNPOD_AI_API_KEY": "rpa_secret",
    "RUNPOD_WEBHOOK_GET_JOB": "https://api.example/job-take/",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "secret",
    "HF_TOKEN": "secret",
    "DATABASE_URL": "postgres://user:password@db",
    "https_proxy": "http://user:password@proxy",
    "FRAMEWRIGHTS_OWN": "not ours",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (NEEDED | CREDENTIALS | NOT_NEEDED).items():
        monkeypatch.setenv(name, value)


def test_a_child_gets_what_it_needs_and_no_secret_of_others() -> None:
    given = child_environment(storage=False)
    assert NEEDED.items() <= given.items()
    assert not {*CREDENTIALS, *NOT_NEEDED} & set(given)


def test_only_a_child_that_uses_the_store_gets_its_credentials() -> None:
    given = child_environment(storage=True)
    assert (NEEDED | CREDENTIALS).items() <= given.items()
    assert not set(NOT_NEEDED) & set(given)
