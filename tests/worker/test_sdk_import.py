"""Tests that importing RunPod's SDK starts no process, which would inherit the API key."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

STARTS = ("os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen")
PROGRAM = f"""
import json, sys
started = []
sys.addaudithook(lambda event, _: started.append(event) if event in {STARTS} else None)
import {{module}}
from runpod.serverless.utils import rp_debugger
print(json.dumps([sorted(set(started)), rp_debugger.PROCESSOR, "cpuinfo" in sys.modules]))
"""


def imported(module: str) -> tuple[list[str], str, bool]:
    """Import a module in a new interpreter; return started processes, the processor's name and the probe."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module)], capture_output=True, text=True, check=True
    )
    started, processor, has_probe = json.loads(done.stdout.splitlines()[-1])
    return started, processor, has_probe


def test_no_process_is_started_while_the_worker_is_imported() -> None:
    started, processor, has_probe = imported("orchestrator.runpod_handler")
    assert started == []
    assert processor == "Unable to get processor info."
    assert not has_probe


def test_the_sdk_alone_would_start_one() -> None:
    started, _, has_probe = imported("runpod")
    if not has_probe:
        pytest.skip("this SDK does not ask for the processor any more: remove processor.py")
    assert started
