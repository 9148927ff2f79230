"""Writes tensors as a safetensors file, the same bytes for the same tensors on every machine.

The serving environment fetches weights and has no safetensors package. The format is a length, a JSON header
and the tensors: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAMES = {"<f2": "F16", "<f4": "F32"}


def encode(tensors: dict[str, NDArray[np.floating[Any]]]) -> bytes:
    """Return the file's content. The tensors are little-endian fp16 or fp32; larger types come first."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts = []
    position = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        content = tensor.tobytes()
        header[name] = {
            "dtype": _NAMES[tensor.dtype.newbyteorder("<").str],
            "shape": list(tensor.shape),
            "data_offsets": [position, position + len(content)],
        }
        parts.append(content)
        position += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])
