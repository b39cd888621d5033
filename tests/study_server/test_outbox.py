"""Answers on their way: lost connections, failing servers, killed browsers and second tabs lose none of them."""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Route

from browser import Launch, open_own_browser
from participant import READY, go_to_trials, stored_rows, wait_for_trial
from requests_of_a_participant import receipts_from, sign_in_at
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder

pytestmark = pytest.mark.slow

OFFLINE = "ERR_INTERNET_DISCONNECTED"
SCREEN = {
    "screen_width": 1280, "screen_height": 800, "device_pixel_ratio": 1, "color_depth": 24, "touch_points": 0,
    "language": "en",
}  # fmt: skip


def wait_for_pictures(page: Page, pairs: int = 10) -> None:
    """Wait until the pictures of all pairs have been fetched."""
    fetched = "performance.getEntriesByType('resource').filter(entry => entry.name.includes('/images/')).length"
    deadline = time.monotonic() + 30
    while page.evaluate(fetched) < 2 * pairs:
        assert time.monotonic() < deadline


def answer(page: Page, position: int, key: str = "f") -> None:
    wait_for_trial(page, position)
    page.keyboard.press(key)


class OtherBrowser:
    """The same participant elsewhere, with the cookies of `page`."""

    def __init__(self, page: Page, server: str) -> None:
        self.api = f"{server}/api"
        self.session = requests.Session()
        for cookie in page.context.cookies():
            self.session.cookies.set(cookie["name"], cookie["value"])

    def visit(self) -> int:
        visit: int = self.session.post(f"{self.api}/visits", json=SCREEN, timeout=30).json()["visit"]
        return visit

    def answer_next(self) -> None:
        trial = self.session.get(f"{self.api}/trials", timeout=30).json()["trials"][0]
        body = receipts_from(self.session, self.api, trial) | {
            "idempotency_key": "0123456789abcdef", "response": "different", "reaction_time_ms": 500, "hidden": False,
            "device_pixel_ratio": 1, "pixel_scale": 1, "viewport_width": 1280, "viewport_height": 720,
        }  # fmt: skip
        assert self.session.put(f"{self.api}/trials/{trial['id']}/response", json=body, timeout=30).ok


def test_a_spell_offline_to_the_last_trial_loses_nothing_and_interrupts_nobody(
    browse: Launch, study: StudyFolder
) -> None:
    with browse(allowed_complaint=OFFLINE) as page:
        go_to_trials(page)
        wait_for_pictures(page)
        answer(page, 1)
        stored_rows(page, study, 1)
        page.context.set_offline(True)
        began = time.monotonic()
        for position in range(2, 11):
            answer(page, position, "j" if position % 2 else "f")
        page.wait_for_selector("text=Saving your last answers")
        assert "Still to be sent: 9" in page.inner_text("#saving")
        assert len(response_rows(str(study.path))) == 1
        lasted_ms = 1000 * (time.monotonic() - began)
        page.context.set_offline(False)
        page.wait_for_url("**/questions")
        rows = stored_rows(page, study, 10)
    assert [row["response"] for row in rows] == ["same", *(["same", "different"] * 5)[:9]]
    delays = [row["sent_after_ms"] for row in rows]
    assert all(earlier > later for earlier, later in pairwise(delays[1:]))  # sent in their order
    assert delays[1] < lasted_ms + 60_000


