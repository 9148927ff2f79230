"""Tests the command line with real processes: output, exit codes, and files that remain."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from orchestrator.drawing.picture_files import read_picture, write_picture
from orchestrator.jobs import FidelityReportFile
from orchestrator.triton.server import TritonServer
from tests.support.command import (
    assert_bad_inputs_are_refused,
    assert_refused,
    assert_stops,
    framewright,
    peaks_bytes,
)
from tests.support.small_disk import small_disk
from tools.fixtures import clips, upscalers
from tools.stand_ins.processes import COMMAND, environment, family, segments_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 12, audio=[{"seconds": 0.5}])


@pytest.fixture
def served(triton: TritonServer) -> dict[str, str]:
    return {"TRITON_URL": triton.url, "FRAMEWRIGHT_UPSCALE_MODEL": "nearest-x4"}


def test_upscale_says_what_it_did(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    ended = framewright("upscale", clip, tmp_path / "out.mp4", **served)
    assert ended.code == 0, ended
    assert "12 frames, 384x256" in ended.out
    assert "nearest-x4" in ended.out
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_json_is_one_object_with_the_promised_fields(
    clip: Path, tmp_path: Path, served: dict[str, str]
) -> None:
    ended = framewright("upscale", clip, tmp_path / "out.mp4", "--scale", 2, "--json", **served)
    result = json.loads(ended.out)
    assert result["status"] == "completed"
    assert result["output_url"] == (tmp_path / "out.mp4").as_uri()
    stats = result["stats"]
    assert (stats["frames"], stats["model"], stats["width"], stats["height"]) == (12, "nearest-x4", 192, 128)
    assert stats["duration_sec"] == pytest.approx(12 / 25)
    assert isinstance(result["notes"], list)


def test_a_failure_is_json_too(tmp_path: Path) -> None:
    ended = framewright("upscale", tmp_path / "none.mp4", tmp_path / "out.mp4", "--json")
    assert_refused(ended, 2, "none.mp4")
    failure = json.loads(ended.out)
    assert failure["status"] == "failed"
    assert failure["code"] == "input_not_found"
    assert failure["error"].startswith("input_not_found: ")
    assert failure["retryable"] is False


def test_an_existing_output_is_kept_without_force(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    assert_refused(framewright("upscale", clip, out, **served), 2, "--force")
    assert out.read_text() == "precious"
    assert framewright("upscale", clip, out, "--force", **served).code == 0
    assert out.stat().st_size > 1000


def test_compare_writes_both_halves(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    ended = framewright("upscale", clip, tmp_path / "o.mp4", "--compare", tmp_path / "o.png", **served)
    assert ended.code == 0
    picture = read_picture(tmp_path / "o.png")[0]
    assert picture.shape == (256, 2 * 384 + 4, 3)
    assert clips.number_of(picture[:, :384]) == clips.number_of(picture[:, 388:]) == 6
    # Each half has a caption in its corner, "bicubic" and the longer name of the model: a light plate.
    widths = [int((half[3, :200] > 230).all(axis=1).sum()) for half in (picture, picture[:, 388:])]
    assert 30 < widths[0] < widths[1]


def test_report_is_written_beside_the_output_with_a_picture(
    clip: Path, tmp_path: Path, served: dict[str, str]
) -> None:
    ended = framewright("upscale", clip, tmp_path / "out.mp4", "--report", tmp_path / "r.json", **served)
    assert ended.code == 0, ended
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "r.json", "r.png"]
    report = FidelityReportFile.model_validate_json((tmp_path / "r.json").read_text())
    assert (report.source, report.output) == (clip.name, "out.mp4")
    assert (report.frames_read, report.frames_in_output, report.width, report.height) == (12, 12, 384, 256)
    assert report.psnr_luma_db.worst > 30
    assert report.ssim.worst > 0.9
    assert [picture.frame for picture in report.pictures] == list(range(12))
    assert "r.png" in ended.out
    assert read_picture(tmp_path / "r.png")[0].shape[1] == 1400


def test_a_report_that_cannot_be_is_refused_before_work(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert_refused(framewright("upscale", clip, out, "--report", tmp_path / "r.txt"), 2, ".json")
    assert_refused(framewright("upscale", clip, out, "--report", tmp_path / "no" / "r.json"), 2, "not exist")
    both = framewright("upscale", clip, out, "--report", tmp_path / "o.json", "--compare", tmp_path / "o.png")
    assert_refused(both, 2, "two pictures")
    (tmp_path / "r.png").touch()
    assert_refused(framewright("upscale", clip, out, "--report", tmp_path / "r.json"), 2, "--force")
    assert [path.name for path in tmp_path.iterdir()] == ["r.png"]


@pytest.mark.parametrize(("model", "words"), [("black", "it is black"), ("swapped", "BGR for RGB")])
def test_an_output_that_shows_something_else_is_not_kept(
    tmp_path: Path, served: dict[str, str], model: str, words: str
) -> None:
    pictures = [clips.plain((200, 90 + number, 20)) for number in range(12)]
    source = clips.make_clip(tmp_path / "in.mp4", pictures)
    options = ("--model", model, "--report", tmp_path / "r.json", "--json")
    ended = framewright("upscale", source, tmp_path / "out.mp4", *options, **served)
    assert_refused(ended, 1, words)
    failure = json.loads(ended.out)
    assert (failure["code"], failure["retryable"]) == ("output_rejected", False)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_verbose_says_how_tensors_travelled(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    ended = framewright("upscale", clip, tmp_path / "out.mp4", "-v", **served)
    assert "shared memory" in ended.err


def test_each_bad_input_is_one_clear_line_and_leaves_nothing(tmp_path: Path, served: dict[str, str]) -> None:
    assert_bad_inputs_are_refused(
        tmp_path, lambda source, outputs: framewright("upscale", source, outputs / "out.mp4", **served)
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scale", "0"], ["scale"]),
        (["--scale", "nan"], ["scale"]),
        (["--scale", "two"], ["scale"]),
        (["--scale", "17"], ["scale"]),
        (["--quality", "best"], ["high", "medium", "low"]),
        (["--model", "no-such-model"], ["no-such-model", "nearest-x4"]),
        (["--model", "../identity"], ["../identity"]),
        (["--model", "wrong-scale"], ["wrong-scale"]),
        (["--bogus"], ["--bogus", "--help"]),
        (["--url", "nonsense"], ["HOST:PORT"]),
    ],
)
def test_a_wrong_option_is_one_clear_line(
    clip: Path, tmp_path: Path, served: dict[str, str], arguments: list[str], words: list[str]
) -> None:
    ended = framewright("upscale", clip, tmp_path / "out.mp4", *arguments, **served)
    assert_refused(ended, 1 if "wrong-scale" in arguments else 2, *words)
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_be_is_refused_before_work(clip: Path, tmp_path: Path) -> None:
    assert_refused(framewright("upscale", clip, tmp_path / "no" / "out.mp4"), 2, "does not exist")
    assert_refused(framewright("upscale", clip, tmp_path / "out.avi"), 2, ".mp4")
    assert_refused(framewright("upscale", clip, tmp_path), 2)


def test_an_output_of_an_odd_name_is_refused_before_work(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "dangling.mp4").symlink_to(tmp_path / "nowhere")
    assert_refused(framewright("upscale", clip, tmp_path / "dangling.mp4"), 2, "exists already")
    assert_refused(framewright("upscale", clip, tmp_path / f"{'x' * 300}.mp4"), 2, "choose another name")
    wrong = framewright("upscale", clip, tmp_path / "out.mp4", "--compare", tmp_path / "out.txt")
    assert_refused(wrong, 2, "out.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["dangling.mp4"]


def test_a_long_name_in_any_script_works(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    out = tmp_path / f"{'日' * 80}.mp4"
    assert framewright("upscale", clip, out, **served).code == 0
    assert out.stat().st_size > 1000


def test_nobody_has_to_listen(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    """The job succeeds if standard error is closed; if standard output is full, the exit code says so."""
    command = f"{COMMAND} upscale {clip} {tmp_path}"
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command}/a.mp4 --json 2>&-; {command}/b.mp4 --json > /dev/full; echo $?"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment(**served),
    )
    result, code = done.stdout.splitlines()
    assert json.loads(result)["status"] == "completed"
    assert code == "1"
    assert "Traceback" not in done.stderr
    assert "cannot be printed" in done.stderr


@pytest.mark.parametrize("library", ["numpy", "libavcodec", "cygrpc"])
def test_an_interrupt_while_it_loads_a_library_is_one_line(clip: Path, tmp_path: Path, library: str) -> None:
    repository, out_folder = tmp_path / "repository", tmp_path / "out"
    upscalers.write_slow(
        repository, rounds=upscalers.rounds_in(60)
    )  # on a quiet machine a quick job would be done before the signal
    out_folder.mkdir()
    process = subprocess.Popen(
        [COMMAND, "upscale", clip, out_folder / "out.mp4", "--model", "slow", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(MODEL_REPOSITORY=repository),
    )
    while library not in Path(f"/proc/{process.pid}/maps").read_text():
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert json.loads(out)["code"] == "cancelled"
    assert "Traceback" not in err
    assert not list(out_folder.iterdir())


def test_a_model_that_is_not_built_names_the_command_that_builds_it(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    repository = tmp_path / "repository"
    shutil.copytree(ROOT / "model_repository" / "SwinIR_4x_GAN", repository / "SwinIR_4x_GAN")
    shutil.rmtree(repository / "SwinIR_4x_GAN" / "1", ignore_errors=True)
    ended = framewright("upscale", clip, out, "--model", "SwinIR_4x_GAN", MODEL_REPOSITORY=repository)
    assert_refused(ended, 2, "framewright models build SwinIR_4x_GAN")


def test_a_triton_that_is_not_there_is_our_error(clip: Path, tmp_path: Path) -> None:
    ended = framewright(
        "upscale", clip, tmp_path / "out.mp4", "--url", "127.0.0.1:9", FRAMEWRIGHT_RECONNECT_TIMEOUT_S="2"
    )
    assert_refused(ended, 1, "127.0.0.1:9")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path: Path, served: dict[str, str]) -> None:
    noise = [np.random.default_rng(i).integers(0, 256, (128, 192, 3), np.uint8) for i in range(40)]
    source = clips.make_clip(tmp_path / "in.mp4", noise)
    with small_disk(tmp_path / "small", "size=300k") as small:
        ended = framewright("upscale", source, small / "out.mp4", **served)
        assert_refused(ended, 1, "no space")
        assert not list(small.iterdir())


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, *(pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGTERM, signal.SIGHUP))],
)
def test_a_signal_stops_everything_within_seconds_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    repository = tmp_path / "repository"
    upscalers.write_slow(repository, rounds=upscalers.rounds_in(0.2))
    source = clips.make_clip(tmp_path / "long.mp4", 600)
    out = tmp_path / "out"
    out.mkdir()
    arguments = ("upscale", source, out / "out.mp4", "--model", "slow")
    assert_stops(number, "upscaling", *arguments, MODEL_REPOSITORY=repository)
    assert not list(out.iterdir())


def test_a_finished_run_leaves_no_process_and_no_shared_memory(clip: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "upscale", clip, tmp_path / "out.mp4"], stdout=subprocess.PIPE, text=True
    )
    members: dict[int, psutil.Process] = {}
    while process.poll() is None:
        members |= {member.pid: member for member in family(process.pid)}
        time.sleep(0.02)
    assert process.returncode == 0
    assert process.stdout is not None
    assert "lite-x4" in process.stdout.read()
    assert len(members) >= 4  # we, the reaper, tritonserver, the backend
    assert not psutil.wait_procs(list(members.values()), timeout=30)[1]
    assert not segments_of(list(members.values()))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_the_video(tmp_path: Path, model_repository: Path) -> None:
    def peaks(frames: int) -> dict[str, int]:
        pictures = (clips.numbered(i, 320, 180) for i in range(frames))
        source = clips.make_clip(tmp_path / f"{frames}.mp4", pictures, options={"preset": "ultrafast"})
        out = tmp_path / f"{frames}_out.mp4"
        return peaks_bytes("upscale", source, out, "--model", "nearest-x4", MODEL_REPOSITORY=model_repository)

    short, long = peaks(100), peaks(800)
    assert {"framewright", "tritonserver", "triton_python_backend_stub"} <= set(long)
    for name in set(long) & set(short):
        # Peaks differ by some 15 MB from run to run; the coded planes of 700 pictures alone would be 60 MB.
        assert long[name] < 1.05 * short[name] + 2**24, name


def test_infer_sends_one_picture_and_says_how_it_went(tmp_path: Path, served: dict[str, str]) -> None:
    picture = clips.numbered(77, 101, 67)
    write_picture(tmp_path / "in.png", picture, overwrite=False)
    ended = framewright("infer", "nearest-x4", tmp_path / "in.png", "-o", tmp_path / "out.png", **served)
    assert ended.code == 0, ended
    assert "luma uint8 [1, 2, 68, 102]" in ended.out  # 12 bits in two bytes, sides that are even
    assert "[268, 404, 3]" in ended.out
    assert "ms in the queue" in ended.out
    assert np.array_equal(read_picture(tmp_path / "out.png")[0], picture.repeat(4, 0).repeat(4, 1))


def test_infer_lists_and_draws_what_a_detector_finds(tmp_path: Path, served: dict[str, str]) -> None:
    picture = np.zeros((512, 1280, 3), np.uint8)
    picture[:2, :2] = (2, 1, 5)  # half the size, the first pixel
    write_picture(tmp_path / "in.png", picture, overwrite=False)
    arguments = ("infer", "detector", tmp_path / "in.png", "-o", tmp_path / "out.png")
    ended = framewright(*arguments, **served)
    assert ended.code == 0, ended
    assert "[1, 256, 640, 3]" in ended.out
    assert ended.out.count("found ") == 3
    drawn = read_picture(tmp_path / "out.png")[0]
    assert drawn.shape == picture.shape
    assert drawn[40:44, 10:24].any()
    assert not drawn[80:, 80:].any()
    answer = json.loads(framewright(*arguments, "--force", "--json", **served).out)
    assert answer["detections"][1] == {"class": "5", "score": 0.999, "box": [2.0, 2.0, 22.0, 42.0]}
    assert answer["model"]["task"] == "detect"


def test_an_alias_stands_for_the_model_that_the_setting_names(tmp_path: Path, served: dict[str, str]) -> None:
    arguments = ("infer", "yolov8", _picture(tmp_path), "-o", tmp_path / "out.png")
    ended = framewright(*arguments, **served, FRAMEWRIGHT_YOLOV8="identity")
    assert ended.code == 0, ended
    assert "to identity" in ended.out
    assert_refused(framewright(*arguments, "--force", **served), 2, "'yolov8n'")


def test_upscale_refuses_a_detector(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    ended = framewright("upscale", clip, tmp_path / "out.mp4", "--model", "detector", **served)
    assert_refused(ended, 2, "'detector' is for the task 'detect'")


@pytest.mark.parametrize(
    ("suffix", "channels", "bits", "notes"),
    [
        (".png", 3, 8, []),
        (".png", 4, 8, ["transparency"]),
        (".png", 3, 16, ["16 bits a sample"]),
        (".png", 4, 16, ["transparency", "16 bits a sample"]),
        (".tif", 3, 16, ["16 bits a sample"]),
        (".webp", 4, 8, ["transparency"]),
        (".jpg", 3, 8, []),
    ],
)
def test_infer_says_when_it_drops_alpha_or_bits(
    tmp_path: Path, served: dict[str, str], suffix: str, channels: int, bits: int, notes: list[str]
) -> None:
    source, out = tmp_path / f"in{suffix}", tmp_path / "out.png"
    shape = (24, 40, channels)
    levels = np.random.default_rng(0).integers(0, 2**bits, shape).astype(f"uint{bits}")
    assert cv2.imwrite(str(source), levels)
    ended = framewright("infer", "identity", source, "-o", out, "--json", **served)
    assert ended.code == 0, ended
    sentences = json.loads(ended.out)["notes"]
    assert len(sentences) == len(notes)
    assert all(part in note for part, note in zip(notes, sentences, strict=True))
    result = read_picture(out)[0]
    if suffix in {".png", ".tif"}:
        exact = levels[..., 2::-1].astype(float) / (257 if bits == 16 else 1)
        assert np.abs(result - exact).max() <= 1


def bomb(width: int, height: int) -> bytes:
    """A black PNG of any size in a few kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_infer_refuses_a_huge_picture_before_it_decodes_it(tmp_path: Path) -> None:
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(bomb(30_000, 30_000))
    assert source.stat().st_size < 200_000
    code = (
        "import sys; from pathlib import Path; from orchestrator.cli import main; code = main(sys.argv[1:]); "
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "infer", "identity", source, "-o", out],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "larger than 35389440 pixels" in done.stderr
    assert done.stderr.count("\n") == 1
    assert int(done.stdout) < 600_000, "KiB: 900 million pixels are 2.7 GB"
    assert not out.exists()


