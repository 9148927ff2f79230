#!/usr/bin/env bash
# Write requirements/serve.txt, dev.txt, cloud.txt, worker.txt and build.txt: every version pinned, every file hashed, no index named.
# worker.txt is for images, whose base has a tritonserver of its own: no wheel of one, no onnxruntime. build.txt is the
# build backend alone, which makes the package there.
# usage: requirements/lock.sh   (needs uv; re-run after a change of dependencies in pyproject.toml)
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "error: uv is needed; pip install uv" >&2; exit 1; }
lock() {
  uv pip compile \
    --override requirements/overrides.txt --excludes "${EXCLUDES:-requirements/excludes.txt}" \
    --constraint requirements/constraints.txt \
    --universal --fork-strategy fewest --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet "$@"
}
lock pyproject.toml requirements/build.in --extra local-triton -o requirements/serve.txt
# dask needs importlib-metadata before Python 3.12.
EXCLUDES=<(grep -vx importlib-metadata requirements/excludes.txt) \
  lock pyproject.toml requirements/build.in --extra local-triton --extra dev -o requirements/dev.txt
lock pyproject.toml requirements/build.in --extra local-triton --extra cloud --constraint requirements/dev.txt -o requirements/cloud.txt
# NVIDIA's Triton 25.06 has CUDA 12.9: 13 would refuse drivers that it runs with.
lock pyproject.toml --extra cuda --constraint requirements/serve.txt --constraint <(echo "cuda-bindings<13") \
  -o requirements/worker.txt
lock requirements/build.in --constraint requirements/serve.txt -o requirements/build.txt
