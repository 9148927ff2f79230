"""Tries to make the worker connect to addresses that are not public, in many spellings.

The worker's storage client gets each address as an input, an output, a part of an output, and as the target
of a redirect. A Python audit hook sees every connection and every DNS lookup of the process: it refuses all
but those to the server that redirects, and each counts as a failure.
"""

from __future__ import annotations

import ipaddress
import itertools
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from orchestrator.errors import AddressRefused, WorkerError
from orchestrator.jobs import OutputParts
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.client import StorageClient
from orchestrator.storage.retrying_transfer import TransferLimits
from tests.hostile.tally import Tally

NETWORKS = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::1/128",
    "::/128",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
    "2001:db8::/32",
    "2002:7f00::/24",
    "64:ff9b::7f00:0/104",
    "64:ff9b:1::/48",
    "::ffff:10.0.0.0/104",
    "::ffff:127.0.0.0/104",
]
"""Networks that are not public (IANA's special-purpose registries)."""

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd20:ce::254",
]
"""The metadata services of clouds, which hand out credentials."""

NAMES = [
    "localhost",
    "LOCALHOST",
    "localhost.localdomain",
    "metadata.google.internal",
    "store.example",
    "rebinds.example",
]
"""Host names that the resolver below resolves to addresses that are not public."""

_LIMITS = TransferLimits(
    min_free_bytes=0, tries=1, backoff_s=0.01, longest_wait_s=0.1, connect_s=1.0, read_s=1.0, total_s=5.0
)
_STORE = "127.0.0.1"


def attack(count: int, seed: int) -> Tally:
    """Try `count` addresses, each as input, output, part and redirect."""
    tally = Tally("addresses")
    spelled = list(itertools.islice(spellings(random.Random(seed)), count))
    with tempfile.TemporaryDirectory() as folder, _redirecting_store() as (store, redirect_to):
        output = Path(folder, "output.mp4")
        output.write_bytes(b"nothing that anybody should get")
        ways = _ways(Path(folder, "input"), output, store, redirect_to)
        for address, (way, transfer) in itertools.product(spelled, ways.items()):
            _CONNECTIONS.clear()
            outcome, failure = _outcome(transfer, address)
            if _CONNECTIONS:
                failure = f"it reached out to {_CONNECTIONS}"
            tally.add(f"{way}: {outcome}", None if failure is None else f"{way} {address!r}: {failure}")
    return tally


def spellings(rng: random.Random) -> Iterator[str]:
    """Yield URLs without end, with unusual spellings of addresses."""
    fixed = [_as_host(ipaddress.ip_address(ip)) for ip in METADATA] + NAMES
    while True:
        network = ipaddress.ip_network(rng.choice(NETWORKS))
        ip = network[rng.randrange(min(network.num_addresses, 2**24))]
        if str(ip) == _STORE:
            continue
        host = rng.choice([*_hosts(ip), *rng.sample(fixed, 2)])
        yield rng.choice(_DISGUISES)(host, rng)


def _hosts(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[str]:
    """Return spellings of an IP address that some library parses as that address."""
    if ip.version == 6:
        whole = ip.exploded
        return [_as_host(ip), f"[{whole}]", f"[{whole.upper()}]", f"[{ip}%25eth0]", f"[{ip}%lo]", str(ip)]
    a, b, c, d = ip.packed
    number = int(ip)
    return [
        str(ip),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{b}.{c * 256 + d}",
        f"{a}.{b * 65536 + c * 256 + d}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{ip}.",
        f"%{ord(str(a)[0]):02x}{str(ip)[1:]}",
        "".join(chr(0xFF10 + int(digit)) if digit.isdigit() else digit for digit in str(ip)),
        str(ip).replace(".", "\u3002"),
        f"[::ffff:{ip}]",
        f"[::{ip}]",
        f"[64:ff9b::{ip}]",
        f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]",
    ]


