"""Opens the page in the user's browser, if a person runs the command at a screen."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser


def open_page(url: str) -> bool:
    """Open an address in the user's browser, if the command runs at a terminal and there is a display.

    Returns:
        Whether a browser has been asked to open it.
    """
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not (has_display and sys.stdout.isatty()):
        return False
    # A browser that BROWSER names may return only when its window is closed.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    return True
