"""Tests that a detector gets pictures of its training size, and has the number of boxes of its build."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: building models is an extra")
if (
    importlib.util.find_spec("ultralytics") is None
):  # not imported here: export_onnx/detection/yolo.py shuts it in first
    pytest.skip("ultralytics is not installed: building detectors is an extra", allow_module_level=True)

from numpy.typing import NDArray

from export_onnx.catalog import load_catalog
from export_onnx.detection import exportable_detector as detector
from export_onnx.detection.yolo import OpenedYoloDetector, load_ultralytics
from export_onnx.integrity_check import problems
from export_onnx.model_config import DetectorConfig
from export_onnx.repository import read_record
from orchestrator.errors import BadRequest, WeightsRefused
from orchestrator.frames import Pixels
from orchestrator.jobs import TrackParams
from orchestrator.jobs import validation as message
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.single_image_inference import detect_picture
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract
from orchestrator.triton.server import TritonServer
from tests.support.model_builds import build_detector
from tools.fixtures import clips, networks

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
needs_cases = pytest.mark.skipif(not CASES.exists(), reason="../shared/cases is not there")


def own_prediction(weights: Path, picture: Pixels, **arguments: Any) -> NDArray[np.float32]:
    """Return what ultralytics finds in a picture when called as documented, without a size.

    Args:
        weights: of the detector.
        picture: uint8 [H, W, 3] RGB.
        arguments: of `predict`.

    Returns:
        float32 [n, 6]: x1, y1, x2, y2 in pixels of the picture, score, class.
    """
    (result,) = (
        load_ultralytics()
        .YOLO(str(weights))
        .predict(
            np.ascontiguousarray(picture[..., ::-1]),
            conf=0.1,
            device="cpu",
            save=False,
            verbose=False,
            **arguments,
        )
    )
    return np.asarray(result.boxes.data.numpy(), np.float32)


def same_boxes(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Whether both have the same boxes, except those whose score is at the threshold of 0.1.

    One in a hundred may differ: with random weights many overlap by exactly the threshold of NMS.
    """
    alone = 0
    for some, others in ((found, expected), (expected, found)):
        for box in some[some[:, 4] > 0.11]:
            of_class = others[others[:, 5] == box[5]]
            away_px = np.abs(of_class[:, :4] - box[:4]).max(axis=1)
            alone += not ((away_px < 0.1) & (np.abs(of_class[:, 4] - box[4]) < 0.001)).any()
    assert alone <= len(expected) / 100


