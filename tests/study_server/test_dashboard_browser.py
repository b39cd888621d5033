"""The dashboard in a real browser: charts draw, nothing complains, pages keep themselves up to date."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page
from werkzeug.serving import BaseWSGIServer

from accessibility import grave_violations
from browser import open_browser
from experimenter import PASSWORD, stored
from requests_of_a_participant import answer, begin
from served import served_app
from shift_study import Doors
from study_server.dashboard.page_contents import pages_of
from study_server.dashboard.passwords import set_password
from study_server.demonstration import fill
from study_server.folder.study_folder import StudyFolder
from study_server.web.app import create_app

pytestmark = pytest.mark.slow


def wait_for_charts(page: Page) -> None:
    page.wait_for_selector("[data-chart]:not([data-drawn])", state="detached")


@contextmanager
def looking(server: BaseWSGIServer, *, complaints_allowed: bool = False, **window: Any) -> Iterator[Page]:
    """The dashboard's overview in a browser that is logged in; anything on its console fails the test."""
    with open_browser(**window) as browser:
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}/dashboard/")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_selector("#updated")
        wait_for_charts(page)
        yield page
        assert complaints_allowed or not complaints


def number(page: Page, tile: str) -> str:
    return page.locator(".tile", has=page.locator(f"dt:text-is('{tile}')")).locator("dd").first.inner_text()


@pytest.fixture
def filled(made_small_study: Path, tmp_path: Path) -> Iterator[Flask]:
    """60 observers who have just taken part."""
    small_study = StudyFolder(Path(shutil.copytree(made_small_study, tmp_path / "small")))
    fill(small_study, 60, seed=3, now=datetime.now(UTC))
    set_password(small_study, PASSWORD)
    app = create_app(small_study, fit_psychometric=Doors().fit_psychometric)
    yield app
    app.extensions["study"].database.close()


@pytest.fixture
def empty(app: Flask) -> Flask:
    set_password(app.extensions["study"].folder, PASSWORD)
    return app


def test_every_page_draws_its_charts_and_is_accessible(filled: Flask) -> None:
    charts = {"overview": 2, "table1": 1, "reaction-times": 2, "devices": 2}
    with served_app(filled) as server, looking(server, size=(1366, 855)) as page:
        for name in [*pages_of(filled.extensions["study"].task), "exports", "participants/s0020", "participants/s0030"]:
            page.goto(f"http://127.0.0.1:{server.server_port}/dashboard/{'' if name == 'overview' else name}")
            wait_for_charts(page)
            assert page.locator("[data-chart] svg.main-svg .cartesianlayer .subplot").count() == charts.get(name, 0), (
                name
            )
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            assert grave_violations(page) == []
        page.goto(f"http://127.0.0.1:{server.server_port}/dashboard/table1")
        wait_for_charts(page)
        assert page.locator("[data-chart=psychometric] .scatterlayer .trace").count() == 2
        assert page.locator("[data-chart=psychometric] .errorbar").count() == 10
        assert "threshold" in page.locator("[data-chart=psychometric] .annotation").text_content()


def test_an_answer_that_comes_in_appears_by_itself(empty: Flask) -> None:
    with served_app(empty) as server, looking(server) as page:
        page.evaluate("window.same = true")
        assert (number(page, "Started"), number(page, "Answers")) == ("0", "0")
        client = empty.test_client()
        trials = begin(client)
        page.wait_for_selector(".tile dd:text-is('1')")
        assert number(page, "Started") == "1"
        for trial in trials[:7]:
            answer(client, trial["id"])
        page.wait_for_selector(".tile dd:text-is('7')")
        assert number(page, "Answers") == "7"
        page.goto(f"http://127.0.0.1:{server.server_port}/dashboard/table1?of=all")
        wait_for_charts(page)
        points = page.locator("[data-chart=psychometric] .errorbar")
        before = points.count()
        for trial in trials[7:]:
            answer(client, trial["id"])
        page.wait_for_selector(f"[data-chart=psychometric] .errorbar >> nth={before}", state="attached")
        assert page.locator("#table1 .total td").nth(1).inner_text() == "10"  # all were called the same


def test_what_is_done_by_hand_is_done_and_confirmed(empty: Flask) -> None:
    begin(empty.test_client())
    with served_app(empty) as server, looking(server) as page:
        page.click("#pause")
        page.wait_for_selector(".flash:text-is('The study is paused.')")
        page.click("nav >> text=Participants")
        page.click("#p0001")
        page.fill("[name=reason]", "fell asleep")
        page.click("text=Exclude")
        page.wait_for_selector(".flash:text-is('p0001 is excluded.')")
        page.fill("[name=confirm]", "p0002")
        page.click("button.danger")  # the browser itself asks for the right label
        assert page.evaluate("document.querySelector('[name=confirm]').validity.patternMismatch")
        page.fill("[name=confirm]", "p0001")
        page.click("button.danger")
        page.wait_for_selector(".flash:text-is('p0001 has been withdrawn.')")
    assert stored(empty, "p0001").withdrawn_at is not None


def test_a_page_says_when_it_could_not_be_updated_and_when_one_is_logged_out(empty: Flask) -> None:
    with served_app(empty) as server, looking(server, complaints_allowed=True) as page:
        page.route("**/live/**", lambda route: route.abort())
        page.wait_for_selector("#trouble:text('Could not be updated')")
        page.unroute("**/live/**")
        page.wait_for_selector("#trouble:empty", state="attached")
        set_password(empty.extensions["study"].folder, PASSWORD)
        page.wait_for_selector("#trouble:text('not logged in any more')")