def test_a_person_can_raise_the_limit_of_pictures(tmp_path: Path, served: dict[str, str]) -> None:
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(bomb(64, 64))
    arguments = ("infer", "identity", source, "-o", out)
    refused = framewright(*arguments, **served, FRAMEWRIGHT_MAX_SOURCE_PIXELS=4095)
    assert_refused(refused, 2, "larger than 4095 pixels", "FRAMEWRIGHT_MAX_SOURCE_PIXELS")
    assert framewright(*arguments, **served, FRAMEWRIGHT_MAX_SOURCE_PIXELS=4096).code == 0
    assert read_picture(out)[0].shape == (64, 64, 3)


def test_infer_refuses_what_is_not_a_picture(tmp_path: Path, served: dict[str, str]) -> None:
    (tmp_path / "in.png").write_text("no picture")
    out = tmp_path / "out.png"
    assert_refused(
        framewright("infer", "nearest-x4", tmp_path / "in.png", "-o", out, **served), 2, "not a picture"
    )
    assert_refused(
        framewright("infer", "nearest-x4", tmp_path / "no.png", "-o", out, **served), 2, "does not exist"
    )
    assert_refused(
        framewright("infer", "nearest-x4", tmp_path / "in.png", "-o", tmp_path / "out.doc", **served),
        2,
        ".png",
    )