def street(width: int, height: int) -> Pixels:
    """The street with a bus that comes inside ultralytics, stretched. uint8 [height, width, 3] RGB."""
    picture = cv2.imread(str(load_ultralytics().ASSETS / "bus.jpg"), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    return np.asarray(cv2.resize(np.asarray(picture, np.uint8), (width, height)), np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("imgsz", "side"), [(160, 160), ([96, 200], 224)], ids=["a square", "no square, and no multiple of 32"]
)
def test_a_detector_sees_at_its_own_size_what_ultralytics_sees(tmp_path: Path, imgsz: Any, side: int) -> None:
    weights = networks.yolo(tmp_path / "random.pt", "yolov8n", imgsz=imgsz, bias=-4)
    record = build_detector(tmp_path / "models", weights, "mine")
    assert isinstance(record.model, DetectorConfig)
    assert record.model.side == side
    with TritonServer(tmp_path / "models") as server, TritonClient(server.url, infer_timeout_s=60) as client:
        client.load("mine")
        contract = client.contract("mine", DetectContract)
        assert contract.side == side
        for width, height in ((400, 300), (300, 420)):
            picture = street(width, height)
            found, _, shape = detect_picture(client, contract, picture)
            assert max(shape[1:3]) == side
            # A list means one letterbox to ultralytics' predict; we take its longer side, as its trainer.
            expected = own_prediction(weights, picture, imgsz=side)
            assert 5 < len(expected) < 300
            same_boxes(found, expected)
        clip = clips.make_clip(tmp_path / "in.mp4", [street(400, 300)] * 3)
        for asked, seen in ((None, side), (320, 320)):
            tracked = track(
                clip,
                TrackParams(model="mine", side=asked),
                TrackOutputs(),
                JobContext(connect=lambda: client),
            )
            assert max(tracked.result.stats.detector_input) == seen


@pytest.mark.slow
def test_weights_of_ones_own_under_a_name_of_the_catalog_keep_their_size_too(tmp_path: Path) -> None:
    weights = networks.yolo(tmp_path / "random.pt", "yolov8n", imgsz=320)
    for choices, side in (({}, 320), ({"side": 96}, 96)):
        build_detector(tmp_path / "models", weights, "yolov8n", **choices)
        record = read_record(tmp_path / "models", "yolov8n")
        assert record is not None
        assert isinstance(record.model, DetectorConfig)
        assert record.model.side == side
        config = (tmp_path / "models" / "yolov8n" / "config.pbtxt").read_text()
        assert f'key: "side" value {{ string_value: "{side}" }}' in config
        entry = load_catalog().get("yolov8n")
        assert problems("yolov8n", entry, weights_dir=tmp_path, repository=tmp_path / "models") == []


def opened(imgsz: Any = 640, classes: tuple[str, ...] = ("thing",)) -> OpenedYoloDetector:
    """A stand-in for a network that has only these attributes."""
    raw: Any = None
    return OpenedYoloDetector(
        classes=classes, stride=32, end_to_end=False, imgsz=imgsz, raw=raw, _network=None
    )


@pytest.mark.parametrize(
    ("imgsz", "side"),
    [
        (None, 640),
        (640, 640),
        (1, 32),
        (100, 128),
        (4096, 4096),
        ((480, 640), 640),
        ([96], 96),
        ([1280, 736], 1280),
    ],
)
def test_the_side_is_the_longer_one_in_whole_strides(imgsz: Any, side: int) -> None:
    assert detector.side_of(opened(imgsz), "best.pt", chosen=None) == side


@pytest.mark.parametrize(
    "imgsz",
    [0, -160, True, 160.0, "160", "[160", 4097, 10**12, [], [1, 2, 3], [160, None], {"h": 1}, [160, 0]],
    ids=str,
)
def test_an_absurd_size_is_refused_until_a_side_is_chosen(imgsz: Any) -> None:
    with pytest.raises(WeightsRefused, match=r"best.pt .*imgsz=.*--side") as caught:
        detector.side_of(opened(imgsz), "best.pt", chosen=None)
    assert "\n" not in str(caught.value)
    assert detector.side_of(opened(imgsz), "best.pt", chosen=320) == 320


def test_a_side_that_is_no_multiple_of_the_stride_is_refused() -> None:
    with pytest.raises(
        BadRequest, match="--side 150 is not a multiple of this network's 32; give 128 or 160"
    ):
        detector.side_of(opened(), "best.pt", chosen=150)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["yolov8n", "yolo26n"])
