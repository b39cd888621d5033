"""HTTP/1.1 as bytes: requests are built before the clock runs, replies are parsed no further than needed."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit


class Reply(NamedTuple):
    """One reply; the head is lower case but for the values."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """Value of the first header of this name (lower case)."""
        found = re.search(rb"\r\n" + name.encode() + rb":[ \t]*([^\r]*)", self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else None

    @property
    def text(self) -> str:
        return self.body.decode()


def build_request(method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
    """A request, ready to be sent."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


class ReplyParser:
    """Puts the replies of one connection together, one at a time.

    Raises ValueError for bytes that are no reply.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._head_end = 0
        self._length: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing of a reply has come yet."""
        return not self._buffer

    def feed(self, data: bytes) -> Reply | None:
        """The reply, once its last byte has come."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self._head_end:
            self._head_end = self._buffer.find(b"\r\n\r\n") + 4
            if self._head_end == 3:
                self._head_end = 0
                return None
            self._length = _content_length(self._buffer[: self._head_end])
        if self._length is None:
            if not self._buffer.endswith(b"\r\n0\r\n\r\n"):
                return None
            body = _dechunk(self._buffer[self._head_end :])
        elif len(self._buffer) < self._head_end + self._length:
            return None
        else:
            body = self._buffer[self._head_end : self._head_end + self._length]
        reply = Reply(int(self._buffer[9:12]), self._buffer[: self._head_end - 2], body)
        self._buffer, self._head_end = b"", 0
        return reply


def _content_length(head: bytes) -> int | None:
    """Length of the body; None where it comes in chunks."""
    lower = head.lower()
    at = lower.find(b"\r\ncontent-length:")
    if at >= 0:
        return int(lower[at + 17 : lower.index(b"\r", at + 17)])
    return None if b"\r\ntransfer-encoding: chunked" in lower else 0


def _dechunk(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        body += rest[:length]
        data = rest[length + 2 :]
        if length == 0:
            break
    return body


class Browser:
    """Cookies, host and standing headers of one visitor; builds requests, notes cookies of replies."""

    def __init__(self, host: str, port: int, headers: dict[str, str] | None = None) -> None:
        self.standing = {"Host": f"{host}:{port}", "Accept": "*/*", **(headers or {})}
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> bytes:
        """A request with everything this visitor sends along. `path` may be a whole address."""
        headers = dict(self.standing)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if content_type:
            headers["Content-Type"] = content_type
        parts = urlsplit(path)
        return build_request(method, parts.path + (f"?{parts.query}" if parts.query else ""), headers, body)

    def form(self, path: str, fields: dict[str, str]) -> bytes:
        """A form sent by POST."""
        return self.request("POST", path, urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def note(self, reply: Reply) -> None:
        """Keep the cookies that a reply sets."""
        for name, value in re.findall(rb"\r\nset-cookie:[ \t]*([^=\r]+)=([^;\r]*)", reply.head, re.IGNORECASE):
            self.cookies[name.decode("latin-1")] = value.decode("latin-1")
