"""Three images a trial: the room that they need, their order and receipts, practice without a right answer, examples.

That they are shown pixel by pixel is proved in test_pixel_exact.py.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, Route

from browser import Launch, open_browser
from participant import READY, find_exactly, go_to_trials, screenshot, stored_rows, wait_for_trial
from served import served
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli.photographs import Pixels, read_png

pytestmark = pytest.mark.slow

PLACES = ["left", "middle", "right"]
# 256 px an image: two of them with the gap take 532 px, three 808 px.
NARROW, WIDE = {"width": 700, "height": 900}, {"width": 830, "height": 900}


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Path:
    """Of what `study` is a copy; a test names another by `indirect`."""
    path: Path = request.getfixturevalue(getattr(request, "param", "made_odd_one_out"))
    return path


# --- room ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "screen", "is_welcome"),
    [("made_study", NARROW, True), ("made_odd_one_out", NARROW, False), ("made_odd_one_out", WIDE, True)],
    indirect=["made"],
)
def test_the_screen_must_have_room_for_all_images(study: StudyFolder, screen: dict[str, int], is_welcome: bool) -> None:
    # As high as it is wide, for a screen can be turned.
    square = {"width": screen["width"], "height": screen["width"]}
    with served(study) as url, open_browser(viewport=square, screen=square) as context:
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("#agree:enabled" if is_welcome else "text=You cannot take part with this device")
        assert page.is_visible("text=too small for the three pictures") is not is_welcome
        assert page.is_enabled("#agree") is is_welcome


def test_a_window_with_room_for_two_images_asks_for_the_width_of_three(study: StudyFolder) -> None:
    with served(study) as url, open_browser(viewport=WIDE, screen=WIDE) as context:
        page = context.new_page()
        page.goto(url)
        go_to_trials(page)
        page.set_viewport_size(NARROW)
        page.wait_for_selector("text=need a window of at least 808 ×")
        assert all(button.is_disabled() for button in page.query_selector_all("[data-answer]"))
        page.set_viewport_size({"width": 808, "height": 900})
        page.wait_for_selector(READY)


# --- trials ----------------------------------------------------------------------------------------------------------


def test_an_answer_brings_back_the_receipts_of_all_images(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        given: dict[str, str] = {}

        def note(response: Response) -> None:
            if "/images/" in response.url:
                given[response.url] = response.headers["x-shift-study-sent"]

        page.on("response", note)
        with page.expect_response("**/api/trials") as session:
            go_to_trials(page)
        with page.expect_request("**/response") as request:
            page.click("[data-answer=middle]")
        images = session.value.json()["trials"][0]["images"]
        origin = page.url.removesuffix("/trials")
        assert list(images) == PLACES
        assert request.value.post_data_json["sent"] == {place: given[origin + path] for place, path in images.items()}
        (row,) = stored_rows(page, study, 1)
    assert row["response"] == "middle"
    assert row["images_sent_at"] is not None


def test_every_answer_has_a_button_and_a_key_in_the_order_of_the_places(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_trials(page)
        buttons = page.query_selector_all("[data-answer]")
        boxes = [button.bounding_box() for button in buttons]
        assert [button.get_attribute("data-answer") for button in buttons] == PLACES
        assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
        assert len({box["y"] for box in boxes}) == 1
        for position, button in enumerate(buttons, start=1):
            wait_for_trial(page, position, total=9)
            page.keyboard.press(button.query_selector("kbd").inner_text().lower())
        rows = stored_rows(page, study, 3)
    assert [row["response"] for row in rows] == PLACES


@pytest.mark.parametrize("places", [PLACES[::2], PLACES])
def test_the_fixation_cross_stands_in_the_middle_of_all_images(browse: Launch, places: list[str]) -> None:
    with browse() as page:
        # The page's own stage, on a canvas of the test's, whose backing store can be read.
        drawn = page.evaluate(
            """async (places) => {
              const { Stage } = await import('/static/stage.js');
              const canvas = document.createElement('canvas');
              canvas.style = 'position: fixed; left: 0; top: 0; width: 901px; height: 301px';
              document.body.append(canvas);
              const stage = new Stage(canvas, { size: 256, gap: 20, places, pixelScale: 1, background: '#808080' });
              await stage.start();
              stage.fixate();
              const { data } = canvas.getContext('2d').getImageData(0, 0, 901, 301);
              return [...data.keys()].filter((at) => at % 4 === 0 && data[at] === 0).map((at) => at / 4);
            }""",
            places,
        )
    columns, rows = {at % 901 for at in drawn}, {at // 901 for at in drawn}
    assert (min(columns) + max(columns) + 1) / 2 == pytest.approx(450.5, abs=0.5)
    assert (min(rows) + max(rows) + 1) / 2 == pytest.approx(150.5, abs=0.5)
    assert (max(columns) - min(columns), max(rows) - min(rows)) == (19, 19)


# --- practice --------------------------------------------------------------------------------------------------------


def begin_practice(page: Page, *, known: int) -> None:
    """Go to the practice; its last `known` trials have a right answer, the others none."""

    def reply(route: Route) -> None:
        answer = route.fetch()
        number = int(route.request.url.split("/")[-2])
        unknown = {"correct": None, "truth": None} if number <= 4 - known else {}
        route.fulfill(response=answer, json=answer.json() | unknown)

    page.route("**/api/practice/*/response", reply)
    page.click("text=I agree to take part")
    page.click("text=Go to the practice")
    page.click("#start-button")


def test_practice_without_a_right_answer_just_goes_on(browse: Launch) -> None:
    with browse() as page:
        begin_practice(page, known=0)
        question = page.inner_text("#question")
        for number in range(1, 5):
            wait_for_trial(page, number, total=4)
            assert not page.is_visible("#next")
            page.click("[data-answer=left]")
        page.wait_for_selector("#leave:visible")
        assert page.inner_text("#question") == question  # no word of right or wrong
        assert not page.get_attribute("#question", "class")
        assert not page.is_visible("#answers")
        page.keyboard.press("Enter")
        page.wait_for_url("**/trials")


def test_practice_says_what_was_right_where_something_is(browse: Launch, study: StudyFolder) -> None:
    truth = study.practice_trials[3].truth
    assert truth is not None
    other = next(place for place in PLACES if place != truth)
    with browse() as page:
        begin_practice(page, known=1)
        for number, answer in enumerate([other, other, other, truth], start=1):
            wait_for_trial(page, number, total=4)
            page.click(f"[data-answer={answer}]")
        page.wait_for_selector("#question.right")
        assert page.inner_text("#question") == f"Right: the {truth} one differed."
        page.reload()
        page.unroute("**/api/practice/*/response")
        page.click("#start-button")
        page.wait_for_selector(READY)
        wrong = next(place for place in PLACES if place != study.practice_trials[0].truth)
        page.click(f"[data-answer={wrong}]")
        page.wait_for_selector("#question.wrong")
        assert page.inner_text("#question") == f"Not quite: the {study.practice_trials[0].truth} one differed."
        page.keyboard.press(" ")
        wait_for_trial(page, 2, total=4)


# --- the example -----------------------------------------------------------------------------------------------------


def open_example(page: Page, study: StudyFolder) -> list[Pixels]:
    """Go to the instructions; the images of their example, from the left."""
    page.click("text=I agree to take part")
    page.wait_for_selector("#flip")
    page.locator("canvas").scroll_into_view_if_needed()
    example = study.example
    assert example is not None
    assert example.in_turn == ("left", "middle")
    images = [read_png(study.practice_path / example.row.files[role]) for role in example.arrangement]
    assert len(images) == 3
    return images


def wait_to_see(page: Page, *expected: Pixels | None) -> None:
    """Wait until the example shows exactly these images at its places, from the left; None: nothing there."""
    box = page.locator("canvas").bounding_box()
    assert box is not None
    top, left = int(box["y"]), int(box["x"] + (box["width"] - 808) / 2)
    deadline = time.monotonic() + 20
    while True:
        screen = screenshot(page)[top - 1 : top + 260]
        shown = [screen[:, left + n * 276 - 2 : left + n * 276 + 259] for n in range(3)]
        if all(is_shown(image, at) for image, at in zip(expected, shown, strict=True)):
            return
        assert time.monotonic() < deadline, "the example does not show what it should"


def is_shown(image: Pixels | None, at: Pixels) -> bool:
    return bool((at == 255).all()) if image is None else bool(find_exactly(at, image, 1))


def test_the_example_shows_all_images_and_two_of_them_in_turn(browse: Launch, study: StudyFolder) -> None:
    with browse(size=(1280, 1300)) as page:
        left, middle, right = open_example(page, study)
        wait_to_see(page, left, middle, right)
        page.click("text=Show them in turn")
        wait_to_see(page, middle, middle, right)
        wait_to_see(page, left, left, right)
        page.click("text=Show them side by side")
        wait_to_see(page, left, middle, right)


def test_who_wants_less_motion_moves_the_example_step_by_step(browse: Launch, study: StudyFolder) -> None:
    with browse(size=(1280, 1300)) as page:
        page.emulate_media(reduced_motion="reduce")
        left, middle, right = open_example(page, study)
        wait_to_see(page, left, middle, right)
        page.click("text=Show the left one alone")
        wait_to_see(page, left, None, None)
        page.click("text=Show the middle one in its place")
        wait_to_see(page, middle, None, None)
        page.click("text=Show them side by side")
        wait_to_see(page, left, middle, right)


def test_an_example_is_no_black_box_while_its_images_are_on_their_way(study: StudyFolder) -> None:
    with served(study) as url, open_browser() as context:
        page = context.new_page()
        page.goto(url)
        held: list[Route] = []
        page.route("**/example-images/**", lambda route: held.append(route))
        page.click("#agree")
        page.wait_for_url("**/instructions")
        page.wait_for_selector(".example canvas", state="hidden")
        for route in held:
            route.continue_()
        page.unroute("**/example-images/**")
        page.wait_for_selector(".example canvas", state="visible")
