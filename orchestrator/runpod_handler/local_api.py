"""Let only this machine's own pages and programs use `--rp_serve_api`, which asks nobody who they are.

A web page may send requests to localhost. Its browser tells where the page is from (Origin), and which name
it asks for (Host): a stranger's name that is made to lead here (DNS rebinding) is not one of ours.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

_LOCAL = {"localhost", "127.0.0.1", "::1"}
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  compared with, not bound to
_HTTP_PORT = 80


def serve_own_names() -> None:
    """Put `OwnNames` before the SDK's HTTP API, which it makes and starts within one function of its own."""
    from runpod.serverless.modules import rp_fastapi  # noqa: PLC0415  it brings a web framework with it

    start = rp_fastapi.WorkerAPI.start_uvicorn

    def start_guarded(
        api: Any, api_host: str = "localhost", api_port: int = 8000, api_concurrency: int = 1
    ) -> None:
        api.rp_app.add_middleware(OwnNames, host=api_host, port=api_port)
        start(api, api_host=api_host, api_port=api_port, api_concurrency=api_concurrency)

    rp_fastapi.WorkerAPI.start_uvicorn = start_guarded


class OwnNames:
    """ASGI middleware: refuses requests with a Host that is not ours (421) or another site's Origin (403).

    Args:
        app: the application.
        host: where it listens. If that is every address, all numeric addresses are taken, and the machine's
            name: only names can be rebound.
        port: where it listens.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], *, host: str, port: int) -> None:
        self._app = app
        self._port = port
        self._names = _LOCAL | {host.lower()}
        self._any_address = host in _EVERYWHERE
        if self._any_address:
            self._names |= {socket.gethostname().lower()}

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "http":
            hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
            origins = [
                value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"origin"
            ]
            if len(hosts) != 1 or not self._is_ours(hosts[0]):
                await _refuse(
                    send, 421, "Host is not a name of this server: ask localhost, or what --rp_api_host gives"
                )
                return
            if any(origin not in {f"http://{hosts[0]}", f"https://{hosts[0]}"} for origin in origins):
                await _refuse(send, 403, "Origin is another site, which may not send jobs")
                return
        await self._app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname, parts.port or _HTTP_PORT
        except ValueError:
            return False
        if name is None or parts.netloc != host or parts.username is not None or port != self._port:
            return False
        return name in self._names or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(send: Callable[..., Any], status: int, message: str) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(message)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": message.encode()})
