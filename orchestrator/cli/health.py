"""`framewright health`."""

from __future__ import annotations

import click

from orchestrator.cli.shell import say, settings_with, verbose_option
from orchestrator.errors import TritonUnavailable
from orchestrator.triton.client import TritonClient
from orchestrator.triton.running import running_url


@click.command()
@verbose_option
def health() -> None:
    """Say whether the Triton that jobs use answers: the one of TRITON_URL, else the one on this machine.

    The health check of the worker's image. Exit code 0: it answers; 1: it does not.
    """
    settings = settings_with(None)
    url = settings.triton_url or running_url()
    if url is None:
        raise TritonUnavailable("no tritonserver runs on this machine, and TRITON_URL names none elsewhere")
    with TritonClient(url, infer_timeout_s=settings.infer_timeout_s) as client:
        client.wait_ready()
    say(f"Triton answers at {url}")
