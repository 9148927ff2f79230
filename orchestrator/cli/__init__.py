"""The `framewright` command: one file a subcommand; here errors become a line and an exit code."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from orchestrator.cli.infer import infer
from orchestrator.cli.models import models
from orchestrator.cli.serve import serve
from orchestrator.cli.shell import Shell, Signalled
from orchestrator.cli.upscale import upscale
from orchestrator.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

log = logging.getLogger(__name__)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="framewright", prog_name="framewright")
def cli() -> None:
    """Upscale video with ONNX models served by NVIDIA Triton.

    \b
    First steps:
      framewright upscale in.mp4 out.mp4              with the small model that is carried along
      framewright models list                         the models there are, and how to get them
      framewright upscale in.mp4 out.mp4 --model realesr-animevideov3 --scale 2

    \b
    Exit codes: 0 done, 1 our side failed, 2 the request or its input is wrong, 130 and 143 interrupted.
    Environment: WEIGHTS_DIR, MODEL_REPOSITORY, TRITON_URL (see the README).
    """  # noqa: D301  click reads the backspace as: keep these lines


for _command in (upscale, serve, infer, models):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911  a return for each kind of end
    """Run the command line.

    Args:
        arguments: without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    _catch_signals()
    shell = Shell()
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
        return _failed(
            shell, "bad_request", f"{_one_line(exc.format_message()).rstrip('.')}{hint}", exit_code=2
        )
    except WorkerError as exc:
        log.debug("failed", exc_info=True)
        return _failed(shell, exc.code, str(exc), exit_code=exc.exit_code, retryable=exc.retryable)
    except (Signalled, click.Abort) as exc:
        number = exc.number if isinstance(exc, Signalled) else signal.SIGINT
        name = signal.Signals(number).name
        return _failed(
            shell,
            "cancelled",
            f"stopped by {name}; nothing was written",
            exit_code=128 + number,
            retryable=True,
        )
    except BrokenPipeError:
        # Whoever read our output has gone; keep the interpreter from failing once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as exc:
        log.debug("failed", exc_info=True)
        message = f"{type(exc).__name__}: {exc}; this is a fault of ours, run again with -v and report it"
        return _failed(shell, "internal", message, exit_code=1)
    return 0


def _catch_signals() -> None:
    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def handle(number: int, _frame: FrameType | None) -> None:
        for other in caught:  # cleaning up is bounded in time: let it end
            signal.signal(other, signal.SIG_IGN)
        raise Signalled(number)

    for number in caught:
        signal.signal(number, handle)


def _failed(shell: Shell, code: str, message: str, *, exit_code: int, retryable: bool = False) -> int:
    message = _one_line(message)
    if shell.json:
        failure = {"status": "failed", "error": f"{code}: {message}", "code": code, "retryable": retryable}
        click.echo(json.dumps(failure))
    click.echo(f"error: {message}", err=True)
    return exit_code


def _one_line(text: str) -> str:
    return " ".join(text.split())
