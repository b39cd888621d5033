"""How many requests anybody may send. Counted in the memory of each server process, by participant or by address.

Who takes part is counted as a participant, so that a whole laboratory behind one address can take part at once; first
pages, consents and codes that could be guessed are counted by address. Addresses are kept only as keyed hashes, only in
memory, and only for a minute.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import secrets
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app, request
from werkzeug.exceptions import TooManyRequests

from study_server.access.sessions import SIMULATION_HEADER, current_study, token
from study_server.participants.running_study import RunningStudy

_View = TypeVar("_View", bound=Callable[..., object])
_MARK = "shift_study_counts_by_address"
_KEY = secrets.token_bytes(16)


def counted_by_address(view: _View) -> _View:
    """Mark a view that anybody can call: it admits people, or takes a password or a code."""
    setattr(view, _MARK, True)
    return view


class _Counter:
    """How often each has asked in the present minute. It runs with every answer, so it does no more than that."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._minute = 0
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def hit(self, who: str) -> None:
        """Count a request. Raises TooManyRequests, which says when to come again."""
        minute, seconds = divmod(time.monotonic(), 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = int(minute), {}
            count = self._counts[who] = self._counts.get(who, 0) + 1
        if count > self._most:
            raise TooManyRequests(retry_after=math.ceil(60 - seconds))


class Limits:
    """The counters of one process."""

    def __init__(self, arrivals_per_minute: int, requests_per_minute: int) -> None:
        self.arrivals = _Counter(arrivals_per_minute) if arrivals_per_minute else None
        self.requests = _Counter(requests_per_minute) if requests_per_minute else None

    def check(self) -> None:
        """Count this request. Raises TooManyRequests, which says when to come again."""
        if request.endpoint == "static":
            return
        if self.arrivals and getattr(current_app.view_functions.get(request.endpoint or ""), _MARK, False):
            if not _is_observer():
                self.arrivals.hit(_address())
        elif self.requests:
            self.requests.hit(token() or _address())


def configure_limits(app: Flask) -> None:
    """Count every request to this application."""
    server = app.extensions["study"].settings.server
    app.before_request(Limits(server.arrivals_per_minute, server.requests_per_minute).check)


def _address() -> str:
    return hashlib.blake2b(network_of(request.remote_addr or "").encode(), key=_KEY, digest_size=16).hexdigest()


def address_hash(study: RunningStudy, address: str) -> str:
    """Tells addresses apart without telling them: by the study's key, so that all its servers have the same."""
    network = network_of(address).encode()
    return hmac.new(study.secret_key.encode(), b"address\0" + network, hashlib.sha256).hexdigest()[:16]


def network_of(address: str) -> str:
    """Whom an address stands for: of IPv6 the network, for a host has as many of its addresses as it likes."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a test's or a socket's
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


def _is_observer() -> bool:
    key = request.headers.get(SIMULATION_HEADER)
    return key is not None and secrets.compare_digest(key.encode(), current_study().simulation_key.encode())
