"""The dashboard's login: who gets in, for how long, and how often one may try."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash
from werkzeug.test import Client

import shift_study
from experimenter import PASSWORD, events, log_in, token_on, try_password
from made_studies import linked
from recruiting import changed
from study_server.access.limits import address_hash
from study_server.dashboard import passwords, wrong_passwords
from study_server.dashboard.passwords import hash_password, set_password
from study_server.dashboard.views import OPEN_TO_ALL
from study_server.errors import StudyError, Unavailable
from study_server.folder.study_folder import StudyFolder
from study_server.folder.study_toml import write_settings
from study_server.storage.models import Event, Login, Study
from study_server.web.app import create_app
from study_server.web.several import create_server_app


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrypt takes a tenth of a second on purpose; not where a test makes a hundred."""
    monkeypatch.setattr(
        passwords, "generate_password_hash", lambda p, method: generate_password_hash(p, "scrypt:1024:8:1")
    )


@pytest.fixture
def small_app(small_study: StudyFolder) -> Iterator[Flask]:
    app = create_app(small_study)
    yield app
    app.extensions["study"].database.close()


def run(*arguments: object, typed: str = "") -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments], input=typed)


def test_without_a_password_the_dashboard_is_closed_and_says_which_command_opens_it(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/dashboard/", follow_redirects=True).text
    assert "closed" in page
    assert "shift-study password" in page
    assert "<form" not in page
    for guess in ("", "None", "password"):
        assert try_password(client, guess).status_code == 403
    assert client.get("/dashboard/").status_code == 302


def _addresses(app: Flask) -> Iterator[tuple[str, str, str]]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("dashboard."):
            path = re.sub(r"<[^>]*label>", "p0001", rule.rule)
            path = re.sub(r"<[^>]*file>", "responses.csv", path)
            path = re.sub(r"<[^>]*name>", "overview", path)
            path = re.sub(r"<[^>]*version>", "1", path)
            assert "<" not in path
            for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "DELETE", "PATCH"}):
                yield rule.endpoint, method, path


def test_every_address_of_the_dashboard_but_the_login_needs_it(app: Flask, cheap_hashes: None) -> None:
    set_password(app.extensions["study"].folder, PASSWORD)
    client = app.test_client()
    token = token_on(client.get("/dashboard/login").text)
    closed = [found for found in _addresses(app) if found[0] not in OPEN_TO_ALL]
    assert len(closed) >= 18
    for endpoint, method, path in closed:
        answer = client.open(path, method=method, headers={"X-CSRFToken": token})
        assert answer.status_code == (401 if endpoint == "dashboard.live" else 302 if method == "GET" else 303), path
        if endpoint != "dashboard.live":
            assert answer.location.startswith("/dashboard/login")
    assert [kind for kind, *_ in events(app)] == ["password_set"]


def test_every_form_needs_its_token(app: Flask) -> None:
    client = log_in(app)
    before = events(app)
    del client.environ_base["HTTP_X_CSRFTOKEN"]
    posts = [path for _, method, path in _addresses(app) if method == "POST"]
    assert len(posts) >= 7
    for path in posts:
        assert client.post(path, data={"state": "closed"}).status_code == 403, path
    assert events(app) == before


def test_only_the_password_opens_it_until_logged_out(app: Flask) -> None:
    set_password(app.extensions["study"].folder, PASSWORD)
    client = app.test_client()
    refused = try_password(client, PASSWORD + " ")
    assert refused.status_code == 403
    assert "not the password" in refused.text
    done = try_password(client, PASSWORD)
    assert (done.status_code, done.location) == (303, "/dashboard/")
    cookie = done.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    page = client.get("/dashboard/")
    assert page.status_code == 200
    client.post("/dashboard/logout", data={"csrf_token": token_on(page.text)})
    assert client.get("/dashboard/").status_code == 302


