"""A Chromium for the tests of pages: the system's, or the one that Playwright has installed.

Its headless shell is preferred: the same engine without the windows of a browser, for a quarter of the processor time.
"""

import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Final

from playwright.sync_api import Error, sync_playwright

_NAMES = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
)

INSTALL: Final = "python3 -m uv run playwright install chromium"
MISSING: Final = f"The tests in tests/browser did not run, because no Chromium was found. To install one: {INSTALL}"


@cache
def find_chromium() -> str | None:
    """Return the path of a Chromium, None where the machine has none."""
    for name in _NAMES:
        if (found := shutil.which(name)) is not None:
            return found
    try:
        with sync_playwright() as playwright:
            path = Path(playwright.chromium.executable_path)
    except Error:
        return None
    # Playwright installs both, in folders beside each other: chromium-N/… and chromium_headless_shell-N/….
    shells = path.parents[2].glob("chromium_headless_shell-*/*/*headless*shell")
    return next((str(found) for found in (*shells, path) if found.exists()), None)


if __name__ == "__main__":
    sys.exit(None if find_chromium() else MISSING)
