"""Tests the model repository: written files, how Triton loads them, and commands without PyTorch."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from export_onnx import write_configs as configs
from export_onnx.catalog import load_catalog
from export_onnx.catalog_model import CatalogDetector, CatalogModel, CatalogUpscaler
from export_onnx.model_config import ModelConfig, ServingOptions
from export_onnx.repository import CPU_FILE, BuildRecord, check_name, install, read_record, staging
from export_onnx.triton_config import render
from export_onnx.weight_file import sha256_of
from orchestrator.errors import BadRequest, InferenceFailed, OutputPathRefused
from orchestrator.triton.client import TritonClient
from orchestrator.triton.colour_tensor import MOST_COLOUR_FLOATS
from orchestrator.triton.contract import UpscaleContract, parse_contract
from orchestrator.triton.server import TritonServer
from tools.fixtures.upscalers import write_identity

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = ROOT / "model_repository"
CATALOG = load_catalog()
NAMES = list(CATALOG.models)
UPSCALERS = {name: model for name, model in CATALOG.models.items() if isinstance(model, CatalogUpscaler)}
DETECTORS = {name: model for name, model in CATALOG.models.items() if isinstance(model, CatalogDetector)}
LITE = UPSCALERS["lite-x4"]
CHOICES = [
    ServingOptions(),
    ServingOptions(precision="fp16"),
    ServingOptions(accelerator="cuda"),
    ServingOptions(accelerator="cuda", warm_up=True, instances=2),
    ServingOptions(precision="fp16", accelerator="tensorrt", engine_cache="/engines"),
    ServingOptions(accelerator="tensorrt", engine_cache='/a "quoted" \\ folder/é', warm_up=True),
]


def parsed(text: str) -> Any:
    """A config.pbtxt as Triton reads it."""
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def parameters(config: Any) -> dict[str, str]:
    return {key: value.string_value for key, value in config.parameters.items()}


def chosen(config: Any) -> ServingOptions:
    """The choices of the build that a config records."""
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    name: Any = accelerators[0].name if accelerators else "none"
    precision: Any = parameters(config)["precision"]
    return ServingOptions(
        precision=precision,
        accelerator=name,
        engine_cache=accelerators[0].parameters["trt_engine_cache_path"] if name == "tensorrt" else None,
        warm_up=bool(config.model_warmup),
        instances=config.instance_group[0].count,
    )


def installed(repository: Path, model: ModelConfig) -> BuildRecord:
    """Install the carried lite model's graph under another description."""
    graph = REPOSITORY / "lite-x4" / "1" / "model.onnx"
    on_cpu = graph.with_name(CPU_FILE)
    record = BuildRecord(
        model=model,
        model_sha256=sha256_of(graph),
        cpu_model_sha256=sha256_of(on_cpu),
        weights_file="lite-x4.pth",
        opset=17,
        ir_version=8,
        parity={"max_levels": 1, "share_different": 0.0},
        tools={},
        built="2026-01-01T00:00:00+00:00",
    )
    with staging(repository, model.name) as folder:
        shutil.copy(graph, folder / "model.onnx")
        shutil.copy(on_cpu, folder / CPU_FILE)
        install(repository, folder, record)
    return record


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_config_is_what_the_generator_writes_from_the_catalog(name: str) -> None:
    text = (REPOSITORY / name / "config.pbtxt").read_text(encoding="utf-8")
    config = parsed(text)
    recorded = parameters(config)
    expected = CATALOG.get(name).served(
        choices=chosen(config), weights_sha256=recorded["weights_sha256"], licence=recorded["licence"]
    )
    assert text == render(expected), "run `python -m export_onnx.write_configs`, and rebuild the models"
    if recorded["weights_source"] == "catalog":
        assert recorded["weights_sha256"] == CATALOG.get(name).sha256


def common(entry: CatalogModel, choices: ServingOptions) -> dict[str, str]:
    """The parameters that every config has."""
    return {
        "task": entry.task,
        "architecture": entry.architecture,
        "precision": choices.precision,
        "weights_sha256": entry.sha256,
        "weights_source": "catalog",
        "licence": entry.licence,
        "cudnn_conv_algo_search": "1",
        "arena_extend_strategy": "1",
    }


