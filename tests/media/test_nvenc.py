"""Tests the choice between NVENC and the processor, and the reason that users are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.media.write import nvenc
from orchestrator.media.write.encoder_selection import choose, probe_nvenc
from orchestrator.media_containers import MP4, WEBM

H100, RTX_4090, A40 = "NVIDIA H100 80GB HBM3", "NVIDIA GeForce RTX 4090", "NVIDIA A40"


def forget() -> None:
    nvenc.nvenc_problem.cache_clear()
    nvenc._gpus.cache_clear()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    if probe_nvenc("h264_nvenc"):
        pytest.skip("NVENC works on this machine")
    forget()
    yield
    forget()


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that sets the GPUs that the driver lists."""

    def install(*names: str) -> None:
        lines = [f"GPU {number}: {name} (UUID: GPU-0)" for number, name in enumerate(names)]
        program = tmp_path / "nvidia-smi"
        program.write_text("#!/bin/sh\n" + "\n".join(f"echo '{line}'" for line in lines))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return install


@pytest.mark.parametrize("name", [H100, "NVIDIA A100-SXM4-80GB", "NVIDIA A30", "NVIDIA H200", "NVIDIA B200"])
def test_a_gpu_without_an_encoder_is_named_as_the_reason(name: str, gpus: Callable[..., None]) -> None:
    gpus(name)
    assert nvenc.nvenc_problem("h264_nvenc") == f"{name} has no NVENC"


@pytest.mark.parametrize(
    "name", [RTX_4090, A40, "NVIDIA L4", "NVIDIA L40S", "NVIDIA RTX A1000", "NVIDIA RTX PRO 6000"]
)
def test_other_gpus_have_an_encoder(name: str) -> None:
    assert nvenc.has_nvenc(name)


def test_what_ffmpeg_says_is_passed_on(gpus: Callable[..., None]) -> None:
    gpus(RTX_4090, RTX_4090)
    problem = nvenc.nvenc_problem("hevc_nvenc")
    assert problem is not None
    assert problem.startswith(f"NVENC of {RTX_4090} does not work: ")
    assert "Cannot load libcuda.so.1" in problem


def test_a_container_without_the_driver_s_encoder_is_told_what_it_needs() -> None:
    missing = nvenc.explained("Cannot load libnvidia-encode.so.1", (A40,))
    assert missing.endswith("a container needs the driver capability video (NVIDIA_DRIVER_CAPABILITIES)")
    assert "capability" not in nvenc.explained("OpenEncodeSessionEx failed: out of memory (10)", (A40,))


@pytest.mark.parametrize(("width", "used"), [(1920, "libx264"), (5120, "libx265")])
def test_a_job_on_a_gpu_without_an_encoder_notes_it(width: int, used: str, gpus: Callable[..., None]) -> None:
    gpus(H100)
    choice = choose(MP4, width=width, height=1080, quality="high")
    assert choice.encoder == used
    assert choice.notes == (f"{used} encoded on the processor: {H100} has no NVENC",)


def test_no_note_where_the_gpu_would_not_have_encoded(gpus: Callable[..., None]) -> None:
    gpus(H100)
    assert choose(MP4, width=1920, height=1080, quality="lossless").notes == ()
    assert choose(WEBM, width=1920, height=1080, quality="high").notes == ()
    assert choose(MP4, width=128, height=128, quality="high").notes == ()


def test_a_machine_without_a_gpu_gets_no_note(gpus: Callable[..., None]) -> None:
    gpus()
    assert choose(MP4, width=1920, height=1080, quality="high").notes == ()
    problem = nvenc.nvenc_problem("h264_nvenc")
    assert problem is not None
    assert problem.startswith("no NVIDIA GPU was found (FFmpeg: ")
