"""Tests that the API runs on this machine with its database, and ends whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from tests.cloud.conftest import Cloud
from tools.stand_ins.worker_process import wait

OWNER = """
import signal, sys
from tools.cloud import wrangler_dev
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes ignore it
with wrangler_dev.serving(variables={}, secrets={"ADMIN_TOKEN": "do-not-show"}) as api:
    print(api.url, api.folder, flush=True)
    sys.stdin.read()
"""
ROOT = Path(__file__).resolve().parents[2]


def test_the_api_answers_and_its_database_can_be_read(cloud: Cloud) -> None:
    assert requests.get(f"{cloud.url}/health", timeout=60).ok
    user = cloud.new_user(dollars=1.25)
    assert cloud.sql("SELECT balance, held FROM wallets WHERE user_id = ?", user.id) == [
        {"balance": 1_250_000, "held": 0}
    ]


def test_it_serves_on_loopback_alone(cloud: Cloud) -> None:
    listening = {
        connection.laddr.ip
        for process in cloud.api.process.descendants
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_secrets_are_on_no_command_line_and_in_no_file_that_others_can_read(cloud: Cloud) -> None:
    (settings,) = cloud.api.folder.glob("settings.env")
    assert settings.stat().st_mode & 0o777 == 0o600
    secret = next(line for line in settings.read_text().splitlines() if line.startswith("ADMIN_TOKEN"))
    token = secret.partition("=")[2].strip('"')
    assert len(token) == 64
    assert not [p for p in cloud.api.process.descendants if token in " ".join(p.cmdline())]
    assert token not in cloud.api.log


def test_it_keeps_its_data_when_it_is_killed_or_started_again(cloud: Cloud) -> None:
    user = cloud.new_user()
    before = {process.pid for process in cloud.api.process.descendants}
    cloud.kill()
    assert {process.pid for process in cloud.api.process.descendants} != before
    assert user.get("/health").ok
    cloud.restart()
    assert not {process.pid for process in cloud.api.process.descendants} & before
    assert user.get("/health").ok
    assert cloud.sql("SELECT id FROM users WHERE id = ?", user.id)


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL])
def test_nothing_is_left_when_its_owner_ends(cloud: Cloud, number: signal.Signals) -> None:
    assert cloud.api.alive, "which shows that Node is there"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    url, folder = owner.stdout.readline().split()
    processes = psutil.Process(owner.pid).children(recursive=True)
    assert sum(process.name() == "workerd" for process in processes) == 2
    os.kill(owner.pid, number)
    owner.wait(60)
    wait(lambda: not any(is_running(process) for process in processes), 60)
    wait(lambda: not Path(folder).exists(), 60)
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
