"""Tests that folders of jobs are removed with the job, and after a worker was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import DiskFull
from orchestrator.executor.job_folders import JobFolders

OTHER = """
import sys, pathlib
from orchestrator.executor.job_folders import JobFolders
with JobFolders(pathlib.Path(sys.argv[1])) as folders, folders.make_one() as folder:
    (folder / "input.mp4").write_text("a video")
    print(folder.parent, flush=True)
    sys.stdin.read()
"""


def test_a_folder_goes_with_its_job_and_with_all_that_is_in_it(tmp_path: Path) -> None:
    with JobFolders(tmp_path / "made") as folders:
        with pytest.raises(ZeroDivisionError), folders.make_one() as folder:
            (folder / "deep").mkdir()
            (folder / "deep" / "output.mp4").write_text("half a video")
            raise ZeroDivisionError
        assert not folder.exists()
    assert not list((tmp_path / "made").iterdir())


def test_what_a_living_worker_has_stays_and_what_a_killed_one_had_goes(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    theirs = Path(other.stdout.readline().strip())
    with JobFolders(tmp_path):
        assert theirs.is_dir()
        other.kill()
        other.communicate()
    with JobFolders(tmp_path):
        assert not theirs.exists()


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskFull, match="FRAMEWRIGHT_JOB_FOLDER"), JobFolders(tmp_path / "file"):
        pass
