"""When a pair is shown and hidden, and what its reaction time is measured from."""

from __future__ import annotations

import pytest
from numpy import diff, median
from playwright.sync_api import Page

from browser import Launch, zoom
from participant import READY, change_settings, go_to_trials, stored_rows, wait_for_trial
from study_server.folder.study_folder import StudyFolder

pytestmark = pytest.mark.slow

# Notes, independently of the page's own code, when pictures are drawn, when the frames after that begin, and when the
# canvas is emptied; and when keys and mouse buttons go down.
WATCH = """
window.seen = { drawn: [], emptied: [], frames: [], keys: [], pointers: [] };
const { drawImage, fillRect } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.drawImage = function (...args) {
  window.seen.drawn.push(performance.now());
  return drawImage.apply(this, args);
};
CanvasRenderingContext2D.prototype.fillRect = function (...args) {
  window.seen.emptied.push(performance.now());
  return fillRect.apply(this, args);
};
(function frame() { window.seen.frames.push(performance.now()); requestAnimationFrame(frame); })();
document.addEventListener("keydown", (event) => window.seen.keys.push(event.timeStamp), true);
document.addEventListener("pointerdown", (event) => window.seen.pointers.push(event.timeStamp), true);
"""

# As on a device that has much else to do: each picture takes three frames and more until it is drawn.
BUSY = """
const draw = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (...args) {
  const begin = performance.now();
  while (performance.now() - begin < 60);
  return draw.apply(this, args);
};
"""
LIMIT = 500  # ms


@pytest.fixture
def timed(study: StudyFolder) -> None:
    change_settings(study, fixation_ms=300, inter_trial_ms=200, key_same="a", key_different="9")


@pytest.fixture
def limited(study: StudyFolder) -> None:
    change_settings(study, time_limit_ms=LIMIT)


def seen_until_hidden(page: Page) -> dict[str, list[float]]:
    while not page.evaluate("window.seen.emptied.at(-1) > window.seen.drawn.at(-1)"):
        pass
    return page.evaluate("window.seen")


def exposure(seen: dict[str, list[float]]) -> float:
    """From when the latest pair was drawn until it was hidden, ms."""
    drawn = seen["drawn"][-1]
    return next(time for time in seen["emptied"] if time > drawn) - drawn


@pytest.mark.parametrize(("by", "device"), [("keys", ""), ("pointers", ""), ("keys", BUSY)])
def test_reaction_time_runs_from_the_first_frame_with_the_pair(
    timed: None, browse: Launch, study: StudyFolder, by: str, device: str
) -> None:
    with browse() as page:
        page.add_init_script(WATCH + device)  # from the next page on
        go_to_trials(page)
        page.wait_for_timeout(300)  # the observer thinks
        before = page.evaluate("window.seen.keys.length + window.seen.pointers.length")
        if by == "keys":
            page.keyboard.press("9")
        else:
            page.click("[data-answer=different]")
        wait_for_trial(page, 2)
        seen = page.evaluate("window.seen")
        assert len(seen["keys"]) + len(seen["pointers"]) > before
        (row,) = stored_rows(page, study, 1)
    answered = seen[by][-1]
    drawn = [time for time in seen["drawn"] if time < answered][-1]
    shown = min(time for time in seen["frames"] if time > drawn)
    assert row["response"] == "different"
    # The clock starts inside that frame, after the callbacks before it.
    assert answered - shown - 25 < row["reaction_time_ms"] <= answered - shown
    assert row["reaction_time_ms"] > 290


def test_a_key_before_the_pair_is_shown_does_not_count(timed: None, browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_trials(page)
        page.keyboard.press("a")
        page.wait_for_selector("#count:text-is('2 of 10')")
        for _ in range(5):  # during the empty screen and the fixation cross
            page.keyboard.press("9")
        page.wait_for_selector(READY)
        assert page.inner_text("#count") == "2 of 10"
        page.keyboard.press("x")
        page.keyboard.press("f")  # no answer keys in this study
        page.keyboard.press("a")
        wait_for_trial(page, 3)
        rows = stored_rows(page, study, 2)
    assert [row["response"] for row in rows] == ["same", "same"]


def test_a_limited_pair_disappears_and_can_still_be_answered(limited: None, browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        page.add_init_script(WATCH)  # from the next page on
        go_to_trials(page)
        seen = seen_until_hidden(page)
        assert exposure(seen) > LIMIT - 5 - median(
            diff(seen["frames"])
        )  # drawn within the frame that it is counted from
        assert page.is_enabled("[data-answer=same]")
        page.keyboard.press("f")
        wait_for_trial(page, 2)
        (row,) = stored_rows(page, study, 1)
    assert row["reaction_time_ms"] > LIMIT - 100  # from the first frame with the pair, which can be noticed late


def test_a_limited_pair_that_a_busy_device_draws_late_has_its_whole_time(limited: None, browse: Launch) -> None:
    with browse() as page:
        page.add_init_script(WATCH + BUSY)
        go_to_trials(page)
        seen = seen_until_hidden(page)
    assert max(diff(seen["frames"])) > 100
    assert exposure(seen) > LIMIT - 5 - median(diff(seen["frames"]))


def test_a_frame_is_that_in_which_a_moment_lies(browse: Launch) -> None:
    with browse() as page:
        frames = page.evaluate("""async () => {
          const { Display } = await import("/static/display.js");
          const display = new Display();  // which has seen no frames yet, and takes 60 a second for granted
          return [100, 95, 116, 117, 149, 151].map((time) => display.frameAt(time, 100));
        }""")
    assert frames == pytest.approx([100, 100, 100, 100 + 50 / 3, 100 + 100 / 3, 150])


def test_a_window_that_becomes_too_small_shows_the_pair_anew_and_restarts_the_clock(
    browse: Launch, study: StudyFolder
) -> None:
    with browse(zoomable=True) as page:
        page.add_init_script(WATCH)  # from the next page on
        go_to_trials(page)
        zoom(page, 3.0)
        page.wait_for_selector("text=Please make more room")
        page.wait_for_timeout(1000)
        zoom(page, 1.0)
        page.wait_for_selector(READY)
        page.keyboard.press("f")
        wait_for_trial(page, 2)
        seen = page.evaluate("window.seen")
        (row,) = stored_rows(page, study, 1)
    answered = seen["keys"][-1]
    shown_again = [time for time in seen["drawn"] if time < answered][-1]
    assert row["reaction_time_ms"] <= answered - shown_again
    assert row["hidden"] is True
    assert row["window_changes"] >= 2


def test_a_lasting_refusal_is_told_and_outlives_a_resize(browse: Launch) -> None:
    with browse(allowed_complaint="status of 404", zoomable=True) as page:
        page.route("**/images/**", lambda route: route.fulfill(status=404, body="<h1>no</h1>"))
        page.click("text=I agree to take part")
        page.click("text=Go to the practice")
        page.click("#start-button")
        for _ in range(4):
            page.wait_for_selector(READY)
            page.keyboard.press("f")
            page.wait_for_selector("#next:visible, #leave:visible")
            page.keyboard.press("Space")
        page.wait_for_url("**/trials")
        page.click("#start-button")
        page.wait_for_selector("text=The study cannot go on")
        zoom(page, 1.25)
        assert page.is_visible("text=The study cannot go on")
        assert page.is_disabled("[data-answer=same]")
