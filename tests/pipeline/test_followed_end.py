"""Tests that `followed` in the result of an export ends with the video, also if its last frame is brief."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from orchestrator.framing.track_file_reader import parse_tracks
from orchestrator.jobs import ExportParams
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from orchestrator.media_containers import MP4
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export_request


def write_video(path: Path, pts_ms: list[int]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for pts in pts_ms:
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize("last_ms", [200, 300])
def test_the_last_stretch_ends_no_later_than_the_video(tmp_path: Path, last_ms: int) -> None:
    """The last frame is shown for 40 ms, the one before it for much longer."""
    path, pts_ms = tmp_path / "in.mkv", [*range(0, 2000, 40)]
    pts_ms.append(pts_ms[-1] + last_ms)
    write_video(path, pts_ms)
    info = probe(path)
    times_s = frame_times(path, info)
    assert info.duration_s is not None
    assert times_s[-1] < info.duration_s < times_s[-1] + last_ms / 1000
    boxes = [{"frame": frame, "bbox": [10, 10, 10, 30]} for frame in range(len(pts_ms))]
    video = {"width": 64, "height": 48, "frames": len(pts_ms)}
    subjects = parse_tracks({"tracks": [{"id": 1, "class_name": "person", "frames": boxes}], "video": video})
    params = ExportParams.model_validate({"follow": {"track": "main", "aspect": "9:16"}, "tracks": "t.json"})
    request = export_request(
        info,
        params,
        JobContext(connect=lambda: pytest.fail("no model is needed")),
        container=MP4,
        subjects=subjects,
        times_s=lambda: times_s,
    )
    assert request.followed is not None
    assert [stretch.track for stretch in request.followed] == [1]
    assert request.followed[-1].end == pytest.approx(info.duration_s, abs=1e-6)
