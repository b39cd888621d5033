"""The participant's pages and the trial page's interface, of a study of each built-in task."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from made_studies import linked, made_once, make_registered, register, unchanged
from requests_of_a_participant import ANSWER, pixels, sign_in
from study_server.export.responses import response_rows
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.settings import LANGUAGES
from study_server.stimuli.photographs import pixels_sha256
from study_server.tasks import BUILT_IN
from study_server.web.app import create_app
from triplet_sets import plain_distortion

PLACES = {"same-different": ["left", "right"], "2afc": ["left", "middle", "right"]}
PLACES["odd-one-out"] = PLACES["2afc"]
QUESTIONS = {
    ("same-different", "en"): "Are the two images the same or different?",
    ("same-different", "de"): "Sind die beiden Bilder gleich oder verschieden?",
    ("2afc", "en"): "Which of the two outer pictures is more similar to the one in the middle?",
    ("2afc", "de"): "Welches der beiden äußeren Bilder ist dem mittleren ähnlicher?",
    ("odd-one-out", "en"): "Which of the three pictures differs from the other two?",
    ("odd-one-out", "de"): "Welches der drei Bilder ist anders als die beiden übrigen?",
}
BUTTONS = {
    ("same-different", "en"): ["Same F", "Different J"], ("same-different", "de"): ["Gleich F", "Verschieden J"],
    ("2afc", "en"): ["Left F", "Right J"], ("2afc", "de"): ["Links F", "Rechts J"],
    ("odd-one-out", "en"): ["Left F", "Middle H", "Right K"], ("odd-one-out", "de"): ["Links F", "Mitte H", "Rechts K"],
}  # fmt: skip


@pytest.fixture(scope="session", params=BUILT_IN)
def made_of_task(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    options: dict[str, Any] = {"distort": plain_distortion} if request.param == "2afc" else {}
    make = partial(make_study, task_name=request.param, source="demo", count=10, size=16, seed=3, **options)
    with unchanged(made_once(tmp_path_factory, f"pages-{request.param}", partial(make_registered, make))) as path:
        yield path


@pytest.fixture
def folder(made_of_task: Path, tmp_path: Path) -> StudyFolder:
    study = StudyFolder(linked(made_of_task, tmp_path / "study"))
    register(study, made_of_task)
    return study


@pytest.fixture
def app(folder: StudyFolder) -> Iterator[Flask]:
    app = create_app(folder)
    app.config["TESTING"] = False
    yield app
    app.extensions["study"].database.close()


def words_of(page: str) -> str:
    """What a page says, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_speaks_of_the_task_in_both_languages(
    client: FlaskClient, folder: StudyFolder, language: str
) -> None:
    name = folder.task.name
    sign_in(client, f"/?lang={language}")
    pages = {"consent": client.get("/").text}
    for path in ("consent", "instructions", "practice"):
        assert client.post(f"/{path}").status_code == 303
        page = {"consent": "instructions", "instructions": "practice", "practice": "trials"}[path]
        pages[page] = client.get(f"/{page}").text
    for page in ("practice", "trials"):
        assert QUESTIONS[name, language] in words_of(pages[page])
        buttons = re.findall(r"<button[^>]* data-answer=[^>]*>.*?</button>", pages[page], re.DOTALL)
        assert [words_of(button) for button in buttons] == BUTTONS[name, language]
    keys = re.findall(r"<th scope=\"row\"><kbd>(\w)</kbd></th>", pages["instructions"])
    assert keys == [button.split()[-1] for button in BUTTONS[name, language]]
    step = {"en": "Practice", "de": "Übung"}[language]
    assert step in words_of(pages["consent"])
    assert step in words_of(pages["instructions"])
    assert 'class="example"' in pages["instructions"]
    assert not re.search(r"%\(\w+\)s", "".join(pages.values()))  # every number is filled in


def test_every_place_has_its_image_and_every_answer_is_taken(client: FlaskClient, folder: StudyFolder) -> None:
    places = PLACES[folder.task.name]
    sign_in(client)
    for path in ("/consent", "/instructions"):
        client.post(path)
    practice = client.get("/api/practice").json["trials"]
    assert len(practice) == 4
    for number, trial in enumerate(practice):
        assert list(trial["images"]) == places
        planned = folder.practice_trials[number]
        for place, role in zip(places, planned.arrangement, strict=True):
            shown = pixels_sha256(pixels(client.get(trial["images"][place], headers={"Accept": "image/png"}).data))
            assert shown == planned.row.digests[role]
        replies = {
            answer: client.put(f"/api/practice/{trial['id']}/response", json={"response": answer}).json
            for answer in folder.task.answers
        }
        assert {reply["truth"] for reply in replies.values()} == {planned.truth}
        assert [answer for answer, reply in replies.items() if reply["correct"]] == [planned.truth]
    assert client.get("/practice-images/1/above").status_code == 404
    client.post("/practice")
    trials = client.get("/api/trials").json["trials"]
    for number, trial in enumerate(trials):
        assert list(trial["images"]) == places
        sent = {place: client.get(path).headers["X-Shift-Study-Sent"] for place, path in trial["images"].items()}
        response = folder.task.answers[number % len(folder.task.answers)]
        url = f"/api/trials/{trial['id']}/response"
        body = ANSWER | {"idempotency_key": f"key-{number:08}", "response": response, "visit": 1, "sent": sent}
        assert client.put(url, json=body | {"sent": dict(list(sent.items())[1:])}).status_code == 409
        assert client.put(url, json=body | {"response": "neither"}).status_code == 400
        assert client.put(url, json=body).status_code == 200
    rows = response_rows(str(folder.path))
    assert len(rows) == len(trials)
    assert all(row["images_sent_at"] is not None for row in rows)


def test_the_example_stands_at_places_that_the_stage_has(client: FlaskClient, folder: StudyFolder) -> None:
    sign_in(client)
    client.post("/consent")
    page = html.unescape(client.get("/instructions").text)
    paths = re.findall(r"/example-images/(\w+)", page)
    assert paths == PLACES[folder.task.name]
    assert all(client.get(f"/example-images/{place}").status_code == 200 for place in paths)
    in_turn = re.search(r'id="flip" data-places="\["(\w+)", "(\w+)"\]"', page)
    expected = {"same-different": ("left", "right"), "2afc": None, "odd-one-out": ("left", "middle")}
    assert (in_turn.groups() if in_turn else None) == expected[folder.task.name]
