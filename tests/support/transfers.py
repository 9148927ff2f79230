"""Fetches from and publishes to servers on loopback, with short time limits."""

from __future__ import annotations

import ipaddress
import threading
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.jobs import OutputParts
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.client import StorageClient
from orchestrator.storage.retrying_transfer import TransferLimits
from orchestrator.storage.s3_presigning import S3Presigner
from tests.support.web import Server

QUICK = TransferLimits(
    min_free_bytes=0,
    tries=3,
    backoff_s=0.01,
    longest_wait_s=5.0,
    connect_s=2.0,
    read_s=1.0,
    answer_s=1.0,
    total_s=30.0,
)
PATIENT = TransferLimits(min_free_bytes=0, tries=100, connect_s=60.0, read_s=60.0, backoff_s=60.0)
"""A transfer with these limits ends within a minute only if it is stopped."""
LOOPBACK = AddressGuard(allow_http=True, allow_private_networks=(ipaddress.ip_network("127.0.0.0/8"),))


@dataclass
class Mover:
    """Fetches into a folder and publishes from it, and records the reported progress."""

    folder: Path
    limits: TransferLimits = QUICK
    guard: AddressGuard = LOOPBACK
    presigner: S3Presigner | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    advances: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def client(self) -> StorageClient:
        return StorageClient(guard=self.guard, limits=self.limits, presigner=self.presigner)

    def _advance(self, done: int, whole: int | None) -> None:
        self.advances.append((done, whole))

    def fetch(self, url: str) -> bytes:
        path = self.folder / "input"
        size = self.client.fetch(url, path, stop=self.stop, on_progress=self._advance)
        content = path.read_bytes()
        assert len(content) == size
        path.unlink()
        return content

    def publish(self, content: bytes, where: str | OutputParts, name: str = "out.mp4") -> None:
        path = self.folder / name
        path.write_bytes(content)
        try:
            self.client.publish(path, where, stop=self.stop, on_progress=self._advance)
        finally:
            path.unlink()


def parts_of(server: Server, count: int) -> OutputParts:
    """Return part URLs on a server that only keeps what is uploaded to each."""
    base = f"http://127.0.0.1:{server.server_port}"
    return OutputParts(
        part_bytes=5 * 2**20,
        urls=tuple(f"{base}/part{number}?partNumber={number}" for number in range(1, count + 1)),
        complete_url=f"{base}/complete?uploadId=u",
        abort_url=f"{base}/abort?uploadId=u",
    )
