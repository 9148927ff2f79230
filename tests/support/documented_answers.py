"""Checks responses of the API against its OpenAPI document, with jsonschema as the judge."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import requests


class Documentation:
    """The OpenAPI document of a running API."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._components = document["components"]["schemas"]
        self._paths = {
            re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))): operations
            for path, operations in document["paths"].items()
        }
        self._validators: dict[str, jsonschema.Draft202012Validator] = {}

    def check(self, response: requests.Response) -> None:
        """Fail if the document does not describe a response: its status, its headers and all of its body."""
        method = str(response.request.method).lower()
        path = urlsplit(str(response.request.url)).path
        operations = next((found for form, found in self._paths.items() if form.fullmatch(path)), None)
        documented = (operations or {}).get("get" if method == "head" else method)
        where = f"{method.upper()} {path}: {response.status_code} {response.text[:500]}"
        if method == "options" and documented is None:
            assert response.status_code in {204, 404}, where
        elif operations is None or documented is None:
            assert response.status_code == (404 if operations is None else 405), where
            self._check_body(response, {"$ref": "#/components/schemas/Error"}, where)
        else:
            description = documented["responses"].get(str(response.status_code))
            assert description is not None, f"no such status is documented: {where}"
            self._check_described(response, description, where)

    def _check_described(self, response: requests.Response, description: dict[str, Any], where: str) -> None:
        assert "Retry-After" not in response.headers or "Retry-After" in description["headers"], where
        content = description.get("content")
        if content is None or response.request.method == "HEAD":
            assert not response.content, f"no body is documented: {where}"
        else:
            self._check_body(response, content["application/json"]["schema"], where)

    def _check_body(self, response: requests.Response, schema: dict[str, Any], where: str) -> None:
        if response.request.method == "HEAD":
            return
        kind = response.headers.get("Content-Type", "")
        assert kind.split(";")[0] == "application/json", f"{kind}: {where}"
        key = json.dumps(schema)
        if key not in self._validators:
            self._validators[key] = jsonschema.Draft202012Validator(self._closed(schema))
        validator = self._validators[key]
        error = jsonschema.exceptions.best_match(validator.iter_errors(response.json()))
        assert error is None, f"{where}: {error.json_path if error else ''}: {error.message if error else ''}"

    def _closed(self, schema: Any, *, is_part: bool = False) -> Any:
        """Return a schema without references, in which objects have no members that are not described.

        Args:
            schema: a schema of the document.
            is_part: whether it describes a part of the members only, as it is a member of `allOf`.
        """
        if isinstance(schema, list):
            return [self._closed(inner, is_part=is_part) for inner in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            target = self._components[schema["$ref"].removeprefix("#/components/schemas/")]
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            return self._closed(copy.deepcopy(target) | rest, is_part=is_part)
        closed: dict[str, Any] = {}
        for name, value in schema.items():
            if name == "properties":
                closed[name] = {key: self._closed(inner) for key, inner in value.items()}
            elif name in {"items", "prefixItems", "additionalProperties", "anyOf", "oneOf"}:
                closed[name] = self._closed(value)
            elif name == "allOf":
                closed[name] = self._closed(value, is_part=True)
            else:
                closed[name] = value
        is_open = "additionalProperties" in schema
        if not is_part and not is_open and ("properties" in schema or "allOf" in schema):
            closed["unevaluatedProperties"] = False
        return closed


@contextmanager
def checked_answers(url: str, documentation: Documentation) -> Iterator[None]:
    """Check every response that `requests` gets from an API in the block, but not those of `/cdn-cgi/`."""
    send = requests.Session.send

    def checked_send(
        session: requests.Session, request: requests.PreparedRequest, **more: Any
    ) -> requests.Response:
        response = send(session, request, **more)
        path = str(request.url).removeprefix(url)
        # While workerd is dead, wrangler answers in its place, without the headers of the API.
        is_wranglers = response.status_code >= 500 and "Content-Security-Policy" not in response.headers
        if path != request.url and not path.startswith("/cdn-cgi/") and not is_wranglers:
            documentation.check(response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", checked_send)
        yield
