#!/usr/bin/env bash
# Pin the images that others make to what their registries hold now: NAME:VERSION becomes NAME:VERSION@sha256:...
# in Dockerfile.triton, docker-bake.hcl and compose.yaml. Needs Docker with buildx, and the registries.
# usage: requirements/images.sh
set -euo pipefail
cd "$(dirname "$0")/.."
files=(Dockerfile.triton docker-bake.hcl compose.yaml)
digest='sha256:[0-9a-f]{64}'

grep -ohE "(nvcr\.io/nvidia/tritonserver|motoserver/moto):[A-Za-z0-9._-]+" "${files[@]}" | sort -u | while read -r image; do
  found=$(docker buildx imagetools inspect "$image" --format '{{json .Manifest.Digest}}' | tr -d '"')
  [[ $found =~ ^$digest$ ]] || { echo "error: no digest of $image: $found" >&2; exit 1; }
  sed -Ei "s#${image//./\\.}(@$digest)?([^A-Za-z0-9._@-]|\$)#$image@$found\2#" "${files[@]}"
  echo "$image@$found"
done
