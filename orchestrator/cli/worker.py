"""Runs `framewright worker`, which takes jobs from RunPod."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from orchestrator.cli import options
from orchestrator.cli.exit_handling import SignalReceived
from orchestrator.errors import BadRequest
from orchestrator.redaction import RedactedStream, Redactor
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from orchestrator.runpod_handler import Mode

TEST_INPUT = Path("test_input.json")


@click.command()
@click.option("--test_input", metavar="JSON", help='Do this one job, {"input": {...}}, and exit.')
@click.option("--rp_serve_api", is_flag=True, help="Accept jobs over HTTP, like RunPod's own API.")
@click.option("--rp_api_host", default="localhost", show_default=True, help="The host name for HTTP.")
@click.option("--rp_api_port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--rp_log_level",
    type=click.Choice(["ERROR", "WARN", "INFO", "DEBUG"]),
    envvar="RUNPOD_LOG_LEVEL",
    default="INFO",
    show_default=True,
    help="The log level of the RunPod SDK.",
)
@options.verbose
def worker(
    *,
    test_input: str | None,
    rp_serve_api: bool,
    rp_api_host: str,
    rp_api_port: int,
    rp_log_level: str,
) -> None:
    """Take jobs from RunPod, do them and send the results, until SIGTERM.

    The container runs this command. It starts a Triton of its own (unless TRITON_URL names one), takes jobs
    once Triton answers, and does each job in a process of its own: fetch, run, publish. docs/jobs.md
    describes jobs and results; docs/worker.md describes settings, signals and local runs.

    On RunPod the SDK finds all it needs in the environment. Elsewhere you can try it without an account:
    give one job as --test_input or in a file test_input.json, or use HTTP with --rp_serve_api.

    \b
    Examples:
      framewright worker                                    in a folder with test_input.json: do that job
      framewright worker --test_input '{"input": {"task": "track", "input_url": "https://..."}}'
      framewright worker --rp_serve_api --rp_api_port 8090
      curl -s localhost:8090/runsync -H 'Content-Type: application/json' -d @test_input.json
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.executor.job_folders import JobFolders
    from orchestrator.triton.server import TritonServer
    from orchestrator.triton.supervisor import Supervisor

    settings = Settings.from_env()
    redact = _hide_secrets(settings)
    arguments = ["--rp_log_level", rp_log_level]
    mode: Mode = "loop"
    if rp_serve_api:
        mode = "api"
        arguments += ["--rp_serve_api", "--rp_api_host", rp_api_host, "--rp_api_port", str(rp_api_port)]
    elif test_input is not None or not settings.on_runpod:
        mode = "once"
        arguments += ["--test_input", json.dumps(_checked(test_input))]
    from orchestrator.runpod_handler import RunPodWorker

    triton = None
    if settings.triton_url is None:
        server = TritonServer(settings.model_repository, start_timeout_s=settings.start_timeout_s)
        triton = Supervisor(server, restarts=settings.triton_restarts)
    try:
        with JobFolders(settings.job_folder) as folders:
            RunPodWorker(settings, mode=mode, triton=triton, folders=folders, redact=redact).run(arguments)
    except SignalReceived:
        click.echo("the worker is stopped")  # before it took jobs, or as it waited for some over HTTP
    finally:
        if triton is not None:
            triton.stop()


def _hide_secrets(settings: Settings) -> Redactor:
    """Keep secrets out of everything that this process prints from now on."""
    redact = Redactor(settings.secrets)
    sys.stdout = cast("TextIO", RedactedStream(sys.stdout, redact))
    sys.stderr = cast("TextIO", RedactedStream(sys.stderr, redact))
    logging.basicConfig(level=logging.WARNING, format=options.LOG_FORMAT, force=True)
    logger = logging.getLogger("orchestrator")
    logger.setLevel(min(logger.level, logging.INFO))
    return redact


def _checked(text: str | None) -> dict[str, Any]:
    """Return the one job to do: that of --test_input, or that of the file.

    Raises:
        BadRequest: there is no job, or it is not a JSON object with an `input`.
    """
    name = "--test_input"
    if text is None:
        name = str(TEST_INPUT)
        try:
            text = TEST_INPUT.read_text("utf-8")
        except FileNotFoundError as exc:
            raise BadRequest(
                f"there is no {name} here, and this is not RunPod (RUNPOD_WEBHOOK_GET_JOB is not set): give "
                "--test_input, --rp_serve_api, or such a file"
            ) from exc
        except (OSError, UnicodeError) as exc:
            raise BadRequest(f"{name} cannot be read; give a file of JSON") from exc
    try:
        job = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise BadRequest(f'{name} is no JSON: {exc}; give {{"input": {{"task": ...}}}}') from exc
    if not isinstance(job, dict) or job.get("input") is None:
        raise BadRequest(f'{name} has no input: give {{"input": {{"task": ...}}}}')
    return job
