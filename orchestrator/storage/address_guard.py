"""Decides which addresses the worker may connect to, so that a job cannot reach private networks (SSRF).

A job names URLs, and the worker connects to them from inside its operator's network. So every IP address of a
host must be public, and request_sender.py connects to the IP addresses that were checked here: a second DNS
answer can change nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.errors import AddressRefused
from orchestrator.redaction import redacted
from orchestrator.storage.url import IP, ParsedUrl, parse_url

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], list[str]]
"""Resolves a host name and a port to IP addresses, as text; raises OSError."""

_NOT_PUBLIC_4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation, with 198.51.100 and 203.0.113
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
"""IANA IPv4 Special-Purpose Address Registry and multicast."""
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
"""IANA IPv6 Address Space: global unicast. It excludes mapped IPv4, NAT64, local addresses and multicast."""
_NOT_PUBLIC_6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation, with 3fff::
        "2002::/16",  # 6to4, which carries an IPv4 address
        "3fff::/20",
    )
)
"""IANA IPv6 Special-Purpose Address Registry, inside global unicast."""
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",  # link-local: the metadata service of nearly every cloud, ECS and EKS credentials
        "fe80::/10",
        "fd00:ec2::/32",  # AWS
        "168.63.129.16/32",  # Azure's WireServer, inside a public network
        "fd20:ce::/64",  # Google Cloud
        "192.0.0.0/24",  # Oracle's 192.0.0.192; the rest belongs to protocols, not to hosts
        "fd00:c1::a9fe:a9fe/128",  # Oracle
        "100.100.100.200/32",  # Alibaba
        "fd00:100::100:200/128",
        "fd00:42::42/128",  # Scaleway
        "fd00:a9fe:a9fe::/64",  # Akamai
    )
)
"""Link-local networks, and the metadata services of clouds as each cloud documents them. A metadata service
gives credentials to every caller, so no setting allows it."""
_WRAPPINGS = (
    (ipaddress.IPv6Network("::/96"), 0),  # IPv4-compatible (RFC 4291)
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),  # mapped (RFC 4291)
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # translated (RFC 2765)
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),  # local NAT64 with a prefix of 96 bits (RFC 8215)
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4 (RFC 3056)
)
"""Networks whose addresses contain an IPv4 address, and how many bits follow it."""


def system_resolver(host: str, port: int) -> list[str]:
    """Resolve a name with the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for *_, address in found]


@dataclass(frozen=True, kw_only=True)
class AddressGuard:
    """Checks addresses.

    Attributes:
        allow_http: whether http:// is allowed too. For local work.
        allow_private_networks: networks that are allowed although they are not public. For local work;
            link-local addresses and metadata services stay refused.
        allowed_hosts: host names, each of which also allows its subdomains; empty allows all hosts.
        endpoint: if given, the only scheme, host and port that are allowed.
        resolve: resolves host names to IP addresses.
    """

    allow_http: bool = False
    allow_private_networks: tuple[Network, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    endpoint: ParsedUrl | None = None
    resolve: Resolver = system_resolver

    def check(self, url: str) -> ParsedUrl:
        """Parse an address, and check all that can be checked without a name server.

        Raises:
            AddressRefused: the address is malformed or forbidden.
        """
        address = parse_url(url)
        shown = redacted(url)
        if address.scheme != "https" and not self.allow_http:
            raise AddressRefused(f"the address {shown} is not https; give an https address")
        if self.allowed_hosts and not any(
            f".{address.host}".endswith(f".{host}") for host in self.allowed_hosts
        ):
            raise AddressRefused(f"the host of {shown} is not among those this worker may use; use another")
        if self.endpoint is not None and _origin(address) != _origin(self.endpoint):
            raise AddressRefused(
                f"{shown} is not on {self.endpoint.scheme}://{self.endpoint.authority}, the endpoint of the "
                "worker's own store; set FRAMEWRIGHT_S3_ENDPOINT to where the bucket is"
            )
        if address.ip is not None:
            self._check_ip(address, address.ip)
        return address

    def ip_addresses(self, address: ParsedUrl) -> list[IP]:
        """Return the checked IP addresses to connect to. May wait for a name server.

        Raises:
            AddressRefused: one of them is forbidden.
            OSError: the name cannot be resolved.
        """
        if address.ip is not None:
            return [address.ip]
        found = list(dict.fromkeys(map(ipaddress.ip_address, self.resolve(address.host, address.port))))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        for ip in found:
            self._check_ip(address, ip)
        return found

    def _check_ip(self, address: ParsedUrl, ip: IP) -> None:
        # The message does not show the IP address, which would help to map the network.
        allowed = is_public(ip) or any(ip in network for network in self.allow_private_networks)
        if not allowed or any(_without_wrapping(ip) in network for network in _NEVER):
            raise AddressRefused(
                f"the host {address.host} is not a public one; give an address that the internet can reach"
            )


def _origin(address: ParsedUrl) -> tuple[str, str, int]:
    return address.scheme, address.host, address.port


def is_public(ip: IP) -> bool:
    """Return whether an IP address is public: not private, reserved, or of a metadata service."""
    if any(ip in network for network in _NEVER):
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_4)
    return ip in _GLOBAL_6 and not any(ip in network for network in _NOT_PUBLIC_6)


def _without_wrapping(ip: IP) -> IP:
    """Return the IPv4 address that an IPv6 address wraps; else the address itself."""
    for network, right_bits in _WRAPPINGS:
        if ip in network:
            return ipaddress.IPv4Address(int(ip) >> right_bits & 0xFFFFFFFF)
    return ip
