"""Tests the GPU benchmark as far as a machine without a GPU can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import nvidia_smi, runtimes, wait_causes
from benchmarks.gpu import plan as gpu_plan
from benchmarks.gpu.flops import count
from benchmarks.gpu.recommendation import (
    Measurement,
    lightest_of_the_fastest,
    recommend,
    worth_a_larger_batch,
)
from benchmarks.gpu.runtime_sweep import Settings, with_settings
from benchmarks.gpu.transports import NEEDED
from benchmarks.gpu.triton_sweep import frames_of
from export_onnx.catalog import load_catalog
from export_onnx.commands import models as commands
from export_onnx.model_config import ServingOptions
from export_onnx.upscaling.graph import NetworkOfFloats, export
from export_onnx.upscaling.load_network import load
from export_onnx.weight_file import read_custom
from orchestrator.pipeline.prefetch import ahead
from orchestrator.triton.colour_tensor import MOST_COLOUR_FLOATS
from tools.fixtures import networks
from tools.fixtures.backend import config_as_json, load_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
LITE = load_catalog().get("lite-x4")
DETECTOR = load_catalog().get("lite-detector")
CELL = Measurement(
    model="lite-x4",
    precision="fp16",
    runner="triton cuda",
    picture="1080p",
    tile=512,
    window=(532, 532),
    windows=12,
    batch=4,
    instances=1,
    fps=10.0,
)


def machine_with(folder: Path, script: str) -> dict[str, str]:
    """An environment whose nvidia-smi is a shell script."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "2,3"}