def test_answers_outlive_a_killed_browser(server: str, study: StudyFolder, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    with open_own_browser(profile=profile) as browser:
        page = browser.new_page()
        page.goto(server)
        go_to_trials(page)
    # Closed in good order, so that the browser has written its cookies, which it does only now and then.
    with open_own_browser(profile=profile) as browser:
        page = browser.new_page()
        page.goto(server)
        page.click("#start-button")
        answer(page, 1)
        stored_rows(page, study, 1)
        wait_for_pictures(page)
        browser.set_offline(True)
        for position in (2, 3, 4):
            answer(page, position, "j")
        wait_for_trial(page, 5)
        kill(profile)
        killed = time.monotonic()
    assert len(response_rows(str(study.path))) == 1
    with open_own_browser(profile=profile) as browser:
        page = browser.new_page()
        gap_ms = 1000 * (time.monotonic() - killed)
        page.goto(server)
        page.wait_for_selector("text=Welcome back: 6 of 10 pairs are left.")  # those that wait are not asked again
        rows = stored_rows(page, study, 4)
        page.click("#start-button")
        answer(page, 5)
        rows = stored_rows(page, study, 5)
    assert [row["response"] for row in rows] == ["same", "different", "different", "different", "same"]
    assert all(row["sent_after_ms"] > gap_ms for row in rows[1:4])
    assert [row["visit"] for row in rows] == [2, 2, 2, 2, 3]


def kill(profile: Path) -> None:
    """kill -9 the browser of this profile."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_text().split("\0")
        except OSError:
            continue  # it has ended
        if f"--user-data-dir={profile}" in arguments and not any(a.startswith("--type=") for a in arguments):
            os.kill(int(process.name), signal.SIGKILL)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again_with_the_same_key(browse: Launch, study: StudyFolder, status: int) -> None:
    with browse(allowed_complaint=f"status of {status}") as page:
        go_to_trials(page)
        wait_for_pictures(page)
        sent: list[dict[str, object]] = []

        def fail_three_times(route: Route) -> None:
            sent.append(route.request.post_data_json)
            if len(sent) <= 3:
                route.fulfill(status=status, json={"error": "busy"})
            else:
                route.continue_()

        page.route("**/response", fail_three_times)
        answer(page, 1)
        page.wait_for_selector("text=The connection is interrupted. Your answers are kept")
        answer(page, 2)  # nobody has to wait for it
        wait_for_trial(page, 3)
        rows = stored_rows(page, study, 2)
        page.wait_for_selector("#saving:empty", state="attached")
    assert len(sent) == 5
    assert len({body["idempotency_key"] for body in sent[:4]}) == 1
    delays = [body["sent_after_ms"] for body in sent[:4]]
    assert delays == sorted(set(delays))  # each attempt says anew how long the answer has waited
    assert rows[0]["sent_after_ms"] == delays[-1]


def test_a_server_that_asks_for_patience_gets_it(browse: Launch, study: StudyFolder) -> None:
    with browse(allowed_complaint="status of 503") as page:
        go_to_trials(page)
        times: list[float] = []

        def ask_for_patience(route: Route) -> None:
            times.append(time.monotonic())
            if len(times) == 1:
                route.fulfill(status=503, headers={"Retry-After": "3"}, json={"error": "busy"})
            else:
                route.continue_()

        page.route("**/response", ask_for_patience)
        answer(page, 1)
        stored_rows(page, study, 1)
    assert times[1] - times[0] > 2.9


def test_an_answer_that_the_server_refuses_stops_the_study_and_is_kept(browse: Launch, study: StudyFolder) -> None:
    with browse(allowed_complaint="status of 400") as page:
        go_to_trials(page)
        page.route("**/response", lambda route: route.fulfill(status=400, json={"error": "this is no answer"}))
        answer(page, 1)
        page.wait_for_selector("text=The server does not take an answer: this is no answer.")
        assert page.is_disabled("[data-answer=same]")
        page.unroute("**/response")
        page.click("text=Go on here")
        page.wait_for_selector("text=Welcome back: 9 of 10 pairs are left.")
        (row,) = stored_rows(page, study, 1)
    assert row["response"] == "same"


def test_answers_stay_where_the_browser_has_gone_over_to_another_person(
    browse: Launch, study: StudyFolder, server: str
) -> None:
    with browse(allowed_complaint="status of 403") as page:
        go_to_trials(page)
        own = page.context.cookies()
        newcomer = requests.Session()
        sign_in_at(newcomer, server)
        for path in ("/consent", "/instructions", "/practice"):
            newcomer.post(f"{server}{path}", timeout=30)
        (name, value), *_ = newcomer.cookies.items()
        page.context.add_cookies([{"name": name, "value": value, "url": server}])
        answer(page, 1)
        page.wait_for_selector("text=The server does not take an answer")
        assert not response_rows(str(study.path))
        page.context.add_cookies(own)
        page.click("text=Go on here")
        page.wait_for_selector("text=Welcome back: 9 of 10 pairs are left.")
        (row,) = stored_rows(page, study, 1)
    assert row["response"] == "same"


def test_a_second_tab_is_told_and_can_take_over(browse: Launch, study: StudyFolder, server: str) -> None:
    with browse() as page:
        go_to_trials(page)
        answer(page, 1)
        wait_for_trial(page, 2)
        stored_rows(page, study, 1)
        second = page.context.new_page()
        second.goto(server)
        second.wait_for_selector("text=The study is open elsewhere")
        page.bring_to_front()
        answer(page, 2)  # the first goes on as if nothing had been
        wait_for_trial(page, 3)
        stored_rows(page, study, 2)
        second.bring_to_front()
        second.click("text=Go on here")
        second.wait_for_selector("text=Welcome back: 8 of 10 pairs are left.")
        page.wait_for_selector("text=It goes on in another tab or window of this browser.")
        assert page.is_disabled("[data-answer=same]")
        page.keyboard.press("f")  # must not count
        second.click("#start-button")
        answer(second, 3, "j")
        rows = stored_rows(second, study, 3)
    assert [(row["response"], row["visit"]) for row in rows] == [("same", 1), ("same", 1), ("different", 2)]


def test_closing_the_first_tab_lets_the_second_go_on(browse: Launch, study: StudyFolder, server: str) -> None:
    with browse() as page:
        go_to_trials(page)
        second = page.context.new_page()
        second.goto(server)
        second.wait_for_selector("text=The study is open elsewhere")
        page.close()
        second.click("text=Go on here")
        second.click("#start-button")
        answer(second, 1)
        stored_rows(second, study, 1)


def test_a_page_hears_that_another_browser_goes_on_and_its_answer_is_stored(
    browse: Launch, study: StudyFolder, server: str
) -> None:
    with browse() as page:
        go_to_trials(page)
        answer(page, 1)
        wait_for_trial(page, 2)
        stored_rows(page, study, 1)
        assert OtherBrowser(page, server).visit() == 2
        page.keyboard.press("j")
        page.wait_for_selector("text=It goes on in another browser or window.")
        assert page.is_disabled("[data-answer=same]")
        rows = stored_rows(page, study, 2)
        page.click("text=Go on here")
        page.wait_for_selector("text=Welcome back: 8 of 10 pairs are left.")
        page.click("#start-button")
        answer(page, 3)
        rows = stored_rows(page, study, 3)
    assert [row["visit"] for row in rows] == [1, 1, 3]


def test_a_trial_answered_in_another_browser_is_settled(browse: Launch, study: StudyFolder, server: str) -> None:
    with browse(allowed_complaint="status of 409") as page:
        go_to_trials(page)
        OtherBrowser(page, server).answer_next()
        answer(page, 1)
        page.wait_for_selector("text=It goes on in another browser or window.")
        (row,) = stored_rows(page, study, 1)
        assert row["response"] == "different"  # the first answer counts
        page.click("text=Go on here")
        page.wait_for_selector("text=Welcome back: 9 of 10 pairs are left.")


def test_without_a_database_in_the_browser_its_memory_keeps_the_answers(browse: Launch, study: StudyFolder) -> None:
    with browse(allowed_complaint=OFFLINE) as page:
        page.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('no'); };")
        go_to_trials(page)
        wait_for_pictures(page)
        page.context.set_offline(True)
        answer(page, 1)
        answer(page, 2)
        wait_for_trial(page, 3)
        questions: list[str] = []

        def stay(dialog) -> None:  # type: ignore[no-untyped-def]
            questions.append(dialog.type)
            dialog.dismiss()

        page.on("dialog", stay)
        page.close(run_before_unload=True)
        page.wait_for_timeout(0)
        page.context.set_offline(False)
        stored_rows(page, study, 2)
        page.wait_for_selector("#saving:empty", state="attached")
    assert questions == ["beforeunload"]


def test_questions_wait_until_the_server_holds_everything(browse: Launch, study: StudyFolder) -> None:
    with browse(allowed_complaint="status of 503") as page:
        go_to_trials(page)
        wait_for_pictures(page)
        keys: set[str] = set()
        is_busy = True

        def refuse_while_busy(route: Route) -> None:
            if is_busy:
                keys.add(route.request.post_data_json["idempotency_key"])
                route.fulfill(status=503, json={"error": "busy"})
            else:
                route.continue_()

        page.route("**/response", refuse_while_busy)
        for position in range(1, 11):
            answer(page, position)
        page.wait_for_selector("text=Saving your last answers")
        assert page.url.endswith("/trials")
        assert len(keys) == 1  # one after another
        is_busy = False
        page.wait_for_url("**/questions", timeout=60_000)
        stored_rows(page, study, 10)


def test_coming_back_with_the_browsers_button_asks_the_server_anew(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_trials(page)
        answer(page, 1)
        wait_for_trial(page, 2)
        stored_rows(page, study, 1)
        page.goto("about:blank")
        page.go_back()
        page.wait_for_selector("text=Welcome back: 9 of 10 pairs are left.")
        page.click("#start-button")
        page.wait_for_selector(READY)
        answer(page, 2)
        rows = stored_rows(page, study, 2)
    assert [row["visit"] for row in rows] == [1, 2]
