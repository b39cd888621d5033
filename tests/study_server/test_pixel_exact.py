"""What a participant's display shows is exactly the pixels of the manifest, whatever its scale and zoom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from browser import Launch, zoom
from participant import READY, Found, crops_of_trial, find_exactly, go_to_trials, screenshot, stored_rows
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli.photographs import Pixels

pytestmark = pytest.mark.slow


def assert_pair_is_exact(page: Page, study: StudyFolder, k: int, position: int = 1) -> None:
    assert_row_is_exact(page, crops_of_trial(study, position), k)


def assert_row_is_exact(page: Page, crops: Sequence[Pixels], k: int) -> None:
    """The crops stand beside each other in this order, 20 image pixels apart, and in the middle of the window."""
    screen = screenshot(page)
    found = [find_exactly(screen, crop, k) for crop in crops]
    step, width = (256 + 20) * k, (len(crops) * (256 + 20) - 20) * k
    # Equal crops, as those of a 0-pixel pair, are found at each other's places as well.
    rows = [
        first for first in found[0]
        if all(Found(first.x + n * step, first.y) in places for n, places in enumerate(found))
    ]  # fmt: skip
    assert len(rows) == 1, found
    assert abs(rows[0].x - (screen.shape[1] - width) / 2) < 1


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Path:
    """Of what `study` is a copy; a test names another by `indirect`."""
    path: Path = request.getfixturevalue(getattr(request, "param", "made_study"))
    return path


@pytest.mark.parametrize(("made", "images"), [("made_study", 2), ("made_odd_one_out", 3)], indirect=["made"])
@pytest.mark.parametrize(("scale", "k"), [(1, 1), (1.1, 1), (1.25, 1), (1.5, 1), (1.75, 1), (2, 2), (2.625, 2), (3, 3)])
def test_all_crops_stand_in_the_screenshot_bit_for_bit(
    browse: Launch, study: StudyFolder, scale: float, k: int, images: int
) -> None:
    with browse(scale=scale) as page:
        go_to_trials(page)
        assert page.evaluate("devicePixelRatio") == pytest.approx(scale)
        crops = crops_of_trial(study, 1)
        assert len(crops) == images
        assert_row_is_exact(page, crops, k)


def test_exact_wherever_the_pair_lands_in_the_window(browse: Launch, study: StudyFolder) -> None:
    with browse(scale=1.25) as page:
        go_to_trials(page)
        for width, height in [(1001, 733), (1366, 768), (2560, 1440)]:
            resize(page, width, height)
            assert_pair_is_exact(page, study, 1)


def resize(page: Page, width: int, height: int) -> None:
    """Make the window about as large as this, CSS pixels: it has whole device pixels."""
    session = page.context.new_cdp_session(page)
    window = session.send("Browser.getWindowForTarget")["windowId"]
    session.send("Browser.setWindowBounds", {"windowId": window, "bounds": {"width": width, "height": height}})
    session.detach()
    page.wait_for_function("size => Math.hypot(outerWidth - size[0], outerHeight - size[1]) < 4", arg=[width, height])
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_zooming_in_the_middle_of_a_trial_keeps_it_exact_and_is_recorded(browse: Launch, study: StudyFolder) -> None:
    with browse(size=(1800, 1200), zoomable=True) as page:
        go_to_trials(page)
        for factor, k in [(1.1, 1), (1.5, 1), (0.67, 1), (2.0, 2)]:
            zoom(page, factor)
            assert_pair_is_exact(page, study, k)
        page.keyboard.press("j")
        page.wait_for_selector("text=2 of 10")
        (row,) = stored_rows(page, study, 1)
    assert (row["response"], row["pixel_scale"]) == ("different", 2)
    assert row["device_pixel_ratio"] == pytest.approx(2)
    assert row["viewport_width"] == 900
    assert row["window_changes"] >= 4
    assert row["hidden"] is False


def test_a_window_that_is_too_small_asks_for_room_and_never_scales(browse: Launch, study: StudyFolder) -> None:
    with browse(zoomable=True) as page:
        go_to_trials(page)
        zoom(page, 3.0)  # the window is now 427 CSS pixels wide, and k = 3
        page.wait_for_selector("text=Please make more room")
        screen = screenshot(page)
        # No picture at all, scaled or not: between the bars there is the notice and the background, nothing else.
        notice, top, bottom = (page.locator(name).bounding_box() for name in ("#room", "#top", "#bottom"))
        middle = screen[math.ceil(3 * (top["y"] + top["height"])) : math.floor(3 * bottom["y"])].copy()
        around = np.ones(middle.shape[:2], dtype=bool)
        around[:, math.floor(3 * notice["x"]) : math.ceil(3 * (notice["x"] + notice["width"]))] = False
        assert around.sum() > 1000
        assert (middle[around] == 0x80).all()
        assert page.is_disabled("[data-answer=same]")
        page.keyboard.press("j")  # must not count
        zoom(page, 1.0)
        page.wait_for_selector(READY)
        assert_pair_is_exact(page, study, 1)
        assert page.inner_text("#count") == "1 of 10"
    assert not response_rows(str(study.path))


def test_the_search_is_exact() -> None:
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    screen = np.full((200, 300, 3), 128, np.uint8)
    screen[50:114, 70:134] = crop.repeat(2, axis=0).repeat(2, axis=1)
    assert [(f.x, f.y) for f in find_exactly(screen, crop, 2)] == [(70, 50)]
    screen[80, 100, 1] ^= 1
    assert not find_exactly(screen, crop, 2)
    assert not find_exactly(screen, crop, 1)
