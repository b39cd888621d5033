"""A whole participant in a real browser, from the consent form to the completion code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from browser import Launch
from participant import READY, go_to_trials, practise_and_go_to_trials, stored_rows, wait_for_trial
from served import served
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.storage.database import Database
from study_server.storage.models import Participant
from study_server.web.background_server import running_server

pytestmark = pytest.mark.slow


@pytest.fixture
def server(study: StudyFolder, request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of the study; where a test asks for it, as `shift-study serve` serves it."""
    with getattr(request, "param", served)(study) as url:
        yield url


def finish(page: Page) -> str:
    page.wait_for_url("**/questions")
    page.check("text=20–35")
    page.click("text=Finish")
    return page.inner_text("#completion-code")


def stored_code(study: StudyFolder) -> str | None:
    database = Database(study.database_url)
    with database.reading() as session:
        code = session.scalars(select(Participant.completion_code)).one()
    database.close()
    return code


@pytest.mark.parametrize("server", [running_server], indirect=True, ids=["serve"])
def test_by_mouse(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        practise_and_go_to_trials(page)
        for number in range(1, 11):
            wait_for_trial(page, number)
            page.click("[data-answer=different]" if number % 2 else "[data-answer=same]")
        code = finish(page)
    rows = response_rows(str(study.path))
    assert [row["trial"] for row in rows] == list(range(1, 11))
    assert [row["response"] for row in rows] == ["different", "same"] * 5
    assert sorted(row["shift_px"] for row in rows) == list(range(10))
    assert {row["participant_state"] for row in rows} == {"finished"}
    assert {row["question_age"] for row in rows} == {"20–35"}
    assert {(row["visit"], row["window_changes"]) for row in rows} == {(1, 0)}
    assert all(20 <= row["refresh_rate_hz"] <= 1000 and 0 <= row["sent_after_ms"] < 60_000 for row in rows)
    assert all(0 < row["reaction_time_ms"] < 60_000 and row["hidden"] is False for row in rows)
    assert {(row["device_pixel_ratio"], row["pixel_scale"], row["viewport_width"]) for row in rows} == {(1.0, 1, 1280)}
    assert re.fullmatch("[A-Z2-9]{10}", code)
    assert code == stored_code(study)


def test_by_keyboard_alone(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        page.focus("text=I agree to take part")
        page.keyboard.press("Enter")
        page.wait_for_url("**/instructions")
        page.focus("text=Go to the practice")
        page.keyboard.press("Enter")
        page.wait_for_selector("#start-button")
        page.keyboard.press("Enter")  # the start button has the focus
        for _ in range(4):
            page.wait_for_selector(READY)
            page.keyboard.press("j")
            page.wait_for_selector("#next:visible, #leave:visible")
            if page.is_visible("#next"):
                page.keyboard.press("Space")
        page.keyboard.press("Enter")
        page.wait_for_url("**/trials")
        page.wait_for_selector("#start-button:visible")
        page.keyboard.press("Enter")
        for number in range(1, 11):
            wait_for_trial(page, number)
            page.keyboard.press("f" if number <= 4 else "j")
        finish(page)
    assert [row["response"] for row in response_rows(str(study.path))] == ["same"] * 4 + ["different"] * 6


def test_a_reload_goes_on_at_the_same_trial_with_the_same_images(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_trials(page)
        page.keyboard.press("f")
        page.wait_for_selector("text=2 of 10")
        asked_before = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        page.reload()
        page.wait_for_selector("text=Welcome back: 9 of 10 pairs are left.")
        page.click("#start-button")
        page.wait_for_selector(READY)
        asked_after = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        images = [url for url in asked_after if "/images/" in url]
        assert set(images[:2]) <= set(asked_before)
        page.keyboard.press("j")
        page.wait_for_selector("text=3 of 10")
        rows = stored_rows(page, study, 2)
    assert [(row["trial"], row["response"], row["visit"]) for row in rows] == [(1, "same", 1), (2, "different", 2)]


def test_a_trial_in_which_the_tab_was_hidden_says_so(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_trials(page)
        page.keyboard.press("f")
        wait_for_trial(page, 2)
        # A headless browser never hides a tab, so the document is made to say so.
        page.evaluate("""() => {
            for (const hidden of [true, false]) {
                Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }
        }""")
        page.click("[data-answer=same]")
        wait_for_trial(page, 3)
        rows = stored_rows(page, study, 2)
    assert [row["hidden"] for row in rows] == [False, True]


def test_who_wants_less_motion_steps_through_the_example(browse: Launch) -> None:
    with browse() as page:
        page.emulate_media(reduced_motion="reduce")
        page.click("text=I agree to take part")
        for text in ("Show the left one alone", "Show the right one in its place", "Show them side by side"):
            page.click(f"#flip:text-is('{text}')")
        page.wait_for_selector("#flip:text-is('Show the left one alone')")
