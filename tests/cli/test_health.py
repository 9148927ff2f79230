"""Tests `framewright health`, which checks that the Triton of the jobs answers."""

from __future__ import annotations

from pathlib import Path

from orchestrator.settings import Settings
from orchestrator.triton.find_servers import running_urls
from orchestrator.triton.server import TritonServer
from tests.support.command import assert_refused, framewright


def test_a_server_that_runs_is_found_and_answers() -> None:
    with TritonServer(model_repository=Settings().model_repository) as server:
        ended = framewright("health")
        assert ended.code == 0, ended
        assert "Triton answers at 127.0.0.1:" in ended.out
        assert framewright("health", TRITON_URL=server.url).out.strip() == f"Triton answers at {server.url}"
    assert_refused(framewright("health", TRITON_URL=server.url), 1, server.url)


def test_a_server_is_configured_by_its_command_line(tmp_path: Path) -> None:
    for number, command in (
        ("12", "python3\0worker.py\0"),
        ("13", ""),
        ("14", "/opt/tritonserver/bin/tritonserver\0--grpc-address=127.0.0.1\0--grpc-port=4321\0"),
    ):
        (tmp_path / number).mkdir()
        (tmp_path / number / "cmdline").write_text(command)
    (tmp_path / "15").mkdir()
    assert running_urls(tmp_path) == ["127.0.0.1:4321"]
    (tmp_path / "14" / "cmdline").write_text("tritonserver\0--model-repository=/models\0")
    assert running_urls(tmp_path) == ["127.0.0.1:8001"]
    (tmp_path / "14" / "cmdline").write_text("")
    assert running_urls(tmp_path) == []
