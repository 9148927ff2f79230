"""Detectors through ultralytics: open a weight file, export its network, and ask it what it sees.

The only importer of ultralytics, which is called through its documented API and nothing else. It is AGPL-3.0
(docs/licences.md), and its weight files are pickles that it opens as programs: only weights whose hash is the
catalog's, or that a person named, may come here. It is kept from the network, from installing packages, and
from writing anywhere but into temporary folders. Does NOT know the catalog, NMS in ONNX or Triton.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnx

from export_onnx.tensor_names import MAX_DETECTIONS, Precision
from orchestrator.errors import ModelBuildFailed, WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from export_onnx.weights import Weights

OPSET = 17
"""As of the other models (graph.py): ONNX Runtime 1.19, the oldest that serves it, reads opsets to 21."""

RAW_INPUT, RAW_OUTPUT = "images", "output0"
"""Of an exported network: float [N, 3, H, W] RGB 0..1, and what `Yolo.raw` says."""

_TRACED_PX = 640
"""Side of the picture that a network is exported with, whatever size it is used at: an end-to-end network
gives no more boxes than it has for this picture, which are 8400."""

_ADVICE = "use the weights of a YOLO detector"


@dataclass(frozen=True, kw_only=True)
class Yolo:
    """An opened detector.

    Attributes:
        classes: their names, by class number.
        stride: input height and width must be multiples of it.
        end_to_end: whether the network itself gives one box an object.
        imgsz: the size of the pictures it was trained on, as the weight file says it; see `DetectionNetwork`.
        raw: the network as ultralytics exports it, with batch, height and width left open. It gives float
            [N, 4 + classes, anchors]: centre x and y, width, height in input pixels, and a score for each
            class; or, end to end, [N, most, 6]: x1, y1, x2, y2, score, class.
    """

    classes: tuple[str, ...]
    stride: int
    end_to_end: bool
    imgsz: Any
    raw: onnx.ModelProto
    _network: Any
    tools: tuple[str, ...] = ("torch", "ultralytics", "onnx", "onnxruntime")

    def predict(
        self,
        images: NDArray[np.uint8],
        *,
        score_threshold: float,
        iou_threshold: float,
        max_detections: int = MAX_DETECTIONS,
    ) -> list[NDArray[np.float32]]:
        """What ultralytics' own `predict` finds.

        Args:
            images: uint8 [N, H, W, 3] RGB, H and W multiples of `stride`.
            score_threshold: boxes of this score or less are not given, 0..1.
            iou_threshold: of NMS, 0..1; not looked at by an end-to-end network.
            max_detections: boxes in an image at most.

        Returns:
            For each image float32 [n, 6]: x1, y1, x2, y2 in pixels, score, class; highest score first.
        """
        with _quiet():
            results = self._network.predict(
                [np.ascontiguousarray(image[..., ::-1]) for image in images],  # BGR, as OpenCV reads files
                imgsz=images.shape[1:3],
                conf=score_threshold,
                iou=iou_threshold,
                max_det=max_detections,
                device="cpu",
                save=False,
                verbose=False,
                **({"nms": False} if self.end_to_end else {}),
            )
        return [np.asarray(result.boxes.data.numpy(), np.float32) for result in results]

    def examples(self) -> Sequence[NDArray[np.uint8]]:
        """The pictures that come inside ultralytics; see `example_pictures`."""
        return example_pictures()


def opened(weights: Weights, precision: Precision, *, max_detections: int = MAX_DETECTIONS) -> Yolo:
    """Open a weight file, as the program that it is, and export its network.

    Args:
        weights: whose hash was checked, or that a person named.
        precision: of the exported network; `predict` is always fp32.
        max_detections: boxes in a picture at most, which is part of an end-to-end network.

    Raises:
        WeightsRefused: it is no detector of the YOLO family, or damaged.
        ModelBuildFailed: it cannot be exported.
    """
    ultralytics = library()
    with tempfile.TemporaryDirectory(prefix="framewright-yolo-") as folder:
        # The very bytes that were hashed, under a name of ours: ultralytics takes hints from names.
        path = Path(folder) / "weights.pt"
        path.write_bytes(weights.content)
        try:
            with _quiet():
                network = ultralytics.YOLO(str(path))
                task, names = str(network.task), dict(network.names)
                exporting = ultralytics.YOLO(str(path))
        except Exception as exc:  # it raises whatever a foreign pickle and its classes raise
            raise WeightsRefused(
                f"{weights.file} cannot be opened by ultralytics: {_line(exc)}; {_ADVICE}"
            ) from exc
        if task != "detect":
            raise WeightsRefused(f"{weights.file} is a network for the task {task!r}; {_ADVICE}")
        if sorted(names) != list(range(len(names))) or not names:
            raise WeightsRefused(f"{weights.file} does not number its classes from 0 on; {_ADVICE}")
        try:
            with _quiet():
                exported = exporting.export(
                    format="onnx",
                    imgsz=_TRACED_PX,
                    max_det=max_detections,
                    dynamic=True,
                    opset=OPSET,
                    simplify=False,
                    device="cpu",
                    nms=False,  # ours is added to the graph; an end-to-end network needs none
                    **({"quantize": 16} if precision == "fp16" else {}),
                )
            raw = onnx.load(str(exported))
        except Exception as exc:  # the exporter raises whatever a network's operations raise
            raise ModelBuildFailed(
                f"ultralytics cannot export this network: {_line(exc)}; {_ADVICE}"
            ) from exc
    facts = {entry.key: entry.value for entry in raw.metadata_props}
    return Yolo(
        classes=tuple(str(names[number]) for number in range(len(names))),
        stride=int(facts["stride"]),
        end_to_end=facts["end2end"] == "True",
        imgsz=network.overrides.get("imgsz"),
        raw=raw,
        _network=network,
    )


def example_pictures() -> Sequence[NDArray[np.uint8]]:
    """The pictures that come inside ultralytics: a street with a bus, two people. Each uint8 [H, W, 3] RGB.

    Raises:
        ModelBuildFailed: they are not there.
    """
    paths = sorted(library().ASSETS.glob("*.jpg"))
    pictures = [
        picture for path in paths if (picture := cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)) is not None
    ]
    if not pictures:
        raise ModelBuildFailed("ultralytics has no example pictures to prove a detector on; install it again")
    return [np.asarray(picture, np.uint8) for picture in pictures]


@functools.cache
def library() -> Any:
    """The package itself, shut in: what it writes goes into a folder that ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="framewright-ultralytics-")
    atexit.register(folder.cleanup)
    os.environ |= {
        "YOLO_CONFIG_DIR": folder.name,
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
        "YOLO_VERBOSE": "false",
    }
    with _quiet():
        import ultralytics  # noqa: PLC0415  after the environment is set, and only when it is needed

        settings: Any = ultralytics.settings
        settings.update({"sync": False})
    return ultralytics


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what ultralytics and PyTorch print about their own doings."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")
