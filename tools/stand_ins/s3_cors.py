"""Applies the CORS rule of deploy/cloudflare/r2-cors.json to requests, for a given list of origins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

RULES = Path(__file__).resolve().parents[2] / "deploy" / "cloudflare" / "r2-cors.json"
"""What `wrangler r2 bucket cors set --file` gets; its origins are those of the deployment."""


class CorsRule:
    """Decides which requests of web pages get CORS headers; origins, methods and headers match exactly."""

    def __init__(self, origins: Iterable[str]) -> None:
        (rule,) = json.loads(RULES.read_text())["rules"]
        self._origins = frozenset(origins)
        self._methods: list[str] = rule["allowed"]["methods"]
        self._headers = frozenset(name.lower() for name in rule["allowed"]["headers"])
        self._exposed = ", ".join(rule["exposeHeaders"])
        self._max_age_s = int(rule["maxAgeSeconds"])

    def preflight_headers(self, environ: Mapping[str, Any]) -> list[tuple[str, str]] | None:
        """Return the headers of the response to a preflight request; None if the request is not allowed."""
        origin = environ.get("HTTP_ORIGIN", "")
        method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
        listed = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        wanted = {name.strip().lower() for name in listed.split(",") if name.strip()}
        if not self._allows(origin, method) or not wanted <= self._headers:
            return None
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", ", ".join(self._methods)),
            ("Access-Control-Allow-Headers", ", ".join(sorted(self._headers))),
            ("Access-Control-Max-Age", str(self._max_age_s)),
            ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
        ]

    def response_headers(self, environ: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the headers to add to the response to any other request; none for a foreign origin."""
        origin = environ.get("HTTP_ORIGIN", "")
        if not self._allows(origin, environ["REQUEST_METHOD"]):
            return []
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", self._exposed),
            ("Vary", "Origin"),
        ]

    def _allows(self, origin: str, method: str) -> bool:
        return origin in self._origins and method in self._methods
