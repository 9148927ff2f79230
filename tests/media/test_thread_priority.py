"""Tests that no encoder leaves threads of the highest priority behind, which would starve the machine."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.thread_priority import reset_thread_priority
from orchestrator.media.write.writer import VideoWriter
from tools.fixtures.clips import make_clip, numbered

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make real-time threads")


def real_time_threads() -> list[int]:
    threads = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    return [thread for thread in threads if os.sched_getscheduler(thread) != os.SCHED_OTHER]


def test_av1_is_encoded_at_the_usual_priority(tmp_path: Path) -> None:
    pictures = [numbered(number, 96, 96) for number in range(4)]
    source = make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="yuv420p10le")
    info = probe(source)
    with (
        VideoReader(source, info, form="planes") as reader,
        VideoWriter(
            tmp_path / "out.webm", source=source, info=info, width=96, height=96, form="planes"
        ) as writer,
    ):
        assert writer.encoder == "libsvtav1"
        for frame in reader.frames():
            writer.write(frame)
            assert not real_time_threads()
        writer.finish()


def test_threads_that_the_encoder_made_real_time_are_so_no_more() -> None:
    context = av.CodecContext.create("libsvtav1", "w")
    context.width = context.height = 96
    context.pix_fmt = "yuv420p10le"
    context.time_base = Fraction(1, 25)
    context.options = {"preset": "12"}
    context.encode(av.VideoFrame(96, 96, "yuv420p10le"))
    made = real_time_threads()
    reset_thread_priority()
    assert made
    assert not real_time_threads()
