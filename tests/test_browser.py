"""The browser that tests share keeps nothing of one for the next."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from browser import open_browser

pytestmark = pytest.mark.slow

KEPT = """async () => ({
    cookies: document.cookie,
    here: localStorage.length,
    databases: (await indexedDB.databases()).length,
    online: navigator.onLine,
    stored: await fetch("/stored").then((answer) => answer.text()),
    routed: await fetch("/routed").then((answer) => answer.text()),
})"""
NOTHING = {
    "cookies": "",
    "here": 0,
    "databases": 0,
    "online": True,
    "stored": "from the server",
    "routed": "from the server",
}


class _Server(BaseHTTPRequestHandler):
    """Says the same to everybody, and that it may be stored for ever."""

    says = b"from the server"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=31536000, immutable")
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(self.says)))
        self.end_headers()
        self.wfile.write(self.says)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_nothing_of_one_test_is_there_for_the_next(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_browser() as browser:
        first = browser
        page = browser.new_page()
        page.goto(address)
        assert page.evaluate(KEPT) == NOTHING
        page.evaluate("""async () => {
            document.cookie = "a=b; max-age=1000";
            localStorage.setItem("a", "b");
            await new Promise((done) => { indexedDB.open("a").onsuccess = done; });
        }""")
        page.emulate_media(reduced_motion="reduce")
        browser.add_cookies([{"name": "c", "value": "d", "url": "http://elsewhere.example/"}])
        browser.route("**/routed", lambda route: route.fulfill(body="from a test"))
        browser.set_offline(True)
    monkeypatch.setattr(_Server, "says", b"something else")  # another study at the same port
    with open_browser() as browser:
        assert browser == first
        assert browser.cookies() == []
        page = browser.new_page()
        page.goto(address)
        assert page.evaluate(KEPT) == NOTHING | {"stored": "something else", "routed": "something else"}
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