def even(entry: CatalogUpscaler) -> tuple[int, int]:
    """The size multiple and the halo for planes: even, and with 3 pixels for chroma."""
    multiple = {1: 2, 2: 2, 8: 8}[entry.size_multiple]
    return multiple, next(side for side in range(entry.halo + 3, 999) if side % multiple == 0)


@pytest.mark.parametrize("choices", CHOICES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_config_says_to_triton_what_the_catalog_says(name: str, choices: ServingOptions) -> None:
    entry = CATALOG.get(name)
    config = parsed(render(entry.served(choices=choices)))
    assert config.name == name
    assert config.backend == "onnxruntime"
    assert config.max_batch_size == entry.max_batch
    inputs = [(t.name, t.data_type, list(t.dims)) for t in config.input]
    assert config.HasField("dynamic_batching")
    assert [group.count for group in config.instance_group] == [choices.instances]
    assert chosen(config) == choices
    outputs = [(t.name, t.data_type, list(t.dims), t.HasField("reshape")) for t in config.output]
    if isinstance(entry, CatalogUpscaler):
        byte = model_config_pb2.TYPE_UINT8
        assert inputs == [
            ("luma", byte, [-1, -1, -1]),
            ("chroma", byte, [2, -1, -1, -1]),
            ("colour", model_config_pb2.TYPE_FP32, [-1]),
        ]
        assert outputs == [
            ("upscaled_luma", byte, [-1, -1, -1], False),
            ("upscaled_chroma", byte, [2, -1, -1, -1], False),
        ]
        multiple, halo = even(entry)
        own = {
            "scale": str(entry.scale),
            "size_multiple": str(multiple),
            "halo": str(halo),
            "tile": str(entry.tile),
        }
    else:
        assert inputs == [("image", model_config_pb2.TYPE_UINT8, [-1, -1, 3])]
        assert outputs == [
            ("detections", model_config_pb2.TYPE_FP32, [300, 6], False),
            ("num_detections", model_config_pb2.TYPE_INT32, [1], True),
        ]
        own = {
            "classes": json.dumps(entry.classes),
            "stride": str(entry.side) if entry.stretched else "32",
            "side": str(entry.side),
            "score_threshold": str(entry.score_threshold),
            "iou_threshold": "1.0" if entry.end_to_end else str(entry.iou_threshold),
        }
        own |= {"fit": "stretch"} if entry.stretched else {}
    assert parameters(config) == common(entry, choices) | own


@pytest.mark.parametrize("name", NAMES)
def test_the_orchestrator_reads_the_same_facts_back(name: str) -> None:
    entry = CATALOG.get(name)
    contract = parse_contract(parsed(render(entry.served(choices=ServingOptions()))))
    if isinstance(contract, UpscaleContract):
        assert isinstance(entry, CatalogUpscaler)
        multiple, halo = even(entry)
        assert (contract.scale, contract.halo, contract.tile) == (entry.scale, halo, entry.tile)
        assert contract.size_multiple == multiple
    else:
        assert isinstance(entry, CatalogDetector)
        assert (contract.classes, contract.side) == (entry.classes, entry.side)
        assert contract.score_threshold == entry.score_threshold
        assert (contract.iou_threshold == 1) == entry.end_to_end
        assert contract.size_multiple == entry.size_multiple
    assert contract.max_batch == entry.max_batch
    assert (contract.weights_sha256, contract.licence) == (entry.sha256, entry.licence)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_plain_build_has_nothing_that_needs_a_gpu(precision: Any) -> None:
    config = parsed(render(LITE.served(choices=ServingOptions(precision=precision))))
    assert not config.HasField("optimization")
    assert not config.model_warmup
    assert [group.kind for group in config.instance_group] == [model_config_pb2.ModelInstanceGroup.KIND_AUTO]


@pytest.mark.parametrize("choices", [c for c in CHOICES if c.accelerator != "none"], ids=str)
def test_a_build_with_an_accelerator_is_for_a_gpu_alone(choices: ServingOptions) -> None:
    config = parsed(render(LITE.served(choices=choices)))
    assert [group.kind for group in config.instance_group] == [model_config_pb2.ModelInstanceGroup.KIND_GPU]


def test_tensorrt_gets_one_profile_for_every_window_and_a_cache() -> None:
    entry = UPSCALERS["SwinIR_4x_GAN"]
    choices = ServingOptions(precision="fp16", accelerator="tensorrt", engine_cache="/engines", warm_up=True)
    config = parsed(render(entry.served(choices=choices)))
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    keys = dict(accelerator.parameters)
    assert keys["precision_mode"] == "FP16"
    assert keys["trt_engine_cache_path"] == keys["trt_timing_cache_path"] == "/engines"
    low, usual, high = (
        {
            name: list(map(int, shape.split("x")))
            for name, _, shape in (
                tensor.partition(":") for tensor in keys[f"trt_profile_{end}_shapes"].split(",")
            )
        }
        for end in ("min", "opt", "max")
    )
    window, most = entry.tile + 2 * even(entry)[1], entry.max_batch
    half = window // 2
    assert low == {"luma": [1, 1, 8, 8], "chroma": [1, 2, 1, 4, 4], "colour": [1, 40]}
    assert usual == {
        "luma": [most, 1, window, window],
        "chroma": [most, 2, 1, half, half],
        "colour": [most, 40],
    }
    assert high["luma"] == [most, 2, window, window]
    assert high["chroma"] == [most, 2, 2, window, window]
    assert high["colour"] == [most, MOST_COLOUR_FLOATS]
    samples = [
        {name: list(tensor.dims) for name, tensor in sample.inputs.items()} for sample in config.model_warmup
    ]
    assert samples == [
        {"luma": [count, window, window], "chroma": [2, count, half, half], "colour": [40]}
        for count in (1, 2)
    ]


def test_tensorrt_gets_the_letterbox_of_a_detector_as_its_profile() -> None:
    choices = ServingOptions(accelerator="tensorrt", engine_cache="/engines", warm_up=True)
    config = parsed(render(DETECTORS["yolov8n"].served(choices=choices)))
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert accelerator.parameters["trt_profile_min_shapes"] == "image:1x32x32x3"
    assert accelerator.parameters["trt_profile_max_shapes"] == "image:8x640x640x3"
    (sample,) = config.model_warmup
    assert list(sample.inputs["image"].dims) == [640, 640, 3]


def test_configs_are_written_without_weights(tmp_path: Path) -> None:
    configs.main(tmp_path)
    for name in NAMES:
        text = (tmp_path / name / "config.pbtxt").read_text(encoding="utf-8")
        assert text == render(CATALOG.get(name).served(choices=ServingOptions()))


def test_the_carried_model_is_served_by_triton_as_it_is_committed(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "lite-x4", tmp_path / "lite-x4")
    installed(tmp_path, replace(LITE.served(choices=ServingOptions(accelerator="cuda")), name="for-a-gpu"))
    with TritonServer(tmp_path) as server, TritonClient(server.url, infer_timeout_s=60) as client:
        client.load("lite-x4")
        assert client.contract("lite-x4").weights_sha256 == LITE.sha256
        if not Path("/dev/nvidia0").exists():
            with pytest.raises(InferenceFailed, match="GPU"):
                client.load("for-a-gpu")


def test_warming_up_runs_a_tile_of_8_bits_and_one_of_more(tmp_path: Path) -> None:
    """With the samples of a GPU's config in one of a CPU; Triton counts them in the model's statistics."""
    warm = render(LITE.served(choices=ServingOptions(accelerator="cuda", warm_up=True)))
    samples = warm[warm.index("model_warmup") : warm.index("parameters {", warm.index("model_warmup"))]
    config = write_identity(tmp_path, "warmed-up") / "config.pbtxt"
    config.write_text(config.read_text() + samples)
    with TritonServer(tmp_path) as server, TritonClient(server.url, infer_timeout_s=60) as client:
        client.load("warmed-up")
        statistics = client.statistics("warmed-up")
        assert (statistics.images, statistics.failures) == (2, 0)


def test_an_installed_model_is_read_back_as_it_was(tmp_path: Path) -> None:
    detector = installed(tmp_path / "other", DETECTORS["yolo26n"].served(choices=ServingOptions()))
    assert read_record(tmp_path / "other", "yolo26n") == detector
    record = installed(tmp_path, LITE.served(choices=CHOICES[-1]))
    assert read_record(tmp_path, "lite-x4") == record
    files = sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.glob("lite-x4/**/*") if path.is_file()
    )
    built = ("build.json", "model.cpu.onnx", "model.onnx")
    assert files == [*(f"lite-x4/1/{name}" for name in built), "lite-x4/config.pbtxt"]


