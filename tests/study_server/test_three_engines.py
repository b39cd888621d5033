"""What Firefox and WebKit show is exactly the pixels of the manifest, as Chromium does (test_pixel_exact.py)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from other_browsers import Visitor, missing, open_firefox, open_webkit
from participant import Found, crops_of_trial, find_exactly
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:setting remote_server_addr:DeprecationWarning"),  # Selenium of its own WebKit
    # Werkzeug leaves the file open of which a browser has a copy (304).
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(bool(missing()), reason=f"Debian's packages {', '.join(missing())} are not installed"),
]

Open = Callable[[float], AbstractContextManager[Visitor]]
EXAMPLE_IS_SHOWN = """(() => {
      const canvas = document.querySelector(".example canvas");
      if (!canvas || !("started" in document.documentElement.dataset)) return false;
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size > 500;
    })()"""
READY = "document.querySelector('[data-answer]:enabled')"


def go_to_trials(visitor: Visitor, url: str) -> None:
    """From the consent form to the first trial, with no more of the pages between than their forms."""
    visitor.driver.get(url)
    visitor.driver.execute_async_script(
        """const done = arguments[0];
        const body = new URLSearchParams({csrf_token: document.querySelector("[name=csrf_token]").value});
        (async () => {
          for (const stage of ["consent", "instructions", "practice"]) await fetch("/" + stage, {method: "POST", body});
        })().then(done);"""
    )
    visitor.driver.get(f"{url}/trials")
    visitor.click("#start-button")
    visitor.wait_for(READY)


def assert_pair_is_exact(visitor: Visitor, study: StudyFolder, k: int, position: int = 1) -> None:
    """Both crops stand on the display beside each other, 20 image pixels apart, each pixel k × k."""
    screen = visitor.screenshot()
    left, right = (find_exactly(screen, crop, k) for crop in crops_of_trial(study, position))
    assert left, "the left crop is nowhere"
    assert any(Found(first.x + (256 + 20) * k, first.y) in right for first in left)


def rows_stored(study: StudyFolder, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 30
    while len(rows := response_rows(str(study.path))) < count:
        assert time.monotonic() < deadline, f"{len(rows)} answers have come, not {count}"
    return rows


@pytest.mark.parametrize(
    ("browser", "scale", "k"),
    [(open_firefox, 1, 1), (open_firefox, 1.5, 1), (open_firefox, 2, 2), (open_webkit, 1, 1)],
)
def test_both_crops_stand_on_the_display_bit_for_bit(
    browser: Open, scale: float, k: int, server: str, study: StudyFolder
) -> None:
    with browser(scale) as visitor:
        go_to_trials(visitor, server)
        assert visitor.run("return devicePixelRatio") == pytest.approx(scale)
        assert_pair_is_exact(visitor, study, k)


@pytest.mark.parametrize(
    ("browser", "scale", "k", "exactness"), [(open_firefox, 1.25, 1, "reported"), (open_webkit, 2, 2, "derived")]
)
def test_a_whole_visit_from_consent_to_code(
    browser: Open, scale: float, k: int, exactness: str, server: str, study: StudyFolder
) -> None:
    with browser(scale) as visitor:
        visitor.driver.get(server)
        visitor.click("#agree")
        visitor.wait_for(EXAMPLE_IS_SHOWN)
        visitor.click(".actions .primary")
        visitor.click("#start-button")
        while True:
            visitor.wait_for(READY)
            visitor.click("[data-answer]")
            visitor.wait_for("[...document.querySelectorAll('#next, #leave')].some((one) => one.checkVisibility())")
            if visitor.run("return document.querySelector('#leave').checkVisibility()"):
                break
            visitor.click("#next")
        visitor.click("#leave button")
        visitor.wait_for("location.pathname === '/trials'")
        visitor.click("#start-button")
        for number in range(1, 11):
            visitor.wait_for(f"document.querySelector('#count').textContent === '{number} of 10' && {READY}")
            assert_pair_is_exact(visitor, study, k, number)
            visitor.click(f"[data-answer={'different' if number % 2 else 'same'}]")
        visitor.wait_for("location.pathname === '/questions'")
        visitor.click("input[value='20–35']")
        visitor.click(".actions .primary, button.primary")
        code = visitor.wait_for("document.querySelector('#completion-code')?.innerText")
    assert len(code) == 10
    rows = response_rows(str(study.path))
    assert [row["response"] for row in rows] == ["different", "same"] * 5
    assert {(row["exactness"], row["pixel_scale"], row["page_altered"]) for row in rows} == {(exactness, k, False)}
    assert {row["participant_state"] for row in rows} == {"finished"}


def test_webkit_is_let_in_once_its_zoom_is_reset(server: str) -> None:
    with open_webkit() as visitor:
        visitor.driver.get(server)
        assert visitor.run("return !document.querySelector('#agree').disabled")
        visitor.press("ctrl+plus")
        visitor.wait_for_text("only at a zoom of 100%")
        assert visitor.text("#gates-title") == "One thing first"
        assert visitor.run("return document.querySelector('#agree').disabled")
        visitor.press("ctrl+0")
        visitor.click("#agree")
        visitor.wait_for("location.pathname === '/instructions'")


def test_webkit_shows_nothing_while_it_is_zoomed_in_a_trial_and_then_all_of_it_anew(
    server: str, study: StudyFolder
) -> None:
    with open_webkit() as visitor:
        go_to_trials(visitor, server)
        assert_pair_is_exact(visitor, study, 1)
        visitor.press("ctrl+minus")  # there is more room now, and no want of it hides the pictures
        visitor.wait_for_text("Please set the zoom to 100%")
        assert visitor.run("return [...document.querySelectorAll('[data-answer]')].every((one) => one.disabled)")
        notice = visitor.run(
            "return JSON.parse(JSON.stringify(document.querySelector('#room').getBoundingClientRect()))"
        )
        stage = visitor.screenshot()[150:700, 20:1300]
        left = int(notice["left"] / 1.2) - 40  # the notice is in the middle, and smaller by the zoom
        assert (stage[:, :left] == 0x80).all()
        visitor.press("j")  # must not count
        visitor.press("ctrl+0")
        visitor.wait_for(READY)
        assert_pair_is_exact(visitor, study, 1)
        assert visitor.text("#count") == "1 of 10"
        visitor.click("[data-answer=same]")
        (row,) = rows_stored(study, 1)
    assert (row["response"], row["hidden"], row["exactness"]) == ("same", True, "derived")
    assert row["window_changes"] >= 2
