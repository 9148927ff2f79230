"""Tests the image that `.ci/images` has built: its contents, its size, and a job through its entry point.

Without it (`make images-test` makes it) all of this is skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.media.read.probe import probe
from tools.fixtures import clips
from tools.stand_ins import runpod_server, s3_door
from tools.stand_ins.processes import family
from tools.stand_ins.worker_process import LOCAL, wait

WORK = Path(os.environ.get("FRAMEWRIGHT_IMAGES_WORK", "/nowhere"))
CONTAINER = "framewright-test"
IMAGE = "localhost/framewright-worker"
BASE = "localhost/standin"
MODELS = "localhost/framewright-triton"
LARGEST_BYTES = 700_000_000

pytestmark = [
    pytest.mark.skipif(not WORK.is_dir(), reason="no image was built: make images-test"),
    pytest.mark.timeout(600),
]


def buildah(*arguments: object) -> list[str]:
    return ["buildah", "--root", f"{WORK}/storage", "--runroot", f"{WORK}/run", *map(str, arguments)]


def said(*arguments: object) -> str:
    return subprocess.run(buildah(*arguments), capture_output=True, text=True, check=True, timeout=300).stdout


def in_container(*command: str) -> str:
    return said("run", "--network", "host", CONTAINER, "--", *command)


def config() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(said("inspect", "--type", "image", IMAGE))
    return dict(described["Docker"]["config"])


def layers(image: str) -> dict[str, int]:
    """Return the image's layers from the bottom, with the bytes of the files in each."""
    (store,) = WORK.glob("storage/*-layers/layers.json")
    (images,) = WORK.glob("storage/*-images/images.json")
    known = {layer["id"]: layer for layer in json.loads(store.read_text())}
    layer = next(
        entry["layer"]
        for entry in json.loads(images.read_text())
        if f"{image}:latest" in entry.get("names", ())
    )
    found = {}
    while layer:
        found[layer] = int(known[layer].get("diff-size", 0))
        layer = known[layer].get("parent", "")
    return dict(reversed(found.items()))


@contextmanager
def running(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run the image with its own entry point, command, user and environment."""
    said_by_image = config()
    command = [*said_by_image["Entrypoint"], *said_by_image["Cmd"]]
    options = [text for name, value in environment.items() for text in ("--env", f"{name}={value}")]
    process = subprocess.Popen(
        buildah("run", "--network", "host", *options, CONTAINER, "--", *command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        for member in reversed(family(process.pid)):
            with contextlib.suppress(psutil.Error):
                member.kill()
        process.wait(30)


def test_the_images_own_entry_point_does_an_upscale_job_and_ends_when_told(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 8)
    server = runpod_server.RunPodServer()
    with s3_door.serving() as store, server.running(), running(server.environment | LOCAL) as process:
        job = server.submit(
            {
                "task": "upscale",
                "input_url": store.put("in.mp4", source),
                "output_url": store.put_url("out.mp4"),
                "params": {"model": "lite-x4"},
            }
        )
        result = server.result(job, timeout_s=300)
        assert result["output"]["status"] == "completed", result
        assert result["output"]["stats"]["frames"] == 8
        assert result["output"]["stats"]["transport"] == "shared_memory"
        (tmp_path / "out.mp4").write_bytes(store.get("out.mp4") or b"")
        info = probe(tmp_path / "out.mp4")
        assert (info.width, info.height, info.frames) == (4 * clips.WIDTH, 4 * clips.HEIGHT, 8)

        members = {member.name(): member for member in family(process.pid)}
        assert {"tini", "framewright", "tritonserver"} <= set(members)
        assert members["tritonserver"].uids().effective == members["framewright"].uids().effective == 10001
        check = config()["Healthcheck"]["Test"]
        assert check[0] == "CMD"
        assert "Triton answers at 127.0.0.1:" in in_container(*check[1:])

        members["tini"].send_signal(signal.SIGTERM)
        wait(lambda: process.poll() is not None, 60)
        assert not members["tritonserver"].is_running()


def test_our_own_layers_are_small() -> None:
    base, models, whole = (layers(image) for image in (BASE, MODELS, IMAGE))
    ours = {layer: size for layer, size in whole.items() if layer not in models}
    print(f"\nour layers without models: {sum(ours.values()) / 1e6:.0f} MB")  # noqa: T201
    print(f"models: {sum(size for layer, size in models.items() if layer not in base) / 1e6:.1f} MB")  # noqa: T201
    for layer, size in ours.items():
        print(f"  {layer[:12]} {size / 1e6:8.1f} MB")  # noqa: T201
    assert sum(ours.values()) < LARGEST_BYTES
    assert list(whole)[: len(models)] == list(models)
    assert list(models)[: len(base)] == list(base)


def test_new_code_moves_one_small_layer() -> None:
    assert list(layers(IMAGE).values())[-1] < 10_000_000


def test_neither_builder_nor_trainer_nor_a_second_triton_is_inside() -> None:
    packages = in_container("ls", "/app/.venv/lib/python3.11/site-packages").lower()
    for name in (
        "torch",
        "onnxruntime",
        "ultralytics",
        "pytriton",
        "hatchling",
        "editables",
        "setuptools",
        "pip",
    ):
        assert not [line for line in packages.split() if line == name or line.startswith(f"{name}-")], name
    assert "orchestrator" in packages
    assert in_container("sh", "-c", "command -v gcc make git || echo none").strip() == "none"


def test_every_module_can_be_imported_with_what_is_inside() -> None:
    found = "pkgutil.walk_packages(orchestrator.__path__, 'orchestrator.')"
    each = f"[importlib.import_module(module.name) for module in {found}]"
    program = f"import importlib, pkgutil, orchestrator; print(len({each}), 'modules')"
    assert in_container("python", "-c", program).endswith(" modules\n")


def test_it_runs_as_nobody_in_particular_and_says_what_it_is() -> None:
    image_config = config()
    assert image_config["User"] == "framewright"
    assert "WEIGHTS_DIR=/app/weights" in image_config["Env"]
    assert "MODEL_REPOSITORY=/models" in image_config["Env"]
    assert image_config["Labels"]["org.opencontainers.image.title"] == "framewright-worker"
    assert in_container(
        "sh", "-c", "id -u; touch /app/weights/x && rm /app/weights/x && echo writable"
    ).split() == [
        "10001",
        "writable",
    ]
    assert in_container("framewright", "--version").startswith("framewright, version ")
