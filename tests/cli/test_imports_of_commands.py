"""Tests that lists of commands and pages of help import none of the libraries that jobs need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestrator.cli.commands import COMMANDS

SLOW = {"av", "boto3", "cv2", "grpc", "numpy", "pydantic", "rich", "runpod", "scipy", "tritonclient"}
SHOWS_DEFAULTS_OF_JOBS = {"track", "estimate"}


def imported_by(code: str) -> set[str]:
    """Return the slow libraries that a fresh interpreter has imported after running the code."""
    report = f"import sys; print(*{SLOW} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", f"{code}; {report}"], capture_output=True, check=True)
    return set(done.stderr.decode().split())


def test_the_list_of_commands_imports_nothing_slow() -> None:
    assert not imported_by("from orchestrator.cli import main; main(['--help'])")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_imports_nothing_slow(command: str) -> None:
    allowed = {"pydantic"} if command in SHOWS_DEFAULTS_OF_JOBS else set()
    assert imported_by(f"from orchestrator.cli import main; main(['{command}', '--help'])") <= allowed


def test_a_jobs_process_imports_only_what_every_job_needs() -> None:
    code = "import orchestrator.executor.job_main, orchestrator.executor.run_job"
    assert not imported_by(code) & {"boto3", "rich", "runpod", "scipy"}
