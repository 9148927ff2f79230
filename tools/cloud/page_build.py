"""Builds the page of deploy/cloudflare/page, unless it is newer than its sources."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path


class PageFailed(Exception):
    """The page could not be built; the message has what vite printed."""


def build_page(project: Path, node: Path) -> None:
    """Build the page into page/dist if a source has changed since; concurrent callers share one build.

    Args:
        project: the folder deploy/cloudflare.
        node: the path of node.

    Raises:
        PageFailed: Vite failed.
    """
    page = project / "page"
    built = page / "dist" / "index.html"
    vite = project / "node_modules" / "vite" / "bin" / "vite.js"
    with (project / "node_modules" / ".page-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = [
            project / "package-lock.json",
            *(path for path in page.rglob("*") if built.parent not in path.parents),
        ]
        changed_s = max(path.stat().st_mtime for path in sources if path.is_file())
        if built.exists() and built.stat().st_mtime >= changed_s:
            return
        done = subprocess.run(
            [str(node), str(vite), "build", str(page), "--logLevel", "warn"],
            cwd=project,
            env=os.environ | {"NODE_DISABLE_COMPILE_CACHE": "1"},  # the cache would stay in TMPDIR
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise PageFailed(f"the page could not be built:\n{done.stdout}{done.stderr}")