def test_status_shows_what_is_loaded(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    framewright("upscale", clip, tmp_path / "out.mp4", **served)
    rows = json.loads(framewright("models", "status", "--json", **served).out)
    row = next(row for row in rows if row["name"] == "nearest-x4")
    assert row["state"] == "READY"
    assert row["statistics"]["images"] >= 12
    table = framewright("models", "status", **served).out
    assert "nearest-x4" in table
    assert "READY" in table


def test_serve_runs_until_it_is_asked_to_stop(tmp_path: Path) -> None:
    ports = ["--grpc-port", "18401", "--http-port", "18400", "--metrics-port", "18402"]
    process = subprocess.Popen(
        [COMMAND, "serve", "--model", "lite-x4", *ports], stdout=subprocess.PIPE, text=True, env=environment()
    )
    try:
        assert process.stdout is not None
        assert "127.0.0.1:18401" in process.stdout.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        out = tmp_path / "o.png"
        ended = framewright("infer", "lite-x4", _picture(tmp_path), "-o", out, "--url", "127.0.0.1:18401")
        assert ended.code == 0, ended
        addresses = {
            connection.laddr.ip.removeprefix("::ffff:")
            for child in children
            for connection in child.net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert addresses == {"127.0.0.1"}
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert not psutil.wait_procs(children, timeout=30)[1]
    finally:
        process.kill()


def _picture(folder: Path) -> Path:
    write_picture(folder / "picture.png", clips.numbered(1), overwrite=False)
    return folder / "picture.png"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["upscale"],
        ["serve"],
        ["infer"],
        ["models"],
        ["models", "status"],
        ["models", "build"],
        ["models", "fetch"],
    ],
)
def test_help_teaches_with_examples(arguments: list[str]) -> None:
    ended = framewright(*arguments, "--help")
    assert ended.code == 0
    assert "framewright" in ended.out.split("Options")[0]
