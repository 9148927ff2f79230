"""Tests that files of other kinds are refused as weights, with advice, and that no code in them runs."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: building models is an extra")
from collections.abc import Callable

import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save as saved_tensors

from export_onnx.build import build
from export_onnx.catalog import load_catalog
from export_onnx.exportable_model import ModelBuildOptions
from export_onnx.model_config import ServingOptions
from export_onnx.weight_file import read_custom
from export_onnx.weight_file_kind import names_of_classes
from orchestrator.errors import WeightsRefused
from tests.support.model_builds import MaliciousPickle
from tools.fixtures import networks

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
NETWORK = torch.nn.Conv2d(3, 3, 3)


def torch_file(value: Any, **options: Any) -> bytes:
    """A file as torch.save writes it."""
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def script() -> bytes:
    stream = io.BytesIO()
    traced: Any = torch.jit.trace(NETWORK, torch.zeros(1, 3, 8, 8))  # type: ignore[no-untyped-call]
    torch.jit.save(traced, stream)
    return stream.getvalue()


def onnx_file() -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [value])
    return bytes(helper.make_model(graph).SerializeToString())


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, GOOD)
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("mine.pth")
        member.size = len(GOOD)
        archive.addfile(member, io.BytesIO(GOOD))
    return stream.getvalue()


def changed(content: bytes, at: int) -> bytes:
    """A file with one byte changed."""
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


STATE = {"params": NETWORK.state_dict()}
GOOD = torch_file(STATE)
OLD = torch_file(STATE, _use_new_zipfile_serialization=False)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e\nsize 67040989\n"
KINDS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "is empty", "download it again"),
    "LFS pointer": (lambda: LFS, "is a Git LFS pointer", "git lfs pull"),
    "annex pointer": (
        lambda: b"/annex/objects/SHA256E-s6--4d7.pth\n",
        "is a git-annex pointer",
        "git annex get",
    ),
    "annex link": (
        lambda: b"../.git/annex/objects/Xx/9z/SHA256E-s6--4d7.pth",
        "is a git-annex pointer",
        "git annex get",
    ),
    "HTML": (
        lambda: b"\n <!DOCTYPE html><html><title>Sign in",
        "is an HTML page",
        "download the file itself",
    ),
    "HTML after a comment": (lambda: b"<!-- hi --><HTML>", "is an HTML page", "download the file itself"),
    "XML": (lambda: b"<?xml version='1.0'?><Error><Code>AccessDenied", "is an XML document", "download"),
    "JSON": (lambda: b'{"error": "Invalid username or password."}', "is a text", "download the file itself"),
    "text": ("Not Found é".encode, "is a text", "download the file itself"),
    "zeros": (lambda: bytes(5000), "is no file of PyTorch", "download it again"),
    "noise": (lambda: b"\xf3\xe8\x91" * 999, "is no file of PyTorch", "download it again"),
    "gzip": (lambda: gzip.compress(GOOD), "is compressed with gzip", "unpack it"),
    "tar": (tarred, "is a tar archive", "unpack it"),
    "zip": (lambda: zipped("mine.pth"), "is a zip archive", "unpack it"),
    "PNG": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), "is a PNG picture", "give weights"),
    "ONNX": (onnx_file, "is an ONNX model", "that it was made from"),
    "TorchScript": (script, "is a TorchScript archive", "torch.save"),
    "cut": (lambda: GOOD[: len(GOOD) // 2], "is cut short or damaged", "download it again"),
    "cut after a byte": (lambda: GOOD[:1], "", ""),
    "cut, of an old PyTorch": (lambda: OLD[:200], "is cut short or damaged", "download it again"),
    "damaged": (lambda: changed(GOOD, GOOD.index(b"weight")), "damaged", "download it again"),
}


def refusal(folder: Path, content: bytes, file: str = "mine.pth", **given: Any) -> str:
    """Return the error of a build, which must refuse the file, leave nothing and run nothing."""
    (folder / file).write_bytes(content)
    with pytest.raises(WeightsRefused) as caught:
        build(
            "mine",
            read_custom(folder / file),
            catalog=load_catalog(),
            options=ModelBuildOptions(choices=ServingOptions(), **given),
            repository=folder / "models",
            on_progress=print,
        )
    message = str(caught.value)
    assert message.startswith(f"{file} ")
    assert "\n" not in message
    assert "weights_only" not in message.lower().replace(" ", "_")
    assert sorted(path.name for path in folder.iterdir()) == [file]
    return message


@pytest.mark.parametrize("task", ["upscale", "detect"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_no_weights_is_named_for_what_it_is(tmp_path: Path, kind: str, task: Any) -> None:
    make, what, advice = KINDS[kind]
    message = refusal(tmp_path, make(), task=task)
    assert what in message
    assert advice in message.partition(";")[2]


def test_safetensors_and_pytorch_under_each_other_s_names_are_reported(tmp_path: Path) -> None:
    tensors = saved_tensors(NETWORK.state_dict())
    assert "is a safetensors file; give it a name that ends in .safetensors" in refusal(tmp_path, tensors)
    (tmp_path / "mine.pth").unlink()
    assert "is named .safetensors and is none" in refusal(tmp_path, GOOD, "mine.safetensors")
    (tmp_path / "mine.safetensors").unlink()
    assert "holds no network" in refusal(tmp_path, tensors, "mine.safetensors", task="detect")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("task", ["upscale", "detect"])
def test_a_file_that_would_run_code_is_not_opened(tmp_path: Path, task: Any, *, old: bool) -> None:
    trap = tmp_path / "trap"
    content = torch_file({"model": MaliciousPickle(trap)}, _use_new_zipfile_serialization=not old)
    message = refusal(tmp_path, content, task=task)  # also looks for what is in the folder
    assert ("posix.mkdir" in message) == (task == "upscale")
    assert "was not opened" in message


def test_a_whole_network_is_told_from_its_tensors(tmp_path: Path) -> None:
    message = refusal(tmp_path, torch_file(NETWORK))
    assert "holds more than tensors: it names 'torch.nn.modules.conv.Conv2d'" in message
    assert "state_dict()" in message


def test_upscaler_and_detector_are_told_apart(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics", reason="ultralytics is not installed")
    content = networks.yolo(tmp_path / "mine.pth", "yolov8n").read_bytes()
    assert "is a YOLO file; add --task detect" in refusal(tmp_path, content)
    assert "leave --task detect out" in refusal(tmp_path, GOOD, task="detect")


def test_what_a_file_names_is_read_without_running_it() -> None:
    assert names_of_classes(pickle.dumps({"a": MaliciousPickle(Path("/x"))}, 2)) == ("posix.mkdir",)
    assert names_of_classes(pickle.dumps({"a": MaliciousPickle(Path("/x"))}, 4)) == ("posix.mkdir",)
    assert names_of_classes(GOOD) is not None
    assert set(names_of_classes(GOOD) or ()) == set(names_of_classes(OLD) or ())
    assert names_of_classes(b"PK\3\4 nothing") is None


@pytest.mark.skipif(not CASES.exists(), reason="../shared/cases is not there")
def test_a_trained_detector_needs_its_task(tmp_path: Path) -> None:
    content = (CASES / "best_imgsz160.pt").read_bytes()
    assert "is a YOLO file; add --task detect" in refusal(tmp_path, content, "best.pt")


def test_good_weights_of_every_form_are_opened(tmp_path: Path) -> None:
    for form, content in (("new", GOOD), ("old", OLD)):
        assert "of no architecture that spandrel knows" in refusal(tmp_path, content, f"{form}.pth")
        (tmp_path / f"{form}.pth").unlink()
    assert onnx.load_model_from_string(onnx_file()).ir_version  # what is called one above is one
