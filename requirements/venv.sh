#!/usr/bin/env bash
# Make .venv with the first Python from 3.11 to 3.13 that is found; on Debian and Ubuntu, install the
# python3-venv package if it is missing.
# usage: requirements/venv.sh
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "error: no Python from 3.11 to 3.13 was found; install one (Triton's Python backend has no newer stub)" >&2
  return 1
}

python=$(find_python)
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  echo "installing the Debian package $version" >&2
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" apt-get install -y -qq "$version"
fi
"$python" -m venv .venv
