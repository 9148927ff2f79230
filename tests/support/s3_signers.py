"""Signs S3 requests in three ways: as AWS specifies it, with botocore, and with aws4fetch under Node."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tools.cloud.wrangler_dev import PROJECT, node
from tools.stand_ins.bucket import KEY_ID, SECRET

UNSIGNED = "UNSIGNED-PAYLOAD"


class Signer(Protocol):
    def presign(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        *,
        expires_s: int = 600,
        at: datetime | None = None,
    ) -> str:
        """Return the presigned URL; all `headers` are signed. `at` is the date to sign with, if not now."""

    def authorization(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        at: datetime | None = None,
    ) -> dict[str, str]:
        """Return the headers of a request, with its signature; `body` is None for an unsigned payload."""


class SpecificationSigner:
    """Signs as "Authenticating Requests (AWS Signature Version 4)" of Amazon S3's API reference says."""

    def __init__(
        self,
        *,
        key_id: str = KEY_ID,
        secret: str = SECRET,
        scope: str = "auto/s3",
        signs_host: bool = True,
    ) -> None:
        self._key_id = key_id
        self._secret = secret
        self._scope = scope
        self._signs_host = signs_host

    def presign(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        *,
        expires_s: int = 600,
        at: datetime | None = None,
    ) -> str:
        date = _date(at)
        parts = urlsplit(url)
        headers = self._signed(parts.netloc, headers)
        query = [
            *parse_qsl(parts.query, keep_blank_values=True),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", f"{self._key_id}/{date[:8]}/{self._scope}/aws4_request"),
            ("X-Amz-Date", date),
            ("X-Amz-Expires", str(expires_s)),
            ("X-Amz-SignedHeaders", ";".join(sorted(headers))),
        ]
        signature = self._signature(method, parts.path, query, headers, UNSIGNED, date)
        return parts._replace(
            query=urlencode([*query, ("X-Amz-Signature", signature)], quote_via=quote)
        ).geturl()

    def authorization(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        at: datetime | None = None,
    ) -> dict[str, str]:
        date = _date(at)
        parts = urlsplit(url)
        payload = UNSIGNED if body is None else hashlib.sha256(body).hexdigest()
        sent = {name.lower(): value for name, value in headers.items()}
        sent |= {"x-amz-content-sha256": payload, "x-amz-date": date}
        signed = self._signed(parts.netloc, sent)
        query = parse_qsl(parts.query, keep_blank_values=True)
        signature = self._signature(method, parts.path, query, signed, payload, date)
        sent["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._key_id}/{date[:8]}/{self._scope}/aws4_request,"
            f"SignedHeaders={';'.join(sorted(signed))},Signature={signature}"
        )
        return sent

    def _signed(self, host: str, headers: dict[str, str]) -> dict[str, str]:
        lower = {name.lower(): value for name, value in headers.items()}
        return lower | {"host": host} if self._signs_host else lower

    def _signature(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]],
        headers: dict[str, str],
        payload: str,
        date: str,
    ) -> str:
        canonical = "\n".join(
            [
                method,
                quote(unquote(path), safe="/"),
                "&".join(sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)),
                *(f"{name}:{headers[name].strip()}" for name in sorted(headers)),
                "",
                ";".join(sorted(headers)),
                payload,
            ]
        )
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{date}\n{date[:8]}/{self._scope}/aws4_request\n{hashed}"
        key = f"AWS4{self._secret}".encode()
        for step in (date[:8], *self._scope.split("/"), "aws4_request"):
            key = hmac.digest(key, step.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


class BotocoreSigner:
    """Signs with botocore, which knows no date but now."""

    def presign(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        *,
        expires_s: int = 600,
        at: datetime | None = None,
    ) -> str:
        assert at is None
        request = AWSRequest(method=method, url=url, headers=headers)
        S3SigV4QueryAuth(Credentials(KEY_ID, SECRET), "s3", "auto", expires=expires_s).add_auth(request)
        return str(request.url)

    def authorization(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        at: datetime | None = None,
    ) -> dict[str, str]:
        assert at is None
        request = AWSRequest(method=method, url=url, headers=headers, data=body)
        signs_payload = {"payload_signing_enabled": body is not None}
        request.context["client_config"] = Config(s3=signs_payload)
        S3SigV4Auth(Credentials(KEY_ID, SECRET), "s3", "auto").add_auth(request)
        return dict(request.headers.items())


class Aws4fetchSigner:
    """Signs with aws4fetch, as the API does; NodeMissing is raised where Node is not installed."""

    SCRIPT = """
        import { AwsV4Signer } from "aws4fetch";
        import { createInterface } from "node:readline";
        for await (const line of createInterface({ input: process.stdin })) {
          const { url, headers } = await new AwsV4Signer(JSON.parse(line)).sign();
          console.log(JSON.stringify({ url: url.toString(), headers: Object.fromEntries(headers) }));
        }
    """

    def __init__(self) -> None:
        self._node = subprocess.Popen(
            [node(), "--input-type=module", "-e", self.SCRIPT],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._node.communicate(timeout=20)

    def presign(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        *,
        expires_s: int = 600,
        at: datetime | None = None,
    ) -> str:
        separator = "&" if urlsplit(url).query else "?"
        url = f"{url}{separator}X-Amz-Expires={expires_s}"
        return str(self._signed(method, url, headers, at, signQuery=True)["url"])

    def authorization(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        at: datetime | None = None,
    ) -> dict[str, str]:
        if body is not None:
            headers = headers | {"x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
        return dict(self._signed(method, url, headers, at)["headers"])

    def _signed(
        self, method: str, url: str, headers: dict[str, str], at: datetime | None, **options: Any
    ) -> dict[str, Any]:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        wish = {
            "method": method,
            "url": url,
            "headers": headers,
            "accessKeyId": KEY_ID,
            "secretAccessKey": SECRET,
            "service": "s3",
            "region": "auto",
            "allHeaders": True,
            "datetime": _date(at),
            **options,
        }
        self._node.stdin.write(json.dumps(wish) + "\n")
        self._node.stdin.flush()
        return dict(json.loads(self._node.stdout.readline()))


def _date(at: datetime | None) -> str:
    return f"{at or datetime.now(UTC):%Y%m%dT%H%M%SZ}"