def test_installing_again_keeps_what_else_is_in_the_folder(tmp_path: Path) -> None:
    installed(tmp_path, LITE.served(choices=ServingOptions()))
    (tmp_path / "lite-x4" / "README.md").write_text("a model card")
    installed(tmp_path, LITE.served(choices=ServingOptions(precision="fp16")))
    assert (tmp_path / "lite-x4" / "README.md").read_text() == "a model card"
    assert parameters(parsed((tmp_path / "lite-x4" / "config.pbtxt").read_text()))["precision"] == "fp16"


def test_a_failed_build_leaves_no_staging_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with staging(tmp_path, "mine") as folder:
            (folder / "model.onnx").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_repository_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputPathRefused, match="MODEL_REPOSITORY"), staging(tmp_path / "file", "mine"):
        pass


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "-a", ".a", "a b", "ä", "a" * 101, "a\n"])
def test_a_name_that_could_leave_the_repository_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="cannot name a model"):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "RealESRGAN_x4plus", "4x-UltraSharp.v2"])
def test_a_plain_name_is_taken(name: str) -> None:
    assert check_name(name) == name


WITHOUT_EXPORT = "import sys; sys.modules.update(dict.fromkeys({modules!r})); {call}"


def command(*arguments: str, without_export: bool = False, **environment: Any) -> Any:
    """Run `framewright models` as a user does, on request without PyTorch and related packages."""
    start = ["-m", "export_onnx"]
    if without_export:
        modules = ["torch", "torchvision", "onnx", "onnxruntime", "spandrel", "safetensors", "ultralytics"]
        call = "from export_onnx.__main__ import main; main(sys.argv[1:])"
        start = ["-c", WITHOUT_EXPORT.format(modules=modules, call=call)]
    return subprocess.run(
        [sys.executable, *start, *arguments],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_list_fetch_and_verify_work_without_pytorch() -> None:
    listed = command("list", without_export=True)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert [line.split()[0] for line in listed.stdout.splitlines()[1 : 1 + len(NAMES)]] == NAMES
    fetched = command("fetch", "lite-x4", without_export=True)
    assert fetched.returncode == 0
    assert "is there and right" in fetched.stdout


def test_build_without_pytorch_says_how_to_install_it() -> None:
    done = command("build", "lite-x4", without_export=True)
    assert done.returncode == 1
    assert re.fullmatch(r"error: .*`make dev-env`\n", done.stderr)


def test_list_gives_json_to_programs(tmp_path: Path) -> None:
    installed(tmp_path, replace(LITE.served(choices=ServingOptions(precision="fp16")), name="mine"))
    rows = json.loads(
        command("list", "--json", MODEL_REPOSITORY=str(tmp_path), WEIGHTS_DIR=str(tmp_path)).stdout
    )
    by_name = {row["name"]: row for row in rows}
    assert list(by_name) == [*NAMES, "mine"]
    assert (by_name["lite-x4"]["fetched"], by_name["lite-x4"]["built"]) == (True, None)
    assert (by_name["RealESRGAN_x4plus"]["fetched"], by_name["RealESRGAN_x4plus"]["scale"]) == (False, 4)
    assert (by_name["yolov8n"]["task"], by_name["yolov8n"]["scale"]) == ("detect", None)
    assert by_name["mine"]["built"] == "fp16"


def test_verify_passes_what_is_right(tmp_path: Path) -> None:
    installed(tmp_path, LITE.served(choices=ServingOptions()))
    done = command("verify", "lite-x4", MODEL_REPOSITORY=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "lite-x4: OK (built, fp32)\n", "")


def truncate_model(folder: Path) -> None:
    path = folder / "1" / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1])


