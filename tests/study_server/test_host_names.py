"""The server answers under its own names alone, and believes no header about proxies that it does not have."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import Client
from werkzeug.wrappers import Response

import shift_study
from experimenter import log_in
from made_studies import linked
from recruiting import changed
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import write_settings
from study_server.settings import ServerSettings
from study_server.web.app import create_app
from study_server.web.background_server import running_server
from study_server.web.host_names import KnownHosts
from study_server.web.several import create_server_app


def answers(server: ServerSettings, host: str) -> bool:
    """Whether a server with these settings answers a request for this host, and does not refuse it."""
    answer = Client(KnownHosts(Response("yes"), server)).get("/", headers={"Host": host})
    assert (answer.status_code, answer.text == "yes") in ((200, True), (421, False))
    return answer.status_code == 200


@pytest.mark.parametrize(
    ("server", "own", "others"),
    [
        (
            {},
            ["localhost", "LocalHost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000", "[0:0::0:1]"],
            ["", "evil.example", "localhost.evil.example", "127.0.0.2", "10.0.0.11", "localhost,evil.example",
             "localhost@evil.example", "localhost/evil.example", "localhost:evil", "[::1", "[evil.example]", "\xe9"],
        ),
        ({"host": "10.0.0.11"}, ["10.0.0.11", "10.0.0.11:8000", "localhost"], ["10.0.0.12", "[::ffff:10.0.0.11]"]),
        ({"host": "2001:DB8::1"}, ["[2001:db8::1]", "[2001:db8:0::1]:80"], ["2001:db8::1", "[2001:db8::2]"]),
        ({"host": "study.lan"}, ["study.lan", "STUDY.lan:8000"], ["lan", "a.study.lan", "study.lan.evil.example"]),
        (
            {"host": "0.0.0.0"},
            ["192.0.2.7", "[2001:db8::1]:8000", "localhost", socket.gethostname(), socket.getfqdn().upper()],
            ["evil.example", "192.0.2.7.evil.example", "192.0.2.256", "0x7f.1", "[2001:db8::1%25eth0]"],
        ),
        ({"hosts": ["[1.2]", "a:"]}, ["localhost"], ["", "[1.2]", "a", "evil.example:x"]),
        ({"host": "::"}, ["192.0.2.7", socket.gethostname()], ["evil.example"]),
        (
            {"host": "0.0.0.0", "hosts": ["study.example.org", "Other.example:8443", "[2001:db8::1]:80"]},
            ["study.example.org", "Study.Example.Org:443", "other.example", "[2001:DB8::1]", "localhost", "127.0.0.1"],
            ["evil.example", "192.0.2.7", "example.org", "xstudy.example.org", "study.example.org."],
        ),
    ],
)  # fmt: skip
def test_the_server_answers_under_its_own_names_alone(
    server: dict[str, object], own: list[str], others: list[str]
) -> None:
    settings = ServerSettings(**server)  # type: ignore[arg-type]
    assert [host for host in own if not answers(settings, host)] == []
    assert [host for host in others if answers(settings, host)] == []


@given(st.text("elho.:[]127-, @/\\\t", max_size=30))
@example("localhost")
def test_whatever_is_asked_for_only_the_names_are_answered(host: str) -> None:
    name = re.fullmatch(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", host, re.IGNORECASE)
    assert answers(ServerSettings(), host) is (name is not None)


def test_no_path_answers_under_another_name(app: Flask) -> None:
    client = app.test_client()
    for path in (
        "/",
        "/nope",
        "/static/style.css",
        "/dashboard/login",
        "/api/openapi.json",
        "/hooks/prolific",
        "//",
        "",
    ):
        answer = client.get(path, headers={"Host": "evil.example"})
        assert answer.status_code == 421, path
        assert "evil.example" in answer.text
        assert "server.hosts in study.toml" in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        assert (answer.mimetype == "application/json") is path.startswith("/api/")
    assert "server.hosts" in client.get("/api/trials", headers={"Host": "evil.example"}).json["error"]
    assert client.post("/consent", headers={"Host": "evil.example"}).status_code == 421


def test_links_are_made_of_names_that_were_looked_at(study: StudyFolder) -> None:
    app = create_app(changed(study, server={"hosts": ["study.example.org"], "proxies": 1}))
    client = log_in(app)
    page = client.get("/dashboard/", headers={"X-Forwarded-Host": "study.example.org", "X-Forwarded-Proto": "https"})
    assert 'value="https://study.example.org/"' in page.text
    for headers in ({"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Host": "study.example.org, evil.example"}):
        refused = client.get("/dashboard/", headers=headers)
        assert refused.status_code == 421
        assert 'value="http' not in refused.text
    app.extensions["study"].database.close()


def test_of_several_studies_each_and_their_root_answer_under_the_names_of_the_first(
    made_small_study: Path, made_tiny_study: Path, tmp_path: Path
) -> None:
    folders = []
    for name, made in (("first", made_tiny_study), ("second", made_small_study)):
        folder = StudyFolder(linked(made, tmp_path / name))
        hosts = {"first": ["study.example.org"], "second": ["other.example"]}[name]
        study, server = replace(folder.settings.study, name=name), replace(folder.settings.server, hosts=hosts)
        write_settings(replace(folder.settings, study=study, server=server), folder.path / "study.toml")
        folders.append(StudyFolder(folder.path))
    app = create_server_app(folders)
    client = Client(app)
    for path in ("/", "/nowhere", "/first", "/first/", "/second/", "/second/dashboard/login", "/second/api/trials"):
        for host in ("evil.example", "other.example"):
            assert client.get(path, headers={"Host": host}).status_code == 421, path
        assert client.get(path, headers={"Host": "study.example.org"}).status_code != 421, path
    assert client.get("/second/api/trials", headers={"Host": "evil.example"}).mimetype == "application/json"
    for one in app.mounts.values():
        one.extensions["study"].database.close()


def test_with_a_proxy_a_study_is_served_only_where_its_name_is_said(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study_server.web.serve._Server.run", lambda server: None)
    changed(study, server={"proxies": 1})
    refused = CliRunner().invoke(shift_study.main, ["serve", str(study.path)])
    assert refused.exit_code == 1
    assert re.search(
        r"server\.proxies is 1 in .*study\.toml, but server\.hosts is empty: say under which name", refused.output
    )


@pytest.mark.parametrize("host", ["", "https://study.example.org", "study.example.org/path", "*.example.org", "a b"])
def test_what_is_no_name_of_a_host_is_refused(study: StudyFolder, host: str) -> None:
    with pytest.raises(StudyError, match=r"server\.hosts"):
        _ = changed(study, server={"hosts": [host]}).settings


# --- headers about proxies, at a real server -------------------------------------------------------------------------


def ask(url: str, *lines: str, path: str = "/", host: str = "localhost") -> tuple[int, dict[str, str], str]:
    """Status, headers and body that a real server answers to a request with these lines."""
    where = urlsplit(url)
    request = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""])
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")
    head, _, body = answer.partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    return int(status.split()[1]), headers, body


FORGED = [
    ["SCRIPT_NAME: //evil.example"],
    ["SCRIPT_NAME: /nope"],
    ["PATH_INFO: /dashboard/login"],
    ["REMOTE_ADDR: 203.0.113.9", "REMOTE_USER: researcher"],
    ["X-Forwarded-Proto: https"],
    ["X-Forwarded-Protocol: ssl"],
    ["X-Forwarded-Ssl: on"],
    ["X-Forwarded-Ssl: on", "X-Forwarded-Proto: http"],
    ["X-Forwarded-Host: evil.example"],
    ["X-Forwarded-Prefix: /evil"],
    ["X-Script-Name: /evil"],
    ["X-Forwarded-For: 203.0.113.9"],
    ["X_Forwarded_For: 203.0.113.9"],
    ["Forwarded: for=203.0.113.9;host=evil.example;proto=https"],
]


@contextmanager
def served_with(study: StudyFolder, **server: object) -> Iterator[str]:
    with running_server(changed(study, server=server)) as url:
        yield url


@pytest.mark.slow
def test_without_proxies_no_header_about_them_is_believed(study: StudyFolder) -> None:
    with served_with(study, arrivals_per_minute=20) as url:
        for path in ("/nope", "/static/style.css", "/dashboard/"):
            plain = ask(url, path=path)
            assert "strict-transport-security" not in plain[1]
            for lines in FORGED:
                status, headers, body = ask(url, *lines, path=path)
                assert (status, headers.get("location")) == (plain[0], plain[1].get("location")), (path, lines)
                assert "strict-transport-security" not in headers, lines
                assert "evil" not in str(headers) + body, lines
        first = ask(url, "X-Forwarded-Proto: https")
        assert first[0] == 200
        assert "Secure" not in first[1]["set-cookie"]
        # Each from an address of its own, if one would believe them; there are two processes.
        told = [ask(url, f"X-Forwarded-For: 203.0.113.{n}")[0] for n in range(60)]
        assert 429 in told
        assert ask(url, host="evil.example", path="/nope")[0] == 421


@pytest.mark.slow
def test_with_a_proxy_its_own_headers_are_believed_and_no_others(study: StudyFolder) -> None:
    name = "X-Forwarded-Host: study.example.org"
    with served_with(study, proxies=1, hosts=["study.example.org"], arrivals_per_minute=20) as url:
        status, headers, _ = ask(url, name, "X-Forwarded-Proto: https")
        assert status == 200
        assert "Secure" in headers["set-cookie"]
        assert "strict-transport-security" in headers
        assert ask(url, "X-Forwarded-Host: evil.example")[0] == 421
        assert ask(url, "X-Forwarded-Host: evil.example, study.example.org")[0] == 200  # the proxy adds the last
        told = [ask(url, name, f"X-Forwarded-For: 203.0.113.{n}")[0] for n in range(60)]
        assert set(told) == {200}
        plain = ask(url, name, path="/dashboard/")
        for lines in (["SCRIPT_NAME: //evil.example"], ["PATH_INFO: /nope"], ["X-Forwarded-Prefix: /evil"],
                      ["X-Forwarded-Ssl: on"], ["X-Forwarded-Protocol: ssl"], ["Forwarded: proto=https"]):  # fmt: skip
            status, headers, _ = ask(url, name, *lines, path="/dashboard/")
            assert (status, headers.get("location")) == (plain[0], plain[1].get("location")), lines
            assert "strict-transport-security" not in headers, lines
