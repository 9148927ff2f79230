"""Says how many processes the tests of kills end: 50, or what KILLS says; 200 take a quarter of an hour."""

from __future__ import annotations

import os

KILLS = int(os.environ.get("KILLS", "50"))
