"""Measures the time from the start of a process until its job starts and until its first frame is done.

    python -m benchmarks.bench.first_frame MODEL VIDEO OUT [URL]

upscales a video as `framewright upscale` does, and prints both times of the monotonic clock, which all
processes of a machine share.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import commands
from orchestrator.jobs import UpscaleParams
from orchestrator.settings import Settings
from orchestrator.worker import Worker

if TYPE_CHECKING:
    from benchmarks.bench.workloads import Workload
    from orchestrator.pipeline.progress import Progress


def measure(workload: Workload, video: Path, url: str | None) -> dict[str, float]:
    """Return the seconds from the start of a process until its job starts, and until its first frame."""
    module = [sys.executable, "-m", "benchmarks.bench.first_frame"]
    arguments = [workload.model, str(video), str(video.with_name("first.mp4")), *([url] if url else [])]
    started_s = time.monotonic()
    done = subprocess.run(
        [*module, *arguments],
        env=os.environ | commands.ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {event: at_s - started_s for event, at_s in json.loads(done.stdout).items()}


def main() -> None:
    """Upscale a video and print when the job started and when its first frame was done."""
    model, video, out, *url = sys.argv[1:]
    times_s: dict[str, float] = {}

    def note_time(progress: Progress) -> None:
        times_s.setdefault("job start" if progress.frames == 0 else "first frame", time.monotonic())

    settings = replace(Settings.from_env(), triton_url=url[0] if url else None)
    with Worker(settings) as worker:
        worker.upscale(
            Path(video), Path(out), UpscaleParams(model=model), overwrite=True, on_progress=note_time
        )
    print(json.dumps(times_s))


if __name__ == "__main__":
    main()
