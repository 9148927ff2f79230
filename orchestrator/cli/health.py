"""Runs `framewright health`, the health check of the worker's image."""

from __future__ import annotations

import click

from orchestrator.cli import options
from orchestrator.cli.output import say
from orchestrator.errors import TritonUnavailable


@click.command()
@options.verbose
def health() -> None:
    """Check whether the Triton that jobs use answers: the one of TRITON_URL, or one on this machine.

    The worker's image uses it as its health check. Exit code 0: Triton answers; 1: it does not.
    """
    from orchestrator.triton.client import TritonClient
    from orchestrator.triton.find_servers import running_urls

    settings = options.settings_with(None)
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
