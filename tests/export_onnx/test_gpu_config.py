"""Tests the GPU settings in config.pbtxt: how our backend reads them, and what TensorRT needs of a graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from export_onnx.catalog import load_catalog
from export_onnx.model_config import ServingOptions
from export_onnx.triton_config import render
from export_onnx.upscaling.planes_graph import PREFIX
from tools.fixtures.backend import config_as_json, load_backend

ROOT = Path(__file__).resolve().parents[2]
LITE = load_catalog().get("lite-x4")
DETECTOR = load_catalog().get("lite-detector")


@pytest.fixture(scope="module")
def backend() -> Any:
    return load_backend()


def test_our_backend_reads_the_options_of_cuda_that_the_native_one_reads(backend: Any) -> None:
    plain = {
        "device_id": "1",
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
    }
    assert backend.cuda_options(config_as_json(LITE.served(choices=ServingOptions())), 1) == (None, plain)
    config = config_as_json(LITE.served(choices=ServingOptions(accelerator="cuda")))
    assert backend.cuda_options(config, 1) == ("cuda", plain | {"cudnn_conv_use_max_workspace": "1"})
    config["parameters"]["gpu_mem_limit"] = {"string_value": "1000000"}
    assert backend.cuda_options(config, 0)[1]["gpu_mem_limit"] == "1000000"


def test_our_backend_takes_the_defaults_of_the_native_one_and_refuses_what_it_refuses(backend: Any) -> None:
    assert backend.cuda_options({}, 0)[1] == {
        "device_id": "0",
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "arena_extend_strategy": "kNextPowerOfTwo",
    }
    wrong = {"parameters": {"cudnn_conv_algo_search": {"string_value": "3"}}}
    with pytest.raises(ValueError, match="cudnn_conv_algo_search is '3'"):
        backend.cuda_options(wrong, 0)


def test_our_backend_knows_tensorrt_when_it_sees_it(backend: Any) -> None:
    choices = ServingOptions(accelerator="tensorrt", engine_cache="/engines")
    name, options = backend.cuda_options(config_as_json(LITE.served(choices=choices)), 0)
    assert name == "tensorrt"
    assert not any(key.startswith("trt") for key in options)


@pytest.mark.parametrize("model", [LITE, DETECTOR], ids=lambda model: str(model.name))
def test_tensorrt_takes_the_bytes_of_a_picture_as_they_are(model: Any) -> None:
    """TensorRT accepts bytes only at the ends of a network, and its profile is for the graph's own input."""
    graph = onnx.load(str(ROOT / "model_repository" / model.name / "1" / "model.onnx")).graph
    pictures = {"image", "luma", "chroma"}
    assert pictures & {value.name for value in graph.input}
    assert {node.op_type for node in graph.node if pictures & set(node.input)} <= {"Cast", "Shape"}


def test_tensorrt_leaves_the_branches_of_an_upscaler_and_what_follows_alone() -> None:
    """They would be engines of their own, whose inputs have no profile."""
    graph = onnx.load(str(ROOT / "model_repository" / "lite-x4" / "1" / "model.onnx")).graph
    kinds = [node.op_type for node in graph.node]
    branch = kinds.index("If")
    bodies = [
        len(attribute.g.node) for node in graph.node if node.op_type == "If" for attribute in node.attribute
    ]
    after = [kind for kind in kinds[branch:] if kind != "If"]
    choices = ServingOptions(accelerator="tensorrt", engine_cache="/engines")
    config = text_format.Parse(render(LITE.served(choices=choices)), model_config_pb2.ModelConfig())
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert max(*bodies, len(after)) < int(accelerator.parameters["trt_min_subgraph_size"]) < branch


def test_a_gpu_computes_no_colour_in_tensorfloat_32() -> None:
    """TF32, which GPUs use for convolutions and matrix products of fp32, has eleven bits."""
    graph = onnx.load(str(ROOT / "model_repository" / "lite-x4" / "1" / "model.onnx")).graph
    ours = [node for node in graph.node if node.output[0].startswith(PREFIX)]
    assert not [node for node in ours if node.op_type == "Conv"]
    assert len([node for node in ours if node.op_type == "MatMul"]) == 2  # whole levels, quarters of them


def test_tensorrt_leaves_the_end_of_a_detector_alone() -> None:
    graph = onnx.load(str(ROOT / "model_repository" / "lite-detector" / "1" / "model.onnx")).graph
    nodes = [node.op_type for node in graph.node if node.op_type != "Constant"]
    suppression = nodes.index("NonMaxSuppression")
    choices = ServingOptions(accelerator="tensorrt", engine_cache="/engines")
    config = text_format.Parse(render(DETECTOR.served(choices=choices)), model_config_pb2.ModelConfig())
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    fewest = int(accelerator.parameters["trt_min_subgraph_size"])
    assert len(nodes) - suppression - 1 < fewest < suppression
