"""Finds the subcommand to run, and turns its errors into one line and an exit code."""

from __future__ import annotations

import importlib
import logging
import signal
from collections.abc import Sequence

import click

from orchestrator.cli import options
from orchestrator.cli.exit_handling import say_failed, say_stopped
from orchestrator.cli.output import OutputLost
from orchestrator.errors import WorkerError, disk_full_error

log = logging.getLogger(__name__)


COMMANDS = {
    "upscale": "Upscale a video.",
    "track": "Find objects in a video and follow each one through it.",
    "export": "Export a part of a video: crop, cut, enlarge, convert.",
    "film": "Make a long video with many workers: upscale, export or track it in pieces.",
    "estimate": "Estimate how long a job will take and what it will cost.",
    "serve": "Run Triton on this machine.",
    "infer": "Send one picture to one model, and show what comes back.",
    "models": "List, fetch, build and verify models.",
    "worker": "Take jobs from RunPod and do them.",
    "health": "Check whether Triton answers.",
}
"""The subcommands, with their lines in the list of commands. Their modules and functions have these names.

A module is imported only when its command is called, and imports slow modules only when the command runs.
"""


class LazyCommandGroup(click.Group):
    """Imports a subcommand when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, D102  click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002, D102
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"orchestrator.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002, D102
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyCommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="framewright", prog_name="framewright")
def cli() -> None:
    """Upscale, track and export video with ONNX models served by NVIDIA Triton.

    \b
    First steps:
      framewright upscale in.mp4 out.mp4              with the small model that comes with Framewright
      framewright models list                         all models, and how to get them
      framewright upscale in.mp4 out.mp4 --model realesr-animevideov3 --scale 2
      framewright track in.mp4 -o tracks.json         find objects and follow them
      framewright export in.mp4 out.mp4 --crop 0,0,640,360 --start 2 --end 9

    \b
    Exit codes: 0 done, 1 Framewright failed, 2 the request or its input is wrong, 130 and 143 interrupted.
    Environment: WEIGHTS_DIR, MODEL_REPOSITORY, TRITON_URL and more, see docs/settings.md.
    """  # noqa: D301  click reads the backspace as: keep these lines


def run(arguments: Sequence[str] | None) -> int:  # noqa: PLR0911  a return for each kind of end
    """Run the command line; return the exit code.

    Args:
        arguments: without the program's name; None uses those of the process.

    Raises:
        SignalReceived: see `exit_handling`; also while a command is imported, before its options are known.
    """
    shell = options.CommandState()
    try:
        cli.main(
            args=None if arguments is None else list(arguments),
            prog_name="framewright",
            standalone_mode=False,
            obj=shell,
        )
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message(), err=True)
        return 2
    except click.ClickException as exc:
        hint = f"; see {exc.ctx.command_path} --help" if isinstance(exc, click.UsageError) and exc.ctx else ""
        message = f"{exc.format_message().strip().rstrip('.')}{hint}"
        return say_failed("bad_request", message, exit_code=2, as_json=shell.json)
    except WorkerError as exc:
        log.debug("failed", exc_info=True)
        return say_failed(
            exc.code,
            str(exc),
            exit_code=exc.exit_code,
            retryable=exc.retryable,
            as_json=shell.json,
            details=exc.details,
        )
    except click.Abort:
        return say_stopped(signal.SIGINT, as_json=shell.json)
    except OutputLost as exc:
        return say_failed("internal", str(exc), exit_code=1, as_json=False)
    except Exception as exc:  # an unforeseen error becomes a line here, and only here
        log.debug("failed", exc_info=True)
        if (full := disk_full_error(exc)) is not None:
            return say_failed(full.code, str(full), exit_code=1, retryable=True, as_json=shell.json)
        message = f"{type(exc).__name__}: {exc}; this is a fault of ours, run again with -v and report it"
        return say_failed("internal", message, exit_code=1, as_json=shell.json)
    return 0
