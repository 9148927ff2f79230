"""Tests which addresses are allowed, in every spelling, and how messages show addresses."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import AddressRefused
from orchestrator.redaction import redacted
from orchestrator.storage.address_guard import AddressGuard, is_public
from orchestrator.storage.url import parse_url

PUBLIC = "93.184.216.34"
PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "0.0.0.0",  # noqa: S104  an address to refuse
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
]
PRIVATE_6 = [
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "100::1",
    "3fff::1",
    "5f00::1",
]
everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

not_public = st.one_of(
    st.sampled_from([ipaddress.IPv4Address(ip) for ip in PRIVATE]),
    st.integers(0, 2**24 - 1).map(lambda rest: ipaddress.IPv4Address((127 << 24) + rest)),
    st.integers(0, 2**24 - 1).map(lambda rest: ipaddress.IPv4Address((10 << 24) + rest)),
)


def answering(*addresses: str) -> AddressGuard:
    return AddressGuard(resolve=lambda _host, _port: list(addresses))


def octets(ip: ipaddress.IPv4Address, *forms: str) -> str:
    return ".".join(form.format(byte) for form, byte in zip(forms, ip.packed, strict=True))


SPELLINGS = [
    str,
    lambda ip: str(int(ip)),
    lambda ip: hex(int(ip)),
    lambda ip: f"0{int(ip):o}",
    lambda ip: octets(ip, *["0x{:x}"] * 4),
    lambda ip: octets(ip, *["0{:o}"] * 4),
    lambda ip: octets(ip, "{}", "0x{:x}", "0{:o}", "{}"),
    lambda ip: octets(ip, *["{:03}"] * 4),
    lambda ip: f"{ip.packed[0]}.{int(ip) & 0xFFFFFF}",
    lambda ip: f"{ip.packed[0]}.{ip.packed[1]}.{int(ip) & 0xFFFF}",
    lambda ip: f"{ip}.",
    lambda ip: f"[::ffff:{ip}]",
    lambda ip: f"[::{ip}]",
    lambda ip: f"[64:ff9b::{ip}]",
    lambda ip: f"[2002:{int(ip) >> 16:x}:{int(ip) & 0xFFFF:x}::]",
    lambda ip: f"[::ffff:{ip}%25eth0]",
    lambda ip: str(ip).replace(".", "。"),
    lambda ip: str(ip).translate(str.maketrans("0123456789", "０１２３４５６７８９")),  # noqa: RUF001
    lambda ip: str(ip).replace(".", "%2e"),
    lambda ip: f"user@{ip}",
    lambda ip: f"{PUBLIC}@{ip}",
    lambda ip: f"{ip}#@{PUBLIC}",
    lambda ip: f"{ip}\\@{PUBLIC}",
    lambda ip: f"{ip}?@{PUBLIC}",
]


@given(ip=not_public, spelling=st.sampled_from(SPELLINGS), port=st.sampled_from(["", ":443", ":8080"]))
def test_a_private_address_is_refused_in_every_spelling_without_asking_a_name_server(
    ip: ipaddress.IPv4Address, spelling: object, port: str
) -> None:
    assert callable(spelling)

    def asked(_host: str, _port: int) -> list[str]:
        pytest.fail("a name server was asked")

    with pytest.raises(AddressRefused):
        AddressGuard(resolve=asked).check(f"https://{spelling(ip)}{port}/clip.mp4")


@pytest.mark.parametrize("ip", PRIVATE)
def test_what_the_systems_resolver_makes_of_a_private_address_is_refused(ip: str) -> None:
    guard = AddressGuard()
    for host in (str(int(ipaddress.IPv4Address(ip))), f"{ip}."):
        assert socket.getaddrinfo(host.rstrip("."), 443)[0][4][0] == ip  # the spelling does lead there
        with pytest.raises(AddressRefused):
            guard.check(f"https://{host}/")


@pytest.mark.parametrize("ip", PRIVATE_6)
def test_a_private_ipv6_address_is_refused(ip: str) -> None:
    with pytest.raises(AddressRefused, match="not a public one"):
        AddressGuard().check(f"https://[{ip}]/clip.mp4")


@pytest.mark.parametrize("ip", [*PRIVATE, *PRIVATE_6])
def test_a_name_of_a_private_address_is_refused_and_the_address_not_reported(ip: str) -> None:
    guard = answering(ip)
    with pytest.raises(AddressRefused) as refused:
        guard.ip_addresses(guard.check("https://media.example.com/clip.mp4?X-Amz-Signature=secret"))
    assert ip not in str(refused.value)


def test_one_private_address_among_public_ones_is_enough_to_refuse_a_name() -> None:
    for addresses in ([PUBLIC, "10.0.0.1"], ["2606:4700::1", PUBLIC, "::1"]):
        guard = answering(*addresses)
        with pytest.raises(AddressRefused):
            guard.ip_addresses(guard.check("https://media.example.com/"))


def test_a_public_name_and_a_public_address_are_taken() -> None:
    guard = answering(PUBLIC, "2606:4700::1111", PUBLIC)
    address = guard.check("https://media.example.com:8443/a/b.mp4?x=1#part")
    assert [str(ip) for ip in guard.ip_addresses(address)] == [PUBLIC, "2606:4700::1111"]
    assert (address.host, address.port, address.target) == ("media.example.com", 8443, "/a/b.mp4?x=1")
    literal = AddressGuard().check("https://[2606:4700::1111]/")
    assert literal.authority == "[2606:4700::1111]"
    assert [str(ip) for ip in AddressGuard().ip_addresses(literal)] == ["2606:4700::1111"]


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_is_public_here_is_global_to_the_standard_library_too(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(ip):
        assert ip.is_global
        assert not ip.is_multicast
        assert not ip.is_reserved


@given(st.ip_addresses(v=4))
def test_what_is_global_to_the_standard_library_is_public_here(ip: ipaddress.IPv4Address) -> None:
    networks = ("192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "168.63.129.16/32")
    rare = [ipaddress.ip_network(network) for network in networks]
    if ip.is_global and not any(ip in network for network in rare):
        assert is_public(ip)


def test_private_networks_can_be_allowed_one_by_one() -> None:
    guard = AddressGuard(allow_private_networks=(ipaddress.ip_network("10.1.0.0/16"),))
    assert guard.check("https://10.1.2.3/").ip == ipaddress.ip_address("10.1.2.3")
    for other in ("10.2.0.1", "127.0.0.1"):
        with pytest.raises(AddressRefused):
            guard.check(f"https://{other}/")


METADATA = [
    "169.254.169.254",
    "169.254.170.2",  # credentials of ECS tasks
    "169.254.170.23",  # and of EKS pods
    "169.254.42.42",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fd00:42::42",
    "fd00:a9fe:a9fe::1",
    "fd00:100::100:200",
    "fe80::a9fe:a9fe",
    "::169.254.169.254",
    "::ffff:168.63.129.16",
    "::ffff:0:168.63.129.16",
    "64:ff9b::168.63.129.16",
    "64:ff9b:1::a83f:8110",
    "2002:a83f:8110::",
    "2002:a9fe:a9fe::1",
]


@pytest.mark.parametrize("ip", METADATA)
def test_metadata_services_are_never_public_and_never_allowed(ip: str) -> None:
    address = ipaddress.ip_address(ip)
    host = ip if address.version == 4 else f"[{ip}]"
    assert not is_public(address)
    for allowed in ((), everything, (ipaddress.ip_network(ip),)):
        with pytest.raises(AddressRefused, match="not a public one"):
            AddressGuard(allow_http=True, allow_private_networks=allowed).check(
                f"http://{host}/latest/meta-data"
            )
        named = AddressGuard(allow_private_networks=allowed, resolve=lambda _host, _port: [ip])
        with pytest.raises(AddressRefused, match="not a public one"):
            named.ip_addresses(named.check("https://metadata.example.com/"))


def test_the_neighbours_of_metadata_services_are_what_their_network_is() -> None:
    for ip in ("168.63.129.15", "168.63.129.17", "192.0.1.0"):
        assert is_public(ipaddress.ip_address(ip))
    guard = AddressGuard(allow_private_networks=everything)
    for host in ("100.100.100.201", "[fd00:42::43]", "[2002:a00:1::]"):
        assert guard.check(f"https://{host}/").ip is not None


def test_an_endpoint_is_one_scheme_host_and_port() -> None:
    guard = AddressGuard(allow_http=True, endpoint=parse_url("https://s3.example.com:9000"))
    assert guard.check("https://S3.example.com:9000/media/a").port == 9000
    for other in (
        "http://s3.example.com:9000/media/a",
        "https://s3.example.com/media/a",
        "https://s3.example.com:9001/media/a",
        "https://media.s3.example.com:9000/a",
        "https://example.com:9000/media/a",
    ):
        with pytest.raises(AddressRefused, match=r"endpoint of the worker's own store; set FRAMEWRIGHT_S3_E"):
            guard.check(other)


def test_only_https_is_taken_unless_the_settings_allow_http() -> None:
    with pytest.raises(AddressRefused, match="not https"):
        AddressGuard().check("http://media.example.com/clip.mp4")
    assert AddressGuard(allow_http=True).check("HTTP://Media.Example.com/clip.mp4").port == 80


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "clip.mp4",
        "ftp://media.example.com/clip.mp4",
        "concat:https://media.example.com/a|/etc/passwd",
        "https:/media.example.com/clip.mp4",
        "https:///clip.mp4",
        "https://user:password@media.example.com/clip.mp4",
        "https://media.example.com:0/clip.mp4",
        "https://media.example.com:65536/clip.mp4",
        "https://media.example.com:/clip.mp4",
        "https://media.example.com./clip.mp4",
        "https://media..example.com/clip.mp4",
        "https://-media.example.com/clip.mp4",
        "https://b\u00fccher.example/clip.mp4",
        "https://media.example.com/a b.mp4",
        "https://media.example.com\\@127.0.0.1/",
        "https://media.example.com/\r\nHost: 127.0.0.1",
        "https://media.example.com/\x00",
        "https://[::1/clip.mp4",
        "https://[fe80::1%eth0]/",
        "https://" + "a" * 64 + ".example.com/",
        "https://" + "a." * 127 + "com/",
        "https://media.example.com/" + "a" * 8192,
        "",
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        AddressGuard(allow_http=True).check(url)
    assert "\n" not in str(refused.value)


def test_punycode_and_underscores_are_taken() -> None:
    for host in ("xn--bcher-kva.example", "old_bucket.s3.example.com", "a.b.c.d.e"):
        assert parse_url(f"https://{host}/x").host == host


def test_hosts_can_be_limited_to_some_and_all_below_them() -> None:
    guard = AddressGuard(allowed_hosts=("r2.cloudflarestorage.com", "media.example.com"))
    for host in ("abc.r2.cloudflarestorage.com", "MEDIA.example.com"):
        guard.check(f"https://{host}/x")
    for host in ("evil-r2.cloudflarestorage.com", "r2.cloudflarestorage.com.evil.org", "example.com", PUBLIC):
        with pytest.raises(AddressRefused, match="not among"):
            guard.check(f"https://{host}/x")


@given(
    st.sampled_from(
        [
            "https://media.example.com/a/clip.mp4?X-Amz-Signature={}",
            "https://media.example.com/clip.mp4#{}",
            "https://user:{}@media.example.com/clip.mp4",
            "https://{}@media.example.com/clip.mp4",
            "https://media.example.com/{}/clip.mp4",
            "https://media.example.com/clip.mp4%3FX-Amz-Signature={}",
            "https://media.example.com/clip.mp4&token={}",
            "https://media.example.com/clip.mp4;{}",
            "https://media.example.com\\{}",
            "s3://bucket/{}/clip.mp4",
            "{}",
            "{}://x",
            "data:{}",
        ]
    ),
    st.text("\r\n\t @/?#%&=:\\[]\u00e9", max_size=10),
)
def test_nothing_secret_of_an_address_is_shown(form: str, noise: str) -> None:
    secret = "5ec2e7" * 5
    shown = redacted(form.format(secret) + noise)
    assert secret not in shown
    assert "\n" not in shown
    assert shown.isascii()


def test_an_address_is_shown_by_its_host_and_its_files_name() -> None:
    shown = redacted("https://user:pass@media.example.com:8443/a/b/clip-1.mp4?X-Amz-Signature=abc")
    assert shown == "https://media.example.com/clip-1.mp4"
    assert "X-Amz" not in repr(parse_url("https://media.example.com/clip.mp4?X-Amz-Signature=abc"))
