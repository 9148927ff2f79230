"""Tests that Dockerfiles, compose.yaml, docker-bake.hcl, docs and code agree with each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.media.write.nvenc import WITHOUT_NVENC

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = ("Dockerfile.triton", "Dockerfile.orchestrator")
DEPLOYED = (
    *DOCKERFILES,
    ".dockerignore",
    "docker-bake.hcl",
    "compose.yaml",
    ".runpod/hub.json",
    ".runpod/tests.json",
)
SETTINGS = (ROOT / "orchestrator" / "settings.py").read_text()
CATALOG = tomllib.loads((ROOT / "weights" / "catalog.toml").read_text())
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
BAKE = (ROOT / "docker-bake.hcl").read_text()


def instructions(name: str) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions in order, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in text.splitlines() if line.strip()
    ]


def arguments(name: str) -> dict[str, str]:
    found = (text.partition("=") for word, text in instructions(name) if word == "ARG")
    return {key: value.strip('"') for key, _, value in found}


def final_stage(name: str) -> list[tuple[str, str]]:
    steps = instructions(name)
    last = max(index for index, (word, _) in enumerate(steps) if word == "FROM")
    return steps[last:]


def bake_targets() -> dict[str, dict[str, Any]]:
    """Read the targets of docker-bake.hcl, as far as this project's use of HCL goes."""
    found = {}
    for name, body in re.findall(r'^target "([\w-]+)" \{\n(.*?)^\}', BAKE, flags=re.MULTILINE | re.DOTALL):
        values = dict(re.findall(r'^\s+([\w-]+)\s*= "([^"]*)"$', body, flags=re.MULTILINE))
        parent = re.search(r'inherits = \["([\w-]+)"\]', body)
        tags = re.search(r'tags\s*= \["([^"]*)"\]', body)
        found[name] = {"parent": parent and parent[1], "tag": tags and tags[1], **values}
    return found


