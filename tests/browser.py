"""The Chromium of the tests: find it, install it (`python tests/browser.py`, called by `make test`), open it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

Launch = Callable[..., AbstractContextManager[Page]]
"""Opens a page of the study: launch(scale=…, size=…, allowed_complaint=…)."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Path of a Chromium: $CHROMIUM, one on the PATH, or the one that Playwright has installed."""
    for name in (os.environ.get("CHROMIUM"), *_NAMES):
        if name and (path := shutil.which(name)):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def open_browser(
    *, scale: float = 1, size: tuple[int, int] = (1280, 800), profile: Path | None = None
) -> Iterator[BrowserContext]:
    """A real headless Chromium on a display of `scale` device pixels a CSS pixel, in a window of `size` CSS pixels.

    What it keeps is gone when it closes, unless it keeps it in `profile`.
    """
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        # Its processes may still be writing when it has closed.
        passing = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        # Not `new_context`: an isolated context cannot open the settings page that sets the zoom.
        browser = playwright.chromium.launch_persistent_context(
            profile or passing,
            executable_path=find_chromium(),
            no_viewport=True,  # Playwright's own viewport would emulate a display
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-first-run", "--force-color-profile=srgb",
                f"--force-device-scale-factor={scale}", f"--window-size={size[0]},{size[1]}",
            ],
        )  # fmt: skip
        yield browser
        with suppress(Error):  # a test may have killed it
            browser.close()


def zoom(page: Page, factor: float) -> None:
    """Set the browser's zoom, as from its menu, while `page` is showing something; on a display of scale 1."""
    settings = page.context.new_page()
    settings.goto("chrome://settings/appearance")
    settings.evaluate(f"new Promise(done => chrome.settingsPrivate.setDefaultZoom({factor}, done))")
    settings.close()
    page.bring_to_front()
    deadline = time.monotonic() + 20
    while abs(page.evaluate("devicePixelRatio") - factor) > 0.01:
        assert time.monotonic() < deadline, f"the zoom did not become {factor}"


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
