"""Exports a detection transformer (DETR), which takes square pictures and needs no NMS.

RF-DETR and D-FINE share this module. Both stretch a picture to the square of their training, score each of
their queries for each class with a sigmoid, and keep the best pairs of a query and a class.

An fp16 build halves the backbone and the encoder only. The decoder stays fp32: it selects queries by scores
that differ by less than the rounding of fp16, and refines boxes step by step.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import pickle
import tempfile
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnx
import torch

from export_onnx.detection.gather_sampling import exported_with_gathers
from export_onnx.detection.yolo import OPSET, RAW_INPUT, RAW_OUTPUT
from export_onnx.tensor_names import MAX_DETECTIONS
from export_onnx.upscaling.parity import PHOTO
from orchestrator.errors import BadRequest, ModelBuildFailed, WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from export_onnx.weight_file import WeightFile

    Predict = Callable[[NDArray[np.uint8], float], list[NDArray[np.float32]]]


@dataclass(frozen=True, kw_only=True)
class OpenedTransformerDetector:
    """An opened detection transformer; implements `OpenedDetector`.

    Attributes:
        own_predict: runs the prediction of the network's own package on uint8 [N, H, W, 3] RGB at a score
            threshold; returns float32 [n, 6] for each picture, in the columns of `OpenedDetector.predict`.
        published_as: see `OpenedDetector`; None for RF-DETR, whose sizes have different sides.
    """

    classes: tuple[str, ...]
    square_side: int
    raw: onnx.ModelProto
    own_predict: Predict
    tools: tuple[str, ...]
    end_to_end: bool = True
    published_as: str | None = None

    @property
    def stride(self) -> int:
        """The side of the square: there is no other size."""
        return self.square_side

    @property
    def imgsz(self) -> int:
        """The side of the training pictures."""
        return self.square_side

    def predict(  # noqa: D102  described in the protocol
        self,
        images: NDArray[np.uint8],
        *,
        score_threshold: float,
        iou_threshold: float,  # noqa: ARG002  there is no NMS
        max_detections: int = MAX_DETECTIONS,
    ) -> list[NDArray[np.float32]]:
        limits = np.array([self.square_side] * 4, np.float32)
        found = []
        for rows in self.own_predict(images, score_threshold):
            best = rows[np.argsort(-rows[:, 4], kind="stable")][:max_detections]
            best[:, :4] = np.clip(best[:, :4], 0, limits)
            found.append(best)
        return found

    def examples(self) -> Sequence[NDArray[np.uint8]]:
        """Return the photograph of the repository, whole and in two parts."""
        photograph = cv2.imread(str(PHOTO), cv2.IMREAD_COLOR_RGB)
        if photograph is None:
            raise ModelBuildFailed(f"{PHOTO} cannot be read; restore it from the repository")
        picture = np.asarray(photograph, np.uint8)
        middle = picture.shape[0] // 2
        return [picture, picture[:middle], picture[middle:]]


class BestPairs(torch.nn.Module):
    """Adds normalisation in front of a network, and the selection of boxes behind it.

    Args:
        network: takes float [N, 3, S, S], returns logits [N, Q, C] and boxes [N, Q, 4]: centre x and y, width
            and height, as shares of the picture.
        side: S.
        class_numbers: the number of our class for each of C; -1 for those that no class uses.
        most: how many pairs of a query and a class to keep.
        mean, std: the mean and the standard deviation that the network expects its input normalised with.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        side: int,
        class_numbers: Sequence[int],
        most: int,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.network = network
        self.side = side
        self.most = most
        self.class_numbers: torch.Tensor
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("class_numbers", torch.tensor(class_numbers, dtype=torch.float32))
        self.register_buffer("mean", torch.tensor(mean).reshape(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(3, 1, 1))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return float [N, most, 6] of pictures [N, 3, S, S] RGB 0..1; see `OpenedDetector.raw`."""
        logits, boxes = self.network((pictures - self.mean) / self.std)
        classes = logits.shape[-1]
        scores, places = logits.sigmoid().flatten(1).topk(self.most, dim=1)
        query = torch.div(places, classes, rounding_mode="floor")
        number = self.class_numbers[places - query * classes]
        chosen = boxes.gather(1, query.unsqueeze(-1).expand(-1, -1, 4))
        centre, size = chosen[..., :2], chosen[..., 2:]
        corners = torch.cat([centre - size / 2, centre + size / 2], dim=-1) * self.side
        used = (number >= 0).to(scores.dtype)
        rows = torch.cat([corners, (scores * used).unsqueeze(-1), (number * used).unsqueeze(-1)], dim=-1)
        # A NaN anywhere makes all rows NaN, also where top-k would pass it over.
        total = logits.sum(dim=(1, 2)) + boxes.sum(dim=(1, 2))
        checked: torch.Tensor = rows + (total - total).reshape(-1, 1, 1)
        return checked


def halved(network: torch.nn.Module, parts: Sequence[str]) -> torch.nn.Module:
    """Return a copy of a network whose named parts compute in fp16, with casts around each of them.

    Args:
        network: an fp32 network.
        parts: the names of the submodules; what they take and return may be nested in lists and tuples.
    """
    copied = copy.deepcopy(network)
    for name in parts:
        part = copied.get_submodule(name).half()
        part.register_forward_pre_hook(
            lambda _, args, kwargs: (_cast(args, torch.float16), _cast(kwargs, torch.float16)),
            with_kwargs=True,
        )
        part.register_forward_hook(lambda _, __, result: _cast(result, torch.float32))
    return copied


def _cast(value: Any, dtype: torch.dtype) -> Any:
    """Return a value with all floats in it, however nested, as `dtype`."""
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, dict):  # also the outputs of transformers
        for key in list(value):
            value[key] = _cast(value[key], dtype)
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(entry, dtype) for entry in value)
    return value


def export_raw(network: BestPairs) -> onnx.ModelProto:
    """Return a network in ONNX, for any number of pictures of its one size.

    Raises:
        ModelBuildFailed: it cannot be exported.
    """
    with tempfile.TemporaryDirectory(prefix="framewright-detr-") as folder:
        path = Path(folder) / "raw.onnx"
        try:
            with (
                torch.no_grad(),
                warnings.catch_warnings(),
                contextlib.redirect_stdout(io.StringIO()),
                exported_with_gathers(),
            ):
                warnings.simplefilter(
                    "ignore"
                )  # the tracing exporter is deprecated; parity.py checks its result
                torch.onnx.export(
                    network.eval(),
                    (
                        torch.rand(
                            2, 3, network.side, network.side, generator=torch.Generator().manual_seed(0)
                        ),
                    ),
                    str(path),
                    input_names=[RAW_INPUT],
                    output_names=[RAW_OUTPUT],
                    opset_version=OPSET,
                    dynamic_axes={RAW_INPUT: {0: "batch"}, RAW_OUTPUT: {0: "batch"}},
                    dynamo=False,
                )
        except Exception as exc:  # the exporter raises whatever a network's operations raise
            reason = (str(exc).splitlines() or [type(exc).__name__])[0]
            raise ModelBuildFailed(f"this network cannot be exported to ONNX: {reason}") from exc
        return onnx.load(str(path))


def published_tensors(
    weights: WeightFile, family: str, marks: set[str], *, advice: str
) -> dict[str, torch.Tensor]:
    """Open a weight file as the authors publish it, as tensors only, and return its tensors by name.

    Args:
        weights: the file.
        family: the name of the networks, for messages.
        marks: tensors that every network of the family has.
        advice: what to do about a refusal, for messages.

    Raises:
        WeightsRefused: it is damaged, or lacks one of `marks`.
    """
    try:
        # Files of RF-DETR also hold the options of the training, in these harmless classes.
        with torch.serialization.safe_globals([argparse.Namespace, types.SimpleNamespace]):
            content = torch.load(io.BytesIO(weights.content), weights_only=True, map_location="cpu")
        state: dict[str, torch.Tensor] = content["model"]
        missing = marks - set(state)
    except (RuntimeError, KeyError, TypeError, EOFError, ValueError, pickle.UnpicklingError) as exc:
        raise WeightsRefused(f"{weights.file} holds no weights of {family}; {advice}") from exc
    if missing:
        raise WeightsRefused(f"{weights.file} lacks {min(missing)!r} of {family}; {advice}")
    return state


def check_most(most: int, queries: int) -> None:
    """Refuse more boxes in a picture than a network has queries.

    Raises:
        BadRequest: `most` exceeds `queries`.
    """
    if most > queries:
        raise BadRequest(
            f"--max-detections {most} is more than this network finds: it has {queries} queries, one for "
            f"each object; give {queries} or less"
        )
