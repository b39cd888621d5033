"""Find a Chromium for the tests, or install one: `python tests/browser.py` (called by `make test`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Path of a Chromium: $CHROMIUM, one on the PATH, or the one that Playwright has installed."""
    for name in (os.environ.get("CHROMIUM"), *_NAMES):
        if name and (path := shutil.which(name)):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> None:
    """Make sure that there is a Chromium, by Debian's package where that can be installed, else by Playwright."""
    if find_chromium():
        return
    print("The tests drive a real Chromium, and there is none: installing it (about 100 MB).", file=sys.stderr)
    if shutil.which("apt-get"):
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if not as_root or shutil.which("sudo"):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run([*as_root, "apt-get", "update", "-q"], check=False, env=environment)
            subprocess.run([*as_root, "apt-get", "install", "-qy", "chromium"], check=False, env=environment)
    if not find_chromium():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if not find_chromium():
        raise SystemExit("No Chromium could be installed. Install one and name it in the variable CHROMIUM.")


if __name__ == "__main__":
    main()
