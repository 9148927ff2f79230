"""Identifies the kind of a weight file by its bytes, without opening it, and refuses all other files.

It recognises the formats of PyTorch and safetensors, and formats that people mistake for them.
upscaling/load_network.py and detection/yolo.py check whether the tensors belong to a network.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from typing import TYPE_CHECKING

from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from export_onnx.model_config import ModelTask
    from export_onnx.weight_file import WeightFile

_AGAIN = "copy or download it again"
_UNPACK = "unpack it and give the weights that are in it"

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        "is a Git LFS pointer, which stands for the file; run `git lfs pull` where it is from",
    ),
    (
        b"/annex/objects/",
        "is a git-annex pointer, which stands for the file; run `git annex get` where it is from",
    ),
    (b"\x1f\x8b", f"is compressed with gzip; {_UNPACK}"),
    (b"\xfd7zXZ\0", f"is compressed with xz; {_UNPACK}"),
    (b"BZh", f"is compressed with bzip2; {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"is compressed with Zstandard; {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"is a 7-Zip archive; {_UNPACK}"),
    (b"Rar!", f"is a RAR archive; {_UNPACK}"),
    (b"\x89HDF", "is an HDF5 file, as Keras writes them; give weights of PyTorch"),
    (b"GGUF", "is a GGUF file; give weights of PyTorch"),
    (b"\x93NUMPY", "is an array of NumPy; give weights of PyTorch"),
    (b"7767517", "is a network of ncnn; give the weights of PyTorch that it was made from"),
    (b"\x89PNG", "is a PNG picture; give weights of PyTorch"),
    (b"\xff\xd8\xff", "is a JPEG picture; give weights of PyTorch"),
    (b"%PDF", "is a PDF; give weights of PyTorch"),
)
"""The first bytes of file formats, from their specifications, and the message for each."""

_TENSORS = (
    "torch._utils.",
    "torch._tensor.",
    "torch.storage.",
    "torch.serialization.",
    "torch.nn.parameter.Parameter",
    "collections.",
    "numpy.",
)
"""The packages and classes that a file of tensors may name."""

_YOLO = ("ultralytics.", "models.yolo.", "models.common.")
"""The packages of the classes in a YOLO file, of today and of the first YOLOv5."""

_PICKLES = 5
"""A file of PyTorch before 1.6 begins with five pickles: magic number, version, system, object, keys."""


def check_kind(weights: WeightFile, task: ModelTask, *, harmless: tuple[str, ...] = ()) -> None:
    """Refuse a file that holds no weights, or weights for another task.

    Args:
        weights: the file.
        task: the task of the model to build; `upscale` for any file that should hold tensors only.
        harmless: classes that such a file may name beside those of tensors.

    Raises:
        WeightsRefused: the message says what the file is.
    """
    if problem := _problem(weights.content, weights.file, task, harmless):
        raise WeightsRefused(f"{weights.file} {problem}")


def names_of_classes(content: bytes) -> tuple[str, ...] | None:
    """Return the classes and functions that opening a PyTorch file would import, as `module.name`.

    Returns:
        None if it is not a PyTorch file.
    """
    try:
        if content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                (inner,) = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
                return tuple(dict.fromkeys(_globals(io.BytesIO(archive.read(inner)))))
        stream = io.BytesIO(content)
        found: list[str] = []
        for _ in range(_PICKLES):
            if content[stream.tell() : stream.tell() + 1] not in {b"\x80", b"c", b"("}:
                break
            found += _globals(stream)
        return tuple(dict.fromkeys(found))
    except (ValueError, zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        return None


def _globals(stream: io.BytesIO) -> Iterator[str]:
    """Yield the globals of the next pickle in a stream, without running it. Raises ValueError."""
    strings: list[str] = []
    memo: dict[int, str] = {}
    for operation, argument, _ in pickletools.genops(stream):
        name = operation.name
        if name in {"GLOBAL", "INST"}:
            yield str(argument).replace(" ", ".")
        elif name == "STACK_GLOBAL" and len(strings) > 1:
            yield f"{strings[-2]}.{strings[-1]}"
        elif name == "MEMOIZE":
            memo[len(memo)] = strings[-1] if strings else ""
        elif name in {"BINPUT", "LONG_BINPUT", "PUT"}:
            memo[int(argument or 0)] = strings[-1] if strings else ""
        elif name in {"BINGET", "LONG_BINGET", "GET"}:
            strings.append(memo.get(int(argument or 0), ""))
        elif isinstance(argument, str):
            strings.append(argument)
        del strings[:-2]


def _problem(content: bytes, file: str, task: ModelTask, harmless: tuple[str, ...]) -> str | None:  # noqa: C901, PLR0911, PLR0912  a return a kind
    """Return what is wrong and what to do; None if the file may be opened."""
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    named_safetensors = file.lower().endswith(".safetensors")
    if not content:
        return f"is empty; {_AGAIN}"
    for beginning, problem in _BEGINNINGS:
        if content.startswith(beginning):
            return problem
    if b".git/annex/objects/" in content[:1024]:
        return dict(_BEGINNINGS)[b"/annex/objects/"]
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start[:1024]:
        return "is an HTML page, such as one that asks for a login; download the file itself"
    if start.startswith(b"<"):
        return "is an XML document, such as the refusal of a store; download the file itself"
    if _is_safetensors(content):
        if task == "detect":
            return "is a safetensors file, which holds no network; give the .pt file that the training wrote"
        return (
            None if named_safetensors else "is a safetensors file; give it a name that ends in .safetensors"
        )
    if _is_onnx(content):
        return (
            "is an ONNX model, which is exported already; give the weights of PyTorch that it was made from"
        )
    if content[257:262] == b"ustar":
        return f"is a tar archive; {_UNPACK}"
    if content.startswith(b"PK"):
        if broken := _of_zip(content):
            return broken
    elif content[:1] not in {b"\x80", b"c", b"("}:
        if b"\0" in content[:4096] or not _is_utf8(content[:4096]):
            return f"is no file of PyTorch, or is damaged at its beginning; {_AGAIN}"
        return "is a text and no weights, such as the message of a site; download the file itself"
    if named_safetensors:
        return "is named .safetensors and is none; give a file of PyTorch a name that ends in .pth"
    return _of_pickle(content, task, harmless)


def _is_utf8(start: bytes) -> bool:
    try:
        start.decode()
    except UnicodeDecodeError as exc:
        return exc.start > len(start) - 4  # the last character is cut
    return True


def _is_safetensors(content: bytes) -> bool:
    return content[8:9] == b"{" and 2 <= int.from_bytes(content[:8], "little") <= 100_000_000


def _is_onnx(content: bytes) -> bool:
    """A ModelProto starts with field 1, the version of the format, followed by one of fields 2 to 8."""
    fields = {b"\x12", b"\x1a", b"\x22", b"\x2a", b"\x32", b"\x3a", b"\x42"}
    return content[:1] == b"\x08" and content[1:2] < b"\x40" and content[2:3] in fields


def _of_zip(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner = archive.namelist()
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, RuntimeError):
        return f"is cut short or damaged; {_AGAIN}"
    if damaged is not None:
        return f"is damaged; {_AGAIN}"
    if any("/code/" in name or name.endswith("/constants.pkl") for name in inner):
        return "is a TorchScript archive; give the weights that it was made from, saved by torch.save"
    if sum(name.rpartition("/")[2] == "data.pkl" for name in inner) != 1:
        return f"is a zip archive; {_UNPACK}"
    return None


def _of_pickle(content: bytes, task: ModelTask, harmless: tuple[str, ...]) -> str | None:
    names = names_of_classes(content)
    if names is None:
        return f"is cut short or damaged; {_AGAIN}"
    is_yolo = any(name.startswith(_YOLO) for name in names)
    if task == "detect":
        if is_yolo:
            return None
        return (
            "holds no YOLO detector, and was not opened; give the .pt file that the training wrote, or leave "
            "--task detect out if it is for upscaling"
        )
    if is_yolo:
        return "is a YOLO file; add --task detect, and know that its code is run"
    programs = [
        name
        for name in names
        if not name.startswith(_TENSORS)
        and name not in harmless
        and not (name.startswith("torch.") and name.count(".") == 1)
    ]
    if programs:
        return (
            f"holds more than tensors: it names {programs[0][:100]!r}, which opening it would run, and was "
            "not opened; save the network's state_dict() alone, or as .safetensors"
        )
    return None
