"""When does a job of a process that was just started begin, and when is its first frame done?

    python -m benchmarks.bench.first_frame MODEL VIDEO OUT [URL]

does the job as `framewright upscale` does, and prints both moments of the monotonic clock, which all
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

from benchmarks.bench import product
from orchestrator.jobs import UpscaleParams
from orchestrator.settings import Settings
from orchestrator.worker import Worker

if TYPE_CHECKING:
    from benchmarks.bench.material import Subject
    from orchestrator.pipeline.progress import Progress


def seconds(subject: Subject, video: Path, url: str | None) -> dict[str, float]:
    """Return the seconds from the start of a process until its job starts, and until its first frame."""
    module = [sys.executable, "-m", "benchmarks.bench.first_frame"]
    arguments = [subject.model, str(video), str(video.with_name("first.mp4")), *([url] if url else [])]
    started_s = time.monotonic()
    done = subprocess.run(
        [*module, *arguments],
        env=os.environ | product.ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {kind: moment_s - started_s for kind, moment_s in json.loads(done.stdout).items()}


def main() -> None:
    """Do a job."""
    model, video, out, *url = sys.argv[1:]
    moments: dict[str, float] = {}

    def seen(progress: Progress) -> None:
        moments.setdefault("job start" if progress.frames == 0 else "first frame", time.monotonic())

    settings = replace(Settings.from_env(), triton_url=url[0] if url else None)
    with Worker(settings) as worker:
        worker.upscale(Path(video), Path(out), UpscaleParams(model=model), overwrite=True, on_progress=seen)
    print(json.dumps(moments))


if __name__ == "__main__":
    main()
