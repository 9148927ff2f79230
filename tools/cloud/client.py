"""Calls the API over HTTP, as a user or as an operator."""

from __future__ import annotations

import uuid
from typing import Any

import requests

TIMEOUT_S = 120
"""How long a request waits for its answer. A busy machine is slow."""


class Caller:
    """Sends requests with a bearer token.

    Attributes:
        url: the address of the API.
        token: an API key, or the API's ADMIN_TOKEN.
        authorization: the header that carries the token.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.authorization = {"Authorization": f"Bearer {token}"}

    def request(
        self, method: str, path: str, json: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        """Send a request; return the response, whatever its status."""
        headers = self.authorization | (headers or {})
        return requests.request(method, self.url + path, json=json, headers=headers, timeout=TIMEOUT_S)


class ApiUser(Caller):
    """A user of the API with a key of their own.

    Attributes:
        name: the name that the operator gave to the user.
        id: the user's id.
        key: the API key.
    """

    def __init__(self, url: str, *, name: str, user_id: str, key: str) -> None:
        super().__init__(url, key)
        self.name = name
        self.id = user_id
        self.key = key

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, json: Any = None, headers: dict[str, str] | None = None) -> requests.Response:
        return self.request("POST", path, json={} if json is None else json, headers=headers)

    def delete(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return self.request("DELETE", path, headers=headers)

    def debit(self, key: str | None = None, /, **body: Any) -> requests.Response:
        """Ask for a job, with a new Idempotency-Key unless one is given."""
        return self.post("/debit", body, {"Idempotency-Key": key or uuid.uuid4().hex})

    def upload(self, content: bytes, content_type: str = "video/mp4", name: str = "clip.mp4") -> str:
        """Upload a file; return the id of the upload, which is complete.

        Args:
            content: the file, of at most 100 parts.
            content_type: its media type.
            name: its name.
        """
        declared = {"name": name, "content_type": content_type, "bytes": len(content)}
        upload = done(self.post("/uploads", declared))
        parts = upload.get("parts", [upload])
        for number, part in enumerate(parts):
            start = number * upload.get("part_bytes", 0)
            data = content[start : start + part["bytes"]]
            put = requests.put(part["url"], data=data, headers=part.get("headers"), timeout=TIMEOUT_S)
            assert put.ok, f"the bucket: {put.status_code} {put.text}"
        done(self.post(f"/uploads/{upload['id']}/complete"))
        return str(upload["id"])


class Operator(Caller):
    """The operator, who makes users and keys and puts money into wallets."""

    def new_user(self, name: str, dollars: float) -> ApiUser:
        """Make a user with a key, and put so many dollars into the wallet."""
        made = done(self.request("POST", "/admin/keys", {"user": name}))
        if dollars:
            topup = {"user": name, "amount": round(dollars * 1_000_000)}
            done(self.request("POST", "/admin/topups", topup, {"Idempotency-Key": uuid.uuid4().hex}))
        return ApiUser(self.url, name=name, user_id=made["user"]["id"], key=made["key"])


def done(response: requests.Response) -> Any:
    """Return the JSON of a response that must have succeeded."""
    assert response.ok, f"{response.request.method} {response.url}: {response.status_code} {response.text}"
    return response.json()
