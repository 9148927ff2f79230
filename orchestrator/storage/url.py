"""Parses http and https addresses strictly.

There is one parser. Its parts are checked, connected to and requested, so no second parser can read the same
text differently. address_guard.py decides which hosts may be contacted.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from orchestrator.errors import AddressRefused
from orchestrator.redaction import redacted

MAX_CHARS = 8192
"""Presigned URLs with a session token have about 2,000 characters; most servers take no more than this."""
PORTS = {"https": 443, "http": 80}

_URL = re.compile(
    r"(?P<scheme>[a-z]+)://"
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<host>[a-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

IP = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, kw_only=True)
class ParsedUrl:
    """The parts of an http or https address.

    Attributes:
        scheme: http or https.
        host: a name in lower case, or an IP address as `str(ip)`, without brackets.
        ip: the host if it is an IP address; None if it is a name.
        port: 1 to 65535.
        target: path and query, as they are sent. `repr` hides it: the query may contain a signature.
    """

    scheme: str
    host: str
    ip: IP | None
    port: int
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """The Host header. It omits the default port of the scheme, as signatures require."""
        host = f"[{self.host}]" if isinstance(self.ip, ipaddress.IPv6Address) else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> ParsedUrl:
    """Parse an address.

    IP addresses must have their usual spelling: no octal, hexadecimal, short or decimal IPv4, no zone ids.
    Host names are ASCII (IDN as punycode) and do not end in a dot. A user name or password is refused.

    Raises:
        AddressRefused: it is not an http(s) address of that form.
    """
    shown = redacted(url)
    if len(url) > MAX_CHARS:
        raise AddressRefused(f"the address {shown} has more than {MAX_CHARS} characters; give a shorter one")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused(
            f"the address {shown} holds characters that a URL may not; percent-encode them, and write the "
            "host's name in punycode"
        )
    parts = _URL.fullmatch(url)
    scheme = parts["scheme"].lower() if parts else ""
    if parts is None or scheme not in PORTS:
        raise AddressRefused(
            f"{shown} is not of the form https://host/path; give such an address, without a user name"
        )
    port = int(parts["port"]) if parts["port"] else PORTS[scheme]
    if not 1 <= port <= 65535:
        raise AddressRefused(f"the address {shown} names port {port}; there is none")
    host = (parts["six"] or parts["host"]).lower()
    ip = _ip(host, shown, six=parts["six"] is not None)
    return ParsedUrl(
        scheme=scheme,
        host=str(ip) if ip else host,
        ip=ip,
        port=port,
        target=(parts["path"] or "/") + (parts["query"] or ""),
    )


def _ip(host: str, shown: str, *, six: bool) -> IP | None:
    """Return the host as an IP address, or None if it is a name. Raises AddressRefused."""
    try:
        if six:
            return ipaddress.IPv6Address(host)
        labels = host.split(".")
        # Resolvers take a host whose last label is a number for IPv4, in the many spellings of inet_aton.
        if _NUMBER.fullmatch(labels[-1]):
            return ipaddress.IPv4Address(host)
    except ValueError as exc:
        raise AddressRefused(
            f"the host of {shown} is not an IP address in its usual spelling; write it as 192.0.2.1 or "
            "[2001:db8::1], or give a host name"
        ) from exc
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressRefused(f"the host of {shown} is not a host name; give one without a dot at its end")
    return None
