"""Under which names the server answers. A request for another host is refused before anything looks at it.

A page elsewhere may have a name that leads to this machine, and a request may claim any name: pages would then be read
by that page's scripts, and links made with that name.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from study_server.settings import ServerSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_LOCAL = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")


class KnownHosts:
    """An application that hears of requests for its own names alone; to others is said how a name becomes one."""

    def __init__(self, app: WSGIApplication, server: ServerSettings) -> None:
        self._app = app
        self._names = _names_of(server)
        # No page has an address as its name but the one that lies there.
        self._all_addresses = not server.hosts and _is_every_address(server.host)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request, or refuse it."""
        name = _without_port(environ.get("HTTP_HOST", ""))
        if name in self._names or (self._all_addresses and _is_address(name)):
            return self._app(environ, start_response)
        return _refusal(name, environ.get("PATH_INFO", ""))(environ, start_response)


def _refusal(name: str, path: str) -> Response:
    known = f"as {name[:100]}" if name else "under the name that was asked for"
    text = (
        f"This server does not answer {known}. Please use the address that you were sent. "
        "Whoever runs the server can add names to server.hosts in study.toml."
    )
    if path.startswith("/api/"):
        return Response(json.dumps({"error": text}), 421, mimetype="application/json")
    return Response(f"{text}\n", 421, mimetype="text/plain")


def _names_of(server: ServerSettings) -> frozenset[str]:
    if server.hosts:
        return frozenset([*_LOCAL, *map(_without_port, server.hosts)]) - {""}
    bound = _names_of_machine() if _is_every_address(server.host) else (server.host,)
    return frozenset([*_LOCAL, *map(_canonical, bound)])


@cache
def _names_of_machine() -> tuple[str, str]:
    return socket.gethostname(), socket.getfqdn()  # which may wait for the DNS


@lru_cache(maxsize=100)  # of the few that requests name, and of what else is tried lately
def _without_port(host: str) -> str:
    """The name in a Host header, as names are compared; empty where it is none."""
    found = _HOST.fullmatch(host)
    return _canonical(found[1]) if found else ""


def _canonical(name: str) -> str:
    """Names in lower case, addresses in the one form that each has."""
    with suppress(ValueError):
        return str(ip_address(name.removeprefix("[").removesuffix("]")))
    return name.lower()


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(name))
    return False


def _is_every_address(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_unspecified
    return False
