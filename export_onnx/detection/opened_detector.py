"""Defines the interface of an opened detector, which the module of each family implements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from export_onnx.tensor_names import MAX_DETECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import onnx
    from numpy.typing import NDArray


class OpenedDetector(Protocol):
    """An opened detector.

    Attributes:
        classes: the names of the classes, by class number.
        stride: input height and width must be multiples of it.
        end_to_end: whether the network itself returns one box for each object.
        raw: the network in ONNX, with dynamic batch, height and width. `yolo.RAW_INPUT` is float [N, 3, H, W]
            RGB 0..1. `yolo.RAW_OUTPUT` is float [N, 4 + classes, anchors]: centre x and y, width, height in
            input pixels, and a score for each class; or, end to end, [N, max_detections, 6]: x1, y1, x2, y2,
            score, class.
        square_side: the side in pixels if it takes squares of that size only, to which pictures are
            stretched, and `raw` has a fixed height and width; None if pictures are letterboxed.
        imgsz: the size of its training pictures, as the weights state it, unchecked: the longer side in
            pixels, or [height, width]; None if they do not state it.
        published_as: the name in the catalog of the network, such as yolov8n, if the weights state it;
            otherwise None. Weights that somebody trained further keep it.
        tools: the packages that open and run it, for the build record.
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
    def square_side(self) -> int | None: ...  # noqa: D102
    @property
    def raw(self) -> onnx.ModelProto: ...  # noqa: D102
    @property
    def published_as(self) -> str | None: ...  # noqa: D102
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
        """Return the detections of the network itself, without ONNX.

        Args:
            images: uint8 [N, H, W, 3] RGB, H and W multiples of `stride`.
            score_threshold: boxes of this score or less are dropped, 0..1.
            iou_threshold: the threshold of NMS, 0..1; unused by an end-to-end network.
            max_detections: the maximum number of boxes in an image.

        Returns:
            For each image float32 [n, 6]: x1, y1, x2, y2 in pixels, score, class; highest score first.
        """

    def examples(self) -> Sequence[NDArray[np.uint8]]:
        """Return pictures of objects that it detects, each uint8 [H, W, 3] RGB.

        Raises:
            ModelBuildFailed: the pictures are missing.
        """
