"""The dashboard's figures, on both databases, against what the exported tables and other programs say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient
from scipy.stats import binomtest

from analysis.observers.table1 import table1
from analysis.psychometric import fit
from analysis.responses.sources import read_responses
from experimenter import log_in
from made_studies import linked, made_once, running
from shift_study import Doors
from study_server.dashboard.answer_counts import count_stimuli
from study_server.dashboard.page_contents import Asked, pages_of
from study_server.dashboard.reaction_times import BIN_MS
from study_server.demonstration import fill
from study_server.export import participants, responses
from study_server.folder.study_folder import StudyFolder
from study_server.participants.acceptance import accepted_answers_per_stimulus
from study_server.tasks import task
from study_server.tasks.dashboard import Counted
from study_server.tasks.same_different.results import count_shifts
from study_server.tasks.wilson import wilson
from study_server.web.app import create_app

PAGES = pages_of(task("same-different"))
NOW = datetime(2026, 5, 4, 13, 5, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def made_filled(made_small_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 observers of 30 trials: some gone, one excluded, one withdrawn, three under way at NOW."""

    def make(path: Path) -> None:
        fill(StudyFolder(linked(made_small_study, path)), 60, seed=3, now=NOW)

    return made_once(tmp_path_factory, "filled", make)


@contextmanager
def looking(made_filled: Path, path: Path, other_database: str) -> Iterator[Flask]:
    """Such a study's application."""
    study = StudyFolder(linked(made_filled, path), other_database)
    if other_database:
        fill(study, 60, seed=3, now=NOW)
    app = create_app(study, fit_psychometric=Doors().fit_psychometric)
    yield app
    app.extensions["study"].database.close()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def filled(
    request: pytest.FixtureRequest, made_filled: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The application for tests that only look."""
    on_postgresql = request.param == "postgresql"
    other_database = request.getfixturevalue("postgres_cluster").new_database() if on_postgresql else ""
    with looking(made_filled, tmp_path_factory.mktemp("filled") / "study", other_database) as app:
        yield app


@pytest.fixture
def own_filled(made_filled: Path, tmp_path: Path, other_database: str) -> Iterator[Flask]:
    """The application for a test that changes something."""
    with looking(made_filled, tmp_path / "study", other_database) as app:
        yield app


@pytest.fixture(scope="module")
def beginning(made_tiny_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A researcher who looks at a study that nobody has taken part in yet."""
    with running(made_tiny_study, tmp_path_factory.mktemp("beginning") / "study") as app:
        yield log_in(app)


def figures(app: Flask, page: str, **arguments: str) -> dict[str, Any]:
    """What a page is made of, at NOW."""
    study = app.extensions["study"]
    with study.database.reading() as session:
        return PAGES[page].make(session, Asked(study, NOW, arguments, app.extensions["fit_psychometric"]))


def tables(app: Flask) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of responses and participants."""
    study = app.extensions["study"]
    with study.database.reading() as session:
        return (
            pd.DataFrame(responses.rows_of_study(session, study.id)),
            pd.DataFrame(participants.rows_of_study(session, study.id)),
        )


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (1, 3), (140, 150), (5000, 10_000)])
def test_intervals_are_wilsons(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_numbers_are_those_of_the_exported_tables(filled: Flask) -> None:
    answers, people = tables(filled)
    found = figures(filled, "overview")
    numbers = found["numbers"]
    assert numbers.started == len(people) == 60
    assert numbers.answers == len(answers) == people["answered"].sum()
    assert numbers.accepted == people["use"].sum()
    assert numbers.withdrawn == (people["state"] == "withdrawn").sum() == 1
    assert numbers.excluded == people["not_used_because"].str.contains("excluded").sum() == 1
    assert numbers.failed == people["not_used_because"].str.contains("validation").sum()
    assert numbers.finished + numbers.excluded == (people["state"] == "finished").sum()
    assert (numbers.under_way, numbers.simulated) == (3, 60)
    assert numbers.under_way + numbers.gone == (people["state"] == "unfinished").sum()
    times = found["charts"]["recruitment"]
    assert (times["started"][-1], times["finished"][-1]) == (60, people["finished_at"].notna().sum())
    assert times["started"] == sorted(times["started"])
    for moment, started in zip(times["x"][1:], times["started"][1:], strict=True):
        assert started == (people["consented_at"].str.replace("T", " ") < moment).sum()


def test_answers_per_pair_are_those_of_the_exported_tables(filled: Flask) -> None:
    answers, people = tables(filled)
    used = answers[answers["participant"].isin(people[people["use"]]["participant"])]
    found = figures(filled, "overview", pairs="all")
    counts = {each.stimulus: (each.n_all, each.n_used, each.all, each.used) for each in found["stimuli"]}
    assert len(counts) == 300
    for name, (n_all, n_used, by_answer, used_by_answer) in counts.items():
        assert n_all == (answers["pair"] == name).sum()
        assert n_used == (used["pair"] == name).sum()
        assert +Counter(by_answer) == Counter(answers[answers["pair"] == name]["response"])
        assert +Counter(used_by_answer) == Counter(used[used["pair"] == name]["response"])
    order = [each.n_used for each in found["stimuli"]]
    assert order == sorted(order)
    assert found["least"] == order[0]
    assert {n: of_used for n, _, of_used in found["histogram"] if of_used} == dict(Counter(order))
    study = filled.extensions["study"]
    with study.database.reading() as session:
        stored = accepted_answers_per_stimulus(session, study)
    assert Counter(stored.values()) == Counter(order)


def test_table_1_is_that_of_the_analysis(filled: Flask) -> None:
    folder = filled.extensions["study"].folder
    source = folder.other_database or str(folder.path)
    expected = table1(read_responses(source, Doors().study_rows))
    found = figures(filled, "table1")
    assert len(found["rows"]) == len(expected.rows) == 10
    for row, other in zip(found["rows"], expected.rows, strict=True):
        assert (row.shift_px, row.same, row.different, row.pairs) == (
            other.shift_px, other.same, other.different, other.pairs
        )  # fmt: skip
        assert row.sd_mean == pytest.approx(other.sd_mean)
        assert row.sd_sd == pytest.approx(other.sd_sd)
        low, high = row.different_interval
        assert (100 - high, 100 - low) == pytest.approx((other.same_low_percent, other.same_high_percent))
    fitted = fit(
        [row.shift_px for row in expected.rows],
        [row.different for row in expected.rows],
        [row.same + row.different for row in expected.rows],
    )
    assert found["charts"]["psychometric"]["threshold"] == pytest.approx(fitted.threshold_px)
    drawn = {point["x"]: point["y"] for point in found["charts"]["psychometric"]["points"]}
    assert drawn == pytest.approx({row.shift_px: 100 - row.same_percent for row in expected.rows})
    curve = found["charts"]["psychometric"]["curve"]
    assert curve["y"] == pytest.approx(100 * fitted.probability(curve["x"]), abs=0.01)
    everything = figures(filled, "table1", of="all")
    assert everything["answers"] == len(tables(filled)[0])


def test_without_a_fit_table_1_shows_points_alone(own_filled: Flask) -> None:
    own_filled.extensions["fit_psychometric"] = None
    chart = figures(own_filled, "table1")["charts"]["psychometric"]
    assert "curve" not in chart
    assert len(chart["points"]) == 10
    assert "Threshold" not in log_in(own_filled).get("/dashboard/table1").text


def test_every_page_says_that_simulated_observers_answered(filled: Flask) -> None:
    researcher = log_in(filled)
    for address in ("", "table1", "participants", "exclusions", "reaction-times", "devices"):
        page = researcher.get(f"/dashboard/{address}", follow_redirects=True).text
        assert page.count("Simulated observers answered: what stands here says nothing about people.") == 1, address
        assert "· simulated observers</title>" in page


def test_beside_the_threshold_stands_whether_the_function_fits(own_filled: Flask) -> None:
    researcher = log_in(own_filled)
    doors = Doors()
    for different, fits in (([2, 3, 15, 25, 26, 10, 27], False), ([2, 3, 15, 25, 26, 26, 27], True)):
        fitted = doors.fit_psychometric(range(7), different, [30] * 7)
        own_filled.extensions["fit_psychometric"] = lambda *_, fitted=fitted: fitted
        page = researcher.get("/dashboard/table1").text
        assert f"Threshold <strong>{fitted.threshold_px:.2f} px" in page
        assert ("The function does not fit these answers: Pearson" in page) != fits


def test_reaction_times_are_those_of_the_exported_table(filled: Flask) -> None:
    answers, _ = tables(filled)
    times = figures(filled, "reaction-times")["times"]

    def expect(found: Any, ms: pd.Series[float]) -> None:
        assert found.answers == len(ms)
        wanted = np.percentile(ms, [25, 50, 75], method="inverted_cdf")
        assert np.abs(np.array([found.lower, found.median, found.upper]) - wanted).max() <= BIN_MS / 2

    expect(times.all, answers["reaction_time_ms"])
    for response in ("same", "different"):
        expect(times.by_response[response], answers[answers["response"] == response]["reaction_time_ms"])
        assert sum(times.histogram[response]) == (answers["response"] == response).sum()
    for shift in range(10):
        expect(times.by_stratum[shift]["all"], answers[answers["shift_px"] == shift]["reaction_time_ms"])


def test_devices_are_those_of_the_exported_tables(filled: Flask) -> None:
    answers, people = tables(filled)
    devices = figures(filled, "devices")["devices"]
    by_ratio = answers.groupby("device_pixel_ratio")["participant"]
    assert {row.ratio: (row.participants, row.answers) for row in devices["ratios"]} == {
        ratio: (group.nunique(), len(group)) for ratio, group in by_ratio
    }
    with_screen = people[people["screen_width"].notna()]
    assert {(w, h): n for w, h, n in devices["screens"]} == {
        (int(w), int(h)): len(group) for (w, h), group in with_screen.groupby(["screen_width", "screen_height"])
    }
    assert sum(number for _, number in devices["refresh_rates"]) == len(with_screen)
    assert devices["interruptions"]["hidden"] == answers["hidden"].sum()
    assert devices["interruptions"]["window_changed"] == (answers["window_changes"] > 0).sum()
    assert devices["interruptions"]["came_back"] == (people["visits"] > 1).sum()


def test_the_list_of_participants_says_of_each_what_the_tables_say(filled: Flask) -> None:
    answers, people = tables(filled)
    found = {person.participant.label: person for person in figures(filled, "participants")["people"]}
    assert len(found) == 60
    for row in people.itertuples():
        person, own = found[row.participant], answers[answers["participant"] == row.participant]
        assert person.participant.answered == row.answered == len(own)
        assert person.not_used_because == row.not_used_because
        if len(own):
            assert person.reaction_time_ms == pytest.approx(own["reaction_time_ms"].median())
            assert person.device_pixel_ratio == f"{own['device_pixel_ratio'].iloc[0]:.4g}"
        assert person.interrupted == (own["hidden"] | (own["window_changes"] > 0)).sum()


@pytest.mark.parametrize("only", ["under_way", "gone", "finished", "excluded", "withdrawn", "failed"])
def test_filters_show_whom_they_name(filled: Flask, only: str) -> None:
    everybody = figures(filled, "participants")["people"]
    expected = {
        person.participant.label
        for person in everybody
        if (person.participant.passed is False if only == "failed" else person.state == only)
    }
    assert expected
    assert {person.participant.label for person in figures(filled, "participants", only=only)["people"]} == expected


def test_states_are_each_persons_only_one(filled: Flask) -> None:
    numbers = figures(filled, "overview")["numbers"]
    assert numbers.started == (
        numbers.under_way + numbers.gone + numbers.finished + numbers.excluded + numbers.withdrawn
    )
    study = filled.extensions["study"]
    with study.database.reading() as session:
        later = PAGES["overview"].make(session, Asked(study, NOW + timedelta(hours=2), {}))
    assert later["numbers"].under_way == 0
    assert later["numbers"].gone == numbers.gone + 3


def test_an_empty_study_has_pages_too(beginning: FlaskClient) -> None:
    for rule in ("", "table1", "participants", "exclusions", "reaction-times", "devices", "audit", "exports"):
        page = beginning.get(f"/dashboard/{rule}")
        assert page.status_code == 200, rule
    for name in PAGES:
        assert beginning.get(f"/dashboard/live/{name}").status_code == 200
    study = beginning.application.extensions["study"]
    with study.database.reading() as session:
        rows = count_shifts(count_stimuli(session, study), accepted_only=True)
    assert [(row.same, row.different, row.different_interval) for row in rows] == [(0, 0, None)] * 10


@pytest.mark.parametrize(
    "query",
    [
        "page=0", "page=-1", "page=abc", "page=99999999999999999999", "page=٣", "only=x", "order=x", "label=%00",
        "of=x", "label='%20OR%201=1--", "kind=%00", "pairs=x", "endpoint=x&name=y&_external=1&_anchor=z&method=w",
    ],
)  # fmt: skip
def test_strange_addresses_are_no_errors(beginning: FlaskClient, query: str) -> None:
    for name, page in PAGES.items():
        path = "" if name == "overview" else name
        assert beginning.get(f"/dashboard/{path}?{query}").status_code == 200, page.title
        assert beginning.get(f"/dashboard/live/{name}?{query}").status_code == 200, page.title
    for label in ("p9999", "x", "p0001%00", "1", "%2e%2e"):
        assert beginning.get(f"/dashboard/participants/{label}").status_code == 404


def live(client: FlaskClient, page: str, tag: str = "") -> Any:
    return client.get(f"/dashboard/live/{page}", headers={"If-None-Match": tag} if tag else {})


def test_live_parts_are_the_parts_of_the_page_and_come_only_when_something_has_changed(own_filled: Flask) -> None:
    client = log_in(own_filled)
    for name in PAGES:
        page = client.get(f"/dashboard/{'' if name == 'overview' else name}").text
        first = live(client, name)
        assert first.json["parts"]
        for part, html in first.json["parts"].items():
            assert f'data-part="{part}"' in page
            assert _bare(html) in _bare(page), (name, part)
        for chart in first.json["charts"]:
            assert f'data-chart="{chart}"' in page
    tag = live(client, "table1").headers["ETag"]
    codes = {live(client, "table1", tag).status_code for _ in range(2)}
    assert 304 in codes  # a minute may end in between
    client.post("/dashboard/state", data={"state": "paused"})
    assert live(client, "overview", tag).status_code == 200
    assert "Paused" in live(client, "overview").json["parts"]["state"]


def _bare(html: str) -> str:
    return re.sub(r'\s+|name="csrf_token" value="[^"]*"', "", html)


def test_the_chart_library_is_served_from_here_and_kept_by_browsers(beginning: FlaskClient) -> None:
    found = re.search(r'src="([^"]*plotly-[^"]*\.js)"', beginning.get("/dashboard/").text)
    assert found
    answer = beginning.get(found[1], headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    plain = beginning.get(found[1])
    assert plain.data.lstrip().startswith(b"/**\n* plotly.js")
    assert len(answer.data) < len(plain.data) / 3
    assert beginning.get("/dashboard/plotly-0.js").status_code == 404


def test_the_curve_is_over_how_far_windows_moved() -> None:
    pairs = [_pair("right", 5, 2), _pair("up-left", 4, 1), _pair("down", 2, 2, accepted=1)]
    assert [(row.shift_px, row.answers) for row in count_shifts(pairs, accepted_only=True)] == [(3, 10)]
    found = count_shifts(pairs, accepted_only=False, by="distance_px")
    assert [(row.shift_px, row.answers, row.same) for row in found] == [
        (3, 7, 4), (pytest.approx(3 * 2**0.5), 4, 1)
    ]  # fmt: skip


def _pair(direction: str, answers: int, same: int, *, accepted: int | None = None) -> Counted:
    """A pair of 3 px with its answers, all or so many of which are accepted."""
    values = {"shift_px": 3, "direction": direction}
    used = {"same": same, "different": answers - same} if accepted is None else {"same": accepted}
    return Counted("00001_n-3", "00001", 3, values, {"same": same, "different": answers - same}, used)
