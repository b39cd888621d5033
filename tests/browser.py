"""The Chromium of the tests: find it, install it (`python tests/browser.py`, called by `make test`), open it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright

Launch = Callable[..., AbstractContextManager[Page]]
"""Opens a page of the study: launch(scale=…, size=…, zoomable=…, allowed_complaint=…)."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Path of a Chromium: $CHROMIUM, one on the PATH, or the one that Playwright has installed."""
    for name in (os.environ.get("CHROMIUM"), *_NAMES):
        if name and (path := shutil.which(name)):
            return path
    path = _playwright().chromium.executable_path
    return path if Path(path).exists() else None


_USUAL = (1, (1280, 800))


class _Running:
    """Playwright's own process and a browser, for all tests: starting them takes as long as a short test."""

    playwright: Playwright | None = None
    browsers: ClassVar[dict[tuple[float, tuple[int, int]], Browser]] = {}


def _playwright() -> Playwright:
    _Running.playwright = _Running.playwright or sync_playwright().start()
    return _Running.playwright


def _shared_browser(scale: float, size: tuple[int, int]) -> Browser:
    display = (scale, size)
    if display not in _Running.browsers or not _Running.browsers[display].is_connected():
        # Most tests have the usual display, and will want that one again.
        idle = [key for key, browser in _Running.browsers.items() if not browser.contexts and key != _USUAL]
        for other in idle:
            _Running.browsers.pop(other).close()
        _Running.browsers[display] = _playwright().chromium.launch(
            executable_path=find_chromium(), args=_arguments(scale, size)
        )
    return _Running.browsers[display]


def close_browsers() -> None:
    """End what is running for all tests."""
    _Running.browsers.clear()
    if _Running.playwright:
        _Running.playwright.stop()
        _Running.playwright = None


def _arguments(scale: float, size: tuple[int, int]) -> list[str]:
    return [
        "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--no-first-run", "--force-color-profile=srgb",
        f"--force-device-scale-factor={scale}", f"--window-size={size[0]},{size[1]}",
    ]  # fmt: skip


@contextmanager
def open_browser(*, scale: float = 1, size: tuple[int, int] = (1280, 800), **device: Any) -> Iterator[BrowserContext]:
    """A real headless Chromium on a display of `scale` device pixels a CSS pixel, in a window of `size` CSS pixels.

    Nothing of what another test left in it is there. device: another display that Playwright emulates.
    """
    # Playwright's own viewport would emulate a display.
    browser = _shared_browser(scale, size).new_context(**(device or {"no_viewport": True}))
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def open_own_browser(
    *, scale: float = 1, size: tuple[int, int] = (1280, 800), profile: Path | None = None
) -> Iterator[BrowserContext]:
    """As `open_browser`, as a process of its own: it can be zoomed and killed, and keeps what it keeps in `profile`."""
    # Its processes may still be writing when it has closed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as passing:
        # Not `new_context`: an isolated context cannot open the settings page that sets the zoom.
        browser = _playwright().chromium.launch_persistent_context(
            profile or passing,
            executable_path=find_chromium(),
            no_viewport=True,
            args=_arguments(scale, size),
        )
        try:
            yield browser
        finally:
            with suppress(Error):  # a test may have killed it
                browser.close()


def zoom(page: Page, factor: float) -> None:
    """Set the zoom of a browser of its own, as from its menu, while `page` is shown; on a display of scale 1."""
    settings = page.context.new_page()
    settings.goto("chrome://settings/strings.m.js")  # has the settings' interface as its page has, and nothing to draw
    settings.evaluate(f"new Promise(done => chrome.settingsPrivate.setDefaultZoom({factor}, done))")
    settings.close()
    page.bring_to_front()
    deadline = time.monotonic() + 20
    while abs(page.evaluate("devicePixelRatio") - factor) > 0.01:
        assert time.monotonic() < deadline, f"the zoom did not become {factor}"


def main() -> None:
    """Make sure that there is a Chromium, by Debian's package where that can be installed, else by Playwright."""
    try:
        if not find_chromium():
            print("The tests drive a real Chromium, and there is none: installing it (about 100 MB).", file=sys.stderr)
            _install()
        if not find_chromium():
            raise SystemExit("No Chromium could be installed. Install one and name it in the variable CHROMIUM.")
    finally:
        close_browsers()


def _install() -> None:
    if shutil.which("apt-get"):
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if not as_root or shutil.which("sudo"):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run([*as_root, "apt-get", "update", "-q"], check=False, env=environment)
            subprocess.run([*as_root, "apt-get", "install", "-qy", "chromium"], check=False, env=environment)
    if not find_chromium():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


if __name__ == "__main__":
    main()