@pytest.mark.parametrize("command", [["-m", "benchmarks.gpu"], ["benchmarks/gpu"]], ids=" ".join)
def test_without_a_gpu_it_says_so_and_succeeds(command: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("not measured: there is no NVIDIA GPU on this machine")


def test_a_gpu_is_described_as_its_driver_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "NVIDIA H100 80GB HBM3, 550.54.15, 81559, 9.0, 1980, [N/A]"
    environment = machine_with(tmp_path, f'[ "$1" = --id=2 ] && echo "{line}"')
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert nvidia_smi.find_gpu() == nvidia_smi.Gpu(
        name="NVIDIA H100 80GB HBM3",
        driver="550.54.15",
        memory_mib=81559,
        compute_capability="9.0",
        max_clock_mhz=1980,
        power_limit_w=None,
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert nvidia_smi.find_gpu() is None


def test_a_driver_that_does_not_answer_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_with(tmp_path, "echo 'NVIDIA-SMI has failed because it could not communicate'; exit 9")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_smi.find_gpu() is None


def test_how_busy_a_gpu_was_is_the_mean_of_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "echo '40, 1000, 1500, 300.50'; echo '80, 3000, 1700, [N/A]'; echo; exec sleep 60"
    monkeypatch.setenv("PATH", machine_with(tmp_path, script)["PATH"])
    with nvidia_smi.GpuWatch() as watch:
        deadline = time.monotonic() + 25
        while (watch.load.memory_mib or 0) < 3000 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert watch.load == nvidia_smi.Load(busy=0.6, memory_mib=3000, clock_mhz=1600, power_w=300.5)


def test_where_nothing_can_be_seen_a_gpu_is_not_called_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with nvidia_smi.GpuWatch() as watch:
        pass
    assert watch.load == nvidia_smi.Load()


@pytest.mark.parametrize("make", [networks.compact, networks.swinir])
def test_operations_are_as_many_as_pytorch_counts(make: Any, tmp_path: Path) -> None:
    network = load(read_custom(make(tmp_path / "weights.pth")))
    path = tmp_path / "model.onnx"
    export(network.exportable, path, precision="fp32", size=(16, 16))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        NetworkOfFloats(network.exportable, "fp32")(torch.zeros((1, 3, 24, 32)))
    assert count(onnx.load(str(path)), height=24, width=32) == counter.get_total_flops()


def test_operations_of_a_detector_grow_with_its_pixels() -> None:
    graph = onnx.load(str(ROOT / "model_repository" / "lite-detector" / "1" / "model.onnx"))
    assert count(graph, height=64, width=128) == 2 * count(graph, height=64, width=64) > 0


def test_the_lightest_of_the_fastest_settings_is_chosen() -> None:
    cells = [
        replace(CELL, batch=1, fps=8.0),
        replace(CELL, batch=2, fps=9.8),
        replace(CELL, batch=4, fps=10.0),
        replace(CELL, tile=1024, window=(1044, 1044), batch=1, fps=10.1),
        replace(CELL, batch=8, fps=None, failure="out of memory"),
    ]
    assert lightest_of_the_fastest(cells) == cells[1]
    assert lightest_of_the_fastest(cells[4:]) is None
    assert lightest_of_the_fastest([]) is None


def test_a_larger_batch_is_tried_until_one_fails_or_fills_the_gpu() -> None:
    assert worth_a_larger_batch([], most_ms=500)
    assert worth_a_larger_batch([replace(CELL, run_ms=20.0)], most_ms=500)
    assert not worth_a_larger_batch([replace(CELL, run_ms=600.0)], most_ms=500)
    assert not worth_a_larger_batch([replace(CELL, failure="out of memory")], most_ms=500)


@pytest.mark.parametrize("accelerator", ["none", "cuda", "tensorrt"])
def test_what_is_recommended_is_a_command_that_there_is(accelerator: str) -> None:
    slower = replace(CELL, fps=5.0, precision="fp32")
    chosen = recommend([slower, replace(CELL, runner=f"triton {accelerator}", instances=2)])
    assert chosen is not None
    *_, tile, batch, command = chosen.commands
    assert (tile, batch) == ("tile = 512", "max_batch = 4")
    words = command.split()
    assert words[:3] == ["framewright", "models", "build"]
    parsed = commands.commands["build"].make_context("build", words[3:]).params
    assert (parsed["names"], parsed["precision"], parsed["instances"]) == (("lite-x4",), "fp16", 2)
    assert (parsed["accelerator"], parsed["warm_up"]) == (accelerator, accelerator != "none")
    assert bool(parsed["engine_cache"]) == (accelerator == "tensorrt")


def test_nothing_is_recommended_where_nothing_ran() -> None:
    assert recommend([replace(CELL, fps=None, failure="no GPU")]) is None


@given(
    seen=st.dictionaries(
        st.sampled_from(["under way", "decoding", "writing", "tiling"]), st.integers(0, 999)
    ),
    execute=st.floats(0, 1.5),
    transfer=st.floats(0, 0.5),
)
def test_causes_are_the_whole_wall_time(seen: dict[str, int], execute: float, transfer: float) -> None:
    causes = wait_causes.shares(Counter(seen), execute=execute, transfer=transfer)
    found = [
        getattr(causes, name) for name in ("execute", "transfer", "queue", "decoding", "writing", "tiling")
    ]
    assert min(found) >= 0
    assert sum(found) == pytest.approx(1)
    looks = sum(seen.values())
    assert not looks or causes.decoding == seen.get("decoding", 0) / looks


def test_what_a_thread_waits_for_is_recognised_by_where_it_waits() -> None:
    """By the pipeline's own threads: one waits for a slow stage, one for a consumer, one works."""
    done = threading.Event()

    def slow() -> Iterator[int]:
        done.wait(30)
        yield 1

    def waits_for_pictures() -> Iterator[int]:
        with ahead((number for number in slow()), items=1, name="decode") as frames:
            yield from frames

    def works() -> Iterator[int]:
        done.wait(30)
        yield 1

    stages = {"decoding": waits_for_pictures(), "writing": iter(range(9)), "tiling": works()}
    opened = [ahead((item for item in stage), items=1, name=name) for name, stage in stages.items()]
    try:
        for stage in opened:
            stage.__enter__()
        deadline = time.monotonic() + 25
        found: dict[str, str] = {}
        while found != {name: name for name in stages} and time.monotonic() < deadline:
            threads = {thread.name: thread.ident for thread in threading.enumerate()}
            frames = sys._current_frames()
            found = {name: wait_causes.activity_of(frames.get(threads.get(name) or 0)) for name in stages}
        assert found == {name: name for name in stages}
    finally:
        done.set()
        for stage in opened:
            stage.__exit__(None, None, None)


def test_tiles_that_come_to_the_same_windows_are_tried_once() -> None:
    picture = gpu_plan.Picture("480p", 854, 480, 1)
    served = load_catalog().get("SwinIR_4x_GAN").served(choices=ServingOptions())
    window_layouts = gpu_plan.window_layouts(served, picture, (100, 256, 2000, 4000))
    assert [way.tile for way in window_layouts] == [96, 256, 2000]
    assert (window_layouts[-1].height, window_layouts[-1].width, window_layouts[-1].count) == (480, 856, 1)
    assert all(way.height % 8 == way.width % 8 == 0 for way in window_layouts)
    (box,) = gpu_plan.window_layouts(DETECTOR.served(choices=ServingOptions()), picture, (64,))
    assert (box.tile, box.height, box.width, box.count) == (0, 192, 320, 1)


def test_a_job_is_of_bounded_length() -> None:
    small, large = gpu_plan.Picture("s", 100, 100, 50), gpu_plan.Picture("l", 200, 200, 50)
    assert frames_of(large, large, 0.01) == 8
    assert frames_of(large, large, 1.0) == 20
    assert frames_of(small, large, 1.0) == 50


def test_onnxruntime_gets_what_the_config_says_of_the_gpu() -> None:
    cuda = with_settings(
        LITE.served(choices=ServingOptions()), ServingOptions(accelerator="cuda"), Settings(256, 4)
    )
    name, options = runtimes.providers(cuda, "cuda", prefer_nhwc="1")[0]
    assert name == "CUDAExecutionProvider"
    assert options == {
        "device_id": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_use_max_workspace": "1",
        "prefer_nhwc": "1",
    }
    choices = ServingOptions(precision="fp16", accelerator="tensorrt", engine_cache="/engines")
    tensorrt = with_settings(LITE.served(choices=ServingOptions()), choices, Settings(256, 4))
    (name, options), *others = runtimes.providers(tensorrt, "cuda")
    assert name == "TensorrtExecutionProvider"
    assert (options["trt_fp16_enable"], options["trt_engine_cache_path"]) == ("1", "/engines")
    planes = "luma:4x2x284x284,chroma:4x2x2x284x284"
    assert options["trt_profile_max_shapes"] == f"{planes},colour:4x{MOST_COLOUR_FLOATS}"
    assert all(key == "device_id" or key.startswith("trt_") for key in options)
    assert [other[0] if isinstance(other, tuple) else other for other in others] == [
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
    ]
    assert runtimes.providers(cuda, "cpu") == ["CPUExecutionProvider"]


def test_the_benchmark_measures_cuda_as_our_backend_serves_it() -> None:
    model = LITE.served(choices=ServingOptions(accelerator="cuda"))
    options = load_backend().cuda_options(config_as_json(model), 0)[1]
    assert runtimes.providers(model, "cuda")[0][1] == options


def test_what_onnxruntime_cannot_do_is_reported_and_not_done_otherwise() -> None:
    cuda = with_settings(
        LITE.served(choices=ServingOptions()), ServingOptions(accelerator="cuda"), Settings(256, 4)
    )
    graph = ROOT / "model_repository" / "lite-x4" / "1" / "model.onnx"
    if not Path("/dev/nvidia0").exists():
        with pytest.raises(RuntimeError, match="no CUDAExecutionProvider"):
            runtimes.open_session(graph, runtimes.providers(cuda, "cuda"))


@pytest.mark.slow
def test_the_rehearsal_measures_everything_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (small, _) = gpu_plan.CPU.pictures
    tiny = replace(gpu_plan.CPU, pictures=(small,), tiles=(64,), batches=(1,), instances=(1,), seconds=0.0)
    monkeypatch.setattr(gpu_plan, "CPU", tiny)
    output = tmp_path / "results" / "gpu.json"
    assert gpu.main(["--device", "cpu", "--model", "lite-x4", "--output", str(output)]) == 0
    written, printed = json.loads(output.read_text()), capsys.readouterr().out
    assert written["device"] == "cpu"
    assert written["rates"]["fp32"] > 0
    (ways, stages, targets, lengths) = written["host"]["tables"]
    assert [row[:2] for row in ways["rows"]] == [
        [way, slots] for slots in ("3", "9") for way in ("shared_memory", "grpc")
    ]
    assert all(float(row[2]) > 0 and float(row[4]) > 0 for row in ways["rows"])
    assert f"cuda_shared_memory is not measured: {NEEDED['cuda_shared_memory']}." in written["host"]["words"]
    assert stages["columns"][1] == "640x480, libx264"
    costs = {row[0]: float(row[1]) for row in stages["rows"]}
    assert costs["the whole job"] > costs["all of that, without the encoder"] > 0
    assert costs["FFmpeg: all"] > costs["FFmpeg: decode"] > 0
    assert len(targets["rows"]) == 3
    assert len(lengths["rows"]) == 5
    assert printed.index("## What the host costs") < printed.index("## lite-x4")
    assert written["operations_per_px"]["lite-x4"] == pytest.approx(176832)
    assert [cell["runner"] for cell in written["alone"]] == ["onnxruntime none"] * 2 + ["pytorch eager"]
    assert all(cell["fps"] > 0 and cell["of_peak"] > 0 for cell in written["alone"] + written["served"])
    assert written["alone"][1]["most_levels"] == 0
    assert written["served"][0]["ratio"] == written["served"][0]["fps"] / written["alone"][1]["fps"]
    (job,) = written["jobs"]
    assert job["job"]["fps"] > 0
    assert job["job"]["causes"]["execute"] > 0
    assert sum(job["job"]["causes"].values()) == pytest.approx(1)
    assert "framewright models build lite-x4" in printed
    assert written["speeds"] == ""
