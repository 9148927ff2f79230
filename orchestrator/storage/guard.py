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
from orchestrator.storage.address import IP, Address, parse, redacted

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
    for network in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")
)
"""Link-local and the metadata services of clouds: they give credentials to whoever asks."""
_WRAPPINGS = tuple(ipaddress.IPv6Network(network) for network in ("::ffff:0:0/96", "64:ff9b::/96"))
"""Networks whose last 32 bits are an IPv4 address: mapped (RFC 4291), NAT64 (RFC 6052)."""


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for *_, address in found]


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What a job's addresses may be.

    Attributes:
        allow_http: take http:// too. For local work.
        allow_private_networks: networks that may be touched although they are not public. For local work;
            link-local addresses and metadata services stay refused.
        allowed_hosts: host names, each of which stands for itself and all below it; empty allows all hosts.
        resolve: from host names to IP addresses.
    """

    allow_http: bool = False
    allow_private_networks: tuple[Network, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
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


def is_public(ip: IP) -> bool:
    """Whether an IP address belongs to the public internet: not private, nor set aside for a special use."""
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_4)
    return ip in _GLOBAL_6 and not any(ip in network for network in _NOT_PUBLIC_6)


def _without_wrapping(ip: IP) -> IP:
    """The IPv4 address inside an IPv6 one, where it leads to that; else the address itself."""
    if any(ip in network for network in _WRAPPINGS):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
