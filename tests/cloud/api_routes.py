"""Reads from the API's code which routes there are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.support.node_functions import run_script

_SCRIPT = """
const { app } = await import("./api/app.ts");
const routes = app.routes.filter((route) => route.method !== "ALL").map(({ method, path }) => [method, path]);
const document = app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
console.log(JSON.stringify({ routes, document }));
"""


@dataclass(frozen=True, order=True)
class Route:
    """A method and a path, such as GET /status/{id}."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def _code() -> dict[str, Any]:
    return dict(json.loads(run_script(_SCRIPT).stdout))


def registered_routes() -> set[Route]:
    """Return every route of the application, also one that the OpenAPI document leaves out.

    Raises:
        NodeMissing: Node or the packages of deploy/cloudflare are not installed.
    """
    segments = [(method, path.split("/")) for method, path in _code()["routes"]]
    return {
        Route(method, "/".join(f"{{{part[1:]}}}" if part.startswith(":") else part for part in parts))
        for method, parts in segments
    }


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document that the code describes itself with.

    Raises:
        NodeMissing: Node or the packages of deploy/cloudflare are not installed.
    """
    return dict(_code()["document"])
