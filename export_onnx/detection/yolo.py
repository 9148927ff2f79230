"""Opens YOLO weights with ultralytics, exports their network, and runs its `predict`.

This is the only importer of ultralytics, and uses its documented API alone. ultralytics is AGPL-3.0
(docs/licences.md). Its weight files are pickles that run as programs when it opens them: callers pass only
weights whose hash is the catalog's, or that the user named. It may not use the network, install packages, or
write anywhere but into temporary folders.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import os
import re
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

    from export_onnx.weight_file import WeightFile

OPSET = 17
"""The same as in upscaling/graph.py: ONNX Runtime 1.19, the oldest that serves it, reads up to 21."""

RAW_INPUT, RAW_OUTPUT = "images", "output0"
"""The tensors of an exported network; see `OpenedDetector.raw`."""

_TRACED_PX = 640
"""Side of the example picture of the export, for all input sizes: an end-to-end network never returns more
boxes than it has for this picture, 8400."""

_ADVICE = "use the weights of a YOLO detector"


@dataclass(frozen=True, kw_only=True)
class OpenedYoloDetector:
    """An opened YOLO detector; implements `OpenedDetector`."""

    classes: tuple[str, ...]
    stride: int
    end_to_end: bool
    imgsz: Any
    raw: onnx.ModelProto
    _network: Any
    published_as: str | None = None
    square_side: None = None
    tools: tuple[str, ...] = ("torch", "ultralytics", "onnx", "onnxruntime")

    def predict(  # noqa: D102  described in the protocol
        self,
        images: NDArray[np.uint8],
        *,
        score_threshold: float,
        iou_threshold: float,
        max_detections: int = MAX_DETECTIONS,
    ) -> list[NDArray[np.float32]]:
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
        """Return the pictures of the ultralytics package; see `example_pictures`."""
        return example_pictures()


def open_weights(
    weights: WeightFile, precision: Precision, *, max_detections: int = MAX_DETECTIONS
) -> OpenedYoloDetector:
    """Open a weight file, which runs its code, and export its network.

    Args:
        weights: weights whose hash was checked, or that the user named.
        precision: the precision of the exported network; `predict` is always fp32.
        max_detections: the maximum number of boxes in a picture, which an end-to-end network contains.

    Raises:
        WeightsRefused: it is not a YOLO detector, or is damaged.
        ModelBuildFailed: it cannot be exported.
    """
    ultralytics = load_ultralytics()
    with tempfile.TemporaryDirectory(prefix="framewright-yolo-") as folder:
        # The very bytes that were hashed, under a neutral name: ultralytics draws conclusions from names.
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
                    nms=False,  # graph.py adds NMS; an end-to-end network needs none
                    **({"quantize": 16} if precision == "fp16" else {}),
                )
            raw = onnx.load(str(exported))
        except Exception as exc:  # the exporter raises whatever a network's operations raise
            raise ModelBuildFailed(
                f"ultralytics cannot export this network: {_line(exc)}; {_ADVICE}"
            ) from exc
    facts = {entry.key: entry.value for entry in raw.metadata_props}
    return OpenedYoloDetector(
        classes=tuple(str(names[number]) for number in range(len(names))),
        stride=int(facts["stride"]),
        end_to_end=facts["end2end"] == "True",
        imgsz=network.overrides.get("imgsz"),
        raw=raw,
        published_as=_published_as(network),
        _network=network,
    )


def _published_as(network: Any) -> str | None:
    """Return the name of the configuration that a network was made from, such as yolov8n, if it is stated."""
    name = Path(str((getattr(network.model, "yaml", None) or {}).get("yaml_file", ""))).stem
    return name if re.fullmatch(r"yolo(v8|11|26)[nsmlx]", name) else None


def example_pictures() -> Sequence[NDArray[np.uint8]]:
    """Return the pictures of the ultralytics package, a bus in a street and two people, uint8 [H, W, 3] RGB.

    Raises:
        ModelBuildFailed: the pictures are missing.
    """
    paths = sorted(load_ultralytics().ASSETS.glob("*.jpg"))
    pictures = [
        picture for path in paths if (picture := cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)) is not None
    ]
    if not pictures:
        raise ModelBuildFailed("ultralytics has no example pictures to prove a detector on; install it again")
    return [np.asarray(picture, np.uint8) for picture in pictures]


@functools.cache
def load_ultralytics() -> Any:
    """Import ultralytics, with its settings and caches in a folder that is removed when this process ends."""
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
    """Suppress the warnings and the output of ultralytics and PyTorch."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")
