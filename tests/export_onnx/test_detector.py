"""Tests that detectors are built, and return the same through Triton as ultralytics' own predict."""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: building models is an extra")
if (
    importlib.util.find_spec("ultralytics") is None
):  # not imported here: export_onnx/detection/yolo.py shuts it in first
    pytest.skip("ultralytics is not installed: building detectors is an extra", allow_module_level=True)
import torch
from numpy.typing import NDArray

from export_onnx.catalog import load_catalog
from export_onnx.detection import graph as detection_graph
from export_onnx.detection import parity as detection_parity
from export_onnx.detection.yolo import OpenedYoloDetector, load_ultralytics, open_weights
from export_onnx.model_config import DetectorConfig, ServingOptions
from export_onnx.repository import BuildRecord, model_path
from export_onnx.weight_file import read_custom
from orchestrator.errors import ModelBuildFailed, WeightsRefused
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract
from orchestrator.triton.server import TritonServer
from tests.support.model_builds import MaliciousPickle, build_detector, framewright_models
from tools.fixtures import networks

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "real"
needs_real = pytest.mark.skipif(not REAL.exists(), reason="../shared/real is not there")


@dataclass(frozen=True)
class Built:
    """A detector with random weights, in a repository of its own."""

    repository: Path
    weights: Path
    record: BuildRecord