def test_a_hidden_page_asks_for_nothing(empty: Flask) -> None:
    with served_app(empty) as server, looking(server) as page:
        page.clock.install()
        page.reload()
        wait_for_charts(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        hide = (
            "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
            " document.dispatchEvent(new Event('visibilitychange')); }"
        )
        page.evaluate(hide, True)
        page.clock.run_for(60_000)
        assert asked == []
        with page.expect_response("**/live/overview"):
            page.evaluate(hide, False)


def test_reaction_times_of_three_answers_have_room_in_a_small_window(made_odd_one_out: Path, tmp_path: Path) -> None:
    study = StudyFolder(Path(shutil.copytree(made_odd_one_out, tmp_path / "study")))
    fill(study, 60, seed=3, now=datetime.now(UTC))
    set_password(study, PASSWORD)
    app = create_app(study)
    with served_app(app) as server, looking(server, size=(1280, 800)) as page:
        page.goto(f"http://127.0.0.1:{server.server_port}/dashboard/reaction-times")
        wait_for_charts(page)
        page.wait_for_selector("table.wide .total")
        assert (
            page.evaluate(
                "(box => box.scrollWidth - box.clientWidth)(document.querySelector('table.wide').parentElement)"
            )
            == 0
        )
    app.extensions["study"].database.close()


# --- young and empty studies, tiles and tables ------------------------------------------------------------------------


def chart_texts(page: Page, name: str, what: str) -> list[str]:
    return page.locator(f"[data-chart={name}] {what}").all_text_contents()


def test_an_empty_study_shows_an_empty_chart(empty: Flask) -> None:
    with served_app(empty) as server, looking(server) as page:
        said = page.locator("[data-chart=recruitment] .annotation-text").text_content()
        assert said == "Nobody has taken part yet."
        assert not chart_texts(page, "recruitment", ".xtick")


def test_a_study_of_some_minutes_has_a_tick_for_each_minute_and_whole_participants(empty: Flask) -> None:
    for _ in range(2):
        begin(empty.test_client())
    with served_app(empty) as server, looking(server) as page:
        ticks = chart_texts(page, "recruitment", ".xtick text")
        assert 1 <= len(ticks) <= 4
        assert len({tick[:5] for tick in ticks}) == len(ticks)
        assert "2000" not in " ".join(ticks)
        people = chart_texts(page, "recruitment", ".ytick text")
        assert people == ["0", "1", "2"]


def test_the_tiles_add_up(filled: Flask) -> None:
    with served_app(filled) as server, looking(server) as page:
        tiles = {name: int(number(page, name)) for name in ("Started", "Under way", "Finished", "Left out", "Used")}
        notes = " ".join(page.locator(".tile .note").all_inner_texts())
    gone, excluded, withdrew, failed = (
        int(re.search(rf"(\d+) {word}", notes)[1]) for word in ("gone", "excluded", "withdrew", "finished and failed")
    )  # type: ignore[index]
    assert tiles["Started"] == 60 == tiles["Under way"] + gone + tiles["Finished"] + tiles["Left out"]
    assert excluded + withdrew == tiles["Left out"] > 0
    assert tiles["Used"] + failed == tiles["Finished"]


def test_tables_sort_by_any_column_and_stay_sorted(filled: Flask) -> None:
    with served_app(filled) as server, looking(server) as page:
        page.click("text=Participants")
        page.wait_for_selector("th button")
        times = page.locator("th", has_text="median RT")
        column = times.evaluate("(heading) => heading.cellIndex")

        def values() -> list[float]:
            texts = page.locator(f"tbody tr td:nth-child({column + 1})").all_inner_texts()
            return [float(re.sub(r"\D", "", text)) for text in texts if re.search(r"\d", text)]

        times.locator("button").click()
        assert times.get_attribute("aria-sort") == "ascending"
        assert values() == sorted(values()) and len(values()) > 50
        times.locator("button").press("Enter")
        assert times.get_attribute("aria-sort") == "descending"
        assert values() == sorted(values(), reverse=True)
        unknown = page.locator(f"tbody tr td:nth-child({column + 1})").all_inner_texts()
        assert all(re.search(r"\d", text) for text in unknown[: len(values())])  # what is not known is last
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as a tab that is looked at again
        assert values() == sorted(values(), reverse=True)
        assert page.locator("[aria-sort]").count() == 1
        assert not grave_violations(page)


def test_moments_sort_to_the_minute(filled: Flask) -> None:
    with served_app(filled) as server, looking(server) as page:
        page.click("text=Participants")
        page.wait_for_selector("th button")
        heading = page.locator("th", has_text="last seen")
        for order, is_down in (("ascending", False), ("descending", True)):
            heading.locator("button").click()
            assert heading.get_attribute("aria-sort") == order
            moments = page.locator("tbody td.moment").all_inner_texts()
            assert len(set(moments)) > 10
            assert moments == sorted(moments, reverse=is_down)


def test_sixty_participants_fit_a_window(filled: Flask) -> None:
    with served_app(filled) as server, looking(server, viewport={"width": 1280, "height": 800}) as page:
        page.click("text=Participants")
        page.wait_for_selector("th button")
        assert page.evaluate("document.documentElement.scrollHeight") < 1000
        assert page.locator("tbody tr").count() == 60