def remove_model(folder: Path) -> None:
    (folder / "1" / "model.onnx").unlink()


def remove_cpu_model(folder: Path) -> None:
    """Remove the ONNX file that a CPU is given."""
    (folder / "1" / CPU_FILE).unlink()


def edit_config(folder: Path) -> None:
    path = folder / "config.pbtxt"
    path.write_text(path.read_text().replace("max_batch_size: 8", "max_batch_size: 80"))


def remove_config(folder: Path) -> None:
    (folder / "config.pbtxt").unlink()


def damage_record(folder: Path) -> None:
    (folder / "1" / "build.json").write_text("{")


@pytest.mark.parametrize(
    "damage",
    [truncate_model, remove_model, remove_cpu_model, edit_config, remove_config, damage_record],
    ids=lambda f: f.__name__,
)
def test_verify_finds_what_is_wrong_and_says_what_to_do(tmp_path: Path, damage: Any) -> None:
    installed(tmp_path, LITE.served(choices=ServingOptions()))
    damage(tmp_path / "lite-x4")
    done = command("verify", "lite-x4", MODEL_REPOSITORY=str(tmp_path))
    assert done.returncode == 2
    assert "run `framewright models build lite-x4`" in done.stdout
    assert done.stderr == "error: 1 of 1 models are not as they should be; see above\n"


