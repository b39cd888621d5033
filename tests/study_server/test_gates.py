"""Who could not be shown the pictures hears it, and why, before agreeing to anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page

from browser import open_browser
from participant import change_settings
from served import served
from study_server.folder.study_folder import StudyFolder

pytestmark = pytest.mark.slow

PHONE = {"width": 390, "height": 844}
TABLET = {"width": 1024, "height": 1366}
LAPTOP = {"width": 1366, "height": 768}
TOUCH = {"is_mobile": True, "has_touch": True}
Visit = Callable[..., Page]


@pytest.fixture
def visit(study: StudyFolder) -> Iterator[Visit]:
    """visit(viewport, screen=…, script=…, path=…, settings=…) opens the consent form on a device of that kind."""
    with ExitStack() as stack:

        def open_page(
            viewport: dict[str, int], *, screen: dict[str, int] | None = None, script: str = "", path: str = "/",
            settings: dict[str, object] | None = None, **device: Any,
        ) -> Page:  # fmt: skip
            change_settings(study, **(settings or {}))
            url = stack.enter_context(served(StudyFolder(study.path)))
            context = stack.enter_context(open_browser(viewport=viewport, screen=screen or viewport, **device))
            context.add_init_script(script)
            page = context.new_page()
            page.goto(url + path)
            return page

        yield open_page


def reasons(page: Page) -> str:
    """What a device that is turned away is told."""
    page.wait_for_selector("text=You cannot take part with this device")
    assert not page.is_visible("text=I agree to take part")
    assert page.is_disabled("#agree")
    return page.inner_text("#gates")


def test_a_phone_is_turned_away_and_told_why_and_how_to_go_on(visit: Visit) -> None:
    page = visit(PHONE, device_scale_factor=3, **TOUCH)
    said = reasons(page)
    assert "touch screen only" in said
    assert "too small for the two pictures" in said
    assert "on a laptop or desktop computer" in said


def test_a_phone_on_its_side_is_too_small_all_the_same(visit: Visit) -> None:
    page = visit({"width": 844, "height": 390}, device_scale_factor=3, settings={"touch": False}, **TOUCH)
    said = reasons(page)
    assert "touch screen only" not in said
    assert "too small for the two pictures" in said


def test_a_tablet_is_large_enough_but_has_no_pointer(visit: Visit) -> None:
    said = reasons(visit(TABLET, device_scale_factor=2, **TOUCH))
    assert "touch screen only" in said
    assert "too small" not in said


def test_gates_that_are_off_let_everybody_in(visit: Visit) -> None:
    page = visit(PHONE, device_scale_factor=3, settings={"touch": False, "window": False, "browser": False}, **TOUCH)
    page.click("text=I agree to take part")
    page.wait_for_url("**/instructions")


def test_a_laptop_is_welcome(visit: Visit) -> None:
    page = visit(LAPTOP)
    assert not page.is_visible("#gates")
    assert not page.is_visible("#hint")
    page.click("text=I agree to take part")
    page.wait_for_url("**/instructions")


def test_a_small_window_on_a_large_screen_gets_a_hint_until_it_is_large_enough(visit: Visit) -> None:
    page = visit({"width": 500, "height": 400}, screen=LAPTOP)
    page.wait_for_selector("text=This window is small.")
    assert page.is_enabled("#agree")
    page.set_viewport_size({"width": 1300, "height": 650})
    page.wait_for_selector("#hint", state="hidden")


def test_a_browser_that_lacks_what_the_pages_use_is_turned_away(visit: Visit) -> None:
    said = reasons(visit(LAPTOP, script="delete AbortSignal.timeout;"))
    assert "cannot show pictures pixel by pixel" in said
    assert "in a current version of Chrome, Edge, Firefox or Safari" in said
    assert "laptop" not in said  # the device is fine


WITHOUT_DEVICE_PIXELS = "delete ResizeObserverEntry.prototype.devicePixelContentBoxSize;"


def test_a_browser_that_does_not_report_device_pixels_needs_a_whole_ratio(visit: Visit) -> None:
    page = visit(LAPTOP, script=WITHOUT_DEVICE_PIXELS, device_scale_factor=1.5)
    page.wait_for_selector("text=One thing first")
    assert "only at a zoom of 100%" in page.inner_text("#gates")
    assert "Chrome" not in page.inner_text("#gates")
    assert page.is_disabled("#agree")


def test_who_came_from_prolific_is_led_back_with_the_screen_out_code(visit: Visit) -> None:
    identity = "".join(f"{name}={'5f' * 12}&" for name in ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID"))
    codes = {"platforms": ["prolific"], "prolific_screen_out_code": "SCREENED"}
    page = visit(PHONE, path=f"/?{identity}", settings=codes, **TOUCH)
    reasons(page)
    link = page.get_attribute("text=Go back to where you were invited", "href")
    assert link == "https://app.prolific.com/submissions/complete?cc=SCREENED"
