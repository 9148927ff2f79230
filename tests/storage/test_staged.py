"""Tests that an output gets its name only when it is complete, and that a failure leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import OutputPathRefused
from orchestrator.storage.staged import staged


def test_the_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with staged(out, overwrite=False) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.suffix == ".mp4"
        assert not out.exists()
    assert out.read_bytes() == b"half"
    assert list(tmp_path.iterdir()) == [out]


def test_a_failure_leaves_nothing_behind_and_keeps_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")
    with pytest.raises(RuntimeError), staged(out, overwrite=True) as temporary:
        temporary.write_bytes(b"new")
        raise RuntimeError
    assert out.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [out]


def test_an_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")
    with pytest.raises(OutputPathRefused, match="--force"), staged(out, overwrite=False):
        pytest.fail("not refused")
    with staged(out, overwrite=True) as temporary:
        temporary.write_bytes(b"new")
    assert out.read_bytes() == b"new"


def test_a_name_taken_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with pytest.raises(OutputPathRefused, match="appeared"), staged(out, overwrite=False) as temporary:
        temporary.write_bytes(b"ours")
        out.write_bytes(b"theirs")
    assert out.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [out]


def test_a_missing_folder_and_a_folder_as_output_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputPathRefused, match="does not exist"),
        staged(tmp_path / "no" / "x.mp4", overwrite=False),
    ):
        pytest.fail("not refused")
    with pytest.raises(OutputPathRefused, match="is a folder"), staged(tmp_path, overwrite=True):
        pytest.fail("not refused")


def test_a_nul_in_a_name_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(OutputPathRefused, match="NUL"), staged(tmp_path / "a\0b.mp4", overwrite=True):
        pytest.fail("not refused")
