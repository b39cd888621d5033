"""An id in a link is a name and no key: what somebody gets who knows another's id, and what who owns it still gets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.testing import FlaskClient

from experimenter import log_in
from recruiting import (
    ALL_WAYS,
    MTURK,
    OWN_WINDOW,
    PROLIFIC,
    begin_from,
    changed,
    event,
    finish,
    go_on,
    people,
    prolific_link,
    signed,
    text_of,
)
from requests_of_a_participant import answer, begin
from study_server.dashboard import actions
from study_server.dashboard import people as dashboard_people
from study_server.errors import StudyError
from study_server.folder.study_folder import StudyFolder
from study_server.participants.invitations import invite
from study_server.participants.signed_links import ISSUER
from study_server.web.app import create_app

Configure = Callable[..., Flask]
SONA = "/?survey_code=12345"
SCREEN = {
    "screen_width": 1920, "screen_height": 1080, "device_pixel_ratio": 1.0, "color_depth": 24, "touch_points": 0,
    "language": "en",
}  # fmt: skip
LINKS = [SONA, prolific_link(), OWN_WINDOW]


def withdrawal_code(client: FlaskClient) -> str:
    return text_of(client.get("/withdraw").text, "withdrawal-code")


def state(app: Flask) -> list[Any]:
    """All that is stored of people, and their ids."""
    return [
        {column.name: getattr(row, column.name) for column in row.__table__.columns}
        for pair in people(app)
        for row in pair
        if row is not None
    ]


# --- whoever knows an id ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", LINKS)
def test_whoever_knows_the_id_of_somebody_who_has_finished_gets_no_code_and_withdraws_nobody(
    configure: Configure, link: str
) -> None:
    app = configure(**ALL_WAYS)
    owner, stranger = app.test_client(), app.test_client()
    trials = begin_from(owner, link)
    page = finish(owner, trials)
    codes = {text_of(page, "completion-code"), text_of(page, "withdrawal-code")}
    before = state(app)
    seen = [stranger.get(link, follow_redirects=True), go_on(stranger, link)]
    seen += [stranger.get(path, follow_redirects=True) for path in ("/thanks", "/withdraw", "/questions", "/trials")]
    seen += [stranger.post("/withdraw", data={"confirmed": "yes"}), stranger.post("/questions", data={"age": "20–35"})]
    assert not any(f">{code}<" in response.text for response in seen for code in codes)
    assert seen[1].status_code == 409
    assert "has been used to take part already" in seen[1].text
    assert stranger.get("/api/trials").status_code == 403
    assert state(app) == before
    assert owner.get(link).location == "/thanks"  # and whose browser it is still has everything


@pytest.mark.parametrize("link", LINKS)
def test_a_look_at_the_link_tells_nothing_of_who_has_taken_part(configure: Configure, link: str) -> None:
    app = configure(**ALL_WAYS)
    finish(client := app.test_client(), begin_from(client, link))
    begin_from(app.test_client(), unfinished := link.replace("12345", "2").replace("5f0b", "ffff").replace("A1B2", "B"))
    unknown = link.replace("12345", "3").replace("5f0b", "aaaa").replace("A1B2", "C")
    for state_ in ("open", "paused", "closed"):
        actions.set_state(app.extensions["study"], state_)
        pages = [app.test_client().get(one) for one in (link, unfinished, unknown)]
        assert len({page.status_code for page in pages}) == 1
        texts = [page.text for page in pages]
        tokens = [text.partition('name="csrf_token" value="')[2].partition('"')[0] for text in texts]
        assert len({text.replace(token, "") for text, token in zip(texts, tokens, strict=True)}) == 1


def test_whoever_knows_the_id_of_somebody_under_way_goes_on_and_gets_no_more_than_that(configure: Configure) -> None:
    app = configure(**ALL_WAYS | {"platforms": ["sona"], "sona_completion_url": ""})
    owner, stranger = app.test_client(), app.test_client()
    trials = begin_from(owner, SONA)
    owner.post("/api/visits", json=SCREEN)
    code = withdrawal_code(owner)
    assert go_on(stranger, SONA).location == "/trials"
    assert code not in stranger.get("/withdraw").text
    refused = stranger.post("/withdraw", data={"confirmed": "yes"})
    assert (refused.status_code, people(app)[0][0].withdrawn_at) == (404, None)
    page = finish(owner, trials)  # the owner goes on meanwhile, and finishes
    completion = text_of(page, "completion-code")
    for path in ("/thanks", "/questions"):
        refused = stranger.get(path, follow_redirects=True)
        assert refused.status_code == 403
        assert completion not in refused.text and code not in refused.text
    assert stranger.post("/questions", data={}).status_code == 403


def test_who_changes_browsers_finishes_there_and_is_paid(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    first, second = app.test_client(), app.test_client()
    trials = begin_from(first, prolific_link())
    code = withdrawal_code(first)
    answer(first, trials[0]["id"])
    assert go_on(second, prolific_link()).location == "/trials"
    second.post("/api/visits", json=SCREEN)
    page = finish(second, trials[1:])
    assert text_of(page, "completion-code") == "C1DONE"
    assert code not in page
    withdrawn = second.post("/withdraw", data={"code": code, "confirmed": "yes"})  # who has the code may
    assert withdrawn.location == "/withdrawn" or "You have withdrawn" in withdrawn.text
    assert people(app)[0][0].withdrawn_at is not None


@pytest.mark.parametrize("link", [*LINKS, "personal"])
def test_who_has_lost_the_cookies_comes_back_by_the_same_link(
    configure: Configure, study: StudyFolder, link: str
) -> None:
    app = configure(**ALL_WAYS)
    if link == "personal":
        running = app.extensions["study"]
        ((_, address),) = invite(running.folder, running.database, 1, "class", "http://localhost/")
        link = address.removeprefix("http://localhost")
    trials = begin_from(app.test_client(), link)
    again = app.test_client()
    assert "I agree to take part" in again.get(link).text
    assert go_on(again, link).location == "/trials"
    assert again.get("/api/trials").json["trials"] == trials
    assert again.get(link).location == "/trials"  # and now it is known
    again.post("/api/visits", json=SCREEN)
    assert 'id="completion-code"' in finish(again, trials)
    assert len(people(app)) == 1


def test_who_has_lost_the_cookies_goes_on_where_the_study_is_closed_by_now(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    begin_from(app.test_client(), prolific_link())
    actions.set_state(app.extensions["study"], "closed")
    again, newcomer = app.test_client(), app.test_client()
    assert 'id="go-on"' in again.get(prolific_link()).text
    assert go_on(again, prolific_link()).location == "/trials"
    assert go_on(newcomer, prolific_link("ffff", "65cc")).status_code == 409
    assert len(people(app)) == 1


def test_a_link_changes_nothing_that_the_platform_needs_to_know(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    begin_from(app.test_client(), prolific_link())
    before = state(app)
    attacker = app.test_client()
    attacker.get("/?PROLIFIC_PID=5f0b9c1a2b3c4d5e6f708192&STUDY_ID=evil&SESSION_ID=evil")
    assert state(app) == before
    go_on(attacker, "/?PROLIFIC_PID=5f0b9c1a2b3c4d5e6f708192&STUDY_ID=evil&SESSION_ID=evil")
    told = app.test_client().post("/hooks/prolific", **signed(event("RETURNED", PROLIFIC["SESSION_ID"])))
    assert told.json == {"released": ["p0001"]}


def test_a_link_to_another_s_participation_leaves_the_one_of_this_browser_alone(configure: Configure) -> None:
    app = configure(**ALL_WAYS | {"platforms": ["open", *ALL_WAYS["platforms"]]})
    client = app.test_client()
    trials = begin(client)
    for link in (prolific_link("ffff"), SONA, "/?token=class-of-2026"):
        assert "I agree to take part" in client.get(link).text
        assert client.get("/api/trials").json["trials"] == trials
        assert client.get("/trials").status_code == 200


# --- how many --------------------------------------------------------------------------------------------------------


def test_an_address_can_name_so_many_ids_an_hour_and_no_more(study: StudyFolder) -> None:
    app = create_app(changed(study, recruitment=ALL_WAYS, server={"ids_per_hour": 12}))
    statuses = [go_on(app.test_client(), f"/?survey_code={number}").status_code for number in range(20)]
    assert statuses == [303] * 12 + [429] * 8
    study_ = app.extensions["study"]
    with study_.database.reading() as session:
        lines, total = dashboard_people.events(session, study_, kind="ids_full")
    assert total == 1
    assert lines[0][0].detail.startswith("12 ids in an hour from address ")
    refused = go_on(app.test_client(), SONA)
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert go_on(elsewhere, SONA).status_code == 303
    other_process = create_app(StudyFolder(study.path))  # the count is in the database
    assert go_on(other_process.test_client(), "/?survey_code=77").status_code == 429
    for one in (app, other_process):
        one.extensions["study"].database.close()


def test_a_laboratory_of_forty_behind_one_address_takes_part_at_once_and_the_fifty_first_waits(
    study: StudyFolder,
) -> None:
    app = create_app(changed(study, recruitment=ALL_WAYS))
    clients = [app.test_client() for _ in range(50)]
    assert [go_on(client, f"/?survey_code={n}").status_code for n, client in enumerate(clients)] == [303] * 50
    late = app.test_client()
    for _ in range(2):
        refused = go_on(late, "/?survey_code=99")
        assert refused.status_code == 409
        assert "from your network" in refused.text
    researcher = app.extensions["study"]
    with researcher.database.reading() as session:
        lines, total = dashboard_people.events(session, researcher, kind="address_full")
    assert total == 1
    assert lines[0][0].detail.startswith("50 unfinished from address ")
    for path in ("/instructions", "/practice"):
        clients[0].post(path)
    finish(clients[0], clients[0].get("/api/trials").json["trials"])
    assert go_on(late, "/?survey_code=99").status_code == 303
    assert people(app)[0][0].address is None  # nobody needs it any more
    researcher.database.close()


def test_the_dashboard_says_when_an_address_had_its_fill_and_how_often_guessing_passes(study: StudyFolder) -> None:
    limits = {"recruitment": ALL_WAYS | {"unfinished_per_address": 1}, "server": {"ids_per_hour": 2}}
    app = create_app(changed(study, **limits))
    client = log_in(app)
    page = client.get("/dashboard/").text
    assert "address-full" not in page and "ids-full" not in page
    statuses = [go_on(app.test_client(), f"/?survey_code={number}").status_code for number in range(3)]
    assert statuses == [303, 409, 429]
    page = client.get("/dashboard/").text
    assert "allows (1) had come from one address" in " ".join(page.split())
    assert "server.ids_per_hour allows (2)" in " ".join(page.split())
    study = app.extensions["study"]
    said = study.task.chances(study.settings).to_text()
    assert said in client.get("/dashboard/exclusions").text
    app.extensions["study"].database.close()


# --- links with a key, and signed ones -------------------------------------------------------------------------------


def test_where_the_study_has_a_key_a_link_without_it_admits_nobody(study: StudyFolder) -> None:
    key = "k" * 20
    app = create_app(changed(study, recruitment=ALL_WAYS | {"link_key": key}))
    for link in (SONA, prolific_link(), OWN_WINDOW, MTURK):
        for tried in (link, f"{link}&key=guessed", f"{link}&key="):
            refused = app.test_client().get(tried)
            assert refused.status_code == 403
            assert "not the whole link" in refused.text
        assert app.test_client().get(f"{link}&key={key}").status_code == 200
    assert go_on(app.test_client(), f"{SONA}&key={key}").status_code == 303
    assert len(people(app)) == 1
    app.extensions["study"].database.close()


@pytest.fixture(scope="module")
def keys() -> list[rsa.RSAPrivateKey]:
    """Prolific's, and somebody else's."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


