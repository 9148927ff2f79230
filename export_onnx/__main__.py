"""The commands of `framewright models`: list, fetch, build, verify.

Only `build` needs PyTorch, so only it imports what does.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from export_onnx.catalog import CatalogModel, load_catalog
from export_onnx.config import ACCELERATORS, Accelerator
from export_onnx.repository import check_name
from export_onnx.tensors import PRECISIONS, Precision
from export_onnx.weights import read_named, read_official
from orchestrator.errors import BadRequest, Cancelled, ExportFailed, WorkerError
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from types import FrameType

PROGRAM = "framewright models"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def models() -> None:
    """The models: which there are, their weights, and building them for Triton.

    \b
    A model goes from its published weights to Triton in two steps:
        framewright models fetch realesr-animevideov3
        framewright models build realesr-animevideov3

    Weights land in WEIGHTS_DIR (weights/), models in MODEL_REPOSITORY (model_repository/).
    """


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use this weight file, whatever its hash.",
)
@click.option(
    "--name", "new_name", metavar="NAME", help="Name of a model that is not in the catalog (with --weights)."
)
@click.option("--licence", metavar="SPDX", help="Licence of your weights, for the record (with --weights).")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="Of the network inside.",
)
@click.option(
    "--accelerator",
    type=click.Choice(ACCELERATORS),
    default="none",
    show_default=True,
    help="GPU only: see docs/models.md.",
)
@click.option(
    "--engine-cache", metavar="DIR", help="Where the server keeps TensorRT's engines (with tensorrt)."
)
@click.option("--warm-up", is_flag=True, help="Run one tile before the model is ready (with an accelerator).")
def build(
    names: tuple[str, ...],
    weights: Path | None,
    new_name: str | None,
    licence: str | None,
    precision: Precision,
    accelerator: Accelerator,
    engine_cache: str | None,
    warm_up: bool,  # noqa: FBT001 - click passes flags by keyword
) -> None:
    """Export models to ONNX, prove them equal to PyTorch, and install them.

    A model that fails its proof is not installed, and the one that was there stays.

    \b
    Examples:
        framewright models build lite-x4
        framewright models build RealESRGAN_x4plus --precision fp16
        framewright models build realesr-animevideov3 --weights my-copy.pth
        framewright models build --weights mine.pth --name mine
        framewright models build RealESRGAN_x4plus --precision fp16 \\
            --accelerator tensorrt --engine-cache /runpod-volume/engines --warm-up
    """
    _check_choices(names, weights, new_name, licence, accelerator, engine_cache, warm_up=warm_up)
    try:
        from export_onnx.build import Choices  # noqa: PLC0415 - needs PyTorch
        from export_onnx.build import build as build_model
    except ModuleNotFoundError as exc:
        raise ExportFailed(
            f"building needs {exc.name}, which is not installed; run `make export-env`, or `pip install .[export]`"
        ) from exc
    catalog, settings = load_catalog(), Settings.from_env()
    entries: dict[str, CatalogModel | None] = (
        {check_name(new_name): None} if new_name else {name: catalog.get(name) for name in names}
    )
    if new_name in catalog.models:
        raise BadRequest(f"{new_name!r} is a model of the catalog; drop --name, or choose another")
    choices = Choices(
        precision=precision,
        accelerator=accelerator,
        engine_cache=engine_cache,
        warm_up=warm_up,
        licence=licence or "unknown",
    )
    for name, entry in entries.items():
        if weights is not None:
            content = read_named(weights, entry)
        elif entry is not None:
            content = read_official(entry, settings.weights_dir)
        record = build_model(
            name,
            content,
            catalog=catalog,
            choices=choices,
            repository=settings.model_repository,
            report=click.echo,
        )
        click.echo(
            f"{name}: installed in {settings.model_repository / name}; differs from PyTorch by at most "
            f"{record.parity['max_levels']} levels of 255, on {record.parity['share_different']:.3%} of the values"
        )


def _check_choices(
    names: tuple[str, ...],
    weights: Path | None,
    new_name: str | None,
    licence: str | None,
    accelerator: Accelerator,
    engine_cache: str | None,
    *,
    warm_up: bool,
) -> None:
    if bool(names) == bool(new_name):
        raise BadRequest("name the models to build, or give your own weights with --weights FILE --name NAME")
    if new_name and weights is None:
        raise BadRequest(f"--name {new_name} needs the weights to build from; add --weights FILE")
    if weights is not None and len(names) > 1:
        raise BadRequest("--weights is one file, for one model; build the others by another command")
    if licence and weights is None:
        raise BadRequest("--licence is of your own weights; add --weights FILE, or drop it")
    if (accelerator == "tensorrt") != bool(engine_cache):
        raise BadRequest(
            "--accelerator tensorrt and --engine-cache DIR belong together; give both or neither"
        )
    if warm_up and accelerator == "none":
        raise BadRequest("--warm-up is for a GPU; add --accelerator cuda or tensorrt, or drop it")


def _interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> None:
    """Run a command; every error becomes one line and an exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        models.main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except WorkerError as exc:
        _fail(str(exc), exc.exit_code)
    except click.ClickException as exc:
        _fail(f"{exc.format_message().rstrip('.')}; see `{PROGRAM} --help`", BadRequest.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped; run the same command to go on", Cancelled.exit_code)


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
