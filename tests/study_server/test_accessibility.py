"""Every page: axe-core finds nothing grave, and all can be done by keyboard, in both languages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

from accessibility import grave_violations, tab_to
from browser import open_browser
from participant import READY, change_settings
from served import served
from study_server.dashboard.passwords import set_password
from study_server.folder.study_folder import StudyFolder
from study_server.settings import LANGUAGES

PASSWORD = "a password of the tests"


class Inspector:
    """Looks at pages: with axe-core, and, where SHOTS names a folder, with a camera."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name, self.number, self.found = page, name, 0, list[str]()

    def look(self, what: str) -> None:
        self.number += 1
        self.found += grave_violations(self.page)
        if folder := os.environ.get("SHOTS"):
            self.page.screenshot(path=Path(folder) / f"{self.name}-{self.number:02d}-{what}.png")


def press(page: Page, selector: str, key: str = "Enter") -> None:
    tab_to(page, selector)
    page.keyboard.press(key)


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Path:
    """Of what `study` is a copy; a test names another by `indirect`."""
    path: Path = request.getfixturevalue(getattr(request, "param", "made_study"))
    return path


def calibrate(page: Page, inspector: Inspector) -> None:
    page.wait_for_url("**/calibration")
    inspector.look("calibration")
    tab_to(page, "#width")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    press(page, "#matched", "Space")
    tab_to(page, "#distance")
    page.keyboard.type("57")
    press(page, "button[type=submit]")


def practise(page: Page, inspector: Inspector) -> None:
    page.wait_for_url("**/practice")
    press(page, "#start-button")
    while True:
        page.wait_for_selector(READY)
        page.keyboard.press("f")
        page.wait_for_selector("#next:visible, #leave:visible")
        if page.is_visible("#leave"):
            break
        inspector.look("feedback")
        page.keyboard.press("Space")
    press(page, "#leave button")


def judge(page: Page, inspector: Inspector, trials: int) -> None:
    page.wait_for_url("**/trials")
    page.wait_for_selector("#start-button:visible")
    inspector.look("start")
    press(page, "#start-button")
    for trial in range(trials):
        page.wait_for_selector(READY)
        if trial == 0:
            inspector.look("trial")
        if trial < 2:
            press(page, "[data-answer]")
        else:
            page.keyboard.press("f")
        is_last = trial == trials - 1
        page.wait_for_selector("body:not(.stage-page)" if is_last else f"#count:text-matches('^{trial + 2} ')")


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "trials", "language"),
    [*(("made_study", 10, language) for language in LANGUAGES), ("made_odd_one_out", 9, "de")],
    indirect=["made"],
)
def test_a_participation_by_keyboard_with_nothing_grave_on_any_page(
    study: StudyFolder, trials: int, language: str
) -> None:
    change_settings(study, calibration="required", inter_trial_ms=0)
    with served(study) as url, open_browser() as browser:
        page = browser.new_page()
        inspector = Inspector(page, language)
        page.goto(f"{url}/nowhere?lang={language}")
        inspector.look("error")
        page.goto(f"{url}/declined")
        inspector.look("declined")
        page.goto(f"{url}/withdraw")
        inspector.look("withdraw")
        page.goto(url)
        assert page.get_attribute("html", "lang") == language
        inspector.look("consent")
        press(page, "#agree")
        page.wait_for_url("**/instructions")
        page.wait_for_selector("#flip:enabled")
        inspector.look("instructions")
        press(page, "form.actions button")
        calibrate(page, inspector)
        practise(page, inspector)
        judge(page, inspector, trials)
        page.wait_for_url("**/questions")
        inspector.look("questions")
        press(page, "input[type=radio]", "Space")
        press(page, "form.questions button[type=submit]")
        page.wait_for_url("**/thanks")
        inspector.look("thanks")
        press(page, "footer a[href*=withdraw]")
        page.wait_for_url("**/withdraw")
        inspector.look("withdraw-signed-in")
        assert not inspector.found


@pytest.mark.slow
def test_nothing_grave_where_the_study_is_closed_and_before_the_dashboard(study: StudyFolder) -> None:
    """The dashboard's own pages: test_dashboard_browser.py."""
    set_password(study, PASSWORD)
    with served(study) as url, open_browser() as browser:
        page = browser.new_page()
        inspector = Inspector(page, "dashboard")
        page.goto(f"{url}/dashboard/")
        inspector.look("login")
        tab_to(page, "input[type=password]")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{url}/dashboard/")
        press(page, "#close")
        page.wait_for_selector("#open")  # the answer's own page: leaving before it would abort the form
        page.goto(url)
        inspector.look("closed")
        assert inspector.number == 2
        assert not inspector.found
