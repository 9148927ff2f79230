"""Sends a job of examples/jobs to a worker or to the API, and saves its result: see docs/migration.md.

    python -m examples.send_job upscale out/worker --worker http://localhost:8090
    FRAMEWRIGHT_KEY=fw_live_... python -m examples.send_job upscale out/api --api http://127.0.0.1:8787

The result is OUT/upscale.mp4, OUT/export.mp4 or OUT/track.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = Path(__file__).with_name("jobs")
SOURCE = Path(__file__).with_name("sample.mp4")
TIMEOUT_S = 600


def main() -> int:
    """Run one job, save its result, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("job", choices=sorted(path.stem for path in JOBS.glob("*.json")))
    parser.add_argument("folder", type=Path, help="where the result is saved")
    receiver = parser.add_mutually_exclusive_group(required=True)
    receiver.add_argument("--worker", metavar="URL", help="a worker with --rp_serve_api")
    receiver.add_argument("--api", metavar="URL", help="the API; the key is in FRAMEWRIGHT_KEY")
    chosen = parser.parse_args()

    job = json.loads((JOBS / f"{chosen.job}.json").read_text())
    result, content = send_to_worker(chosen.worker, job) if chosen.worker else send_to_api(chosen.api, job)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    output = chosen.folder / (f"{chosen.job}.json" if chosen.job == "track" else f"{chosen.job}.mp4")
    output.write_bytes(content or json.dumps(result).encode())
    sys.stdout.write(f"{output}\n")
    return 0


def send_to_worker(url: str, job: dict[str, Any]) -> tuple[dict[str, Any], bytes | None]:
    """Let a worker run the job; this program itself serves the source and receives the output.

    Returns:
        The result, and the content of the output if the result is a file.
    """
    with FileServer.running(SOURCE) as files:
        addresses = {"input_url": f"{files.url}/source.mp4"}
        if job["task"] != "track":
            addresses["output_url"] = f"{files.url}/output.mp4"
        answer = answer_of(
            requests.post(f"{url}/runsync", json={"input": job | addresses}, timeout=TIMEOUT_S)
        )
        if answer["status"] != "COMPLETED":
            sys.exit(f"the job failed: {answer.get('error')}")
        return answer["output"], files.output


def send_to_api(url: str, job: dict[str, Any]) -> tuple[dict[str, Any], bytes | None]:
    """Let the API run the job; it makes the URLs, and the bytes go to the bucket and come from there.

    Returns:
        The result, and the content of the output if the result is a file.
    """
    user = requests.Session()
    user.headers["Authorization"] = f"Bearer {os.environ['FRAMEWRIGHT_KEY']}"
    file: dict[str, Any] = {"name": SOURCE.name, "content_type": "video/mp4", "bytes": SOURCE.stat().st_size}
    upload = answer_of(user.post(f"{url}/uploads", json=file))
    stored = requests.put(upload["url"], SOURCE.read_bytes(), headers=upload["headers"], timeout=TIMEOUT_S)
    stored.raise_for_status()
    answer_of(user.post(f"{url}/uploads/{upload['id']}/complete"))

    quote = answer_of(user.post(f"{url}/quote", json=job | {"upload_id": upload["id"]}))
    once = {"Idempotency-Key": quote["id"]}
    started = answer_of(user.post(f"{url}/debit", json={"quote_id": quote["id"]}, headers=once))
    while started["ended_at"] is None:
        time.sleep(1)
        started = answer_of(user.get(f"{url}/status/{started['id']}"))
    if started["state"] != "completed":
        sys.exit(f"the job is {started['state']}: {started['error']}")
    link = started["links"]["output"]
    return started["result"], requests.get(link, timeout=TIMEOUT_S).content if link else None


def answer_of(response: requests.Response) -> dict[str, Any]:
    """Return the JSON of a response, or end the program with the error in it."""
    if not response.ok:
        sys.exit(f"{response.request.method} {response.url}: {response.status_code} {response.text}")
    answer: dict[str, Any] = response.json()
    return answer


class FileServer(ThreadingHTTPServer):
    """Serves one file on loopback, and keeps what is sent by PUT.

    Attributes:
        source: the content of the file.
        output: what has been sent; None until then.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(("127.0.0.1", 0), _FileRequest)
        self.source = source.read_bytes()
        self.output: bytes | None = None

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.server_port}"

    @classmethod
    @contextmanager
    def running(cls, source: Path) -> Iterator[FileServer]:
        """Serve a file until the end of the block."""
        with cls(source) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield server
            server.shutdown()
            thread.join()


class _FileRequest(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(len(self.server.source)))
        self.end_headers()
        self.wfile.write(self.server.source)

    def do_PUT(self) -> None:
        self.server.output = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named by the base class
        pass


if __name__ == "__main__":
    sys.exit(main())
