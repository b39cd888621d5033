"""Requests as one browser sends them: with its cookies, over a connection that stays open."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from study_server.errors import StudyError

_TRIES = 8
_TIMEOUT_S = 60.0
_FORM = "application/x-www-form-urlencoded"
_MOST_REDIRECTS = 10


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    reason: str
    headers: HTTPMessage
    data: bytes

    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.data)


@dataclass
class PlainBrowser:
    """A browser without scripts, styles and cache, which needs little of the processor.

    headers: sent with every request to the server, and to no other.
    retries: how many requests were repeated because the server could not take them at once.
    """

    url: str
    """Of the study, without a slash at its end."""
    headers: dict[str, str] = field(default_factory=dict)
    retries: int = 0
    _cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Proxies of the environment are not between this and the server: http.client knows none.
        address = urlsplit(self.url)
        connect = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._server = connect(address.netloc, timeout=_TIMEOUT_S)
        self._origin = f"{address.scheme}://{address.netloc}"

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def ask(self, method: str, path: str, body: Any = None, form: Mapping[str, Any] | None = None) -> Answer:
        """One request, repeated with growing pauses while the server cannot take it; the page that it leads to.

        path: on the server. body: sent as JSON; form: as a form.
        Raises StudyError where it is refused or not taken at all.
        """
        url = self.url + path
        for _ in range(_MOST_REDIRECTS):
            answer = self._repeated(method, url, body, form)
            if not 300 <= answer.status < 400:
                return answer
            # As a browser follows what a form leads to.
            method, body, form, url = "GET", None, None, urljoin(url, answer.headers["Location"])
            if not f"{url}/".startswith(f"{self._origin}/"):
                raise StudyError(f"{method} {url}: leads to another server")
        raise StudyError(f"{method} {url}: leads round in circles")

    def image(self, path: str) -> Answer:
        """An image by its path on the server, or by its address elsewhere, where nobody must learn who asks.

        Raises StudyError as `ask`.
        """
        return self._repeated("GET", path if "://" in path else urljoin(self.url, path), None, None)

    def _repeated(self, method: str, url: str, body: Any, form: Mapping[str, Any] | None) -> Answer:
        trouble = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.1 * 2**attempt)
                self.retries += 1
            try:
                answer = self._once(method, url, body, form)
            except (HTTPException, OSError) as error:
                trouble = type(error).__name__
                continue
            if answer.status < 400:
                return answer
            trouble = f"{answer.status} {answer.reason}"
            if answer.status == 429:
                time.sleep(float(answer.headers.get("Retry-After", 1)))
            elif answer.status < 500:
                if answer.headers.get("Content-Type") == "application/json":
                    trouble = answer.json()["error"]
                break
        raise StudyError(f"{method} {url}: {trouble}")

    def _once(self, method: str, url: str, body: Any, form: Mapping[str, Any] | None) -> Answer:
        """Raises HTTPException or OSError where the server gives no answer."""
        if not f"{url}/".startswith(f"{self._origin}/"):
            return _elsewhere(method, url)
        headers, data = dict(self.headers), None
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body)
        elif form is not None:
            headers["Content-Type"], data = _FORM, urlencode(form)
        try:
            self._server.request(method, url.removeprefix(self._origin).partition("#")[0] or "/", data, headers)
            answer = _read(self._server)
        except BaseException:
            self._server.close()  # the next request opens it anew
            raise
        for line in answer.headers.get_all("Set-Cookie", ()):
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.coded_value
                if morsel["max-age"] == "0" or not morsel.value:
                    del self._cookies[name]
        return answer


def _read(connection: HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, response.reason, response.headers, response.read())


def _elsewhere(method: str, url: str) -> Answer:
    """From another server, over a connection of its own."""
    address = urlsplit(url)
    connection = (HTTPSConnection if address.scheme == "https" else HTTPConnection)(address.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request(method, address._replace(scheme="", netloc="", fragment="").geturl() or "/")
        return _read(connection)
    finally:
        connection.close()
