"""Tests https with a real server: the certificate must name the host, whatever its IP address is."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestrator.errors import AddressRefused, Cancelled, DownloadFailed, OutputForbidden
from orchestrator.storage.address_guard import AddressGuard
from tests.support.transfers import LOOPBACK, PATIENT, QUICK, Mover
from tests.support.web import (
    CONTENT,
    Handler,
    Server,
    broken_after,
    drained,
    mute,
    reset_after,
    serving,
    silent_after,
    status,
    with_headers,
)

DAY = dt.timedelta(days=1)


def certificate(folder: Path, *names: x509.GeneralName, days: int = 1) -> ssl.SSLContext:
    """Return the context of a server with a self-signed certificate, which is also in `folder/ca.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made in a test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "ca.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "key.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context


NAMES = (x509.DNSName("media.example.com"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Yield a server whose certificate is trusted through SSL_CERT_FILE, OpenSSL's own variable."""
    context = certificate(tmp_path, *NAMES)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving(tls=context) as server:
        yield server


@pytest.fixture
def mover(tmp_path: Path) -> Mover:
    folder = tmp_path / "work"
    folder.mkdir()
    return Mover(folder, guard=pinned("127.0.0.1"))


def pinned(address: str) -> AddressGuard:
    return AddressGuard(
        allow_private_networks=(ipaddress.ip_network("127.0.0.0/8"),), resolve=lambda _host, _port: [address]
    )


def test_a_host_is_verified_by_its_name_at_the_address_it_resolves_to(mover: Mover, server: Server) -> None:
    server.script = [broken_after(1_000_000)]
    assert mover.fetch(f"https://media.example.com:{server.server_port}/clip.mp4") == CONTENT
    assert server.ranges == [None, "bytes=1000000-"]
    mover.publish(CONTENT, f"https://media.example.com:{server.server_port}/out")
    assert server.objects == {"/out": CONTENT}


def test_an_address_is_verified_as_an_address(mover: Mover, server: Server) -> None:
    assert mover.fetch(server.url) == CONTENT


def test_a_host_that_another_name_is_certified_for_is_refused(mover: Mover, server: Server) -> None:
    for host in ("other.example.com", "example.com", "a.media.example.com"):
        with pytest.raises(AddressRefused, match="cannot prove who it is"):
            mover.fetch(f"https://{host}:{server.server_port}/clip.mp4?X-Amz-Signature=secret")
    assert server.requests == []


def test_an_address_that_is_not_in_the_certificate_is_refused(
    mover: Mover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificate(tmp_path, x509.DNSName("127.0.0.1"), x509.DNSName("*.0.0.1"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving(tls=context) as server, pytest.raises(AddressRefused, match="cannot prove who it is"):
        mover.fetch(server.url)


def test_a_certificate_that_nobody_trusts_or_that_has_expired_is_refused(
    mover: Mover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tls=certificate(tmp_path, *NAMES)) as stranger, pytest.raises(AddressRefused):
        mover.fetch(stranger.url)
    context = certificate(tmp_path, *NAMES, days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serving(tls=context) as old, pytest.raises(AddressRefused, match="expired"):
        mover.fetch(old.url)


def test_a_redirect_from_https_to_http_is_refused(mover: Mover, server: Server) -> None:
    mover.guard = LOOPBACK  # http would be allowed
    with serving() as plain:
        server.script = [status(302, Location=plain.url)]
        with pytest.raises(AddressRefused, match="from https to http"):
            mover.fetch(server.url)
        assert plain.requests == []


def test_a_redirect_from_http_to_https_is_followed(mover: Mover, server: Server) -> None:
    mover.guard = LOOPBACK
    with serving() as plain:
        plain.script = [status(302, Location=server.url)]
        assert mover.fetch(plain.url) == CONTENT


def test_a_server_that_speaks_no_tls_is_given_up_on(mover: Mover) -> None:
    with serving() as plain, pytest.raises(DownloadFailed, match="connection broke, 3 times"):
        mover.fetch(plain.url.replace("http:", "https:"))


@pytest.mark.parametrize("answer", [status(403), drained(403)], ids=["before the body", "after the body"])
def test_a_refused_upload_is_said_at_once(
    mover: Mover, server: Server, answer: Callable[[Handler], None]
) -> None:
    server.script = [answer]
    with pytest.raises(OutputForbidden):
        mover.publish(bytes(20_000_000), server.url)
    assert len(server.requests) == 1


def test_an_upload_that_breaks_is_sent_again(mover: Mover, server: Server) -> None:
    server.script = [reset_after(1_000_000), reset_after(0)]
    mover.publish(CONTENT * 5, server.url)
    assert server.objects == {"/model.pth": CONTENT * 5}


@pytest.mark.parametrize("answer", [mute, silent_after(1_000_000, 60)])
def test_a_stop_is_noticed(mover: Mover, server: Server, answer: Callable[[Handler], None]) -> None:
    mover.limits = PATIENT
    server.script = [answer]
    threading.Timer(0.3, mover.stop.set).start()
    with pytest.raises(Cancelled):
        mover.fetch(server.url)
    mover.stop.clear()
    server.script = [mute]
    threading.Timer(0.3, mover.stop.set).start()
    with pytest.raises(Cancelled):
        mover.publish(bytes(50_000_000), server.url)


def test_a_server_that_falls_silent_in_tls_is_left_and_resumed(mover: Mover, server: Server) -> None:
    mover.limits = replace(QUICK, read_s=0.3)
    server.script = [silent_after(1_500_000, 5), with_headers()]
    assert mover.fetch(server.url) == CONTENT
    assert server.ranges[1] is not None
