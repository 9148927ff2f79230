"""Lists the families of detectors whose weight files are tensors only, and tells which family a file is of.

ultralytics opens all other files, and runs the code in them.
"""

from __future__ import annotations

import importlib
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from export_onnx.weight_file_kind import names_of_classes

if TYPE_CHECKING:
    from export_onnx.catalog_model import CatalogDetector
    from export_onnx.detection.opened_detector import OpenedDetector
    from export_onnx.tensor_names import Precision
    from export_onnx.weight_file import WeightFile


@dataclass(frozen=True, kw_only=True)
class TensorFamily:
    """A family of detectors.

    Attributes:
        architecture: its name in the catalog.
        module: the module of this package that opens its weights.
        marks: names of tensors that only its networks have; empty if files are opened by the catalog alone.
        harmless_classes: classes that its files name beside those of tensors.
    """

    architecture: str
    module: str
    marks: tuple[bytes, ...] = ()
    harmless_classes: tuple[str, ...] = ()

    def open_weights(self, weights: WeightFile, precision: Precision, max_detections: int) -> OpenedDetector:
        """Open a weight file; arguments and errors are those of the module's function of that name."""
        module = importlib.import_module(f"export_onnx.detection.{self.module}")
        opened: OpenedDetector = module.open_weights(weights, precision, max_detections=max_detections)
        return opened


FAMILIES = (
    TensorFamily(architecture="LiteDetector", module="lite_detector"),
    TensorFamily(
        architecture="RF-DETR",
        module="rf_detr",
        marks=(b"refpoint_embed.weight", b"class_embed.bias"),
        harmless_classes=("argparse.Namespace", "types.SimpleNamespace"),
    ),
    TensorFamily(
        architecture="D-FINE",
        module="d_fine",
        marks=(b"decoder.dec_score_head.0.bias", b"decoder.decoder.lqe_layers"),
    ),
)


def family_of(weights: WeightFile, entry: CatalogDetector | None) -> TensorFamily | None:
    """Return the family of a weight file; None if ultralytics opens it.

    Args:
        weights: the weight file; it is not opened, only its table of names is searched.
        entry: its entry in the catalog, which decides; None if it has none.
    """
    if entry is not None:
        return next((family for family in FAMILIES if family.architecture == entry.architecture), None)
    table = _table(weights.content)
    return next(
        (family for family in FAMILIES if family.marks and all(m in table for m in family.marks)), None
    )


def _table(content: bytes) -> bytes:
    """Return the pickle of a PyTorch file, which has the names of its tensors; empty if it is none."""
    if names_of_classes(content) is None or not content.startswith(b"PK"):
        return b""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (inner,) = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
        return archive.read(inner)