def write_keys(path: Path, key: rsa.RSAPrivateKey, kid: str = "k1") -> None:
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    path.write_text(json.dumps({"keys": [public | {"kid": kid, "alg": "RS256", "use": "sig"}]}), encoding="utf-8")


def token(key: rsa.RSAPrivateKey, *, kid: str = "k1", **claims: Any) -> str:
    now = int(time.time())
    said = {"iss": ISSUER, "aud": "http://localhost/", "iat": now, "exp": now + 300}
    said |= {"prolific": PROLIFIC | {"workspace_id": "w1"}} | claims
    return jwt.encode({name: value for name, value in said.items() if value is not None}, key, "RS256", {"kid": kid})


def signed_link(signature: str, **link: str) -> str:
    return "/?" + "&".join(
        f"{name}={value}" for name, value in (PROLIFIC | link | {"prolific_token": signature}).items()
    )


@pytest.fixture
def signing(study: StudyFolder, keys: list[rsa.RSAPrivateKey]) -> Flask:
    """A study whose Prolific links are signed with the first of the keys."""
    write_keys(study.path / "prolific.json", keys[0])
    return create_app(changed(study, recruitment=ALL_WAYS | {"prolific_keys": "prolific.json"}))


def test_a_signed_link_proves_who_comes_in_every_browser(signing: Flask, keys: list[rsa.RSAPrivateKey]) -> None:
    first, second = signing.test_client(), signing.test_client()
    trials = begin_from(first, signed_link(token(keys[0])))
    page = finish(first, trials)
    assert go_on(second, signed_link(token(keys[0]))).location == "/thanks"
    assert second.get("/thanks").text.replace("\n", "") == page.replace("\n", "")  # codes and all
    ((_, identity),) = people(signing)
    assert identity is not None
    assert (identity.person, identity.project, identity.session) == tuple(PROLIFIC.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1_700_000_000}, {"exp": None}, {"iss": "https://evil.example"}, {"aud": "https://other.example/"},
        {"aud": None}, {"prolific": None}, {"prolific": "5f0b"}, {"kid": "k2"},
    ],
)  # fmt: skip
def test_a_link_whose_signature_says_something_else_is_refused(
    signing: Flask, keys: list[rsa.RSAPrivateKey], wrong: dict[str, Any]
) -> None:
    refused = signing.test_client().get(signed_link(token(keys[0], **wrong)))
    assert refused.status_code == 403
    assert "not signed by Prolific" in refused.text


