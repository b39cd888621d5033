"""Who is admitted, one participation a person, and personal links."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

import shift_study
from recruiting import (
    ALL_WAYS,
    MTURK,
    OWN_WINDOW,
    begin_from,
    changed,
    event,
    finish,
    go_on,
    people,
    prolific_link,
    signed,
)
from requests_of_a_participant import answer, begin, database, sign_in
from study_server.dashboard import actions
from study_server.folder.study_folder import StudyFolder
from study_server.participants.withdrawal import withdraw
from study_server.storage.models import Identity
from study_server.web.app import create_app

Configure = Callable[..., Flask]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(shift_study.main, [str(a) for a in arguments])


def known_sessions(app: Flask) -> list[str | None]:
    """By what the platform knows the only participation."""
    with database(app).reading() as session:
        (identity,) = session.scalars(select(Identity)).all()
        return [identity.session, *(later.session for later in identity.later)]


# --- who is admitted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platforms", "link", "told"),
    [
        (["prolific"], "/", "open the study from its page there"),
        (["open"], prolific_link(), "Anybody can take part at this address"),
        (["link", "mturk"], "/?survey_code=1234", "accept the HIT"),
        (["link"], "/?token=guessed", "personal link is not valid"),
        (["sona"], MTURK, "If you use SONA"),
    ],
)
def test_who_comes_another_way_is_told_how_to_come(
    configure: Configure, platforms: list[str], link: str, told: str
) -> None:
    app = configure(platforms=platforms)
    client = app.test_client()
    refused = client.get(link)
    assert refused.status_code == 403
    assert told in refused.text
    assert "I agree to take part" not in refused.text
    assert client.post("/consent").status_code in (400, 403)
    assert not people(app)


def test_all_admitted_ways_work_side_by_side(configure: Configure) -> None:
    app = configure(**ALL_WAYS | {"platforms": ["open", *ALL_WAYS["platforms"]]})
    for link in ("/", prolific_link(), OWN_WINDOW, "/?survey_code=1234", "/?token=class-of-2026"):
        assert len(begin_from(app.test_client(), link)) == 10
    platforms = [identity.platform if identity else None for _, identity in people(app)]
    assert platforms == [None, "prolific", "mturk", "sona", "link"]


# --- one participation a person --------------------------------------------------------------------------------------


def test_another_browser_goes_on_at_the_same_trial_with_the_same_pairs_and_sides(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    first, second = app.test_client(), app.test_client()
    trials = begin_from(first, prolific_link())
    for trial in trials[:4]:
        answer(first, trial["id"])
    assert go_on(second, prolific_link()).location == "/trials"
    assert second.get("/api/trials").json["trials"] == trials[4:]
    assert "C1DONE" in finish(second, trials[4:])
    assert second.get(prolific_link()).location == "/thanks"
    assert len(people(app)) == 1


def test_another_person_at_the_same_computer_is_a_new_participant(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    client = app.test_client()
    first = begin_from(client, prolific_link())
    second = begin_from(client, prolific_link("ffff", "65cc"))
    assert not {t["id"] for t in first} & {t["id"] for t in second}
    assert go_on(client, prolific_link()).location == "/trials"  # and the first comes back
    assert client.get("/api/trials").json["trials"] == first
    assert [identity.person for _, identity in people(app) if identity] == ["5f0b9c1a2b3c4d5e6f708192", "ffff"]


def test_a_link_that_admits_nobody_leaves_the_participation_in_the_browser_alone(configure: Configure) -> None:
    app = configure(platforms=["open"])
    client = app.test_client()
    trials = begin(client)
    assert client.get(prolific_link()).status_code == 403
    assert client.get("/?token=guessed").status_code == 403
    assert client.get("/api/trials").json["trials"] == trials
    page = finish(client, trials)
    assert client.get(prolific_link()).status_code == 403
    assert client.get("/thanks").text == page


def test_a_paused_study_leaves_the_participation_in_the_browser_alone(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    client = app.test_client()
    trials = begin_from(client, prolific_link())
    actions.set_state(app.extensions["study"], "paused")
    assert "paused" in client.get(prolific_link("ffff", "65cc")).text
    assert client.get("/api/trials").json["trials"] == trials


def test_two_consents_of_one_person_at_once_make_one_participant(study: StudyFolder, other_database: str) -> None:
    folder = changed(StudyFolder(study.path, other_database), recruitment=ALL_WAYS)
    app = create_app(folder)
    clients = [app.test_client() for _ in range(8)]
    for client in clients:
        sign_in(client, prolific_link())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda client: client.post("/consent").status_code, clients)) == {303}
    assert len(people(app)) == 1
    assert {client.get("/").location for client in clients} == {"/instructions"}
    app.extensions["study"].database.close()


def test_who_took_a_returned_submission_up_again_is_known_by_its_new_id(configure: Configure) -> None:
    app = configure(**ALL_WAYS)
    trials = begin_from(app.test_client(), prolific_link())
    client = app.test_client()
    client.get(prolific_link(session="65dd"))
    assert known_sessions(app) == ["65bb"]
    go_on(client, prolific_link(session="65dd"))
    assert known_sessions(app) == ["65bb", "65dd"]
    answer(client, trials[0]["id"])
    # News of the old submission comes late.
    assert client.post("/hooks/prolific", **signed(event("RETURNED"))).json == {"released": []}
    assert client.post("/hooks/prolific", **signed(event("RETURNED", "65dd"))).json == {"released": ["p0001"]}


def test_with_repeat_a_person_can_take_part_again_after_finishing(configure: Configure) -> None:
    app = configure(**ALL_WAYS | {"repeat": True})
    client = app.test_client()
    trials = begin_from(client, prolific_link())
    assert client.get(prolific_link(session="65cc")).location == "/trials"  # not while at it
    finish(client, trials)
    assert client.get(prolific_link(session="65cc")).location == "/thanks"
    assert len(begin_from(client, prolific_link(session="65ee"))) == 10
    assert [identity.repetition for _, identity in people(app) if identity] == [1, 2]
    assert client.get("/").location == "/trials"


def test_with_repeat_the_next_person_at_a_laboratory_computer_can_begin(configure: Configure) -> None:
    app = configure(platforms=["open"], repeat=True)
    client = app.test_client()
    page = finish(client, begin(client))
    assert "let somebody else take part" in page
    assert client.post("/again").location == "/"
    assert len(begin(client)) == 10
    assert len(people(app)) == 2


# --- links -----------------------------------------------------------------------------------------------------------


def test_personal_links_admit_each_one_person(configure: Configure, study: StudyFolder, tmp_path: Path) -> None:
    app = configure(platforms=["link"])
    out = tmp_path / "links.csv"
    options = ("--count", 3, "--label", "class", "--base-url", "https://study.example.org/x", "-o", out)
    assert run("links", study.path, *options).exit_code == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["class-1", "class-2", "class-3"]
    assert all(re.fullmatch(r"https://study\.example\.org/x/\?token=[\w-]{24}", row["link"]) for row in rows)
    links = ["/" + row["link"].partition("/x/")[2] for row in rows]
    trials = begin_from(app.test_client(), links[0])
    again = app.test_client()
    assert go_on(again, links[0]).location == "/trials"
    assert again.get("/api/trials").json["trials"] == trials
    begin_from(app.test_client(), links[1])
    assert len(people(app)) == 2
    assert run("links", study.path, *options).output.count("exists already") == 1
    more = run("links", study.path, "--count", 2, "--label", "class")
    assert [line.partition(",")[0] for line in more.stdout.splitlines()] == ["label", "class-4", "class-5"]
    withdraw(app.extensions["study"], people(app)[0][0], "researcher")  # whose label is not given again
    assert run("links", study.path, "--count", 1, "--label", "class").stdout.splitlines()[1].startswith("class-6,")


def test_links_are_refused_for_a_study_that_would_not_admit_them(study: StudyFolder) -> None:
    refused = run("links", study.path)
    assert refused.exit_code == 1
    assert "recruitment.platforms" in refused.output
    changed(study, recruitment={"platforms": ["link"]})
    assert "--base-url" in run("links", study.path, "--base-url", "study.example.org").output


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('platforms = ["open"]', "platforms = []", "recruitment.platforms is empty"),
        ('sona_completion_url = ""', 'sona_completion_url = "https://x.sona-systems.com/?survey_code=XXXX"',
         "%SURVEY_CODE% in place of XXXX"),
    ],
)  # fmt: skip
def test_recruitment_that_cannot_work_is_refused(study: StudyFolder, old: str, new: str, message: str) -> None:
    toml = study.path / "study.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    refused = run("check", study.path)
    assert refused.exit_code == 1
    assert message in refused.output
