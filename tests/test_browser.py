"""The browser that tests share keeps nothing of one for the next."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from browser import open_browser

pytestmark = pytest.mark.slow

ADDRESS = "http://127.0.0.1:9/"  # nobody listens there
KEPT = """async () => ({
    cookies: document.cookie,
    here: localStorage.length,
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys()).length,
    online: navigator.onLine,
    fetched: await fetch("/stored").then((answer) => answer.text()),
})"""
NOTHING = {"cookies": "", "here": 0, "databases": 0, "caches": 0, "online": True}


def answer_with(page: Page, text: str) -> None:
    """Play the server of ADDRESS: what it says may be stored for ever."""
    headers = {"Cache-Control": "max-age=31536000, immutable"}
    page.route(f"{ADDRESS}**", lambda route: route.fulfill(body=text, content_type="text/html", headers=headers))


def test_nothing_of_one_test_is_there_for_the_next() -> None:
    with open_browser() as browser:
        first = browser
        page = browser.new_page()
        answer_with(page, "one")
        page.goto(ADDRESS)
        assert page.evaluate(KEPT) == NOTHING | {"fetched": "one"}
        page.evaluate("""async () => {
            document.cookie = "a=b; max-age=1000";
            localStorage.setItem("a", "b");
            await caches.open("a");
            await new Promise((done) => { indexedDB.open("a").onsuccess = done; });
        }""")
        page.emulate_media(reduced_motion="reduce")
        browser.route("**/never", lambda route: route.abort())
        browser.set_offline(True)
    with open_browser() as browser:
        assert browser == first
        page = browser.new_page()
        answer_with(page, "two")
        page.goto(ADDRESS)
        assert page.evaluate(KEPT) == NOTHING | {"fetched": "two"}
        assert page.evaluate("fetch('/never').then((answer) => answer.text())") == "two"
        assert not page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")


def test_who_opens_another_meanwhile_gets_another() -> None:
    with open_browser() as one, open_browser() as other, open_browser(alone=True) as third:
        assert one != other != third != one
        for browser in (one, other, third):
            assert browser.cookies() == []


def test_one_that_a_test_has_closed_is_not_used_again() -> None:
    with pytest.raises(Exception, match="closed"), open_browser() as browser:
        browser.close()
    with open_browser() as browser:
        browser.new_page().goto("about:blank")
