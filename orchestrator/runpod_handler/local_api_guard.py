"""Protects `--rp_serve_api`, which has no authentication, from requests of web pages of other sites.

A web page may send requests to localhost. The browser says which site the page is from (Origin) and which
name it connects to (Host). With DNS rebinding that is the attacker's name, not one of this server's.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

_LOCAL = {"localhost", "127.0.0.1", "::1"}
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  compared with, not bound to
_HTTP_PORT = 80


def refuse_other_sites() -> None:
    """Put `SameSiteOnly` before the SDK's HTTP API, which the SDK makes and starts within one function."""
    from runpod.serverless.modules import rp_fastapi  # noqa: PLC0415  it brings a web framework with it

    start = rp_fastapi.WorkerAPI.start_uvicorn

    def start_guarded(
        api: Any, api_host: str = "localhost", api_port: int = 8000, api_concurrency: int = 1
    ) -> None:
        api.rp_app.add_middleware(SameSiteOnly, host=api_host, port=api_port)
        start(api, api_host=api_host, api_port=api_port, api_concurrency=api_concurrency)

    rp_fastapi.WorkerAPI.start_uvicorn = start_guarded


class SameSiteOnly:
    """ASGI middleware: refuses requests with a foreign Host (421) or a foreign Origin (403).

    Args:
        app: the application.
        host: name or address that the server listens on. If it listens on every address, all numeric
            addresses and the machine's name are accepted: DNS rebinding needs a name.
        port: port that the server listens on.
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
        """Refuse a request, or pass it on to the application."""
        if scope["type"] == "http":
            headers = [(name, value.decode("latin-1").lower()) for name, value in scope["headers"]]
            hosts, origins = (
                [value for name, value in headers if name == key] for key in (b"host", b"origin")
            )
            if len(hosts) != 1 or not self._is_own(hosts[0]):
                await _refuse(
                    send, 421, "Host is not a name of this server: ask localhost, or what --rp_api_host gives"
                )
                return
            if any(origin not in {f"http://{hosts[0]}", f"https://{hosts[0]}"} for origin in origins):
                await _refuse(send, 403, "Origin is another site, which may not send jobs")
                return
        await self._app(scope, receive, send)

    def _is_own(self, host: str) -> bool:
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
