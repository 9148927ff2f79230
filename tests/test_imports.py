"""Tests that modules import only what docs/architecture.md allows them to."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RANK = {
    "child_environment": 0,
    "media_containers": 0,
    "environment": 0,
    "errors": 0,
    "settings": 0,
    "frames": 0,
    "jobs": 0,
    "limits": 0,
    "installed_gpus": 0,
    "machine": 0,
    "plane_format": 0,
    "redaction": 0,
    "transport": 0,
    "utf8_json": 0,
    "video_source": 0,
    "storage": 1,
    "media": 1,
    "tiles": 1,
    "triton": 1,
    "tracking": 1,
    "framing": 1,
    "cost": 1,
    "inference": 2,
    "drawing": 2,
    "fidelity": 3,
    "track_output": 3,
    "pipeline": 4,
    "film": 5,
    "worker": 6,
    "film_driver": 7,
    "executor": 7,
    "runpod_handler": 8,
    "cli": 9,
    "__init__": 9,
}
MEDIA_RANK = {"thread_priority": 0, "time_range": 0, "filter_chain": 0, "colour": 1, "read": 2, "write": 3}
"""The rooms of `media`: what reads a file imports no writer."""

ONLY_IMPORTERS = {
    "av": {"media"},
    "boto3": {"storage"},
    "botocore": {"storage"},
    "tritonclient": {"triton"},
    "cuda": {"triton"},
    "click": {"cli"},
    "scipy": {"tracking", "framing"},
    "runpod": {"runpod_handler"},
    "dask": {"film_driver"},
    "distributed": {"film_driver"},
}
NEVER_IN_ORCHESTRATOR = {
    "torch",
    "torchvision",
    "spandrel",
    "onnx",
    "onnxruntime",
    "ultralytics",
    "export_onnx",
}
SOURCES = sorted((ROOT / "orchestrator").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the dotted names that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module))
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "orchestrator").parts[0].removesuffix(".py")


def test_every_room_has_its_place_in_the_order() -> None:
    assert {room_of(path) for path in SOURCES} == set(RANK)


def is_allowed(path: Path, name: str) -> bool:
    """Return whether a file under orchestrator/ may import a dotted name."""
    room, parts = room_of(path), name.split(".")
    if parts[0] in NEVER_IN_ORCHESTRATOR or room not in ONLY_IMPORTERS.get(parts[0], {room}):
        return False
    if parts[0] != "orchestrator" or len(parts) < 2 or parts[1] not in RANK:
        return True
    if parts[1] != room:
        return RANK[parts[1]] < RANK[room] or RANK[room] == 0 == RANK[parts[1]]
    if room != "media" or len(parts) < 3:
        return True
    inner = path.relative_to(ROOT / "orchestrator" / "media").parts[0].removesuffix(".py")
    return parts[2] == inner or MEDIA_RANK[parts[2]] < MEDIA_RANK[inner]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_run_one_way(path: Path) -> None:
    assert not [name for name in imported(path) if not is_allowed(path, name)]


def test_a_reader_that_imports_a_writer_is_refused(tmp_path: Path) -> None:
    reader, file = ROOT / "orchestrator" / "media" / "read" / "reader.py", tmp_path / "file.py"
    assert reader in SOURCES
    for line in (
        "from orchestrator.media.write.writer import VideoWriter",
        "from orchestrator.media import write",
        "import orchestrator.media.write.encoder_selection",
        "from orchestrator import pipeline",
    ):
        file.write_text(f"def late():\n    {line}\n")
        assert [name for name in imported(file) if not is_allowed(reader, name)], line
    assert "orchestrator.media.read.decoded_pictures" in imported(reader)


def test_reading_a_video_loads_no_writer() -> None:
    """In a fresh process, as other tests load writers in this one."""
    code = "import sys, orchestrator.media.read.reader; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    assert "orchestrator.media.read.decoded_pictures" in loaded
    ours = [name.split(".") for name in loaded if name.startswith("orchestrator.")]
    assert not [name for name in ours if {"write", "encoder"} & set(name)]


@pytest.mark.parametrize("path", sorted((ROOT / "export_onnx").rglob("*.py")), ids=lambda path: path.name)
def test_export_knows_nothing_of_serving_but_errors_settings_storage_cost_and_colours(path: Path) -> None:
    ours = {
        room for name in imported(path) for root, _, room in [name.partition(".")] if root == "orchestrator"
    }
    # colour_tensor needs NumPy alone: a graph and the worker must agree on its layout.
    ours = {room for room in ours if not room.startswith("triton.colour_tensor")}
    assert {room.partition(".")[0] for room in ours} <= {"errors", "settings", "storage", "cost"}


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("orchestrator", {"tests", "benchmarks", "tools"}),
        ("export_onnx", {"tests", "benchmarks", "tools"}),
        ("tools", {"tests", "benchmarks"}),
        ("tests", {"benchmarks"}),
        ("benchmarks", {"tests"}),
    ],
)
def test_what_ships_needs_no_tools_and_neither_tests_nor_benchmarks_need_the_other(
    folder: str, forbidden: set[str]
) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        assert not {name.partition(".")[0] for name in imported(path)} & forbidden, path


@pytest.mark.parametrize("path", ["orchestrator/triton/server_reaper.py", "tools/cloud/process_reaper.py"])
def test_reapers_need_the_standard_library_only(path: str) -> None:
    """They outlive their owners, and must start at once and hold little memory."""
    names = {name.partition(".")[0] for name in imported(ROOT / path)}
    assert names - set(sys.stdlib_module_names) <= {"orchestrator"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions count; those under TYPE_CHECKING, which never run, do not."""
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for folder in ("benchmarks", "export_onnx", "orchestrator", "tools")
        for path in (ROOT / folder).rglob("*.py")
    }
    graph: dict[str, set[str]] = {module: set() for module in paths}
    for module, path in paths.items():
        nodes: list[ast.AST] = [ast.parse(path.read_text())]
        while nodes:
            node = nodes.pop()
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            nodes += ast.iter_child_nodes(node)
            if isinstance(node, ast.Import):
                graph[module] |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[module] |= names if names <= set(paths) else names | {str(node.module)}
        graph[module] = (graph[module] & set(paths)) - {module}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


def test_only_the_settings_are_read_from_the_environment() -> None:
    readers = {
        path.name for path in SOURCES if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    expected = {"environment.py", "settings.py", "child_environment.py", "server_reaper.py", "launch.py"}
    assert readers == expected, (
        "child_environment.py hands a part of it to child processes, the other two their own to tritonserver"
    )
