#!/usr/bin/env bash
# Write requirements/serve.txt and dev.txt: every version pinned, every file hashed, no index named.
# usage: requirements/lock.sh   (needs uv; re-run after a change of dependencies in pyproject.toml)
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "error: uv is needed; pip install uv" >&2; exit 1; }
lock() {
  uv pip compile pyproject.toml requirements/build.in \
    --override requirements/overrides.txt --excludes requirements/excludes.txt \
    --constraint requirements/constraints.txt \
    --universal --fork-strategy fewest --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet "$@"
}
lock --extra local-triton -o requirements/serve.txt
lock --extra local-triton --extra dev -o requirements/dev.txt
