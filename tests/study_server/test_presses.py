"""Keys under an input method, keys that are held and double clicks: one answer each, the right one."""

from __future__ import annotations

import pytest
from playwright.sync_api import CDPSession, Page

from browser import Launch
from participant import READY, change_settings, go_to_trials, stored_rows, wait_for_trial
from study_server.folder.study_folder import StudyFolder

pytestmark = pytest.mark.slow

DOUBLE_CLICK_MS = 120


@pytest.fixture
def hasty(study: StudyFolder) -> None:
    """Nothing between an answer and the next pair."""
    change_settings(study, inter_trial_ms=0, fixation_ms=0)


def press(keyboard: CDPSession, code: str, key: str, *, again: int = 0, marked: bool = True) -> None:
    """A key that goes down, repeats itself `again` times (marked as repetitions or not), and comes up."""
    for number in range(again + 1):
        keyboard.send(
            "Input.dispatchKeyEvent",
            {"type": "keyDown", "key": key, "code": code, "autoRepeat": marked and number > 0},
        )
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", "key": key, "code": code})


def test_the_key_in_the_place_counts_where_an_input_method_took_its_letter(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        keyboard = page.context.new_cdp_session(page)
        go_to_trials(page)
        for number, key in enumerate(["Process", "Unidentified", "Dead", "Process"]):
            wait_for_trial(page, number + 1)
            press(keyboard, "KeyG", key)  # no answer key
            press(keyboard, "KeyJ" if number % 2 else "KeyF", key)
        rows = stored_rows(page, study, 4)
    assert [row["response"] for row in rows] == ["same", "different"] * 2


@pytest.mark.parametrize("marked", [True, False])
def test_a_key_that_is_held_answers_once(hasty: None, browse: Launch, study: StudyFolder, marked: bool) -> None:
    with browse() as page:
        keyboard = page.context.new_cdp_session(page)
        go_to_trials(page)
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "key": "f", "code": "KeyF"})
        wait_for_trial(page, 2)
        press(keyboard, "KeyF", "f", again=30, marked=marked)  # it was down before, and now comes up
        wait_for_trial(page, 2)
        press(keyboard, "KeyJ", "j")
        wait_for_trial(page, 3)
        rows = stored_rows(page, study, 2)
    assert [row["response"] for row in rows] == ["same", "different"]


def test_a_key_whose_release_went_elsewhere_answers_again(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        keyboard = page.context.new_cdp_session(page)
        go_to_trials(page)
        for number, release in enumerate(["window.dispatchEvent(new Event('blur'))", META_UP]):
            wait_for_trial(page, number + 1)
            keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "key": "f", "code": "KeyF"})
            wait_for_trial(page, number + 2)
            page.evaluate(release)
        press(keyboard, "KeyF", "f")
        rows = stored_rows(page, study, 3)
    assert {row["response"] for row in rows} == {"same"}


META_UP = "document.dispatchEvent(new KeyboardEvent('keyup', { key: 'Meta', code: 'MetaLeft' }))"


def double_click(page: Page, selector: str) -> None:
    box = page.locator(selector).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for count in (1, 2):
        page.mouse.down(click_count=count)
        page.mouse.up(click_count=count)
        page.wait_for_timeout(DOUBLE_CLICK_MS)  # as long as the finger takes


def test_a_double_click_answers_once(hasty: None, browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_trials(page)
        double_click(page, "[data-answer=different]")
        wait_for_trial(page, 2)
        double_click(page, "[data-answer=same]")
        wait_for_trial(page, 3)
        rows = stored_rows(page, study, 2)
    assert [row["response"] for row in rows] == ["different", "same"]


def test_a_double_click_in_the_practice_leaves_the_feedback_there(browse: Launch) -> None:
    with browse() as page:
        page.click("text=I agree to take part")
        page.click("text=Go to the practice")
        page.click("#start-button")
        page.wait_for_selector(READY)
        # Where the button comes to stand that leads on.
        page.evaluate("document.querySelector('#next').style = 'position: absolute; inset: 0; width: 100%'")
        double_click(page, "[data-answer=different]")
        assert page.is_visible("#next")
        assert page.inner_text("#count") == "1 of 4"
        page.click("#next")
        page.wait_for_selector("#count:text-is('2 of 4')")
