#!/usr/bin/env bash
# Make .venv with the first Python from 3.11 to 3.13 that is found. On Debian and Ubuntu, the packages that this
# needs are installed where they are missing: pythonX.Y-venv, and libpythonX.Y, which the Python backend of the
# tritonserver wheel is linked to (the wheel carries that of 3.13 only).
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
missing=$("$python" - <<'EOF_PYTHON'
import ctypes.util, importlib.util, pathlib, sys, sysconfig

version = "%d.%d" % sys.version_info[:2]
if importlib.util.find_spec("ensurepip") is None:
    print(f"python{version}-venv")
own = pathlib.Path(sysconfig.get_config_var("LIBDIR") or "/", f"libpython{version}.so.1.0")
if version != "3.13" and not own.exists() and not ctypes.util.find_library(f"python{version}"):
    print(f"libpython{version}")
EOF_PYTHON
)
if [ -n "$missing" ]; then
  sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  echo "installing the Debian packages" $missing >&2
  "${sudo[@]}" apt-get update -qq
  # shellcheck disable=SC2086  # one word a package
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
fi
"$python" -m venv .venv