def test_verify_tells_weights_that_the_catalog_no_longer_names(tmp_path: Path) -> None:
    old = replace(LITE.served(choices=ServingOptions()), weights_sha256="0" * 64)
    installed(tmp_path, old)
    done = command("verify", "lite-x4", MODEL_REPOSITORY=str(tmp_path))
    assert done.returncode == 2
    assert "no longer names" in done.stdout


def test_verify_tells_a_missing_and_a_wrong_weight_file(tmp_path: Path) -> None:
    places: dict[str, Any] = {"MODEL_REPOSITORY": str(tmp_path / "models"), "WEIGHTS_DIR": str(tmp_path)}
    done = command("verify", "RealESRGAN_x4plus", **places)
    assert done.returncode == 2
    assert "run `framewright models fetch RealESRGAN_x4plus`" in done.stdout
    (tmp_path / "RealESRGAN_x4plus.pth").write_bytes(b"other")
    done = command("verify", "RealESRGAN_x4plus", **places)
    assert done.returncode == 2
    assert CATALOG.get("RealESRGAN_x4plus").sha256 in done.stdout


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["nonsense"], "No such command"),
        (["fetch"], "Missing argument"),
        (["fetch", "RealESRGAN"], "did you mean"),
        (["verify", "../lite-x4"], "cannot name a model"),
        (["verify", "nothing-like-it-at-all"], "framewright models list"),
        (["build"], "name the models to build"),
        (["build", "nothing-like-it-at-all"], "framewright models list"),
        (["build", "lite-x4", "--precision", "int8"], "int8"),
        (["build", "lite-x4", "--name", "mine"], "not both"),
        (["build", "--name", "mine"], "add --weights"),
        (["build", "lite-x4", "--licence", "MIT"], "add --weights"),
        (["build", "--weights", "a.pth", "--name", "../mine"], "cannot name a model"),
        (["build", "--weights", "a.pth", "--name", "lite-x4"], "is a model of the catalog"),
        (["build", "lite-x4", "RealESRGAN_x4plus", "--weights", "a.pth"], "one file"),
        (["build", "--weights", "not-there.pth", "--name", "mine"], "not-there.pth"),
        (["build", "lite-x4", "--accelerator", "tensorrt"], "--engine-cache"),
        (["build", "lite-x4", "--engine-cache", "/engines"], "--accelerator tensorrt"),
        (["build", "lite-x4", "--warm-up"], "is for a GPU"),
        (["build", "lite-x4", "--halo", "16"], "weights/catalog.toml"),
        (["build", "yolov8n", "--task", "detect"], "--weights FILE --name NAME"),
        (["build", "--weights", "a.pt", "--name", "mine", "--task", "detect", "--halo", "9"], "--halo"),
        (["build", "yolov8n"], "framewright models fetch yolov8n"),
        (["build", "--weights", "a.pth", "--name", "mine", "--tile", "0"], "--tile"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_answered_in_one_line(tmp_path: Path, arguments: list[str], part: str) -> None:
    done = command(*arguments, MODEL_REPOSITORY=str(tmp_path / "models"), WEIGHTS_DIR=str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert part in done.stderr
    assert not (tmp_path / "models").exists()


def test_no_command_at_all_is_answered_with_the_help() -> None:
    done = command()
    assert done.returncode == 2
    assert "framewright models fetch" in done.stderr


@pytest.mark.parametrize("name", ["list", "fetch", "build", "verify"])
def test_the_help_of_a_command_shows_examples(name: str) -> None:
    done = command(name, "--help")
    assert done.returncode == 0
    assert f"  framewright models {name}" in done.stdout
