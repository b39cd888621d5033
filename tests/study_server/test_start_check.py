"""A page whose scripts do not arrive says so, and offers to be loaded again."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route

from browser import Launch, open_browser
from participant import READY, go_to_trials

pytestmark = pytest.mark.slow

INCOMPLETE = "text=This page is not complete"
ANY = "net::ERR_FAILED"  # of the requests that a test breaks off


def modules_of(page: Page) -> list[str]:
    """The scripts that the page which is shown consists of, as the browser fetched them."""
    names = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    found = sorted(
        {match[1] for name in names if (match := re.search(r"/static/(\w+\.js)", name))} - {"start_check.js"}
    )
    assert found
    return found


@pytest.mark.parametrize("path", ["", "instructions", "practice", "trials"])
def test_each_script_is_missed(browse: Launch, path: str) -> None:
    with browse(allowed_complaint=ANY) as page:
        base = page.url
        if path:
            go_to_trials(page) if path == "trials" else reach(page, path)
        page.goto(base + path)
        names = modules_of(page)
        assert len(names) >= (15 if path in ("practice", "trials") else 4)
        for name in names:
            page.route(f"**/static/{name}*", lambda route: route.abort())
            page.goto(base + path)
            page.wait_for_selector(INCOMPLETE)
            page.unroute_all()
        page.click("text=Reload the page")
        page.wait_for_selector("html[data-started]", state="attached")
        assert not page.is_visible(INCOMPLETE)


def reach(page: Page, path: str) -> None:
    """Go from the consent form to this page."""
    page.click("text=I agree to take part")
    page.wait_for_url("**/instructions")
    if path == "practice":
        page.click("text=Go to the practice")
        page.wait_for_url("**/practice")


def answer(route: Route, _: Request, **response: Any) -> None:
    """Instead of the server."""
    route.fulfill(**response)


def test_a_script_that_hangs_or_is_something_else_is_missed_too(server: str) -> None:
    with open_browser() as browser:
        page, base = browser.new_page(), f"{server}/"
        page.goto(base)
        go_to_trials(page)
        for status, body in [(200, "throw new Error('of another version')"), (200, "<p>Log in</p>"), (503, "")]:
            kind = "text/html" if "<p>" in body else "text/javascript"
            page.route("**/static/stage.js*", partial(answer, status=status, body=body, content_type=kind))
            page.goto(f"{base}trials")
            page.wait_for_selector(INCOMPLETE)
            page.unroute_all()
        held: list[Route] = []
        page.clock.install()
        page.route("**/static/stage.js*", lambda route: held.append(route))
        page.goto(f"{base}trials", wait_until="commit")
        page.wait_for_selector("#bottom")
        assert not page.is_visible(INCOMPLETE)
        page.clock.fast_forward(20_000)
        page.wait_for_selector(INCOMPLETE)
        held[0].continue_()  # it comes after all
        page.wait_for_selector(INCOMPLETE, state="detached")
        page.click("#start-button")
        page.clock.run_for(2_000)
        page.wait_for_selector(READY)
