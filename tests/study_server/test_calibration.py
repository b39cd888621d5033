"""The screen is measured with a bank card, so that shifts are known in minutes of arc."""

from __future__ import annotations

import math

import pytest
from playwright.sync_api import Page

from browser import Launch, zoom
from participant import READY, change_settings, stored_rows
from study_server.folder.study_folder import StudyFolder

pytestmark = pytest.mark.slow

CARD_CM = 8.56


@pytest.fixture
def optional(study: StudyFolder) -> None:
    change_settings(study, calibration="optional", practice__shifts=[])


@pytest.fixture
def required(study: StudyFolder) -> None:
    change_settings(study, calibration="required", practice__shifts=[])


def go_to_calibration(page: Page) -> None:
    page.click("text=I agree to take part")
    page.click(".actions button")
    page.wait_for_url("**/calibration")


def width(page: Page) -> float:
    """Width of the outline, CSS pixels; its shape is a card's."""
    box = page.locator("#card").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(85.6 / 53.98, rel=0.01)
    return float(box["width"])


def answer_one(page: Page) -> None:
    page.wait_for_url("**/trials")
    page.click("#start-button")
    page.wait_for_selector(READY)
    page.keyboard.press("f")


def pixels_per_degree(device_pixels_per_cm: float, distance_cm: float) -> float:
    """At the centre of gaze, by the definition of the visual angle."""
    return 1 / math.degrees(2 * math.atan(0.5 / device_pixels_per_cm / distance_cm))


def test_dragging_the_corner_measures_the_screen(optional: None, browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_calibration(page)
        before = width(page)
        corner = page.locator("#corner").bounding_box()
        x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 40, y + 10, steps=4)
        page.mouse.up()
        fitted = width(page)
        assert fitted == before + 40
        page.check("text=The outline is exactly as large as my card")
        page.fill("#distance", "60.5")
        page.click("text=Go on")
        answer_one(page)
        (row,) = stored_rows(page, study, 1)
    assert row["pixels_per_degree"] == pytest.approx(pixels_per_degree(fitted / CARD_CM, 60.5))


def test_by_keyboard_alone(required: None, browse: Launch, study: StudyFolder) -> None:
    with browse(scale=2) as page:
        go_to_calibration(page)
        assert not page.is_visible("text=skip this")
        page.focus("#width")
        before = width(page)
        for _ in range(6):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")  # to the button for a little more
        page.keyboard.press("Enter")
        fitted = width(page)
        assert fitted == before + 6 * 0.5 + 1
        page.keyboard.press("Tab")
        page.keyboard.press("Space")  # the outline is as large as the card
        page.keyboard.press("Tab")
        page.keyboard.type("57")
        page.keyboard.press("Enter")
        answer_one(page)
        (row,) = stored_rows(page, study, 1)
    # Two device pixels in a CSS pixel, and each image pixel two of them wide.
    assert row["pixel_scale"] == 2
    assert row["pixels_per_degree"] == pytest.approx(pixels_per_degree(fitted / CARD_CM, 57))
    if row["shift_px"]:
        assert row["shift_arcmin"] == pytest.approx(60 * row["shift_px"] / row["pixels_per_degree"])


def test_nothing_is_taken_that_was_not_measured(required: None, browse: Launch) -> None:
    with browse() as page:
        go_to_calibration(page)
        page.click("text=Go on")  # neither the outline confirmed nor a distance given
        assert page.evaluate("document.activeElement.id") == "matched"
        page.check("#matched")
        page.click("text=Go on")
        assert page.evaluate("document.activeElement.id") == "distance"
        for impossible in ("19", "201"):
            page.fill("#distance", impossible)
            page.click("text=Go on")
            assert not page.evaluate("document.getElementById('distance').validity.valid")
        assert page.url.endswith("/calibration")


def test_who_has_no_card_can_skip_where_the_study_allows_it(optional: None, browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_calibration(page)
        page.click("text=I have no card at hand")
        answer_one(page)
        (row,) = stored_rows(page, study, 1)
    assert row["pixels_per_degree"] is None
    assert row["shift_arcmin"] is None


def test_a_zoom_keeps_the_outline_as_large_as_it_is_and_asks_to_look_again(
    required: None, browse: Launch, study: StudyFolder
) -> None:
    with browse(zoomable=True) as page:
        go_to_calibration(page)
        page.fill("#width", "400")
        page.check("#matched")
        zoom(page, 1.25)
        page.wait_for_selector("text=The zoom or the screen has changed.")
        assert not page.is_checked("#matched")
        assert 1.25 * width(page) == pytest.approx(400, abs=1)
        page.check("#matched")
        page.fill("#distance", "57")
        page.click("text=Go on")
        answer_one(page)
        (row,) = stored_rows(page, study, 1)
    assert row["pixels_per_degree"] == pytest.approx(pixels_per_degree(400 / CARD_CM, 57), rel=0.005)


def test_moving_the_outline_after_it_matched_asks_to_confirm_again(required: None, browse: Launch) -> None:
    with browse() as page:
        go_to_calibration(page)
        page.check("#matched")
        page.click("#narrower")
        assert not page.is_checked("#matched")
