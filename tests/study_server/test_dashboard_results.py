"""The dashboard of studies with other tasks than same–different, against their exported tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask import Flask
from scipy.stats import binomtest

from analysis.responses.sources import read_responses
from analysis.two_alternative.answer_values import flip_pairs, retest_pairs
from analysis.two_alternative.choices import Choices
from browser import open_browser
from experimenter import log_in
from made_studies import linked, made_once
from served import served_app
from shift_study import Doors
from study_server.dashboard.answer_counts import count_arrangements, count_stimuli, list_answers
from study_server.dashboard.names import Names
from study_server.dashboard.page_contents import Asked, now, pages_of
from study_server.demonstration import fill
from study_server.export import participants, responses
from study_server.folder.new import make_study
from study_server.folder.study_folder import StudyFolder
from study_server.tasks.dashboard import Dashboard, StratumWords
from study_server.web.app import create_app

STUDIES: dict[str, dict[str, Any]] = {
    "2afc": {"shifts": (0, 1, 3), "distort": Doors().distort_photograph},
    "odd-one-out": {"max_shift": 4},
}
"""Of each task, what its study is made of."""


@contextmanager
def filled(task_name: str, path: Path, factory: pytest.TempPathFactory, other_database: str = "") -> Iterator[Flask]:
    """60 observers of such a study."""
    make = partial(make_study, task_name=task_name, source="demo", count=50, size=32, seed=3, **STUDIES[task_name])
    study = StudyFolder(linked(made_once(factory, f"results-{task_name}", make), path), other_database)
    fill(study, 60, seed=3)
    app = create_app(study, fit_psychometric=Doors().fit_psychometric)
    yield app
    app.extensions["study"].database.close()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def new_database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives the URL of another database, or nothing for that of a study folder."""
    if request.param == "sqlite":
        return lambda: ""
    new: Callable[[], str] = request.getfixturevalue("postgres_cluster").new_database
    return new


