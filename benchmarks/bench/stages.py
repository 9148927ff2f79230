"""Measures the CPU time of each thread of a job, and so of each stage.

python -m benchmarks.bench.stages track|upscale MODEL VIDEO FOLDER URL
"""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from benchmarks.bench.contender_process import serve
from orchestrator.jobs import TrackParams, UpscaleParams
from orchestrator.pipeline.track import TrackOutputs
from orchestrator.settings import Settings
from orchestrator.worker import Worker

MODULE = "benchmarks.bench.stages"
SAMPLED_EVERY_S = 0.02
STAGES = {
    "MainThread": "write, or follow",
    "decode": "read",
    "infer": "cut, stitch",
    "detect": "fill requests",
    "resize": "resize",
}
"""What the thread of each name does."""


class ThreadTimes:
    """Samples the CPU time of Python's threads, because it is lost when a thread ends; a context manager.

    Attributes:
        own_s: the CPU time of the sampling itself, in seconds.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], float] = {}
        self._done = threading.Event()
        self.own_s = 0.0
        self._watch = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> ThreadTimes:  # noqa: PYI034  nobody derives from it
        self._before = self._now()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()

    def spent_s(self) -> dict[str, float]:
        """Return the CPU seconds of all threads of each name."""
        spent: dict[str, float] = defaultdict(float)
        for key, seconds in self._seen.items():
            spent[key[0]] += seconds - self._before.get(key, 0.0)
        return spent

    def _run(self) -> None:
        while not self._done.wait(SAMPLED_EVERY_S):
            self._seen |= self._now()
        self._seen |= self._now()
        self.own_s = time.thread_time()

    def _now(self) -> dict[tuple[str, int], float]:
        times = {}
        for thread in threading.enumerate():
            if thread.ident is not None and thread.is_alive():
                try:
                    clock = time.pthread_getcpuclockid(thread.ident)
                    times[thread.name, thread.native_id or 0] = time.clock_gettime(clock)
                except OSError:  # the thread has just ended
                    continue
        return times


def main() -> None:
    """Answer requests on standard input."""
    task, model, video, folder, url = sys.argv[1:]
    settings = replace(Settings.from_env(), triton_url=url)

    def work(worker: Worker) -> None:
        if task == "track":
            outputs = TrackOutputs(tracks=Path(folder) / "stages.json", overwrite=True)
            worker.track(Path(video), TrackParams(model=model), outputs)
        else:
            out = Path(folder) / "stages.mp4"
            worker.upscale(Path(video), out, UpscaleParams(model=model), overwrite=True)

    def answer() -> dict[str, float]:
        with Worker(settings) as worker, ThreadTimes() as threads:
            started_s, all_s = time.perf_counter(), time.process_time()
            work(worker)
            wall_s, all_s = time.perf_counter() - started_s, time.process_time() - all_s
        all_s -= threads.own_s
        named = {STAGES[name]: spent for name, spent in threads.spent_s().items() if name in STAGES}
        return named | {"codecs, gRPC": max(0.0, all_s - sum(named.values())), "wall_s": wall_s}

    serve(answer)


if __name__ == "__main__":
    main()
