"""Starts a Triton server and one long request, and waits until a test kills this process.

usage: python -m tests.support.server_owner MODEL_REPOSITORY
"""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer


def main() -> None:
    with TritonServer(Path(sys.argv[1])) as server, TritonClient(server.url) as client:
        client.load("slow")
        contract = client.contract("slow", UpscaleContract)
        with client.request_pool(contract, batch=1, height=8, width=8, slots=2) as pool:
            request = pool.acquire()
            for tensor in request.inputs[:2]:
                tensor[:] = 0
            request.submit(1)
            print(server.url, flush=True)  # noqa: T201  the sign that the test waits for
            request.result()


if __name__ == "__main__":
    main()
