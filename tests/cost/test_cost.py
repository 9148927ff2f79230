"""Tests the cost of a job: the arithmetic, the price table, and the source of each number."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cost.calculator import CostCalculator, calculator_for_machine
from orchestrator.cost.encoder_limit import EncodedPictures
from orchestrator.cost.estimate import Estimate, Workload, estimate
from orchestrator.cost.price_table import PriceTable, read_table
from orchestrator.errors import BadRequest
from orchestrator.installed_gpus import installed_gpus
from orchestrator.jobs import parse
from orchestrator.pipeline.estimate import estimate as estimate_job
from orchestrator.settings import Settings
from tests.support.command import assert_refused, framewright
from tools.fixtures import clips

BY_A_BILL = 'measured = false\nsource = "a bill"\ndate = 2026-11-01\n'
KNOWN = {"source": "a test", "date": "2026-01-02", "measured": True}
TABLE = parse(
    PriceTable,
    {
        "prices": [{"gpu": "RTX 4090", "dollars_per_s": 0.5, **KNOWN}],
        "speeds": [
            {"task": task, "model": model, "gpu": gpu, "width": w, "height": h, "fps": fps, **KNOWN}
            for task, model, gpu, w, h, fps in (
                ("upscale", "small", "RTX 4090", 100, 50, 10),
                ("upscale", "small", "RTX 4090", 400, 200, 1),
                ("track", "finder", "RTX 4090", 100, 50, 20),
                ("export", "", "cpu", 100, 50, 4),
            )
        ],
        "relations": [
            {"name": "large", "like": "small", "times": 3, **KNOWN},
            {"name": "L4", "like": "RTX 4090", "times": 2, **KNOWN},
        ],
    },
)


def estimated(
    task: str, model: str, gpu: str, *, frames: int = 100, size: tuple[int, int] = (100, 50)
) -> Estimate:
    width, height = size
    work = parse(Workload, {"task": task, "model": model, "frames": frames, "width": width, "height": height})
    return estimate(TABLE, work, gpu)


def test_time_is_frames_over_speed_and_money_is_time_times_price() -> None:
    found = estimated("upscale", "small", "RTX 4090")
    assert (found.seconds, found.dollars) == (10.0, 5.0)


def test_upscaling_grows_with_pixels_from_the_nearest_size_that_is_known() -> None:
    assert estimated("upscale", "small", "RTX 4090", size=(200, 50)).seconds == 20.0
    assert estimated("upscale", "small", "RTX 4090", size=(400, 100)).seconds == 50.0
    assert estimated("upscale", "small", "RTX 4090", size=(400, 100), frames=1).seconds == 0.5


def test_tracking_grows_with_frames_alone() -> None:
    assert estimated("track", "finder", "RTX 4090", size=(4000, 2000), frames=40).seconds == 2.0


def test_an_export_with_a_model_is_an_upscale_and_one_without_is_not() -> None:
    assert estimated("export", "small", "RTX 4090").seconds == 10.0
    assert estimated("export", "", "cpu").seconds == 25.0
    assert estimated("export", "", "RTX 4090").seconds is None


def test_a_model_of_the_same_architecture_is_scaled_and_the_note_says_so() -> None:
    found = estimated("upscale", "large", "RTX 4090")
    assert (found.seconds, found.dollars) == (30.0, 15.0)
    assert any(
        "scaled: large takes 3 times as long as small, measured by a test" in note for note in found.notes
    )


def test_every_number_says_where_it_came_from() -> None:
    notes = estimated("upscale", "small", "RTX 4090").notes
    assert [note for note in notes if note.startswith("speed: ") and "measured by a test, 2026-01-02" in note]
    assert [note for note in notes if note.startswith("price: ") and "measured by a test, 2026-01-02" in note]


ENCODERS = parse(
    PriceTable,
    {
        **TABLE.model_dump(),
        "encoders": [
            {"encoder": encoder, "gpu": "RTX 4090", "width": w, "height": h, "fps": fps, **KNOWN}
            for encoder, w, h, fps in (
                ("h264_nvenc", 400, 200, 5),
                ("h264_nvenc", 4000, 2000, 1),
                ("hevc_nvenc", 8000, 4000, 3),
            )
        ],
    },
)


def encoding(width: int, height: int, gpu: str = "RTX 4090", encoder: str = "h264_nvenc") -> Estimate:
    """Estimate 100 frames that the model upscales in 10 s, and that then have this size."""
    work = {"task": "upscale", "model": "small", "frames": 100, "width": 100, "height": 50}
    pictures = EncodedPictures(encoder=encoder, width=width, height=height)
    return estimate(ENCODERS, parse(Workload, work), gpu, pictures=pictures)


def test_a_job_is_not_faster_than_the_encoder() -> None:
    found = encoding(400, 200)
    assert (found.seconds, found.dollars) == (20.0, 10.0)
    assert found.encoder is not None
    assert found.encoder.fps == 5
    assert any("h264_nvenc on RTX 4090" in note and "measured by a test" in note for note in found.notes)


def test_the_time_of_the_encoder_grows_with_pixels_from_the_nearest_size() -> None:
    assert encoding(800, 200).seconds == 40.0
    assert encoding(4000, 1000).seconds == 50.0
    assert encoding(8000, 4000, encoder="hevc_nvenc").seconds == 33.333


def test_an_encoder_that_is_faster_than_the_model_changes_nothing() -> None:
    found = encoding(100, 50)
    assert (found.seconds, found.encoder) == (10.0, None)
    assert any("bounds no job here" in note for note in found.notes)


def test_an_encoder_that_the_table_does_not_have_is_said_to_be_left_out() -> None:
    found = encoding(400, 200, encoder="av1_nvenc")
    assert (found.seconds, found.encoder) == (10.0, None)
    assert any("does not know how fast RTX 4090 encodes" in note for note in found.notes)


def test_the_encoder_and_its_pictures_follow_from_the_video(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "in.mp4", 40, rate=20)  # 96x64

    def pictures(task: str = "upscale", model: str = "small", **more: Any) -> str:
        found = estimate_job(clip, task=task, model=model, gpu="RTX 4090", table=ENCODERS, **more)
        return next((note for note in found.notes if note.startswith("encoder: ")), "")

    assert "h264_nvenc" in pictures()
    assert "for pictures of 384x256" in pictures()
    assert "for pictures of 240x160" in pictures(scale=2.5)
    assert pictures(scale=2) == "", "NVENC does not take pictures as flat as that"
    assert "hevc_nvenc on RTX 4090" in pictures(scale=60)
    assert pictures("track", "finder") == ""


def test_the_table_knows_the_encoders_of_the_gpus_that_it_recommends() -> None:
    table = read_table(Settings().cost_table)
    known = {(row.gpu, row.encoder) for row in table.encoders}
    assert known == {(row.gpu, name) for row in table.prices for name in ("h264_nvenc", "hevc_nvenc")}


def test_what_nobody_measured_is_unknown_and_not_guessed() -> None:
    found = estimated("upscale", "nameless", "RTX 4090")
    assert (found.seconds, found.dollars) == (None, None)
    assert any("seconds are unknown" in note for note in found.notes)


def test_a_cpu_has_a_time_and_no_price() -> None:
    found = estimated("export", "", "cpu")
    assert (found.seconds, found.dollars) == (25.0, None)


@pytest.mark.parametrize("name", ["rtx 4090", "RTX4090", "NVIDIA GeForce RTX 4090", "rtx_4090"])
def test_a_gpu_is_known_under_the_names_that_people_and_drivers_use(name: str) -> None:
    assert estimated("upscale", "small", name).gpu == "RTX 4090"


def test_another_gpu_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(BadRequest, match=r"no GPU 'RTX 4090 Laptop GPU'.*RTX 4090, cpu"):
        estimated("upscale", "small", "RTX 4090 Laptop GPU")


def test_the_table_that_comes_along_is_whole() -> None:
    table = read_table(Settings().cost_table)
    prices = {row.gpu: row.dollars_per_s for row in table.prices}
    assert prices == {"RTX 3090": 0.00031, "RTX 4090": 0.00044, "A40": 0.00025}
    names = [row.name for row in table.relations]
    assert len(names) == len(set(names))
    keys = [(row.task, row.model, row.gpu, row.width, row.height) for row in table.speeds]
    assert len(keys) == len(set(keys))


def test_models_that_are_scaled_do_the_work_that_the_table_says() -> None:
    """Count multiplications for an input pixel in the published layers of both architectures."""

    def compact(convolutions: int) -> int:
        return 9 * (3 * 64 + convolutions * 64 * 64 + 64 * 3 * 16)

    def rrdb(blocks: int, shuffle: int) -> float:
        dense = 9 * sum((64 + 32 * layer) * (64 if layer == 4 else 32) for layer in range(5))
        body = 9 * (3 * shuffle**2 * 64 + 64 * 64) + blocks * 3 * dense
        tail = 9 * (4 * 64 * 64 + 16 * (64 * 64 + 64 * 64 + 64 * 3))
        return (body + tail) / shuffle**2

    relations = {row.name: row.times for row in read_table(Settings().cost_table).relations}
    assert relations["realesr-general-x4v3"] == pytest.approx(compact(32) / compact(16), rel=1e-3)
    assert relations["RealESRGAN_x2plus"] == pytest.approx(rrdb(23, 2) / rrdb(23, 1), rel=1e-2)


def test_the_command_line_estimates_a_video(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "in.mp4", 30, rate=30)  # 96x64
    ended = framewright("estimate", clip, "--model", "RealESRGAN_x4plus", "--gpu", "RTX 3090", "--json")
    assert ended.code == 0, ended
    found = json.loads(ended.out)
    assert found["work"] == {
        "task": "upscale", "model": "RealESRGAN_x4plus", "frames": 30, "width": 96, "height": 64,
    }  # fmt: skip
    seconds = 30 * 96 * 64 / (1.5 * 1280 * 720)
    assert found["seconds"] == pytest.approx(seconds, abs=1e-3)
    assert found["dollars"] == pytest.approx(seconds * 0.00031, abs=1e-6)
    assert (found["quote"]["price_per_s"], found["quote"]["expected_s"]) == (
        403,
        11,
    )  # 0.00031 x 1.3; 10 + 0.1
    assert (found["quote"]["expected"], found["quote"]["hold"]) == (11 * 403, 300 * 403)
    printed = framewright("estimate", clip, "--model", "RealESRGAN_x4plus", "--gpu", "RTX 3090").out
    assert "quote of the API: $0.0044, at most $0.1209" in printed
    assert "upscale with RealESRGAN_x4plus on RTX 3090: about 0.1 s, $0.0000" in printed
    assert "VSGAN" in printed


def test_what_is_unknown_stays_unknown_and_only_the_quote_has_a_fallback(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "in.mp4", 30, rate=30)
    printed = framewright("estimate", clip, "--model", "mine", "--gpu", "A40").out
    assert "seconds unknown, dollars unknown" in printed
    assert "with a fallback for the unknown speed" in printed


def test_a_part_of_an_export_costs_its_part(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "in.mp4", 40, rate=20)  # 96x64, two seconds

    def work(**part: Any) -> tuple[int, int, int]:
        found = estimate_job(clip, task="export", model="small", gpu="RTX 4090", table=TABLE, **part).work
        return found.frames, found.width, found.height

    assert work() == (40, 96, 64)
    assert work(crop=(10, 10, 32.5, 20)) == (40, 33, 20)
    assert work(start_s=0.5, end_s=1.0) == (10, 96, 64)
    assert work(start_s=1.5, end_s=99.0) == (10, 96, 64)
    for part in (
        {"crop": (0, 0, 97, 10)},
        {"crop": (0, 0, 0, 10)},
        {"crop": (0, 0, float("nan"), 10)},
        {"start_s": 2.0},
        {"start_s": 1.0, "end_s": 0.5},
        {"end_s": float("nan")},
    ):
        with pytest.raises(BadRequest):
            work(**part)
    with pytest.raises(BadRequest, match="leave it out of track"):
        estimate_job(clip, task="track", model="finder", gpu="RTX 4090", table=TABLE, end_s=1.0)


def test_a_table_of_ones_own_is_used(tmp_path: Path) -> None:
    table = tmp_path / "mine.toml"
    table.write_text(
        f'[[prices]]\ngpu = "L4"\ndollars_per_s = 0.25\n{BY_A_BILL}'
        '[[speeds]]\ntask = "track"\nmodel = "yolov8n"\ngpu = "L4"\nwidth = 96\nheight = 64\nfps = 10\n'
        f"{BY_A_BILL}"
    )
    clip = clips.make_clip(tmp_path / "in.mp4", 20)
    ended = framewright(
        "estimate",
        clip,
        "--task",
        "track",
        "--model",
        "yolov8",
        "--json",
        FRAMEWRIGHT_COST_TABLE=table,
        FRAMEWRIGHT_GPU="l4",
    )
    assert ended.code == 0, ended
    assert json.loads(ended.out)["dollars"] == 0.5


def test_bad_requests_end_in_one_line(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "in.mp4", 5)
    assert_refused(framewright("estimate", clip, "--gpu", "abacus"), 2, "abacus", "A40")
    assert_refused(framewright("estimate", clip, FRAMEWRIGHT_COST_TABLE=tmp_path / "no.toml"), 2, "no.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prices = 3", "prices 3 is refused"),
        ('[[prices]]\ngpu = "A40"\ndollars_per_s = 1\n', "prices.0.source"),
        (f'[[prices]]\ngpu = "A40"\ndollars_per_s = -1\n{BY_A_BILL}', "-1"),
        ("[[prices", "cannot be read"),
    ],
)
def test_a_table_that_is_not_whole_is_refused_by_its_name(tmp_path: Path, text: str, words: str) -> None:
    table = tmp_path / "bad.toml"
    table.write_text(text)
    with pytest.raises(BadRequest, match=re.escape(words)) as refused:
        read_table(table)
    assert "bad.toml" in str(refused.value)


def test_the_gpus_of_a_machine_are_read_from_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\n"
        "echo 'GPU 0: NVIDIA A40 (UUID: GPU-1)'\n"
        "echo 'GPU 1: NVIDIA GeForce RTX 4090 (UUID: GPU-2)'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert installed_gpus() == ("NVIDIA A40", "NVIDIA GeForce RTX 4090")
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert installed_gpus() == ()


def test_a_jobs_seconds_come_to_dollars_on_the_gpu_that_did_it() -> None:
    cost = calculator_for_machine("NVIDIA A40", Settings().cost_table).cost(120.0)
    assert cost is not None
    assert (cost.gpu, cost.seconds, cost.dollars) == ("A40", 120.0, 0.03)
    assert "taken from" in cost.price_source
    two = CostCalculator(TABLE.price("RTX 4090"), gpus=2).cost(3.0)
    assert two is not None
    assert (two.gpu, two.dollars) == ("2 x RTX 4090", 3.0)


def test_nothing_is_said_of_a_cost_without_a_price() -> None:
    assert calculator_for_machine("H100", Settings().cost_table).cost(1.0) is None
    assert CostCalculator().cost(1.0) is None


def test_a_finished_job_says_what_it_cost(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "in.mp4", 5)
    ended = framewright("export", clip, tmp_path / "out.mp4", "--json", FRAMEWRIGHT_GPU="NVIDIA A40")
    assert ended.code == 0, ended
    stats = json.loads(ended.out)["stats"]
    assert stats["cost"]["gpu"] == "A40"
    assert stats["cost"]["seconds"] == pytest.approx(stats["wall_sec"], abs=1e-3)
    assert stats["cost"]["dollars"] == pytest.approx(stats["cost"]["seconds"] * 0.00025, abs=1e-6)
    assert "RunPod" in stats["cost"]["price_source"]


def test_a_bad_table_fails_a_job_before_it_is_done(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "in.mp4", 5)
    ended = framewright("export", clip, tmp_path / "out.mp4", FRAMEWRIGHT_COST_TABLE=tmp_path / "no.toml")
    assert_refused(ended, 2, "no.toml")
    assert not (tmp_path / "out.mp4").exists()
