"""Tests when `make cloud` opens the page in a browser: at a terminal with a display, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import threading
from tools.cloud.browser import open_page
print("opened" if open_page("http://127.0.0.1:8787/") else "not opened")
[thread.join(30) for thread in threading.enumerate() if thread is not threading.main_thread()]
"""


@pytest.mark.parametrize(
    ("display", "terminal", "opens"),
    [
        ({"DISPLAY": ":7"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({}, True, False),
        ({"DISPLAY": ":7"}, False, False),
    ],
    ids=["X11", "Wayland", "no display", "no terminal"],
)
def test_the_page_opens_for_a_person_only(
    tmp_path: Path, display: dict[str, str], terminal: bool, opens: bool
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$@" > {opened}.part\nmv {opened}.part {opened}\n')
    browser.chmod(0o755)
    inherited = {name: text for name, text in os.environ.items() if "DISPLAY" not in name}
    main_end, other_end = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env=inherited | display | {"BROWSER": str(browser)},
            stdin=subprocess.DEVNULL,
            stdout=other_end if terminal else subprocess.DEVNULL,
            check=True,
            timeout=60,
        )
    finally:
        os.close(other_end)
        os.close(main_end)
    assert opened.exists() == opens
    assert not opens or opened.read_text() == "http://127.0.0.1:8787/\n"