def copied(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser into which somebody has copied the cookie of another."""
    thief = app.test_client()
    name = app.config["SESSION_COOKIE_NAME"]
    cookie = client.get_cookie(name)
    assert cookie is not None
    thief.set_cookie(name, cookie.value)
    return thief


def is_in(client: FlaskClient) -> bool:
    """Whether it is shown what names persons."""
    return client.get("/dashboard/exports/participants-with-identities.csv").status_code == 200


def set_log_ins(app: Flask, **ago: timedelta) -> None:
    """As if the log-ins had been made, or used last, so long ago; a negative time is in the future."""
    with app.extensions["study"].database.writing() as session:
        session.execute(update(Login).values(**{name: datetime.now(UTC) - by for name, by in ago.items()}))


def test_a_copied_cookie_is_worth_nothing_once_its_owner_has_logged_out(app: Flask) -> None:
    client = log_in(app)
    thief = copied(app, client)
    assert is_in(thief)
    assert client.post("/dashboard/logout").status_code == 303
    assert not is_in(client)
    assert not is_in(thief)


def test_log_out_everywhere_ends_every_log_in_and_is_noted(app: Flask) -> None:
    browsers = [log_in(app) for _ in range(3)]
    assert "Browsers logged in at this dashboard: 3" in browsers[0].get("/dashboard/audit").text
    done = browsers[0].post("/dashboard/logout-everywhere", follow_redirects=True)
    assert "3 log-ins ended" in done.text
    assert not any(is_in(browser) for browser in browsers)
    assert events(app)[-1] == ("logged_out_everywhere", "researcher", "", "log-ins ended: 3")
    assert "Browsers logged in at this dashboard: 1" in log_in(app).get("/dashboard/audit").text


def test_to_log_in_anew_ends_the_log_in_that_the_browser_had(app: Flask) -> None:
    client = log_in(app)
    thief = copied(app, client)
    log_in(app, client)
    assert is_in(client)
    assert not is_in(thief)


def test_the_database_has_no_secret_of_a_log_in(app: Flask) -> None:
    client = log_in(app)
    with client.session_transaction() as cookie:
        secret = cookie["researcher"]
    with app.extensions["study"].database.reading() as session:
        found = session.scalars(select(Login)).one()
    assert len(secret) >= 43
    assert found.id_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(vars(found))
    assert "203.0.113" not in found.address


def test_a_cookie_of_before_log_ins_were_kept_in_the_database_opens_nothing(app: Flask) -> None:
    client = log_in(app)
    with client.session_transaction() as cookie:
        cookie["researcher"] = {"at": int(time.time()), "proof": "0" * 32}
    assert not is_in(client)


@pytest.mark.parametrize(
    ("ago", "valid"),
    [
        ({"made_at": timedelta(hours=11, minutes=59)}, True),
        ({"made_at": timedelta(hours=12, seconds=1)}, False),
        ({"last_seen_at": timedelta(hours=1, minutes=59)}, True),
        ({"last_seen_at": timedelta(hours=2, seconds=1)}, False),
        ({"made_at": timedelta(minutes=-9), "last_seen_at": timedelta(minutes=-9)}, True),
        ({"made_at": timedelta(minutes=-11)}, False),
        ({"last_seen_at": timedelta(minutes=-11)}, False),
    ],
)
def test_a_login_ends_after_twelve_hours_or_two_without_use_and_clocks_may_differ(
    app: Flask, ago: dict[str, timedelta], valid: bool
) -> None:
    client = log_in(app)
    set_log_ins(app, **ago)
    assert is_in(client) is valid
    shown = log_in(app).get("/dashboard/audit").text
    assert f"Browsers logged in at this dashboard: {1 + valid}" in shown


def test_a_page_that_keeps_itself_up_to_date_does_not_keep_one_logged_in(app: Flask) -> None:
    client = log_in(app)

    def last_seen() -> datetime:
        with app.extensions["study"].database.reading() as session:
            return session.scalars(select(Login.last_seen_at)).one()

    for path, counts in (("/dashboard/live/overview", False), ("/dashboard/", True)):
        set_log_ins(app, last_seen_at=timedelta(hours=1))
        before = last_seen()
        assert client.get(path).status_code == 200
        assert (last_seen() > before) is counts
    set_log_ins(app, last_seen_at=timedelta(seconds=55))
    before = last_seen()
    client.get("/dashboard/")
    assert last_seen() == before  # at most once a minute


def test_a_new_password_ends_all_log_ins_and_an_old_one_brings_none_back(app: Flask, cheap_hashes: None) -> None:
    study = app.extensions["study"]
    client = log_in(app)
    with study.database.reading() as session:
        before = session.scalars(select(Study.password_hash)).one()
    set_password(study.folder, PASSWORD)  # even the same one: with a new salt
    assert not is_in(client)
    with study.database.writing() as session:
        study.locked(session).password_hash = before
    assert not is_in(client)


def test_a_new_password_in_the_settings_ends_all_log_ins(study: StudyFolder, cheap_hashes: None) -> None:
    first, second = hash_password(PASSWORD), hash_password("another password")
    before, after, again = (create_app(changed(study, server={"password_hash": one})) for one in (first, second, first))
    client = before.test_client()
    assert try_password(client, PASSWORD).status_code == 303
    assert is_in(client)
    assert not is_in(copied(after, client))
    assert is_in(copied(again, client))
    assert try_password(after.test_client(), "another password").status_code == 303
    assert not is_in(copied(again, client))  # should the old one be put back
    for app in (before, after, again):
        app.extensions["study"].database.close()


def test_whoever_is_logged_in_is_let_in_while_the_database_is_busy(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = log_in(app)
    set_log_ins(app, last_seen_at=timedelta(hours=1))

    def busy() -> None:
        raise Unavailable("the database is locked")

    monkeypatch.setattr(app.extensions["study"].database, "writing", busy)
    assert is_in(client) is False  # this export is noted, and so not given
    assert client.get("/dashboard/").status_code == 200


def test_that_somebody_is_there_is_written_once_a_minute(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client, written = log_in(app), []
    set_log_ins(app, last_seen_at=timedelta(hours=1))
    database = app.extensions["study"].database
    writing = database.writing

    def counted() -> AbstractContextManager[Session]:
        written.append(1)
        return writing()

    monkeypatch.setattr(database, "writing", counted)
    for _ in range(3):
        assert client.get("/dashboard/").status_code == 200
    assert len(written) == 1


def test_ten_wrong_passwords_close_it_to_an_address_for_a_quarter_of_an_hour(
    small_app: Flask, cheap_hashes: None
) -> None:
    set_password(small_app.extensions["study"].folder, PASSWORD)
    client = small_app.test_client()
    for _ in range(wrong_passwords.MOST_OF_AN_ADDRESS):
        assert try_password(client, "wrong").status_code == 403
    refused = try_password(client, PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert try_password(small_app.test_client(), PASSWORD, address="203.0.113.8").status_code == 303
    database = small_app.extensions["study"].database
    with database.writing() as session:
        session.execute(update(Event).values(at=datetime.now(UTC) - wrong_passwords.WINDOW - timedelta(seconds=1)))
    assert try_password(client, PASSWORD).status_code == 303
    assert not any("203.0.113" in detail for *_, detail in events(small_app))
    assert len({detail for *_, detail in events(small_app, "login_failed", "login")}) == 2


def test_addresses_of_one_ipv6_network_count_together(app: Flask, cheap_hashes: None) -> None:
    set_password(app.extensions["study"].folder, PASSWORD)
    client = app.test_client()
    for host in range(wrong_passwords.MOST_OF_AN_ADDRESS):
        assert try_password(client, "wrong", address=f"2001:db8:1:2::{host:x}").status_code == 403
    assert try_password(client, PASSWORD, address="2001:db8:1:2:ffff::1").status_code == 429
    assert try_password(client, PASSWORD, address="2001:db8:1:3::1").status_code == 303


def attack(app: Flask, networks: int, each: int) -> None:
    """So many wrong passwords have come from each of so many networks."""
    study = app.extensions["study"]
    with study.database.writing() as session:
        for network in range(networks):
            source = f"address {address_hash(study, f'198.51.{network}.1')}"
            for _ in range(each):
                study.note(session, "login_failed", "researcher", detail=source)


def age(app: Flask, by: timedelta, *kinds: str) -> None:
    """As if the events of these kinds had been so long ago."""
    with app.extensions["study"].database.writing() as session:
        session.execute(update(Event).where(Event.kind.in_(kinds)).values(at=datetime.now(UTC) - by))


def test_a_hundred_wrong_passwords_from_twelve_networks_do_not_keep_the_right_one_out(app: Flask) -> None:
    log_in(app)  # from 203.0.113.7, on some day before
    age(app, timedelta(days=89), "login")
    attack(app, networks=12, each=9)
    assert try_password(app.test_client(), PASSWORD).status_code == 303
    stranger = app.test_client()
    assert try_password(stranger, PASSWORD, address="192.0.2.1").status_code == 303


def test_while_many_fail_a_stranger_may_fail_twice_and_who_is_known_as_often_as_ever(app: Flask) -> None:
    assert (wrong_passwords.MANY, wrong_passwords.MOST_OF_A_STRANGER, wrong_passwords.MOST_OF_AN_ADDRESS) == (
        100,
        2,
        10,
    )
    log_in(app)
    attack(app, networks=12, each=9)
    told = Counter(try_password(app.test_client(), "wrong", address="192.0.2.1").status_code for _ in range(5))
    assert told == {403: 2, 429: 3}
    refused = try_password(app.test_client(), PASSWORD, address="192.0.2.1")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert "More than 100 wrong passwords have come from all over" in refused.text
    told = Counter(try_password(app.test_client(), "wrong").status_code for _ in range(12))
    assert told == {403: 10, 429: 2}
    refused = try_password(app.test_client(), PASSWORD)
    assert "Too many wrong passwords have come from your address" in refused.text


def test_with_a_hundred_failures_nothing_is_changed_yet(app: Flask) -> None:
    log_in(app)
    attack(app, networks=12, each=8)
    told = [try_password(app.test_client(), "wrong", address="192.0.2.1").status_code for _ in range(7)]
    assert told == [403] * 5 + [429] * 2  # the fifth is the 101st of all
    told = [try_password(app.test_client(), "wrong", address="192.0.2.2").status_code for _ in range(3)]
    assert told == [403, 403, 429]


def test_an_address_is_known_for_ninety_days_and_by_success_alone(app: Flask) -> None:
    log_in(app)
    attack(app, networks=12, each=9)
    for address in ("203.0.113.7", "198.51.3.1"):
        assert try_password(app.test_client(), "wrong", address=address).status_code == (
            403 if address == "203.0.113.7" else 429
        )
    assert try_password(app.test_client(), "wrong").status_code == 403
    age(app, timedelta(days=91), "login")
    assert try_password(app.test_client(), PASSWORD).status_code == 429


def test_the_overview_says_how_many_wrong_passwords_came_from_where_in_a_day(app: Flask) -> None:
    client = log_in(app)
    assert "wrong password" not in client.get("/dashboard/").text
    attack(app, networks=1, each=1)
    assert "1 wrong password came from 1 address:" in " ".join(client.get("/dashboard/").text.split())
    attack(app, networks=12, each=9)
    assert "109 wrong passwords came from 12 addresses:" in " ".join(client.get("/dashboard/").text.split())
    age(app, timedelta(hours=24, seconds=1), "login_failed")
    assert "wrong password" not in client.get("/dashboard/").text


def test_attempts_at_once_at_two_servers_are_counted_exactly(small_study: StudyFolder, cheap_hashes: None) -> None:
    apps = [create_app(small_study), create_app(small_study)]
    set_password(small_study, PASSWORD)
    with ThreadPoolExecutor(12) as pool:
        told = Counter(
            pool.map(lambda n: try_password(apps[n % 2].test_client(), "wrong").status_code, range(40))
        )  # fmt: skip
    assert told == {403: wrong_passwords.MOST_OF_AN_ADDRESS, 429: 40 - wrong_passwords.MOST_OF_AN_ADDRESS}
    assert len(events(apps[0], "login_failed")) == wrong_passwords.MOST_OF_AN_ADDRESS
    for app in apps:
        app.extensions["study"].database.close()


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/dashboard/table1?of=all", "/dashboard/table1?of=all"),
        ("//example.org/dashboard/", "/dashboard/"),
        ("https://example.org/dashboard/", "/dashboard/"),
        ("/dashboard/../", "/dashboard/"),
        ("/dashboard/\\example.org", "/dashboard/"),
        ("", "/dashboard/"),
    ],
)
def test_the_login_leads_nowhere_but_into_the_dashboard(app: Flask, cheap_hashes: None, wanted: str, led: str) -> None:
    set_password(app.extensions["study"].folder, PASSWORD)
    assert try_password(app.test_client(), PASSWORD, next=wanted).location == led


def test_a_participants_cookie_opens_nothing(app: Flask, cheap_hashes: None) -> None:
    set_password(app.extensions["study"].folder, PASSWORD)
    client = app.test_client()
    client.post("/consent", data={"csrf_token": token_on(client.get("/").text)})
    assert client.get("/dashboard/").status_code == 302
    client = log_in(app)
    client.post("/consent", data={"csrf_token": token_on(client.get("/").text)})
    assert client.get("/dashboard/").status_code == 200  # one may take part and look, in one browser


def test_a_hash_in_the_settings_takes_precedence(study: StudyFolder) -> None:
    settings = study.settings
    hashed = run("password", "--print", "--stdin", typed=f"{PASSWORD}\n").stdout.strip()
    assert hashed.startswith("scrypt:")
    write_settings(replace(settings, server=replace(settings.server, password_hash=hashed)), study.path / "study.toml")
    done = run("password", study.path, "--stdin", typed="another password\n")
    assert "takes precedence" in done.output
    app = create_app(StudyFolder(study.path))
    assert try_password(app.test_client(), "another password").status_code == 403
    assert try_password(app.test_client(), PASSWORD).status_code == 303
    app.extensions["study"].database.close()


def test_a_hash_in_the_settings_that_is_none_is_said_to_be_none(study: StudyFolder) -> None:
    settings = study.settings
    server = replace(settings.server, password_hash="my password")
    write_settings(replace(settings, server=server), study.path / "study.toml")
    app = create_app(StudyFolder(study.path))
    answer = try_password(app.test_client(), "my password")
    assert answer.status_code == 400
    assert "no hash of a password" in answer.text
    app.extensions["study"].database.close()


def test_the_verb_stores_a_hash_and_asks_twice(study: StudyFolder) -> None:
    done = run("password", study.path, typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    app = create_app(study)
    with app.extensions["study"].database.reading() as session:
        stored = session.scalars(select(Study.password_hash)).one()
    assert stored.startswith("scrypt:")
    assert try_password(app.test_client(), PASSWORD).status_code == 303
    app.extensions["study"].database.close()
    assert run("password", study.path, "--stdin", typed="too short\n").exit_code == 1
    assert run("password").exit_code == 2


@pytest.mark.parametrize("password", ["", "123456789", "x" * 1001])
def test_passwords_of_a_wrong_length_are_refused(password: str) -> None:
    with pytest.raises(StudyError, match="at least 10"):
        hash_password(password)


def test_each_of_several_studies_has_a_login_of_its_own_and_names_the_others(
    made_small_study: Path, made_tiny_study: Path, tmp_path: Path, cheap_hashes: None
) -> None:
    folders = [
        StudyFolder(linked(source, tmp_path / name))
        for name, source in (("one", made_tiny_study), ("two", made_small_study))
    ]
    for name, folder in zip(("first", "second"), folders, strict=True):
        study = replace(folder.settings.study, name=name)
        server_settings = replace(folder.settings.server, proxies=1)
        write_settings(replace(folder.settings, study=study, server=server_settings), folder.path / "study.toml")
    folders = [StudyFolder(folder.path) for folder in folders]
    server = create_server_app(folders)
    for folder in folders:
        set_password(folder, PASSWORD)
    client = Client(server)
    token = token_on(client.get("/first/dashboard/login").text)
    done = client.post("/first/dashboard/login", data={"password": PASSWORD, "csrf_token": token})
    assert (done.status_code, done.location) == (303, "/first/dashboard/")
    page = client.get("/first/dashboard/").text
    assert 'href="/second/dashboard/"' in page
    elsewhere = client.get("/second/dashboard/", headers={"X-Forwarded-Prefix": "/somewhere"})
    assert elsewhere.location.startswith("/second/dashboard/login")  # whatever a proxy lets through
    assert all(client.get(path).headers["Content-Security-Policy"] for path in ("/", "/nowhere", "/first/"))
