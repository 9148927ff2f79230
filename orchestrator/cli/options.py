"""Defines the options that several subcommands have."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from orchestrator.settings import Settings

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


@dataclass
class CommandState:
    """State of one call of the command line, for the code that prints errors.

    Attributes:
        json: whether errors are also printed as JSON on standard output.
    """

    json: bool = False


def _set_json(context: click.Context, _option: click.Parameter, value: bool) -> bool:  # noqa: FBT001  click's form
    context.ensure_object(CommandState).json = value
    return value


def _set_verbose(_context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001
    level = logging.DEBUG if value else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT, force=True)
    logging.getLogger("orchestrator").setLevel(level)


FILE = click.Path(path_type=Path)
source = click.argument("source", metavar="IN", type=FILE)
output = click.argument("output", metavar="OUT", type=FILE)
verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_set_verbose,
    help="Log each step on standard error.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_set_json, help="Print the result as JSON."
)
quality = click.option("--quality", default="high", show_default=True, help="high, medium, low or lossless.")
tonemap = click.option("--tonemap", is_flag=True, help="Convert HDR to SDR, which models expect.")
reuse_tolerance = click.option(
    "--reuse-tolerance",
    type=int,
    default=0,
    metavar="LEVELS",
    help="Reuse the model's result for a part of the picture that changed by at most this many levels of "
    "0..255, up to 16: faster where little moves.  [default: 0, reuse only what is identical]",
)
stabilize = click.option(
    "--stabilize",
    is_flag=True,
    help="Hold the picture where IN stands still, so that it does not flicker.",
)
report = click.option(
    "--report",
    metavar="JSON",
    type=FILE,
    help="Also write a comparison of OUT with IN: PSNR, SSIM, colours, timing; and a chart of it as .png.",
)


def url(
    text: str = "Use the Triton at this gRPC address instead of starting one.",
) -> Callable[[Any], Any]:
    """Return the option that names a running Triton."""
    return click.option("--url", metavar="HOST:PORT", help=text)


def settings_with(url: str | None) -> Settings:
    """Read the settings, where --url replaces TRITON_URL."""
    settings = Settings.from_env()
    return settings if url is None else replace(settings, triton_url=url)
