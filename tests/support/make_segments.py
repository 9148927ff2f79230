"""Makes segments of a film in a process of its own: run as `python -m tests.support.make_segments`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.film.document import hash_of, read_plan
from orchestrator.film.segment import make_segment
from orchestrator.pipeline.context import JobContext
from tests.support.track_film import no_triton

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent.parent


def start(
    source: Path, plan: Path, folder: Path, numbers: Iterable[int], *, cpus: str | None = None
) -> subprocess.Popen[bytes]:
    """Start a process that makes segments without a model, at `folder/<number>.piece`.

    Args:
        source: the video.
        plan: the file of the plan's document.
        folder: a folder that exists.
        numbers: the segments to make, in order.
        cpus: the only CPUs that the process may use, as for `taskset -c`; None allows all.
    """
    limited = ["taskset", "-c", cpus] if cpus else []
    module = [sys.executable, "-m", "tests.support.make_segments", str(source), str(plan), str(folder)]
    return subprocess.Popen([*limited, *module, *map(str, numbers)], cwd=ROOT)


def main() -> None:
    source, plan_file, folder, *numbers = sys.argv[1:]
    data = Path(plan_file).read_bytes()
    plan = read_plan(data, expected_hash=hash_of(data))
    for number in map(int, numbers):
        path = Path(folder) / f"{number}.piece"
        make_segment(Path(source), plan, number, path, JobContext(connect=no_triton), plan_hash=hash_of(data))


if __name__ == "__main__":
    main()