@pytest.fixture(scope="module", params=["yolov8n", "yolo26n"])
def detector(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A detector with NMS, and one without."""
    folder = tmp_path_factory.mktemp(request.param)
    weights = networks.yolo(folder / "random.pt", request.param)
    return Built(folder / "models", weights, build_detector(folder / "models", weights, request.param))


@pytest.mark.slow
def test_a_built_detector_sees_what_ultralytics_sees(detector: Built) -> None:
    parity = detector.record.parity
    assert parity["boxes"] > 300
    # The 300th and the 301st box of a picture may differ by less than rounding, and then swap their places.
    assert parity["unmatched"] <= 0.005 * parity["boxes"]
    assert parity["max_px"] < 0.1
    assert parity["max_score"] < 0.001
    assert {batch for batch, *_ in parity["inputs"]} == {1, 2, 3}
    assert (1, 640, 640) not in [tuple(size) for size in parity["inputs"]]  # what it was traced at


@pytest.mark.slow
def test_a_detector_is_recorded_and_served_as_the_catalog_says(detector: Built) -> None:
    model = detector.record.model
    assert isinstance(model, DetectorConfig)
    entry = load_catalog().get(model.name)
    sha256 = hashlib.sha256(detector.weights.read_bytes()).hexdigest()
    assert model == entry.served(choices=ServingOptions(), weights_sha256=sha256)
    assert model.weights_source == "custom"
    assert detector.record.tools["ultralytics"]
    header = onnx.load(str(model_path(detector.repository, model.name)))
    assert [(entry.domain, entry.version) for entry in header.opset_import] == [("", 17)]
    assert header.ir_version <= 10  # ONNX Runtime 1.19, of Triton 24.10


@pytest.mark.slow
def test_triton_serves_it_at_any_batch_and_size_the_same(detector: Built) -> None:
    name = detector.record.model.name
    with TritonServer(detector.repository) as server, TritonClient(server.url, infer_timeout_s=60) as client:
        client.load(name)
        contract = client.contract(name, DetectContract)
        for height, width in ((32, 32), (96, 64), (352, 640)):
            views = np.stack([photograph(height, width), photograph(height, width)[:, ::-1]] * 2)
            together, _ = client.infer(contract, views)
            assert sum(map(len, together)) > 0 or height == 32
            for image, boxes in zip(views, together, strict=True):
                ((alone,), _) = client.infer(contract, image[None])
                np.testing.assert_array_equal(alone, boxes)


def resized(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """uint8 [height, width, 3]."""
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), (width, height)), np.uint8)


def photograph(height: int, width: int) -> NDArray[np.uint8]:
    """The street with a bus, stretched. uint8 [height, width, 3] RGB."""
    picture = cv2.imread(str(load_ultralytics().ASSETS / "bus.jpg"), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    return resized(np.asarray(picture, np.uint8), height, width)


@pytest.fixture(scope="module")
def yolo(tmp_path_factory: pytest.TempPathFactory) -> OpenedYoloDetector:
    folder = tmp_path_factory.mktemp("yolo")
    return open_weights(read_custom(networks.yolo(folder / "random.pt", "yolov8n")), "fp32")


@pytest.mark.parametrize(("change", "share"), [({"iou_threshold": 0.5}, 0.01), ({"flip": True}, 0.5)])
def test_a_graph_that_sees_something_else_fails_the_proof(
    yolo: OpenedYoloDetector, change: Any, share: float
) -> None:
    def graph(floor: float) -> onnx.ModelProto:
        iou = change.get("iou_threshold", 0.7)
        model = detection_graph.build_graph(yolo, score_threshold=floor, iou_threshold=iou)
        if change.get("flip"):
            for node in model.graph.node:
                for index, name in enumerate(node.input):
                    if name == "scaled":
                        node.input[index] = "swapped"
            rgb = onnx.helper.make_node("Gather", ["scaled", "bgr"], ["swapped"], axis=1)
            position = next(i for i, node in enumerate(model.graph.node) if "scaled" in node.output)
            model.graph.node.insert(position + 1, rgb)
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 1, 0]), "bgr"))
        return model

    images = [photograph(384, 640)[None]]
    parity = detection_parity.measure(yolo, graph, floors=(0.05,), iou_threshold=0.7, images=images)
    assert parity.unmatched > share * parity.boxes
    with pytest.raises(ModelBuildFailed, match="parity failed"):
        detection_parity.check(parity, "fp32")


def test_two_answers_are_the_same_within_a_pixel_and_a_hundredth() -> None:
    first = np.array([[10, 10, 50, 50, 0.9, 0], [60, 60, 90, 90, 0.5, 2]], np.float32)
    near = first[::-1] + np.array([0.9, -0.9, 0.9, 0.9, 0.009, 0], np.float32)
    same = detection_parity.compare(near, first, floor=0.1)
    assert (same.boxes, same.unmatched) == (2, 0)
    for change in ([1.1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0.011, 0], [0, 0, 0, 0, 0, 1]):
        other = first + np.array([change, [0] * 6], np.float32)
        assert detection_parity.compare(other, first, floor=0.1).unmatched == 2
    assert detection_parity.compare(first[:1], first, floor=0.1).unmatched == 1
    assert detection_parity.compare(first[:0], first, floor=0.1).unmatched == 2
    at_the_floor = np.array([[60, 60, 90, 90, 0.105, 2]], np.float32)
    assert detection_parity.compare(at_the_floor, first[:0], floor=0.1).unmatched == 0


@pytest.mark.slow
def test_a_network_that_finds_nothing_proves_nothing(tmp_path: Path) -> None:
    weights = networks.yolo(tmp_path / "blind.pt", "yolov8n", gain=0, bias=-20)
    with pytest.raises(ModelBuildFailed, match="finds nothing at all"):
        build_detector(tmp_path / "models", weights)
    assert list((tmp_path / "models").iterdir()) == []


def test_weights_that_compute_no_numbers_are_refused(tmp_path: Path) -> None:
    weights = networks.yolo(tmp_path / "broken.pt", "yolov8n", gain=float("nan"))
    with pytest.raises(ModelBuildFailed, match="no numbers"):
        build_detector(tmp_path / "models", weights)


@pytest.mark.slow
def test_weights_of_another_network_are_refused_under_a_catalog_name(tmp_path: Path, detector: Built) -> None:
    named = detector.record.model.name
    other = "yolo26n" if named == "yolov8n" else "yolov8n"
    alike = ["yolov8s", "yolo11n"] if named == "yolov8n" else ["yolo26s"]
    for name in alike:
        with pytest.raises(WeightsRefused, match=f"is a network of {named}, not of {name}"):
            build_detector(tmp_path, detector.weights, name)
    with pytest.raises(WeightsRefused, match=f"other end to end .* {other}; .*--name"):
        build_detector(tmp_path, detector.weights, other)


def test_a_file_that_is_not_the_catalogs_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    torch.save({"model": MaliciousPickle(trap)}, tmp_path / "yolov8n.pt")
    done = framewright_models(
        "build", "yolov8n", WEIGHTS_DIR=str(tmp_path), MODEL_REPOSITORY=str(tmp_path / "models")
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert load_catalog().get("yolov8n").sha256 in done.stderr
    assert "--weights" in done.stderr
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"not a pickle", "is a text"),
        (pickle.dumps({"model": 3}), "holds no YOLO detector"),
        (b"cno_such_package\nThing\n.", "holds no YOLO detector"),
        (b"cultralytics.nn.tasks\nNoSuchThing\n.", "cannot be opened"),
    ],
    ids=["empty", "text", "a number", "classes of another package", "an unknown class"],
)
def test_a_file_without_a_detector_is_refused_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "odd.pt").write_bytes(content)
    with pytest.raises(WeightsRefused, match=f"odd.pt {message}") as caught:
        build_detector(tmp_path / "models", tmp_path / "odd.pt")
    assert "\n" not in str(caught.value)


def test_a_network_for_another_task_is_refused(tmp_path: Path) -> None:
    load_ultralytics().YOLO("yolov8n-seg.yaml").save(str(tmp_path / "segmenter.pt"))
    with pytest.raises(WeightsRefused, match="for the task 'segment'"):
        build_detector(tmp_path / "models", tmp_path / "segmenter.pt")


@pytest.mark.slow
def test_a_build_prints_its_own_lines_alone_and_writes_nowhere_else(tmp_path: Path, detector: Built) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {"HOME": str(home), "TMPDIR": str(temporary), "XDG_CONFIG_HOME": str(home / "config")}
    environment |= {"MODEL_REPOSITORY": str(tmp_path / "models")}
    done = framewright_models(
        "build", "--weights", str(detector.weights), "--name", "mine", "--task", "detect", **environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["mine"] * 3
    assert "boxes differ from the network's own by at most" in lines[-1]
    assert list(home.rglob("*")) == []
    assert list(temporary.iterdir()) == []
    assert framewright_models("verify", "mine", **environment).stdout == "mine: OK (built, fp32)\n"


def test_an_alias_builds_the_model_that_the_setting_names(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"no detector")
    done = framewright_models(
        "build", "yolov8", "--weights", str(tmp_path / "a.pt"), FRAMEWRIGHT_YOLOV8="no-such-model"
    )
    assert done.returncode == 2
    assert "no model 'no-such-model' in the catalog" in done.stderr
    listed = framewright_models(
        "verify", "yolov8", WEIGHTS_DIR=str(tmp_path), MODEL_REPOSITORY=str(tmp_path / "models")
    )
    assert listed.stdout.startswith("yolov8n: ")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder, weights = tmp_path_factory.mktemp("real"), REAL / "weights" / "yolov8n.pt"
    return Built(folder, weights, build_detector(folder, weights, "yolov8n"))


def frames(file: str, count: int) -> list[NDArray[np.uint8]]:
    """Frames from the whole length of a real video, uint8 [H, W, 3] RGB."""
    video = cv2.VideoCapture(str(REAL / "media" / file))
    total = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    taken = []
    for index in np.linspace(0, total - 1, count).astype(int):
        video.set(cv2.CAP_PROP_POS_FRAMES, int(index))
        there, frame = video.read()
        assert there
        taken.append(np.asarray(frame[..., ::-1], np.uint8))
    return taken


@pytest.fixture(scope="module")
def real_frames() -> list[NDArray[np.uint8]]:
    """Fifty frames of a real video."""
    return [*frames("one-by-one-person-detection.mp4", 40), *frames("onepiece_demo.mp4", 10)]


@pytest.mark.slow
@needs_real
def test_real_frames_through_triton_are_what_ultralytics_predicts(
    real: Built, real_frames: list[NDArray[np.uint8]]
) -> None:
    yolo = open_weights(read_custom(real.weights), "fp32")
    boxes = 0
    with TritonServer(real.repository) as server, TritonClient(server.url, infer_timeout_s=120) as client:
        client.load("yolov8n")
        contract = client.contract("yolov8n", DetectContract)
        shapes = ((1, 384, 640), (8, 384, 640), (4, 480, 640), (2, 640, 384), (3, 320, 320))
        first = 0
        for (batch, height, width), count in zip(shapes, (10, 16, 12, 6, 6), strict=True):
            for start in range(first, first + count, batch):
                taken = real_frames[start : start + batch]
                images = np.stack([resized(frame, height, width) for frame in taken])
                seen, _ = client.infer(contract, images)
                own = yolo.predict(images, score_threshold=0.1, iou_threshold=0.7)
                for found, expected in zip(seen, own, strict=True):
                    assert len(found) == len(expected)
                    same = detection_parity.compare(found, expected, floor=0.0)
                    assert same.unmatched == 0
                    assert (same.max_px < 0.01, same.max_score < 1e-4) == (True, True)
                    boxes += same.boxes
            first += count
    assert first == len(real_frames) == 50
    assert boxes > 100


@pytest.mark.slow
@needs_real
def test_a_half_precision_build_differs_by_less_than_a_pixel(tmp_path: Path) -> None:
    record = build_detector(tmp_path, REAL / "weights" / "yolov8n.pt", "yolov8n", precision="fp16")
    path = model_path(tmp_path, "yolov8n")
    assert path.stat().st_size < 7e6
    assert 0.05 < record.parity["max_px"] <= 1
    assert record.parity["unmatched"] < 0.05 * record.parity["boxes"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [tensor.type for tensor in (*session.get_inputs(), *session.get_outputs())] == [
        "tensor(uint8)",
        "tensor(float)",
        "tensor(int32)",
    ]
