"""The browser of simulated observers: cookies, redirects, repeats, and what other servers learn."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from study_server.errors import StudyError
from study_server.plain_browser import PlainBrowser


class Handler(BaseHTTPRequestHandler):
    """Does what the path says, and keeps what was asked."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, dict[str, str], str]]] = []
    refusals: ClassVar[list[int]] = []

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.seen.append((self.command, self.path, dict(self.headers), sent))
        status, headers, body = 200, {"Content-Type": "text/plain"}, b"here"
        if self.path == "/study/moved":
            status, headers = 302, {"Location": "/study/there"}
        elif self.path == "/study/away":
            status, headers = 302, {"Location": "http://elsewhere.example/"}
        elif self.path == "/study/round":
            status, headers = 302, {"Location": "/study/round"}
        elif self.path == "/study/cookies":
            headers["Set-Cookie"] = 'who="a b"; Path=/; HttpOnly'
        elif self.path == "/study/forget":
            headers["Set-Cookie"] = "who=; Max-Age=0; Path=/"
        elif self.path == "/study/refused":
            status, headers, body = 409, {"Content-Type": "application/json"}, b'{"error": "that is taken"}'
        elif self.refusals:
            status = self.refusals.pop()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def browser(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PlainBrowser]:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    Handler.seen.clear()
    Handler.refusals.clear()
    browser = PlainBrowser(f"{address}/study", {"X-Key": "secret"})
    yield browser
    browser.close()


def test_what_is_sent(browser: PlainBrowser) -> None:
    assert browser.ask("GET", "/page").data == b"here"
    browser.ask("PUT", "/answer", {"response": "same"})
    browser.ask("POST", "/form", form={"skip": "1 &"})
    (_, path, headers, _), (method, _, put, body), (_, _, posted, form) = Handler.seen
    assert (path, headers["X-Key"]) == ("/study/page", "secret")
    assert (method, put["Content-Type"], json.loads(body)) == ("PUT", "application/json", {"response": "same"})
    assert (posted["Content-Type"], form) == ("application/x-www-form-urlencoded", "skip=1+%26")


def test_cookies_are_sent_back_until_they_are_forgotten(browser: PlainBrowser) -> None:
    for path in ("/cookies", "/page", "/forget", "/page"):
        browser.ask("GET", path)
    assert [headers.get("Cookie") for _, _, headers, _ in Handler.seen] == [None, 'who="a b"', 'who="a b"', None]


def test_a_form_leads_to_the_next_page(browser: PlainBrowser) -> None:
    browser.ask("POST", "/moved", form={"a": "b"})
    assert [(method, path, body) for method, path, _, body in Handler.seen] == [
        ("POST", "/study/moved", "a=b"), ("GET", "/study/there", ""),
    ]  # fmt: skip
    with pytest.raises(StudyError, match="leads to another server"):
        browser.ask("GET", "/away")
    with pytest.raises(StudyError, match="leads round in circles"):
        browser.ask("GET", "/round")


def test_what_the_server_cannot_take_at_once_is_repeated_and_what_it_refuses_is_not(browser: PlainBrowser) -> None:
    Handler.refusals[:] = [503, 429]
    assert browser.ask("GET", "/page").data == b"here"
    assert browser.retries == 2
    with pytest.raises(StudyError, match="that is taken"):
        browser.ask("PUT", "/refused", {})
    assert browser.retries == 2
    Handler.refusals[:] = [500] * 20
    with pytest.raises(StudyError, match="500"):
        browser.ask("GET", "/page")
    assert len(Handler.refusals) == 12


def test_images_are_at_their_path_on_the_server_and_elsewhere_nobody_learns_who_asks(
    browser: PlainBrowser, address: str
) -> None:
    browser.ask("GET", "/cookies")
    browser.image("/study/image/x.png")
    browser.image(address.replace("127.0.0.1", "localhost") + "/y.png")
    (_, path, headers, _), (_, elsewhere, others, _) = Handler.seen[1:]
    assert (path, headers["X-Key"], elsewhere) == ("/study/image/x.png", "secret", "/y.png")
    assert not {"X-Key", "Cookie"} & {*others}
