"""`framewright health`."""

from __future__ import annotations

import click

from orchestrator.cli.options import say, settings_with, verbose_option
from orchestrator.errors import TritonUnavailable
from orchestrator.triton.client import TritonClient
from orchestrator.triton.find_servers import running_urls


@click.command()
@verbose_option
def health() -> None:
    """Say whether the Triton that jobs use answers: the one of TRITON_URL, else one on this machine.

    The health check of the worker's image. Exit code 0: it answers; 1: it does not.
    """
    settings = settings_with(None)
    urls = running_urls() if settings.triton_url is None else [settings.triton_url]
    silent = TritonUnavailable("no tritonserver runs on this machine, and TRITON_URL names none elsewhere")
    for url in urls:
        try:
            with TritonClient(url, infer_timeout_s=settings.infer_timeout_s) as client:
                client.wait_ready()
        except TritonUnavailable as exc:
            silent = exc
        else:
            say(f"Triton answers at {url}")
            return
    raise silent
