"""What the experimenter decides: each against the database and the audit trail, on both databases."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from analysis.responses.sources import read_responses
from experimenter import events, log_in, stored
from recruiting import begin_from, changed, finish, prolific_link
from requests_of_a_participant import answer, begin, sign_in
from stored_state import assert_consistent
from study_server.dashboard.exports import SECRET
from study_server.export.participants import COLUMNS as PARTICIPANT_COLUMNS
from study_server.export.participants import IDENTITY_COLUMNS, participant_rows
from study_server.export.responses import columns_of
from study_server.export.table_files import to_csv
from study_server.folder.study_folder import StudyFolder
from study_server.settings import sections
from study_server.storage.models import FreeSlot, Identity, Study
from study_server.tasks import BUILT_IN, task
from study_server.web.app import create_app

PERSON = "5f0b9c1a2b3c4d5e6f708192"


@pytest.fixture
def recruiting(small_study: StudyFolder) -> Iterator[Flask]:
    """A study for Prolific and everybody."""
    app = create_app(changed(small_study, recruitment={"platforms": ["open", "prolific"]}))
    yield app
    assert_consistent(app.extensions["study"])
    app.extensions["study"].database.close()


@pytest.fixture
def researcher(recruiting: Flask) -> FlaskClient:
    return log_in(recruiting)


@pytest.fixture
def label(recruiting: Flask) -> str:
    """Of somebody from Prolific who has answered one trial."""
    client = recruiting.test_client()
    answer(client, begin_from(client, prolific_link())[0]["id"])
    return "p0001"


def act(researcher: FlaskClient, label: str, action: str, **fields: str) -> int:
    return researcher.post(f"/dashboard/participants/{label}/{action}", data=fields).status_code


def state(app: Flask) -> str:
    with app.extensions["study"].database.reading() as session:
        return session.scalars(select(Study.state)).one()


def test_open_pause_and_close_decide_about_newcomers(recruiting: Flask, researcher: FlaskClient, label: str) -> None:
    begun = recruiting.test_client()
    trials = begin(begun)
    for wanted, said in (("paused", "is paused"), ("closed", "is closed")):
        assert researcher.post("/dashboard/state", data={"state": wanted}).status_code == 303
        assert state(recruiting) == wanted
        assert said in recruiting.test_client().get("/").text
        assert said.split()[-1] in researcher.get("/dashboard/").text.lower()
    assert answer(begun, trials[0]["id"]).status_code == 200
    researcher.post("/dashboard/state", data={"state": "open"})
    assert "I agree" in recruiting.test_client().get("/").text
    assert researcher.post("/dashboard/state", data={"state": "gone"}).status_code == 400
    researcher.post("/dashboard/state", data={"state": "open"})  # it is open: nothing to note
    assert [(kind, actor) for kind, actor, *_ in events(recruiting, "opened", "paused", "closed")] == [
        ("paused", "researcher"), ("closed", "researcher"), ("opened", "researcher")
    ]  # fmt: skip


def test_a_returned_slot_goes_to_the_next(recruiting: Flask, researcher: FlaskClient, label: str) -> None:
    slot = stored(recruiting, label).slot
    assert act(researcher, label, "return-slot") == 303
    assert (stored(recruiting, label).slot, stored(recruiting, label).released_reason) == (None, "returned")
    assert events(recruiting, "slot_released") == [("slot_released", "researcher", label, f"slot {slot}, returned")]
    assert act(researcher, label, "return-slot") == 409
    begin(recruiting.test_client())
    assert stored(recruiting, "p0002").slot == slot


def test_an_exclusion_has_a_reason_and_can_be_undone(recruiting: Flask, researcher: FlaskClient, label: str) -> None:
    assert act(researcher, label, "exclude", reason="  ") == 400
    assert act(researcher, label, "exclude", reason="x" * 201) == 400
    assert act(researcher, label, "include") == 409
    assert act(researcher, label, "exclude", reason="was\n on the <b>phone</b>") == 303
    who = stored(recruiting, label)
    assert (who.excluded_reason, who.slot) == ("was on the <b>phone</b>", 0)  # this study replaces nobody
    for page in ("exclusions", f"participants/{label}", "audit"):
        assert "was on the &lt;b&gt;phone&lt;/b&gt;" in researcher.get(f"/dashboard/{page}").text
    assert act(researcher, label, "exclude", reason="twice") == 409
    assert act(researcher, label, "include") == 303
    assert stored(recruiting, label).excluded_reason is None
    assert events(recruiting, "excluded", "exclusion_undone") == [
        ("excluded", "researcher", label, "was on the <b>phone</b>"), ("exclusion_undone", "researcher", label, "")
    ]  # fmt: skip
    assert "still not used: unfinished" in researcher.get("/dashboard/").text


@pytest.mark.parametrize("recruitment", [{"replace_failed": True}, {"answers_per_pair": 2}])
def test_who_is_excluded_is_replaced_where_the_study_says_so(
    small_study: StudyFolder, recruitment: dict[str, object]
) -> None:
    app = create_app(changed(small_study, recruitment=recruitment))
    begin(app.test_client())
    act(log_in(app), "p0001", "exclude", reason="slept")
    assert (stored(app, "p0001").slot, stored(app, "p0001").released_reason) == (None, "excluded")
    with app.extensions["study"].database.reading() as session:
        assert session.scalars(select(FreeSlot.slot)).all() == [0]
    app.extensions["study"].database.close()


def test_a_withdrawal_takes_the_label_typed_again(recruiting: Flask, researcher: FlaskClient, label: str) -> None:
    assert PERSON in researcher.get(f"/dashboard/participants/{label}").text
    for confirm in ("", "p0002", "P0001 "):
        assert act(researcher, label, "withdraw", confirm=confirm) == 400
    assert stored(recruiting, label).withdrawn_at is None
    assert act(researcher, label, "withdraw", confirm=label) == 303
    who = stored(recruiting, label)
    assert who.withdrawn_at is not None
    assert (who.answered, who.slot) == (0, None)
    with recruiting.extensions["study"].database.reading() as session:
        assert session.scalars(select(Identity)).all() == []
    assert [(kind, actor) for kind, actor, *_ in events(recruiting, "withdrawn")] == [("withdrawn", "researcher")]
    page = researcher.get(f"/dashboard/participants/{label}").text
    assert PERSON not in page
    assert "Withdraw p" not in page
    assert act(researcher, label, "withdraw", confirm=label) == 409
    assert act(researcher, label, "return-slot") == 409


def test_a_study_that_has_reached_its_target_says_so(small_study: StudyFolder) -> None:
    app = create_app(changed(small_study, recruitment={"answers_per_pair": 1}))
    page = log_in(app).get("/dashboard/").text
    assert "0 of 300 pairs have them" in page
    assert 'value="0" max="300"' in page
    app.extensions["study"].database.close()


def test_links_are_those_of_the_platforms_that_the_study_admits(recruiting: Flask, researcher: FlaskClient) -> None:
    page = researcher.get("/dashboard/").text
    assert 'value="http://localhost/"' in page
    assert 'value="http://localhost/?PROLIFIC_PID={{%PROLIFIC_PID%}}&amp;STUDY_ID=' in page
    assert "survey_code" not in page


# --- exports ---------------------------------------------------------------------------------------------------------


def download(researcher: FlaskClient, file: str) -> str:
    answer = researcher.get(f"/dashboard/exports/{file}")
    assert answer.status_code == 200
    assert f'filename="shift-study-{file}"' in answer.headers["Content-Disposition"] or file in str(answer.headers)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def test_exported_responses_are_read_by_the_analysis(
    recruiting: Flask, researcher: FlaskClient, label: str, tmp_path: Path
) -> None:
    client = recruiting.test_client()
    trials = begin(client)
    finish(client, trials)
    tables = []
    for name in ("responses.csv", "responses.jsonl"):
        path = tmp_path / name
        path.write_text(download(researcher, name), encoding="utf-8")
        tables.append(read_responses(str(path), lambda source: None))
    assert len(tables[0]) == 31
    assert tables[0][list(tables[1].columns)].equals(tables[1])  # nobody has answered a question
    assert {*columns_of(task("same-different"))} <= set(tables[0].columns)


def test_exports_of_an_empty_study_have_their_columns(recruiting: Flask, researcher: FlaskClient) -> None:
    header = next(csv.reader(io.StringIO(download(researcher, "responses.csv"))))
    assert header == [*columns_of(task("same-different")), "question_age", "question_background"]
    assert download(researcher, "responses.jsonl") == ""
    assert next(csv.reader(io.StringIO(download(researcher, "participants.csv"))))[0] == "schema"


def test_identities_leave_only_where_asked_for_and_that_is_noted(
    recruiting: Flask, researcher: FlaskClient, label: str
) -> None:
    for file in ("responses.csv", "responses.jsonl", "participants.csv", "audit.csv", "study.toml"):
        assert PERSON not in download(researcher, file), file
    assert events(recruiting, "exported") == []
    folder = recruiting.extensions["study"].folder
    written = participant_rows(folder.other_database or str(folder.path))
    assert download(researcher, "participants.csv") == to_csv(written, PARTICIPANT_COLUMNS)
    rows = list(csv.DictReader(io.StringIO(download(researcher, "participants-with-identities.csv"))))
    assert [rows[0][name] for name in IDENTITY_COLUMNS] == ["prolific", PERSON, "64aa", "65bb", ""]
    assert events(recruiting, "exported") == [("exported", "researcher", "", "participants-with-identities.csv")]


def test_people_are_not_called_simulated(recruiting: Flask, researcher: FlaskClient, label: str) -> None:
    for address in ("", "participants", "table1"):
        page = researcher.get(f"/dashboard/{address}", follow_redirects=True)
        assert (page.status_code, "imulated observers" in page.text) == (200, False)


def test_the_manifest_and_the_audit_trail_are_whole(recruiting: Flask, researcher: FlaskClient, label: str) -> None:
    folder = recruiting.extensions["study"].folder
    assert download(researcher, "manifest.csv") == folder.manifest_path.read_text(encoding="utf-8")
    act(researcher, label, "return-slot")
    rows = list(csv.DictReader(io.StringIO(download(researcher, "audit.csv"))))
    assert [row["kind"] for row in rows] == [kind for kind, *_ in events(recruiting)]
    assert rows[-1]["participant"] == label
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", rows[-1]["at"])


def test_no_secret_is_in_the_exported_settings(small_study: StudyFolder) -> None:
    recruitment = {name: f"secret-of-16-letters-{n}" for n, name in enumerate(SECRET["recruitment"])}
    recruitment["sona_completion_url"] = "https://uni.sona-systems.com/credit?token=secret&survey_code=%SURVEY_CODE%"
    secrets = {"completion": {"code": "secret"}, "recruitment": recruitment}
    app = create_app(changed(small_study, **secrets))
    text = download(log_in(app), "study.toml")
    assert "secret-" not in text
    exported = tomllib.loads(text)
    assert exported["study"]["name"] == small_study.settings.study.name
    assert exported["trials"]["per_shift"] == small_study.settings.trials.per_shift
    for section, names in SECRET.items():
        for name in names:
            assert exported[section][name] == "", name
    app.extensions["study"].database.close()


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_setting_that_sounds_secret_is_left_out(name: str) -> None:
    harmless = {("server", "stimuli_url")}
    for section, kind in sections(task(name).settings_type).items():
        for setting in fields(kind):
            if re.search("secret|token|password|hash|code|url", setting.name):
                named = (section, setting.name)
                assert setting.name in SECRET.get(section, ()) or named in harmless, named


def test_one_document_is_one_line_of_json(recruiting: Flask, researcher: FlaskClient, label: str) -> None:
    (line,) = download(researcher, "responses.jsonl").splitlines()
    assert json.loads(line)["participant"] == label


def test_sent_forms_are_in_the_session_of_the_researcher_alone(recruiting: Flask, label: str) -> None:
    client = recruiting.test_client()
    sign_in(client)
    assert act(client, label, "exclude", reason="I do not like them") == 303  # to the login
    assert stored(recruiting, label).excluded_reason is None