def test_links_that_prolific_has_not_signed_are_refused(signing: Flask, keys: list[rsa.RSAPrivateKey]) -> None:
    unsigned = jwt.encode({"prolific": PROLIFIC, "iss": ISSUER}, "", algorithm="none", headers={"kid": "k1"})
    shared = jwt.encode({"prolific": PROLIFIC, "iss": ISSUER}, "s" * 32, algorithm="HS256", headers={"kid": "k1"})
    for signature in ("", "x", "a.b.c", token(keys[1]), unsigned, shared):
        refused = signing.test_client().get(signed_link(signature))
        assert (refused.status_code, "not signed by Prolific" in refused.text) == (403, True), signature
    another = signing.test_client().get(signed_link(token(keys[0]), PROLIFIC_PID="ffff"))
    assert (another.status_code, "damaged" in another.text) == (400, True)
    assert signing.test_client().get(prolific_link()).status_code == 403
    assert not people(signing)


def test_new_keys_of_prolific_are_taken_from_the_file_while_the_server_runs(
    signing: Flask, keys: list[rsa.RSAPrivateKey]
) -> None:
    write_keys(signing.extensions["study"].folder.path / "prolific.json", keys[1], "next")
    assert signing.test_client().get(signed_link(token(keys[1], kid="next"))).status_code == 200
    assert signing.test_client().get(signed_link(token(keys[0]))).status_code == 403


def test_while_the_file_of_keys_is_written_anew_those_from_before_are_good(
    signing: Flask, keys: list[rsa.RSAPrivateKey]
) -> None:
    file = signing.extensions["study"].folder.path / "prolific.json"
    for content in (b"", file.read_bytes()[:40]):
        file.write_bytes(content)
        assert signing.test_client().get(signed_link(token(keys[0]))).status_code == 200
        assert signing.test_client().get(signed_link(token(keys[1]))).status_code == 403
    file.unlink()
    assert signing.test_client().get(signed_link(token(keys[0]))).status_code == 200
    write_keys(file, keys[1], "next")
    assert signing.test_client().get(signed_link(token(keys[1], kid="next"))).status_code == 200


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"keys": []}', b'{"keys": 1}', b"\xff"])
def test_a_study_whose_keys_cannot_be_read_does_not_start(study: StudyFolder, content: bytes | None) -> None:
    folder = changed(study, recruitment=ALL_WAYS | {"prolific_keys": "prolific.json"})
    if content is not None:
        (study.path / "prolific.json").write_bytes(content)
    with pytest.raises(StudyError, match=r"recruitment\.prolific_keys: .*get it from https://api\.prolific\.com"):
        create_app(folder)
