"""Tests which work the API counts for a job, what it assumes, and which jobs it refuses at the quote."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cost.price_table import read_table
from orchestrator.errors import BadRequest
from orchestrator.jobs import parse_job
from orchestrator.pipeline.estimate import estimate as estimate_job
from orchestrator.settings import Settings
from tests.support.mutated_jobs import mutated, right_jobs
from tests.support.node_functions import UNDEFINED, ApiRefused, NodeFunctions
from tools.fixtures import clips

TABLE = read_table(Settings().cost_table)
HD = {"width": 1280, "height": 720}
REFUSALS = {"bad_request", "limit_exceeded", "input_too_large"}
BOX = {"x": 0, "y": 0}
ONE = {"source": {**HD, "frames": 1}}


def terms(api: NodeFunctions, task: str, params: Any, *, gpu: str = "A40", **more: Any) -> dict[str, Any]:
    """Return the terms of a job, of a file of 1,000,000 bytes unless `more` says otherwise."""
    job = {"task": task, "params": params, "bytes": 1_000_000, **more}
    found: dict[str, Any] = api.call("termsFor", {"GPU": gpu}, job)
    return found


def test_the_endpoints_own_default_models_are_quoted(api: NodeFunctions) -> None:
    own = {"GPU": "cpu", "UPSCALE_MODEL": "realesr-animevideov3", "YOLOV8": "lite-detector"}
    for task, model in (("upscale", "realesr-animevideov3"), ("track", "lite-detector")):
        job = {"task": task, "params": {}, "bytes": 1, **ONE}
        found = api.call("termsFor", own, job)
        assert found["model"] == model
        assert found["is_speed_known"]
        assert any(model in sentence for sentence in found["assumptions"])
        assert api.call("termsFor", {"GPU": "cpu", "UPSCALE_MODEL": "", "YOLOV8": ""}, job)["model"] in {
            "lite-x4",
            "yolov8n",
        }


def test_an_export_counts_the_part_that_the_command_line_counts(api: NodeFunctions, tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "in.mp4", 40, rate=20)  # 96x64, two seconds
    source = {"width": 96, "height": 64, "frames": 40, "duration_sec": 2.0}
    for params, part in (
        ({}, {}),
        ({"start": 0.5, "end": 1.0}, {"start_s": 0.5, "end_s": 1.0}),
        ({"start": 1.5, "end": 99.0}, {"start_s": 1.5, "end_s": 99.0}),
        ({"start": 1.99}, {"start_s": 1.99}),
        ({"crop": {"x": 10, "y": 10, "w": 32.5, "h": 20}}, {"crop": (10, 10, 32.5, 20)}),
    ):
        for model in ("", "RealESRGAN_x4plus"):
            estimated = estimate_job(
                clip, task="export", model=model, gpu="A40", table=TABLE, **part
            )  # fmt: skip
            found = terms(api, "export", {**params, "upscale_model": model or None}, source=source)
            work = estimated.work
            assert (found["frames"], found["width"], found["height"]) == (
                work.frames,
                work.width,
                work.height,
            )
            assert found["model"] == (model or None)
            if estimated.seconds is not None:
                assert found["expected_s"] == math.ceil(10 + 1 / 25 + estimated.seconds)


@pytest.mark.parametrize(
    ("task", "params", "model"),
    [
        ("track", {}, "yolov8n"),
        ("track", {"model": "yolov8"}, "yolov8n"),
        ("track", {"model": "yolo11m"}, "yolo11m"),
        ("upscale", {}, "lite-x4"),
        ("upscale", {"model": None}, "lite-x4"),
        ("export", {}, None),
        ("export", {"upscale": True}, "lite-x4"),
        ("export", {"upscale_model": "mine"}, "mine"),
        ("export", {"upscale": False, "upscale_model": "mine"}, None),
    ],
)
def test_the_model_is_the_one_that_the_worker_takes(
    api: NodeFunctions, task: str, params: dict[str, Any], model: str | None
) -> None:
    found = terms(api, task, params, source={**HD, "frames": 10})
    assert found["model"] == model
    names_default = any("default" in sentence for sentence in found["assumptions"])
    assert names_default == (model in {"yolov8n", "lite-x4"})


@pytest.mark.parametrize(
    ("task", "params", "times"),
    [
        ("upscale", {"model": "RealESRGAN_x4plus", "scale": 2}, 1),  # the model sees every pixel all the same
        ("upscale", {"model": "RealESRGAN_x4plus"}, 1),
        ("upscale", {"model": "RealESRGAN_x4plus", "scale": 5}, Fraction(25, 16)),
        ("upscale", {"model": "RealESRGAN_x2plus", "scale": 4}, 4),
        ("export", {"size": "2560x1440"}, 4),
        ("export", {"size": {"w": 640, "h": 360}}, 1),
        ("export", {"size": "2560x1440", "crop": {"x": 0, "y": 0, "w": 640, "h": 360}}, 16),
        ("export", {"size": "5120x2880", "upscale_model": "RealESRGAN_x4plus"}, 1),
        ("track", {"side": 1280}, 4),
        ("track", {"side": 320}, 1),
        ("track", {"model": "lite-detector", "side": 640}, 4),
    ],
)
def test_larger_outputs_and_detectors_take_longer(
    api: NodeFunctions, task: str, params: dict[str, Any], times: Fraction | int
) -> None:
    """The time of the frames is that of the plain job of the same crop and model, so many times."""
    plain = {name: value for name, value in params.items() if name not in {"scale", "size", "side"}}
    source = {**HD, "frames": 100_000}
    overhead_s = Fraction(10) + Fraction(1, 25)
    larger_s = terms(api, task, params, source=source)["expected_s"] - overhead_s
    plain_s = terms(api, task, plain, source=source)["expected_s"] - overhead_s
    assert abs(larger_s - plain_s * times) <= times + 1  # both are rounded up to whole seconds


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({"crop": [{**BOX, "w": 300, "h": 200, "t": 0}, {**BOX, "w": 500, "h": 100, "t": 9}]}, (500, 200)),
        ({"follow": {"track": "main", "aspect": "9:16"}, "tracks": {}}, (405, 720)),
        ({"follow": {"track": "main", "aspect": "9:16", "zoom": 2}, "tracks": {}}, (405, 720)),
        ({"follow": {"track": 1, "aspect": "9:16", "zoom": 2}, "tracks": {}}, (203, 360)),
        ({"follow": {"track": 1}, "tracks": {}}, (1280, 720)),
        ({"crop": {"x": -50, "y": 0, "w": 2000, "h": 100}, "clamp": True}, (1280, 100)),
        ({"crop": {"x": 0, "y": 0, "w": 1280.001, "h": 720}}, (1280, 720)),
    ],
)  # fmt: skip
def test_a_moving_crop_counts_at_its_largest(
    api: NodeFunctions, params: dict[str, Any], size: tuple[int, int]
) -> None:
    found = terms(api, "export", params, source={**HD, "frames": 100})
    assert (found["width"], found["height"]) == size


@pytest.mark.parametrize(
    ("task", "params", "more", "code", "words"),
    [
        ("upscale", {}, {"source": {**HD, "height": 30_000, "frames": 1}}, "limit_exceeded", "1280x30000"),
        ("upscale", {}, {"source": {**HD, "frames": 432_001}}, "limit_exceeded", "432000 frames"),
        ("track", {}, {"source": {**HD, "duration_sec": 7200.5, "fps": 1}}, "limit_exceeded", "7200"),
        ("upscale", {"scale": 16}, ONE, "limit_exceeded", "20480x11520"),
        ("upscale", {}, {"source": {**HD, "width": 5000, "frames": 1}}, "limit_exceeded", "20000x2880"),
        ("export", {"size": "16385x1"}, {}, "limit_exceeded", "16385x1"),
        ("upscale", {"model": "m"}, {"source": {**HD, "frames": 432_000}}, "limit_exceeded", "604800"),
        ("upscale", {}, {"bytes": 10 * 2**30 + 1}, "input_too_large", "10737418240"),
        ("export", {"start": 3}, {"source": {**HD, "frames": 50, "fps": 25}}, "bad_request", "params.start"),
        ("export", {"start": -1}, {}, "bad_request", "params.start"),
        ("export", {"start": 2, "end": 2}, {}, "bad_request", "params.start"),
        ("export", {"crop": {"x": 1, "y": 0, "w": 1280, "h": 9}}, ONE, "bad_request", "params.crop"),
        ("export", {"crop": {"x": 1, "y": 0, "w": 0.5, "h": 9}}, {}, "bad_request", "params.crop"),
        ("export", {"crop": dict.fromkeys("xywh", 1e308)}, ONE, "bad_request", "params.crop"),
    ],
)
def test_a_job_that_the_worker_would_refuse_gets_no_quote(
    api: NodeFunctions, task: str, params: dict[str, Any], more: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(ApiRefused, match=words) as refused:
        terms(api, task, params, **more)
    assert (refused.value.status, refused.value.code) == (400, code)


@pytest.mark.parametrize(
    "params",
    [{"end": 60.0}, {"start": 600.0, "end": 660.0}, {"start": 7000.0, "end": 1e308}, {"start": 1e6}],
)
def test_a_part_of_an_undescribed_video_is_quoted(api: NodeFunctions, params: dict[str, float]) -> None:
    found = terms(api, "export", params, bytes=1_000_000_000)
    if "end" in params:
        length_s = min(params["end"] - params.get("start", 0.0), 7200)
        assert found["frames"] == round(length_s * 30)
    else:
        assert found["frames"] == 1_000_000_000 * 8 // 2_000_000 * 30


def test_an_undescribed_video_is_assumed_from_the_size_of_its_file(api: NodeFunctions) -> None:
    found = terms(api, "upscale", {"model": "RealESRGAN_x4plus"}, bytes=10_000_000)
    assert (found["frames"], found["width"], found["height"]) == (40 * 30, 1920, 1080)
    assert any("10000000" in one or "2 Mbit a second is assumed" in one for one in found["assumptions"])
    described = terms(api, "track", {}, source={**HD, "frames": 10})
    assert not any("Mbit" in one for one in described["assumptions"])
    long = terms(api, "track", {}, bytes=10 * 2**30)
    assert long["frames"] == 7200 * 30  # the worker takes no longer video


def test_fallbacks_say_that_they_are_fallbacks(api: NodeFunctions) -> None:
    found = terms(api, "upscale", {"model": "mine"}, gpu="L40S", source={**HD, "frames": 10})
    assert not found["is_speed_known"]
    assert not found["is_price_known"]
    said = " ".join(found["assumptions"])
    assert "No speed is known for upscale with mine on L40S: 0.1 frames a second" in said
    assert "L40S, whose price is not known, so the highest of the table counts" in said
    known = terms(api, "upscale", {"model": "RealESRGAN_x4plus"}, source={**HD, "frames": 10})
    assert known["is_speed_known"]
    assert known["is_price_known"]
    assert "A40 takes 1.345 times as long as RTX 3090" in " ".join(known["assumptions"])
    assert known["figures_from"] in " ".join(known["assumptions"])


def test_every_assumption_is_a_sentence(api: NodeFunctions) -> None:
    for gpu in ("A40", "cpu", "L40S"):
        for task, params in (
            ("upscale", {"scale": 8}),
            ("track", {"stride": 3, "side": 900}),
            ("export", {"end": 1}),
        ):
            for sentence in terms(api, task, params, gpu=gpu)["assumptions"]:
                assert sentence[0].isupper(), sentence
                assert sentence.endswith("."), sentence


@given(
    job=mutated(right_jobs("https://a.example/in.mp4", "https://a.example/out.mp4")),
    gpu=st.sampled_from(["A40", "cpu", "L40S"]),
    source=st.one_of(
        st.just(UNDEFINED),
        st.fixed_dictionaries(
            {"width": st.integers(1, 10_000), "height": st.integers(1, 10_000)},
            optional={"duration_sec": st.floats(0.001, 1e7), "fps": st.floats(0.001, 1e4)},
        ).map(lambda size: {"frames": 500} | size),
    ),
    size_bytes=st.integers(1, 11 * 2**30),
)
def test_every_job_that_the_worker_accepts_gets_terms_or_a_reason(
    api: NodeFunctions, job: Any, gpu: str, source: Any, size_bytes: int
) -> None:
    try:
        parse_job(job)
    except BadRequest:
        return
    try:
        found = terms(api, job["task"], job.get("params", {}), gpu=gpu, source=source, bytes=size_bytes)
    except ApiRefused as refused:
        if refused.status != 400 or refused.code not in REFUSALS:
            raise
        return
    assert found["hold"] == found["execution_timeout_s"] * found["price_per_s"]
    assert 0 < found["expected"] <= found["hold"]
    assert min(found[name] for name in ("frames", "width", "height")) >= 1
    if source is not UNDEFINED:
        assert found["width"] <= source["width"]
        assert found["height"] <= source["height"]
        assert found["frames"] <= source["frames"]