def requirements(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("name", DOCKERFILES)
def test_everything_that_is_copied_exists_and_goes_to_the_builder(name: str) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for word, text in instructions(name):
        if word == "COPY" and not text.startswith("--from"):
            for source in text.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert any(Path(source).match(to) or (source + "/").startswith(to + "/") for to in allowed), (
                    source
                )


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_a_stage_copies_from_another_is_made_by_one(name: str) -> None:
    stages = {text.split(" AS ")[1] for word, text in instructions(name) if word == "FROM" and " AS " in text}
    for word, text in instructions(name):
        if word == "COPY" and text.startswith("--from"):
            assert text.split()[0].removeprefix("--from=") in stages


def test_the_triton_is_the_one_that_the_readme_and_the_docs_run() -> None:
    image, _, digest = arguments("Dockerfile.triton")["TRITON_IMAGE"].partition("@")
    assert re.fullmatch(r"nvcr\.io/nvidia/tritonserver:\d\d\.\d\d-py3", image)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    assert arguments("Dockerfile.triton")["TRITON_IMAGE"] in BAKE
    for page in ("README.md", "docs/triton.md", "docker-bake.hcl"):
        assert set(re.findall(r"nvcr\.io/[\w./:-]*\w", (ROOT / page).read_text())) == {image}, page


def test_no_other_registry_and_no_index_is_named() -> None:
    for name in (*DEPLOYED, ".ci/images", ".ci/Dockerfile.standin"):
        hosts = re.findall(r"\b(?:[a-z0-9-]+\.)+(?:io|com|org|net|dev)\b", (ROOT / name).read_text())
        assert set(hosts) <= {"nvcr.io", "registry.example.com", "raw.githubusercontent.com"}, name


def test_models_that_are_exported_are_in_the_catalog() -> None:
    sets = [arguments("Dockerfile.triton")["MODELS"]]
    sets += [target["MODELS"] for target in bake_targets().values() if "MODELS" in target]
    assert len(sets) > 3
    for models in sets:
        assert set(models.split()) <= CATALOG.keys()


def test_only_the_full_set_has_models_under_the_agpl() -> None:
    for name, target in bake_targets().items():
        licences = {CATALOG[model]["licence"] for model in target.get("MODELS", "").split()}
        assert ("AGPL-3.0" in licences) == (name == "triton-full"), name


def test_every_bake_target_builds_a_dockerfile_with_its_own_arguments() -> None:
    targets = bake_targets()
    for name, target in targets.items():
        root = targets[target["parent"]] if target["parent"] else target
        known = arguments(root["dockerfile"])
        given = {key for key in target if key.isupper()}
        assert given <= known.keys(), name
        if root["dockerfile"] == "Dockerfile.orchestrator" and target["parent"]:
            base = target[known["TRITON"]].removeprefix("target:")
            assert base == f"triton-{name}"
            assert targets[base]["parent"] == "_triton"
            assert target["tag"] == f"${{REGISTRY}}framewright-worker:{name}-${{TAG}}"


def test_the_worker_ends_up_without_rights_under_an_init() -> None:
    steps = final_stage("Dockerfile.orchestrator")
    words = dict(steps)
    assert words["USER"] == "framewright"
    assert json.loads(words["ENTRYPOINT"]) == ["tini", "--", "framewright"]
    assert json.loads(words["CMD"]) == ["worker"]
    assert words["HEALTHCHECK"].endswith('CMD ["framewright", "health"]')
    assert "WEIGHTS_DIR=/app/weights" in words["ENV"]
    order = [text for word, text in steps if word == "COPY"]
    assert order == ["--from=build /app/.venv/ /app/.venv/", "--from=package /package/app/.venv/ /app/.venv/"]


def test_triton_runs_as_a_user_of_its_own_and_asks_for_a_key() -> None:
    steps = final_stage("Dockerfile.triton")
    words = dict(steps)
    assert words["USER"] == "framewright-triton"
    command = json.loads(words["CMD"])
    assert command[:4] == ["python3", "-I", "/opt/framewright/launch.py", "tritonserver"]
    assert ("COPY", "orchestrator/triton/launch.py /opt/framewright/") in steps
    assert "--backend-directory=/opt/framewright/backends" in command
    assert "ln -s /opt/tritonserver/backends/onnxruntime /opt/framewright/backends/" in words["RUN"]
    # What is installed on top of it, or started from it, says itself who does it.
    worker = instructions("Dockerfile.orchestrator")
    based = [index for index, (word, text) in enumerate(worker) if word == "FROM" and "${TRITON}" in text]
    assert len(based) == 2
    assert all(worker[index + 1] == ("USER", "root") for index in based)


def test_images_that_others_make_are_pinned_by_digest() -> None:
    for name in ("Dockerfile.triton", "docker-bake.hcl", "compose.yaml"):
        text = (ROOT / name).read_text()
        found = re.findall(r"(?:nvcr\.io/nvidia/tritonserver|motoserver/moto)[^\s\"]*", text)
        assert found, name
        for image in found:
            assert re.fullmatch(r"[\w./]+:[\w.-]+@sha256:[0-9a-f]{64}", image), (name, image)


def test_digests_are_written_beside_the_versions(tmp_path: Path) -> None:
    """A substitute for `docker` returns the digests, so no registry is asked."""
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "images.sh", tmp_path / "requirements")
    files = ("Dockerfile.triton", "docker-bake.hcl", "compose.yaml")
    for name in files:
        shutil.copy(ROOT / name, tmp_path)
    docker = tmp_path / "docker"
    digests = {"nvcr.io/nvidia/tritonserver": "a" * 64, "motoserver/moto": "b" * 64}
    for round_ in range(2):  # what has a digest gets the one of today
        docker.write_text(
            "#!/bin/sh\ncase $4 in\n"
            + "".join(f"{image}:*) echo '\"sha256:{digest}\"';;\n" for image, digest in digests.items())
            + "esac\n"
        )
        docker.chmod(0o755)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run([tmp_path / "requirements" / "images.sh"], env=environment, check=True)
        for name in files:
            wanted = re.sub(r"@sha256:[0-9a-f]{64}", "", (ROOT / name).read_text())
            for image, digest in digests.items():
                wanted = re.sub(rf"{image}:[\w.-]+", rf"\g<0>@sha256:{digest}", wanted)
            assert (tmp_path / name).read_text() == wanted, (name, round_)
        digests = dict.fromkeys(digests, "c" * 64)
    docker.write_text("#!/bin/sh\necho 'not found' >&2; exit 1\n")
    refused = subprocess.run([tmp_path / "requirements" / "images.sh"], env=environment, check=False)
    assert refused.returncode != 0


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_carry_the_labels_of_the_package(name: str) -> None:
    assert arguments(name)["VERSION"] == VERSION
    label = dict(final_stage(name))["LABEL"]
    for key in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{key}=" in label


@pytest.mark.slow
def test_a_model_is_exported_with_no_more_of_the_project_than_the_stage_has(tmp_path: Path) -> None:
    """Run the steps of the stage `exported` without a container: its copies, then its commands."""
    steps = instructions("Dockerfile.triton")
    names = [text.rpartition(" ")[2] if word == "FROM" else "" for word, text in steps]
    stage = steps[names.index("exported") : names.index("carried")]
    for word, text in stage:
        if word == "COPY":
            *sources, target = text.split()
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, tmp_path / target)
                else:
                    (tmp_path / target).mkdir(exist_ok=True)
                    shutil.copy(ROOT / source, tmp_path / target)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MODEL_REPOSITORY": str(tmp_path / "models"),
    }
    for command in ("fetch", "build"):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "export_onnx", command, "lite-x4"],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
        )
        assert done.returncode == 0, done
    assert (tmp_path / "models" / "lite-x4" / "1" / "model.onnx").is_file()


