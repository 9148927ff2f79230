"""Checks the signature of an S3 request (AWS Signature Version 4): botocore computes it anew.

The signature may stand in the query (a presigned URL) or in the Authorization header. The codes and statuses
of the errors are those of Amazon S3.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGIONS = {"auto", "us-east-1", ""}
"""R2's S3 API has the region auto; us-east-1 and an empty name are aliases of it."""

MAX_LIFETIME_S = 7 * 24 * 3600
CLOCK_DIFFERENCE = timedelta(minutes=15)
UNSIGNED = "UNSIGNED-PAYLOAD"

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)


class S3Error(Exception):
    """An error that is answered as S3 does: an HTTP status, and a document with a code and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class _Claim:
    """What a request says about its signature."""

    credential: str
    signed_headers: list[str]
    signature: str
    date: str
    lifetime_s: int | None
    """None if the Authorization header has the signature."""


class _Judge(S3SigV4Auth):  # type: ignore[misc]
    """Computes the signature over exactly the headers that the request says are signed."""

    def headers_to_sign(self, request: Any) -> Any:
        return request.headers

    def payload(self, request: Any) -> str:  # noqa: ARG002  called if x-amz-content-sha256 is not signed
        return UNSIGNED


def check_signature(environ: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    """Check who signed a request, for what and for how long.

    Args:
        environ: the WSGI environment, with the RAW_URI of werkzeug.
        keys: the secrets of the access keys, by their ids.

    Returns:
        The SHA-256 in hex that the body must have, or UNSIGNED-PAYLOAD.

    Raises:
        S3Error: the request must be refused.
    """
    path, _, query_text = environ["RAW_URI"].partition("?")
    query = parse_qsl(query_text, keep_blank_values=True)
    claim = _claim_of(environ, query)
    signer, day, region, *service = claim.credential.split("/")
    malformed = (
        "AuthorizationHeaderMalformed" if claim.lifetime_s is None else "AuthorizationQueryParametersError"
    )
    if service != ["s3", "aws4_request"] or day != claim.date[:8]:
        raise S3Error(400, malformed, "The scope of the credential is not DATE/auto/s3/aws4_request.")
    if region not in REGIONS:
        raise S3Error(400, "InvalidRegionName", f"The region name '{region}' is not valid. It must be auto.")
    if signer not in keys:
        raise S3Error(403, "InvalidAccessKeyId", "The access key id does not exist.")
    _check_time(claim)
    _check_headers(environ, claim)
    expected = _signature(environ, path, query, claim, Credentials(signer, keys[signer]))
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise S3Error(403, "SignatureDoesNotMatch", "The signature is not that of this request.")
    if "x-amz-content-sha256" in claim.signed_headers:
        return str(environ["HTTP_X_AMZ_CONTENT_SHA256"])
    return UNSIGNED


def _claim_of(environ: Mapping[str, Any], pairs: list[tuple[str, str]]) -> _Claim:
    query = dict(pairs)
    authorization = environ.get("HTTP_AUTHORIZATION")
    if authorization is None and "X-Amz-Algorithm" not in query:
        raise S3Error(403, "AccessDenied", "The request is not signed.")
    if authorization is None:
        return _claim_of_query(query)
    if "X-Amz-Algorithm" in query:
        raise S3Error(400, "InvalidArgument", "Only one auth mechanism is allowed.")
    if not authorization.startswith("AWS4-HMAC-SHA256"):
        raise S3Error(400, "InvalidRequest", "The authorization mechanism must be AWS4-HMAC-SHA256.")
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None or found[1].count("/") < 4:
        raise S3Error(400, "AuthorizationHeaderMalformed", "The Authorization header is malformed.")
    if "HTTP_X_AMZ_CONTENT_SHA256" not in environ:
        raise S3Error(400, "InvalidRequest", "The header x-amz-content-sha256 is missing.")
    date = environ.get("HTTP_X_AMZ_DATE", "")
    return _Claim(found[1], found[2].lower().split(";"), found[3], date, None)


def _claim_of_query(query: dict[str, str]) -> _Claim:
    try:
        claim = _Claim(
            query["X-Amz-Credential"],
            query["X-Amz-SignedHeaders"].lower().split(";"),
            query["X-Amz-Signature"],
            query["X-Amz-Date"],
            int(query["X-Amz-Expires"]),
        )
    except (KeyError, ValueError) as error:
        raise S3Error(
            400, "AuthorizationQueryParametersError", "A parameter of the signature is missing or no number."
        ) from error
    if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256" or claim.credential.count("/") < 4:
        raise S3Error(
            400, "AuthorizationQueryParametersError", "The parameters of the signature are malformed."
        )
    if claim.lifetime_s is None or not 1 <= claim.lifetime_s <= MAX_LIFETIME_S:
        raise S3Error(
            400,
            "AuthorizationQueryParametersError",
            f"X-Amz-Expires must be from 1 to {MAX_LIFETIME_S} seconds.",
        )
    return claim


def _check_time(claim: _Claim) -> None:
    now = datetime.now(UTC)
    try:
        signed_at = datetime.strptime(claim.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise S3Error(403, "AccessDenied", "X-Amz-Date must have the form 20261129T143000Z.") from error
    if claim.lifetime_s is None:
        if abs(now - signed_at) > CLOCK_DIFFERENCE:
            raise S3Error(403, "RequestTimeTooSkewed", "The date of the request is over 15 minutes off.")
    elif signed_at > now + CLOCK_DIFFERENCE:
        raise S3Error(403, "AccessDenied", "Request is not yet valid")
    elif now >= signed_at + timedelta(seconds=claim.lifetime_s):
        raise S3Error(403, "AccessDenied", "Request has expired")


def _check_headers(environ: Mapping[str, Any], claim: _Claim) -> None:
    signed = {_environ_key(name) for name in claim.signed_headers}
    if "HTTP_HOST" not in signed:
        raise S3Error(403, "SignatureDoesNotMatch", "The header host must be signed.")
    if missing := signed - environ.keys():
        raise S3Error(
            403, "SignatureDoesNotMatch", f"Signed headers were not sent: {', '.join(sorted(missing))}"
        )
    if not {key for key in environ if key.startswith("HTTP_X_AMZ_")} <= signed:
        raise S3Error(403, "AccessDenied", "There were headers present in the request which were not signed")


def _signature(
    environ: Mapping[str, Any],
    path: str,
    query: list[tuple[str, str]],
    claim: _Claim,
    credentials: Credentials,
) -> str:
    _, _, region, service, _ = claim.credential.split("/")
    judge = _Judge(credentials, service, region)
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url="http://s3" + quote(unquote(path), safe="/-_.~"),
        headers={name: environ[_environ_key(name)] for name in claim.signed_headers},
        params=[pair for pair in query if pair[0] != "X-Amz-Signature"],
    )
    request.context["timestamp"] = claim.date
    return str(judge.signature(judge.string_to_sign(request, judge.canonical_request(request)), request))


def _environ_key(header: str) -> str:
    key = header.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
