"""Writes the example that `make cloud` prints: a job from its upload to its download."""

from __future__ import annotations

_EXAMPLE = """\
.venv/bin/python - <<'END'
import pathlib, requests, time
api, user, clip = "{url}", requests.Session(), pathlib.Path("examples/sample.mp4")
user.headers["Authorization"] = "Bearer {key}"
file = {{"name": clip.name, "content_type": "video/mp4", "bytes": clip.stat().st_size}}
upload = user.post(f"{{api}}/uploads", json=file).json()
requests.put(upload["url"], clip.read_bytes(), headers=upload["headers"])
user.post(f"{{api}}/uploads/{{upload['id']}}/complete")
order = {{"task": "upscale", "params": {{}}, "source": {{"width": 320, "height": 180, "frames": 144}}}}
quote = user.post(f"{{api}}/quote", json=order | {{"upload_id": upload["id"]}}).json()
key = {{"Idempotency-Key": "debit-" + quote["id"]}}
job = user.post(f"{{api}}/debit", json={{"quote_id": quote["id"]}}, headers=key).json()
while job["ended_at"] is None:
    time.sleep(1)
    job = user.get(f"{{api}}/status/{{job['id']}}").json()
    print(job["state"], job["progress"])
pathlib.Path("out/cloud/x4.mp4").write_bytes(requests.get(job["links"]["output"]).content)
balance = user.get(f"{{api}}/wallet").json()["balance"]
print(job["charge"], "micro-dollars were charged; the wallet has", balance)
END
"""


def example(url: str, key: str) -> str:
    """Return the example as a command for a shell in the project's folder.

    Args:
        url: the address of the API.
        key: the API key of a user with money.
    """
    return _EXAMPLE.format(url=url, key=key)
