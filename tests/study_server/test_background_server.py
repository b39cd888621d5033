"""Ports for servers that are started beside others."""

from __future__ import annotations

import socket

import pytest

from study_server.web import background_server
from study_server.web.background_server import free_port


def test_a_free_port_is_none_that_is_given_to_whoever_asks_for_any() -> None:
    assert 20_000 <= free_port() < 32_768


def test_a_port_at_which_somebody_listens_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(background_server, "_PORTS", [taken.getsockname()[1]] * 99 + [free])
        assert free_port() == free
