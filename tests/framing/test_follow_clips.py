"""Tests the following crop on real detections: the sample clip, tracked with lite-detector."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from orchestrator.framing.follow import follow_subject
from orchestrator.framing.track_file_reader import SubjectTracks, read_tracks
from orchestrator.jobs import TrackParams
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tools.camera_quality import measure_camera

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.mp4"


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> SubjectTracks:
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(ROOT / "model_repository" / "lite-detector", folder / "models" / "lite-detector")
    tracks = folder / "tracks.json"
    with TritonServer(folder / "models") as server, TritonClient(server.url, infer_timeout_s=60) as client:
        track(
            SAMPLE,
            TrackParams(model="lite-detector", classes=("person",)),
            TrackOutputs(tracks=tracks),
            JobContext(connect=lambda: client),
        )
    return read_tracks(tracks.read_bytes())


@pytest.mark.parametrize("aspect", [Fraction(9, 16), Fraction(4, 5), Fraction(1)], ids=str)
def test_whoever_is_followed_is_kept_in_the_middle_half_by_a_quiet_camera(
    subjects: SubjectTracks, aspect: Fraction
) -> None:
    info = probe(SAMPLE)
    times_s = frame_times(SAMPLE, info)
    results = []
    for subject in subjects.by_id.values():
        path = follow_subject(
            subjects, track=subject.id, aspect=aspect, zoom=None, times_s=times_s, width=320, height=180
        ).path
        results.append(measure_camera(subject, path.rows(times_s[subject.frames]), width=320, height=180))
    assert len(results) >= 4
    total = sum(results[1:], results[0])
    assert total.middle >= 0.95 * total.possible
    assert total.jerk <= 0.1 * total.raw_jerk
