"""Runs `framewright serve`, which runs Triton until Ctrl-C."""

from __future__ import annotations

import click

from orchestrator.cli import options
from orchestrator.cli.exit_handling import SignalReceived

_GRACE_S = 5.0  # for running requests of other clients when Ctrl-C comes


@click.command()
@click.option("--grpc-port", type=click.IntRange(1, 65535), default=8001, show_default=True)
@click.option("--http-port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--metrics-port", type=click.IntRange(1, 65535), default=8002, show_default=True)
@click.option("--model", "names", multiple=True, help="Load this model now; repeat the option for more.")
@options.verbose
def serve(grpc_port: int, http_port: int, metrics_port: int, names: tuple[str, ...]) -> None:
    """Run Triton over the model repository, on loopback, until Ctrl-C.

    Models are loaded when a job first needs them, or now with --model. A Triton that dies is restarted, up to
    three times in ten minutes (FRAMEWRIGHT_TRITON_RESTARTS).

    \b
    Examples:
      framewright serve --model lite-x4
      framewright upscale in.mp4 out.mp4 --url localhost:8001     (in another terminal)
      framewright models status
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.triton.client import TritonClient
    from orchestrator.triton.server import TritonServer
    from orchestrator.triton.supervisor import Supervisor

    settings = options.settings_with(None)
    server = TritonServer(
        model_repository=settings.model_repository,
        start_timeout_s=settings.start_timeout_s,
        grace_s=_GRACE_S,
        grpc_port=grpc_port,
        http_port=http_port,
        metrics_port=metrics_port,
    )
    with Supervisor(server, restarts=settings.triton_restarts) as supervisor:
        with TritonClient(server.url, infer_timeout_s=settings.infer_timeout_s) as client:
            client.wait_ready()
            for name in names:
                client.load(settings.resolved(name))
        click.echo(
            f"Triton is ready: gRPC {server.url}, HTTP {server.http_url}, metrics {server.metrics_url}"
        )
        click.echo(
            f"serving {settings.model_repository}" + (f", loaded: {', '.join(names)}" if names else "")
        )
        try:
            supervisor.wait()
        except SignalReceived:
            click.echo("Triton is stopped")
            return
        supervisor.check()
