"""Which addresses may be touched.

A job names addresses, and the worker goes there from inside somebody's network. So every address of a host
must be a public one, and the connection is made to the very addresses that were judged (connection.py):
nothing is left for a second DNS answer to change. It does NOT open connections.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.errors import AddressRefused
from orchestrator.redaction import redacted
from orchestrator.storage.url import IP, Address, parse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], list[str]]
"""Host name and port to IP addresses, as text; raises OSError."""

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
"""IANA IPv6 Address Space: global unicast. Mapped IPv4, NAT64, local addresses and multicast lie outside."""
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
"""Metadata services of clouds, as each cloud documents them, and link-local networks. A metadata service
gives credentials to whoever asks, so no setting allows it."""
_WRAPPINGS = (
    (ipaddress.IPv6Network("::/96"), 0),  # IPv4-compatible (RFC 4291)
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),  # mapped (RFC 4291)
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # translated (RFC 2765)
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),  # local NAT64 with a prefix of 96 bits (RFC 8215)
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4 (RFC 3056)
)
"""Networks whose addresses hold an IPv4 address, and how many bits stand to the right of it."""


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for *_, address in found]


@dataclass(frozen=True, kw_only=True)
class AddressGuard:
    """What a job's addresses may be.

    Attributes:
        allow_http: take http:// too. For local work.
        allow_private_networks: networks that may be touched although they are not public. For local work;
            link-local addresses and metadata services stay refused.
        allowed_hosts: host names, each of which stands for itself and all below it; empty allows all hosts.
        endpoint: the only scheme, host and port that may be touched, where it is given.
        resolve: from host names to IP addresses.
    """

    allow_http: bool = False
    allow_private_networks: tuple[Network, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    endpoint: Address | None = None
    resolve: Resolver = system_resolver

    def address(self, url: str) -> Address:
        """Take an address apart and judge what can be judged without asking anybody.

        Raises:
            AddressRefused: it is malformed, or may not be touched.
        """
        address = parse(url)
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
            self._judge(address, address.ip)
        return address

    def endpoints(self, address: Address) -> list[IP]:
        """Find the IP addresses to connect to, all of them judged. May wait for a name server.

        Raises:
            AddressRefused: any of them may not be touched.
            OSError: the name cannot be resolved.
        """
        if address.ip is not None:
            return [address.ip]
        found = list(dict.fromkeys(map(ipaddress.ip_address, self.resolve(address.host, address.port))))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        for ip in found:
            self._judge(address, ip)
        return found

    def _judge(self, address: Address, ip: IP) -> None:
        # The message does not say which address: a stranger's map of the network would begin with it.
        allowed = is_public(ip) or any(ip in network for network in self.allow_private_networks)
        if not allowed or any(_without_wrapping(ip) in network for network in _NEVER):
            raise AddressRefused(
                f"the host {address.host} is not a public one; give an address that the internet can reach"
            )


def _origin(address: Address) -> tuple[str, str, int]:
    return address.scheme, address.host, address.port


def is_public(ip: IP) -> bool:
    """Whether an IP address belongs to the public internet.

    Private addresses, those set aside for a special use and metadata services do not.
    """
    if any(ip in network for network in _NEVER):
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_4)
    return ip in _GLOBAL_6 and not any(ip in network for network in _NOT_PUBLIC_6)


def _without_wrapping(ip: IP) -> IP:
    """The IPv4 address inside an IPv6 one, where it leads to that; else the address itself."""
    for network, right_bits in _WRAPPINGS:
        if ip in network:
            return ipaddress.IPv4Address(int(ip) >> right_bits & 0xFFFFFFFF)
    return ip
