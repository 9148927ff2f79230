#!/usr/bin/env bash
# Install Debian's Chromium, and a font that it can draw text with, where they are missing. The tests of the page and
# `make screenshots` drive this browser. Where it cannot be installed, this script says so and succeeds all the same:
# the tests of the page are skipped then.
# usage: requirements/chromium.sh
#   CHROMIUM   the path of another Chromium or Chrome, to be used in place of Debian's
set -uo pipefail

has_font() { [ -n "$(find /usr/share/fonts /usr/local/share/fonts -name '*.ttf' -print -quit 2>/dev/null)" ]; }

missing=()
command -v "${CHROMIUM:-chromium}" >/dev/null || missing+=(chromium)
has_font || missing+=(fonts-liberation fonts-dejavu-core)
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)
options=(-qq -o DPkg::Lock::Timeout=300)
echo "installing the Debian packages ${missing[*]}, for the tests of the page" >&2
"${sudo[@]}" apt-get "${options[@]}" update >&2
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
if ! command -v "${CHROMIUM:-chromium}" >/dev/null; then
  cat >&2 <<EOF_MESSAGE

**********************************************************************************************
  Chromium could not be installed with apt-get: THE TESTS OF THE PAGE WILL BE SKIPPED.
  Install a Chromium or Chrome yourself, and set CHROMIUM to its path if that is not "chromium".
**********************************************************************************************

EOF_MESSAGE
fi