@pytest.fixture(scope="module")
def two_afc(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with filled("2afc", tmp_path_factory.mktemp("2afc") / "study", tmp_path_factory, new_database()) as app:
        yield app


@pytest.fixture(scope="module")
def odd_one_out(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with filled("odd-one-out", tmp_path_factory.mktemp("odd") / "study", tmp_path_factory, new_database()) as app:
        yield app


@pytest.fixture(scope="module", params=["2afc", "odd-one-out"])
def either(request: pytest.FixtureRequest, two_afc: Flask, odd_one_out: Flask) -> Flask:
    return two_afc if request.param == "2afc" else odd_one_out


def figures(app: Flask, page: str, **arguments: str) -> dict[str, Any]:
    """What a page is made of."""
    study = app.extensions["study"]
    with study.database.reading() as session:
        return pages_of(study.task)[page].make(session, Asked(study, now(), arguments))


def tables(found: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of a page's tables, by name."""
    return {table.name: list(table.rows) for table in found["tables"]}


def exported(app: Flask, *, accepted_only: bool) -> pd.DataFrame:
    """The response table, of everybody or of those whose answers are used."""
    study = app.extensions["study"]
    with study.database.reading() as session:
        answers = pd.DataFrame(responses.rows_of_study(session, study.id))
        people = pd.DataFrame(participants.rows_of_study(session, study.id))
    used = people[people["use"]]["participant"]
    return answers[answers["participant"].isin(used)] if accepted_only else answers


def expected(hits: pd.Series[bool]) -> tuple[Any, ...]:
    """Cells of a row: how many there are, how many of them hold, the percentage, and Wilson's interval as of SciPy."""
    number, of = int(hits.sum()), len(hits)
    interval = binomtest(number, of).proportion_ci(0.95, method="wilson")
    return of, number, pytest.approx(100 * number / of), pytest.approx((100 * interval.low, 100 * interval.high))


@pytest.mark.parametrize("of", ["accepted", "all"])
def test_preferences_are_those_of_the_exported_table(two_afc: Flask, of: str) -> None:
    answers = exported(two_afc, accepted_only=of == "accepted")
    found = tables(figures(two_afc, "preferences", of=of))
    catch, judged = answers[answers["catch_answer"] != ""], answers[answers["catch_answer"] == ""]
    first, again = (judged[judged["repetition"] == repetition] for repetition in (1, 2))
    for row, shift in zip(found["preferred"], (0, 1, 3), strict=False):
        assert row == (shift, *expected(first[first["shift_px"] == shift]["preferred"] == "first"))
    assert found["preferred"][-1] == ("all", *expected(first["preferred"] == "first"))
    for row, shift in zip(found["catch"], (0, 1, 3), strict=False):
        own = catch[catch["shift_px"] == shift]
        assert row == (shift, *expected(own["preferred"] == own["catch_answer"]))
    unshifted = first[first["shift_px"] == 0]
    for row, shift in zip(found["flips"], (1, 3), strict=False):
        pairs = unshifted.merge(first[first["shift_px"] == shift], on=["participant", "triplet"])
        assert row[1:] == expected(pairs["preferred_x"] != pairs["preferred_y"])
    pairs = again.merge(first, on=["participant", "stimulus"])
    assert len(pairs) == len(again) > 0
    assert found["flips"][-1][1:] == expected(pairs["preferred_x"] != pairs["preferred_y"])


def test_flips_are_those_of_the_analysis(two_afc: Flask) -> None:
    folder = two_afc.extensions["study"].folder
    choices = Choices.of(read_responses(folder.other_database or str(folder.path), Doors().study_rows))
    rows = tables(figures(two_afc, "preferences"))["flips"]
    pairs = [flip_pairs(choices, 1), flip_pairs(choices, 3), retest_pairs(choices)]
    assert [row[1:3] for row in rows] == [(len(each.value), each.value.sum()) for each in pairs]


@pytest.mark.parametrize("of", ["accepted", "all"])
def test_right_answers_are_those_of_the_exported_table(odd_one_out: Flask, of: str) -> None:
    answers = exported(odd_one_out, accepted_only=of == "accepted")
    right = answers["response"] == answers["odd_place"]
    rows = tables(figures(odd_one_out, "right-answers", of=of))["by_shift"]
    assert [row[0] for row in rows] == [1, 2, 3, 4, "all"]
    for row in rows[:-1]:
        own = answers["shift_px"] == row[0]
        assert row[1:] == (*expected(right[own]), answers[own]["pair"].nunique())
    assert rows[-1][1:5] == expected(right)


def test_counts_by_arrangement_and_one_by_one_are_those_by_stimulus(either: Flask) -> None:
    study = either.extensions["study"]
    with study.database.reading() as session:
        by_stimulus = {each.stimulus: (each.n_all, each.n_used) for each in count_stimuli(session, study)}
        arranged = count_arrangements(session, study)
        given = list(list_answers(session, study))
    assert {row.name for row in study.folder.rows if row.stratum in study.task.strata(study.settings)} == {*by_stimulus}
    assert {each.arrangement for each in arranged} == {
        shown for row in study.folder.rows for shown in study.task.arrangements(row)
    }
    given = [each for each in given if each.repetition == 1]  # whoever is asked twice is one answer
    for stimulus, (n_all, n_used) in by_stimulus.items():
        own = [each for each in arranged if each.stimulus == stimulus]
        assert (sum(each.n_all for each in own), sum(each.n_used for each in own)) == (n_all, n_used)
        one_by_one = [each for each in given if each.to.stimulus == stimulus]
        assert (len(one_by_one), sum(each.accepted for each in one_by_one)) == (n_all, n_used)
    people = [each.participant for each in given]
    assert people == sorted(people)


def test_reaction_times_are_those_of_each_answer(either: Flask) -> None:
    answers = exported(either, accepted_only=False)
    found = figures(either, "reaction-times")
    by_answer = {name: sum(bars) for name, bars in found["times"].histogram.items()}
    assert by_answer == answers["response"].value_counts().to_dict()
    for stratum, by in found["times"].by_stratum.items():
        own = answers[answers["shift_px"] == stratum]["response"]
        assert {answer: by[answer].answers for answer in by_answer} == own.value_counts().to_dict()
        assert by["all"].answers == len(own)
    drawn = found["charts"]["reaction_times"]["series"]
    assert [each["name"] for each in drawn] == list(Names.of(either.extensions["study"].task).answers.values())


def test_pages_speak_the_tasks_language(either: Flask) -> None:
    client, names = log_in(either), Names.of(either.extensions["study"].task)
    for page in pages_of(either.extensions["study"].task):
        text = client.get(f"/dashboard/{'' if page == 'overview' else page}").text
        live = client.get(f"/dashboard/live/{page}").json
        assert live["parts"]
        assert all(f'data-part="{part}"' in text for part in live["parts"]), page
        assert all(_bare(html) in _bare(text) for html in live["parts"].values()), page
        assert all(f'data-chart="{chart}"' in text for chart in live["charts"]), page
        assert "Table 1" not in text
        assert "same" not in re.sub(r"<[^>]*>|the same|The same", "", text).lower(), page
    overview = client.get("/dashboard/").text
    assert f"Answers per {names.stimulus}" in overview
    more = f"/dashboard/?{names.stimuli}=all"
    assert f'href="{more}"' in overview
    number = figures(either, "overview")["number_of_stimuli"]
    assert len(re.findall("_n-", client.get(more).text)) == number
    assert "The validation test:" in client.get("/dashboard/exclusions").text
    assert client.get("/dashboard/table1").status_code == 404


def test_words_are_the_tasks_and_without_them_its_answers_are(two_afc: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Dashboard(
        strata=StratumWords("version", "the version", "Version by version", "of each version"),
        answers={"left": "to the left"},
        called={"right": "found the right one nearer"},
    )
    monkeypatch.setattr(type(two_afc.extensions["study"].task), "dashboard", said)
    client = log_in(two_afc)
    times = client.get("/dashboard/reaction-times").text
    for words in (
        "<h2>Version by version</h2>", "Median reaction time of each version,",
        '<th class="n">to the left</th><th class="n">right</th>',
        '<th colspan="3" class="group">left</th><th colspan="3" class="group">found the right one nearer</th>',
    ):  # fmt: skip
        assert words in times
    charts = figures(two_afc, "reaction-times")["charts"]
    assert [each["name"] for each in charts["reaction_times"]["series"]] == ["to the left", "right"]
    assert charts["by_stratum"]["xTitle"] == "the version"
    assert '<th class="n">version</th>' in client.get("/dashboard/").text
    assert client.get("/dashboard/preferences").status_code == 404


def _bare(html: str) -> str:
    return re.sub(r'\s+|name="csrf_token" value="[^"]*"', "", html)


@pytest.mark.slow
@pytest.mark.parametrize(("task_name", "page_name"), [("2afc", "preferences"), ("odd-one-out", "right-answers")])
@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_results_are_drawn_and_accessible(
    task_name: str, page_name: str, size: tuple[int, int], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from accessibility import grave_violations
    from experimenter import PASSWORD
    from study_server.dashboard.passwords import set_password

    with filled(task_name, tmp_path / "study", tmp_path_factory) as app, open_browser(size=size) as browser:
        set_password(app.extensions["study"].folder, PASSWORD)
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        with served_app(app) as server:
            page.goto(f"http://127.0.0.1:{server.server_port}/dashboard/")
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_selector("#updated")
            for name in pages_of(app.extensions["study"].task):
                page.goto(f"http://127.0.0.1:{server.server_port}/dashboard/{'' if name == 'overview' else name}")
                page.wait_for_selector("[data-chart]:not([data-drawn])", state="detached")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
                assert grave_violations(page) == []
            page.goto(f"http://127.0.0.1:{server.server_port}/dashboard/{page_name}")
            page.wait_for_selector("[data-chart]:not([data-drawn])", state="detached")
            points = figures(app, page_name)["charts"]
            (chart,) = points.values()
            assert page.locator("[data-chart] .errorbar").count() == len(chart["points"]) > 0
            names = page.locator("[data-chart] .legendtext").all_text_contents()
            assert names == ["share with 95 % interval", chart["levels"][0]["text"]]
            overflowing = "table => table.scrollWidth > table.parentElement.clientWidth"
            assert not any(table.evaluate(overflowing) for table in page.locator("main table").all())
        assert complaints == []