def _as_host(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"[{ip}]" if ip.version == 6 else str(ip)


_DISGUISES: list[Callable[[str, random.Random], str]] = [
    lambda host, _: f"https://{host}/a.mp4",
    lambda host, _: f"http://{host}/a.mp4",
    lambda host, rng: f"https://{host}:{rng.choice([80, 443, 8001, 0, 65536, 99999])}/a.mp4",
    lambda host, _: f"https://files.example@{host}/a.mp4",
    lambda host, _: f"https://files.example:443@{host}/a.mp4",
    lambda host, _: f"https://{host}#@files.example/a.mp4",
    lambda host, _: f"https://{host}\\@files.example/a.mp4",
    lambda host, _: f"https://files.example\\@{host}/a.mp4",
    lambda host, _: f"https:/{host}/a.mp4",
    lambda host, _: f"https:///{host}/a.mp4",
    lambda host, _: f"//{host}/a.mp4",
    lambda host, _: f"HTTPS://{host}/a.mp4",
    lambda host, _: f" https://{host}/a.mp4",
    lambda host, _: f"https://{host}/a.mp4\r\nHost: files.example",
    lambda host, _: f"https://{host}\t/a.mp4",
    lambda host, _: f"https://{quote(host, safe='')}/a.mp4",
    lambda host, _: f"https://{host}\x00.files.example/a.mp4",
    lambda host, rng: (
        f"{rng.choice(['ftp', 'file', 'gopher', 'ws', 'data', 'jar', 's3', 'concat'])}://{host}/a.mp4"
    ),
    lambda host, _: f"https://{host}?a.mp4",
    lambda host, _: f"https://{host}",
]


def _resolve(host: str, _port: int) -> list[str]:
    """Resolve every name to a public address and to one that is not public."""
    return ["93.184.216.34", random.Random(host).choice([*METADATA, "127.0.0.2", "10.0.0.1", "::1"])]


def _ways(
    source: Path, output: Path, store: str, redirect_to: Callable[[str], None]
) -> dict[str, Callable[[str], object]]:
    """Return the ways in which a job can name an address, by name."""
    strict = StorageClient(guard=AddressGuard(resolve=_resolve), limits=_LIMITS)
    local = AddressGuard(
        resolve=_resolve, allow_http=True, allow_private_networks=(ipaddress.ip_network(f"{_STORE}/32"),)
    )
    lenient = StorageClient(guard=local, limits=_LIMITS)
    transfer: dict[str, Any] = {"stop": threading.Event(), "on_progress": lambda _done, _whole: None}

    def as_input(address: str) -> None:
        strict.check(address)
        strict.fetch(address, source, **transfer)

    def as_output(address: str) -> None:
        strict.check(address)
        strict.publish(output, address, **transfer)

    def as_part(address: str) -> None:
        good = "https://files.example/a.mp4?partNumber=1&uploadId=1"
        parts = OutputParts(part_bytes=5 * 2**20, urls=(address,), complete_url=good, abort_url=good)
        strict.check(parts)
        strict.publish(output, parts, **transfer)

    def as_redirect(address: str) -> None:
        redirect_to(address)
        lenient.fetch(store, source, **transfer)

    return {"input": as_input, "output": as_output, "part": as_part, "redirect": as_redirect}


def _outcome(transfer: Callable[[str], object], address: str) -> tuple[str, str | None]:
    """Return the outcome of a try, and what is wrong with it or None."""
    try:
        transfer(address)
    except AddressRefused:
        return "address_refused", None
    except WorkerError as exc:
        return exc.code, None
    except ValueError as exc:  # of the models of jobs, which refuse it before storage sees it
        if "validation error" in str(exc):
            return "bad_request", None
        return type(exc).__name__, repr(exc)
    except Exception as exc:  # noqa: BLE001  any other error is what the attack looks for
        return type(exc).__name__, repr(exc)
    return "done", "the transfer was made"


@contextmanager
def _redirecting_store() -> Iterator[tuple[str, Callable[[str], None]]]:
    """Serve a URL that redirects to the address that was set last, with its spelling unchanged."""
    location = [""]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(302)
            self.wfile.write(b"")
            one_line = location[0].replace("\r", "%0D").replace("\n", "%0A").replace("\x00", "%00")
            cast("list[bytes]", self._headers_buffer).append(  # type: ignore[attr-defined]  # of the library
                f"Location: {one_line}\r\nContent-Length: 0\r\n".encode()
            )
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer((_STORE, 0), Handler)
    port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    _ALLOWED.add((_STORE, port))
    try:
        yield f"http://{_STORE}:{port}/a.mp4", lambda address: location.__setitem__(0, address)
    finally:
        _ALLOWED.discard((_STORE, port))
        server.shutdown()
        thread.join()
        server.server_close()


_ALLOWED: set[tuple[str, int]] = set()
_CONNECTIONS: list[str] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse connections and DNS lookups while the server runs; an audit hook cannot be removed."""
    if not _ALLOWED or event not in {"socket.connect", "socket.getaddrinfo"}:
        return
    target = arguments[1][:2] if event == "socket.connect" else arguments[:2]
    if tuple(target) not in _ALLOWED:
        _CONNECTIONS.append(f"{event} {target}")
        raise PermissionError("no address of this attack may be reached")


sys.addaudithook(_watch)