def test_a_build_gives_as_many_boxes_as_it_was_asked_for(tmp_path: Path, architecture: str) -> None:
    weights = networks.yolo(tmp_path / "random.pt", architecture, imgsz=320, gain=0.5, bias=-1)
    for most in (20, 700):
        build_detector(tmp_path / "models", weights, f"most-{most}", max_detections=most)
    picture = street(640, 640)
    with TritonServer(tmp_path / "models") as server, TritonClient(server.url, infer_timeout_s=60) as client:
        for most in (20, 700):
            client.load(f"most-{most}")
            contract = client.contract(f"most-{most}", DetectContract)
            assert contract.max_detections == most
            found, _, _ = detect_picture(client, contract, picture)
            one_box_an_object = {"nms": False} if architecture == "yolo26n" else {}
            expected = own_prediction(weights, picture, max_det=most, **one_box_an_object)
            assert len(found) == len(expected)
            assert len(found) == most or len(found) > 300
            np.testing.assert_allclose(np.sort(found[:, 4]), np.sort(expected[:, 4]), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("", "class 1 of random.pt has no name", marks=pytest.mark.slow),
        pytest.param(" \t", "class 1 of random.pt has no name", marks=pytest.mark.slow),
        ("a\nb", "cannot be printed"),
        pytest.param("a\0b", "cannot be printed", marks=pytest.mark.slow),
        pytest.param("a\ud800b", "cannot be printed", marks=pytest.mark.slow),
        pytest.param("x" * 201, "201 characters", marks=pytest.mark.slow),
    ],
    ids=["empty", "blank", "two lines", "NUL", "half a character", "long"],
)
def test_a_class_that_cannot_be_named_is_refused_by_the_build(tmp_path: Path, name: Any, words: str) -> None:
    weights = networks.yolo(tmp_path / "random.pt", "yolov8n", names=["car", name, *["other"] * 78])
    with pytest.raises(WeightsRefused, match=words) as caught:
        build_detector(tmp_path / "models", weights, "mine")
    assert "\n" not in str(caught.value)
    assert ".names[1] = " in str(caught.value)
    assert not list(tmp_path.glob("models/*"))


def test_a_class_name_may_be_what_a_job_can_say() -> None:
    assert detector.LONGEST_NAME == message.LONGEST_NAME
    for character in map(chr, (*range(0x2100), 0xD800, 0xDFFF, 0x1F697)):
        if detector.NO_TEXT.search(character):
            with pytest.raises(ValueError, match="no name has"):
                message.check_text(character)
        else:
            assert message.check_text(character) == character


def test_names_in_any_script_go_through_triton_as_they_are(tmp_path: Path) -> None:
    names = [
        "disque vert, petit",
        '"quoted" \\ name',
        "自動車",
        "🚗 car",
        "می\u200cرود",
        "same",
        "same",
        *map(str, range(73)),
    ]
    weights = networks.yolo(tmp_path / "random.pt", "yolov8n", imgsz=96, names=names)
    build_detector(tmp_path / "models", weights, "mine")
    with TritonServer(tmp_path / "models") as server, TritonClient(server.url) as client:
        client.load("mine")
        assert client.contract("mine", DetectContract).classes == tuple(names)


@pytest.mark.slow
@needs_cases
def test_four_disks_are_found_in_every_frame_as_ultralytics_finds_them(tmp_path: Path) -> None:
    weights = CASES / "best_imgsz160.pt"
    build_detector(tmp_path / "models", weights, "disks")
    with TritonServer(tmp_path / "models") as server, TritonClient(server.url, infer_timeout_s=60) as client:
        tracked = track(
            CASES / "disks.mp4",
            TrackParams(model="disks", classes=("disque vert, petit",)),
            TrackOutputs(),
            JobContext(connect=lambda: client),
        )
    document = json.loads("".join(tracked.document().json()))
    by_frame: dict[int, list[list[float]]] = {}
    for one in document["tracks"]:
        assert one["class_name"] == "disque vert, petit"
        for box in one["frames"]:
            by_frame.setdefault(box["frame"], []).append(box["bbox"])
    video = cv2.VideoCapture(str(CASES / "disks.mp4"))
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    assert sorted(by_frame) == list(range(frames))
    for index in range(frames):
        there, frame = video.read()
        assert there
        own = own_prediction(weights, np.asarray(frame[..., ::-1], np.uint8))
        expected = own[own[:, 4] >= 0.25]
        assert len(by_frame[index]) == len(expected) == 4
        for x, y, width, height in by_frame[index]:
            away = np.abs(expected[:, :4] - [x, y, x + width, y + height]).max(axis=1)
            assert away.min() < 6
