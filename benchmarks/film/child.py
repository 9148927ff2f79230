"""Does one part of a film in a process of its own, so that its CPU time can be read.

    python -m benchmarks.film.child export SOURCE OUTPUT
    python -m benchmarks.film.child plan SOURCE FOLDER SEGMENTS
    python -m benchmarks.film.child segments SOURCE FOLDER NUMBER...
    python -m benchmarks.film.child assemble SOURCE FOLDER OUTPUT

The folder holds plan.json, the pieces, and a `<number>.json` with the CPU seconds of each segment.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn

from orchestrator.film.assemble import assemble
from orchestrator.film.document import PieceManifest, document, hash_of, read_plan
from orchestrator.film.piece import read_manifest
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs import ExportParams
from orchestrator.jobs.film import ExportFilm
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export

PARAMS = ExportParams()


def _no_triton() -> NoReturn:
    raise AssertionError("an export without a model needs no Triton")


CONTEXT = JobContext(connect=_no_triton)


class _Folder:
    """Pieces in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def manifest(self, number: int) -> PieceManifest:
        return read_manifest(self._folder / f"{number}.piece")

    def opened(self, number: int) -> AbstractContextManager[Path]:
        return nullcontext(self._folder / f"{number}.piece")


def main() -> None:
    """Do the part that the arguments name, and print its CPU seconds, without the start of Python."""
    begun_s = time.process_time()
    _run()
    print(time.process_time() - begun_s)


def _run() -> None:
    what, source, folder, *rest = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:]
    if what == "export":
        export(source, folder, PARAMS, CONTEXT)
        return
    if what == "plan":
        film = ExportFilm(task="export", params=PARAMS, segments=int(rest[0]))
        (folder / "plan.json").write_bytes(document(plan_film(source, film, CONTEXT, etag=None)))
        return
    data = (folder / "plan.json").read_bytes()
    plan_hash = hash_of(data)
    plan = read_plan(data, expected_hash=plan_hash)
    if what == "assemble":
        assemble(source, plan, _Folder(folder), Path(rest[0]), CONTEXT, plan_hash=plan_hash)
        return
    for number in map(int, rest):
        begun_s = time.process_time()
        make_segment(source, plan, number, folder / f"{number}.piece", CONTEXT, plan_hash=plan_hash)
        seconds = time.process_time() - begun_s
        row = {"number": number, "frames": plan.segments[number].frames, "cpu_s": round(seconds, 4)}
        (folder / f"{number}.json").write_text(json.dumps(row))


if __name__ == "__main__":
    main()