def test_the_workers_packages_are_those_of_serving_without_a_server() -> None:
    worker, serve, build = requirements("worker"), requirements("serve"), requirements("build")
    only_gpu = {"cuda-bindings", "cuda-pathfinder"}
    assert {name: pin for name, pin in worker.items() if name not in only_gpu}.items() <= serve.items()
    assert only_gpu <= worker.keys()
    assert not only_gpu & serve.keys()
    assert worker["cuda-bindings"].startswith("12.9.")  # what the driver of Triton 25.06 has to support
    assert build.items() <= serve.items()
    for name in ("nvidia-pytriton", "onnxruntime", "torch", "hatchling", "pytest", "moto"):
        assert name not in worker
    assert {"av", "tritonclient", "runpod", "boto3"} <= worker.keys()


def test_compose_runs_the_images_that_bake_makes() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    tags = {
        str(target["tag"]).replace("${REGISTRY}", "").replace("-${TAG}", "")
        for target in bake_targets().values()
    }
    for name in ("triton-cpu", "triton-gpu", "worker", "worker-gpu"):
        image = services[name]["image"].removeprefix("${REGISTRY:-}").removesuffix("-${TAG:-latest}")
        assert image.replace("${SET:-lite}", "lite") in tags
    assert services["triton-cpu"]["profiles"] == ["cpu"]
    assert services["triton-gpu"]["profiles"] == ["gpu"]
    assert services["worker"]["profiles"] == ["cpu"]
    assert services["worker-gpu"]["profiles"] == ["gpu"]
    for name in ("triton-gpu", "worker-gpu"):
        (device,) = services[name]["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    for worker in ("worker", "worker-gpu"):
        assert services[worker]["depends_on"].keys() <= services.keys()
        for name, value in services[worker]["environment"].items():
            assert f'"{name}"' in SETTINGS, name
            assert isinstance(value, str)
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_compose_lets_no_container_do_more_than_it_needs() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = compose["services"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert not service.keys() & {"privileged", "cap_add", "user", "pid", "ipc"}, name
    for name in ("triton-cpu", "triton-gpu"):
        assert "ports" not in services[name], "who reaches its control API runs code"
        assert list(services[name]["networks"]) == ["inference"]
    assert compose["networks"]["inference"]["internal"] is True
    keys = {
        services[name]["environment"]["FRAMEWRIGHT_TRITON_KEY"]
        for name in ("triton-cpu", "triton-gpu", "worker", "worker-gpu")
    }
    assert len(keys) == 1
    assert keys.pop().startswith("${FRAMEWRIGHT_TRITON_KEY:?"), "none is made up, and none is in the file"


def test_the_worker_gets_the_part_of_the_driver_that_encodes() -> None:
    settings = " ".join(text for word, text in final_stage("Dockerfile.orchestrator") if word == "ENV")
    capabilities = re.search(r"\bNVIDIA_DRIVER_CAPABILITIES=(\S+)", settings)
    assert capabilities is not None
    assert set(capabilities[1].split(",")) == {"compute", "utility", "video"}
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        assert "NVIDIA_DRIVER_CAPABILITIES" not in service.get("environment", {}), f"{name} overrides it"


def test_the_hub_offers_gpus_that_encode_and_the_guide_names_those_that_do_not() -> None:
    pools = json.loads((ROOT / ".runpod" / "hub.json").read_text())["config"]["gpuIds"].split(",")
    # RunPod's pools of A100, H100 and H200.
    assert not set(pools) & {"AMPERE_80", "ADA_80_PRO", "HOPPER_141"}
    guide = (ROOT / "docs" / "deploy.md").read_text()
    for name in WITHOUT_NVENC:
        assert name in guide


def test_the_hub_listing_has_what_runpod_asks_for() -> None:
    hub = json.loads((ROOT / ".runpod" / "hub.json").read_text())
    assert {"title", "description", "type", "category", "config"} <= hub.keys()
    assert hub["type"] == "serverless"
    assert hub["category"] in {"audio", "embedding", "language", "video", "image"}
    config = hub["config"]
    assert config["runsOn"] == "GPU"
    assert config["gpuCount"] == 1
    keys = [entry["key"] for entry in config["env"]]
    for key in keys:
        assert f'"{key}"' in SETTINGS, key
    for preset in config["presets"]:
        assert preset["defaults"].keys() <= set(keys)
        assert preset["defaults"]["FRAMEWRIGHT_UPSCALE_MODEL"] in CATALOG


def test_the_hub_tests_have_what_runpod_asks_for() -> None:
    hub_tests = json.loads((ROOT / ".runpod" / "tests.json").read_text())
    for test in hub_tests["tests"]:
        assert test.keys() == {"name", "input", "timeout"}
        assert test["input"]["params"]["model"] in arguments("Dockerfile.triton")["MODELS"].split()
    for entry in hub_tests["config"]["env"]:
        assert f'"{entry["key"]}"' in SETTINGS


def test_what_serves_has_nothing_of_dask() -> None:
    assert "distributed" in requirements("dev")
    for name in ("serve", "worker", "cloud", "build"):
        assert not {"dask", "distributed"} & requirements(name).keys(), name
