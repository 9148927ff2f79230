"""What the export asks of a detector's network, whoever made it: yolo.py and lite.py have one each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from export_onnx.tensor_names import MAX_DETECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import onnx
    from numpy.typing import NDArray


class DetectionNetwork(Protocol):
    """An opened detector.

    Attributes:
        classes: their names, by class number.
        stride: input height and width must be multiples of it.
        end_to_end: whether the network itself gives one box an object.
        raw: the network in ONNX, with batch, height and width left open: float [N, 3, H, W] RGB 0..1 as
            `yolo.RAW_INPUT`, to `yolo.RAW_OUTPUT`. It gives float [N, 4 + classes, anchors]: centre x and y,
            width, height in input pixels, and a score for each class; or, end to end, [N, most, 6]: x1, y1,
            x2, y2, score, class.
        imgsz: what the weights say of the pictures that it was trained on: pixels of the longer side, or
            [height, width]; None where they say nothing. It is not checked.
        tools: packages that open and run it, whose versions the record names.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def stride(self) -> int: ...  # noqa: D102
    @property
    def end_to_end(self) -> bool: ...  # noqa: D102
    @property
    def imgsz(self) -> Any: ...  # noqa: D102
    @property
    def raw(self) -> onnx.ModelProto: ...  # noqa: D102
    @property
    def tools(self) -> tuple[str, ...]: ...  # noqa: D102

    def predict(
        self,
        images: NDArray[np.uint8],
        *,
        score_threshold: float,
        iou_threshold: float,
        max_detections: int = MAX_DETECTIONS,
    ) -> list[NDArray[np.float32]]:
        """What it finds without ONNX.

        Args:
            images: uint8 [N, H, W, 3] RGB, H and W multiples of `stride`.
            score_threshold: boxes of this score or less are not given, 0..1.
            iou_threshold: of NMS, 0..1; not looked at by an end-to-end network.
            max_detections: boxes in an image at most.

        Returns:
            For each image float32 [n, 6]: x1, y1, x2, y2 in pixels, score, class; highest score first.
        """

    def examples(self) -> Sequence[NDArray[np.uint8]]:
        """Pictures of things that it finds, each uint8 [H, W, 3] RGB.

        Raises:
            ModelBuildFailed: they are not there.
        """
