"""What a model promises, read from the config that Triton serves it with.

`export_onnx` writes the numbers into config.pbtxt `parameters`; this reads them back over gRPC, so that no
number is known in two places. It knows only the task `upscale`: `image` uint8 [N, H, W, 3] RGB in, `upscaled`
uint8 [N, scale*H, scale*W, 3] RGB out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, cast

from tritonclient.grpc import model_config_pb2

from orchestrator.errors import InferenceFailed

TASK: Literal["upscale"] = "upscale"
INPUT = "image"
OUTPUT = "upscaled"
_DIMS = [-1, -1, 3]


@dataclass(frozen=True, kw_only=True)
class ModelContract:
    """One model's promises.

    Attributes:
        name: of the model.
        task: what it does.
        scale: output size over input size, in each direction.
        size_multiple: input height and width must be multiples of this, in pixels.
        halo: input pixels on each side of a tile that its output depends on.
        tile: recommended side of a tile, without its halo, in input pixels; a multiple of `size_multiple`.
        max_batch: most images in one request.
        architecture: name of the network's architecture.
        precision: of its weights and arithmetic.
        weights_sha256: SHA-256 of the weight file, 64 lowercase hexadecimal digits.
        weights_source: where the weights come from.
        licence: of the weights.
    """

    name: str
    task: Literal["upscale"]
    scale: int
    size_multiple: int
    halo: int
    tile: int
    max_batch: int
    architecture: str
    precision: Literal["fp32", "fp16"]
    weights_sha256: str
    weights_source: str
    licence: str


def parse_contract(config: Any) -> ModelContract:
    """Read a contract from a `ModelConfig` protobuf message.

    Raises:
        InferenceFailed: a parameter is missing or out of range, or an input or output is not the task's.
    """
    reader = _Reader(config)
    task = reader.text("task")
    if task != TASK:
        raise reader.broken("parameter task", TASK, task)
    reader.check_tensors("input", INPUT)
    reader.check_tensors("output", OUTPUT)
    precision = reader.text("precision")
    if precision not in {"fp32", "fp16"}:
        raise reader.broken("parameter precision", "fp32 or fp16", precision)
    sha256 = reader.text("weights_sha256")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise reader.broken("parameter weights_sha256", "64 lowercase hexadecimal digits", sha256)
    if config.max_batch_size < 1:
        raise reader.broken("max_batch_size", "1 or more", config.max_batch_size)
    size_multiple = reader.number("size_multiple", at_least=1)
    tile = reader.number("tile", at_least=1)
    if tile % size_multiple:
        raise reader.broken("parameter tile", f"a multiple of size_multiple {size_multiple}", tile)
    return ModelContract(
        name=config.name,
        task=TASK,
        scale=reader.number("scale", at_least=1),
        size_multiple=size_multiple,
        halo=reader.number("halo", at_least=0),
        tile=tile,
        max_batch=config.max_batch_size,
        architecture=reader.text("architecture"),
        precision=cast("Literal['fp32', 'fp16']", precision),
        weights_sha256=sha256,
        weights_source=reader.text("weights_source"),
        licence=reader.text("licence"),
    )


class _Reader:
    """Reads a ModelConfig; names the model and the place in every complaint."""

    def __init__(self, config: Any) -> None:
        self._config = config

    def text(self, key: str) -> str:
        value = self._config.parameters[key].string_value if key in self._config.parameters else ""
        if not value:
            raise self.broken(f"parameter {key}", "a value", "nothing")
        return str(value)

    def number(self, key: str, *, at_least: int) -> int:
        text = self.text(key)
        if not re.fullmatch("[0-9]{1,6}", text) or int(text) < at_least:
            raise self.broken(f"parameter {key}", f"an integer of {at_least} or more", text)
        return int(text)

    def check_tensors(self, kind: Literal["input", "output"], name: str) -> None:
        found = [
            f"{tensor.name} {model_config_pb2.DataType.Name(tensor.data_type)} {list(tensor.dims)}"
            for tensor in getattr(self._config, kind)
        ]
        wanted = f"{name} TYPE_UINT8 {_DIMS}"
        if found != [wanted]:
            raise self.broken(kind, wanted, ", ".join(found) or "nothing")

    def broken(self, place: str, wanted: str, found: object) -> InferenceFailed:
        name = self._config.name
        return InferenceFailed(
            f"model {name!r} breaks its contract: config.pbtxt has {found} as {place}, not {wanted}; "
            f"build it with `framewright models build {name}`"
        )
