"""Reads and checks the values of a model's Triton config."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, cast

from tritonclient.grpc import model_config_pb2

from orchestrator.errors import InferenceFailed


class ConfigReader:
    """Reads and checks the values of a ModelConfig.

    Its methods raise InferenceFailed, which names the model and the parameter.

    Args:
        config: a `ModelConfig` protobuf message.
    """

    def __init__(self, config: Any) -> None:
        self._config = config

    def common(self) -> dict[str, Any]:
        """Return the fields that the contracts of all tasks share, except `size_multiple`."""
        sha256 = self.text("weights_sha256")
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise self.broken("parameter weights_sha256", "64 lowercase hexadecimal digits", sha256)
        if self._config.max_batch_size < 1:
            raise self.broken("max_batch_size", "1 or more", self._config.max_batch_size)
        return {
            "name": self._config.name,
            "max_batch": self._config.max_batch_size,
            "architecture": self.text("architecture"),
            "precision": self.choice("precision", "fp32", "fp16"),
            "weights_sha256": sha256,
            "weights_source": self.text("weights_source"),
            "licence": self.text("licence"),
            "gpu": self.gpu(),
        }

    def gpu(self) -> int | None:
        """Return the number of the GPU on which all instances run; None if there is no such GPU.

        A running server has replaced KIND_AUTO by what it has, and lists the GPUs of each group.
        """
        groups = self._config.instance_group
        numbers = {number for group in groups for number in group.gpus}
        if len(numbers) != 1 or any(group.kind != group.KIND_GPU for group in groups):
            return None
        return int(numbers.pop())

    def has(self, key: str) -> bool:
        """Return whether there is a parameter of that name."""
        return key in self._config.parameters

    def text(self, key: str) -> str:
        """Return a parameter that may not be empty."""
        value = self._config.parameters[key].string_value if key in self._config.parameters else ""
        if not value:
            raise self.broken(f"parameter {key}", "a value", "nothing")
        return str(value)

    def choice(self, key: str, *choices: str) -> str:
        """Return a parameter that is one of the choices."""
        text = self.text(key)
        if text not in choices:
            raise self.broken(f"parameter {key}", " or ".join(choices), text)
        return text

    def number(self, key: str, *, at_least: int) -> int:
        """Return a parameter that is a whole number of at most six digits."""
        text = self.text(key)
        if not re.fullmatch("[0-9]{1,6}", text) or int(text) < at_least:
            raise self.broken(f"parameter {key}", f"an integer of {at_least} or more", text)
        return int(text)

    def share(self, key: str) -> float:
        """Return a parameter that is a number from 0 to 1."""
        text = self.text(key)
        if not re.fullmatch(r"[01](\.[0-9]{1,6})?", text) or float(text) > 1:
            raise self.broken(f"parameter {key}", "a number from 0 to 1", text)
        return float(text)

    def names(self, key: str) -> tuple[str, ...]:
        """Return a parameter that is a JSON list of names."""
        text = self.text(key)
        try:
            names = json.loads(text)
        except ValueError:
            names = None
        if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
            raise self.broken(f"parameter {key}", "a JSON list of names", text)
        return tuple(cast("list[str]", names))

    def rows(self, output: str) -> int:
        """Return the first dimension of an output, or 0 if it has no fixed one."""
        found = (tensor.dims[0] for tensor in self._config.output if tensor.name == output and tensor.dims)
        return max(0, next(found, 0))

    def check_tensors(self, kind: Literal["input", "output"], *expected: str) -> None:
        """Refuse inputs or outputs other than these, each as its name, type and dimensions."""
        found = [
            f"{tensor.name} {model_config_pb2.DataType.Name(tensor.data_type)} {list(tensor.dims)}"
            for tensor in getattr(self._config, kind)
        ]
        if found != list(expected):
            raise self.broken(kind, ", ".join(expected), ", ".join(found) or "nothing")

    def broken(self, place: str, expected: str, found: object) -> InferenceFailed:
        """Return the error for a value that is not as expected."""
        name = self._config.name
        return InferenceFailed(
            f"model {name!r} breaks its contract: config.pbtxt has {found} as {place}, not {expected}; "
            f"build it with `framewright models build {name}`"
        )
