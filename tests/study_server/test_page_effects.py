"""Styles that change what is seen, of an extension or anything else: meanwhile nothing is shown or answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page

from browser import Launch, open_browser
from participant import READY, crops_of_trial, find_exactly, go_to_trials, screenshot, stored_rows, wait_for_trial
from study_server.folder.study_folder import StudyFolder

pytestmark = pytest.mark.slow

STYLES = [
    "html { filter: invert(1) hue-rotate(180deg) }",  # a dark mode
    "body { filter: sepia(0.3) }",  # a night light
    "canvas { filter: brightness(1.1) }",
    "main { opacity: 0.99 }",
    "canvas { mix-blend-mode: difference }",
    "html { transform: scale(1.1) }",
    "main { rotate: 1deg }",
    "canvas { scale: 1.05 }",
    "body { translate: 0 1px }",
    "html { zoom: 1.25 }",
    "main { clip-path: circle(40%) }",
    "html::after { content: ''; position: fixed; inset: 0; background: rgba(255, 150, 0, 0.1); pointer-events: none }",
]
LAYERS = [
    "background: rgba(255, 150, 0, 0.1); mix-blend-mode: multiply",
    "backdrop-filter: contrast(0.9)",
]
HARMLESS = (
    "width: 0; height: 0; background: red",
    "inset: 0; background: transparent",
    "inset: 0; opacity: 0; background: red",
)
ALTERED = "text=Something changes the pictures"


@contextmanager
def styled(page: Page, css: str) -> Iterator[None]:
    # As extensions put it there: the page's policy forbids the page its own.
    page.evaluate(
        """(css) => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(css);
            document.adoptedStyleSheets = [sheet];
        }""",
        css,
    )
    yield
    page.evaluate("document.adoptedStyleSheets = []")


@contextmanager
def layered(page: Page, css: str, parent: str = "document.documentElement") -> Iterator[None]:
    """With a layer over the page that takes no clicks, as extensions put it beside the page's own content."""
    page.evaluate(
        f"""(css) => {parent}.append(Object.assign(document.createElement("div"), {{ id: "layer",
            style: `position: fixed; z-index: 9999; inset: 0; pointer-events: none; ${{css}}` }}))""",
        css,
    )
    yield
    page.evaluate("document.getElementById('layer').remove()")


def shows_the_pair(page: Page, study: StudyFolder) -> bool:
    screen = screenshot(page)
    return all(find_exactly(screen, crop, 1) for crop in crops_of_trial(study, 1))


def test_nothing_is_shown_while_anything_changes_how_it_looks(browse: Launch, study: StudyFolder) -> None:
    with browse(allowed_complaint="Canvas2D") as page:
        go_to_trials(page)
        for change in [*(styled(page, css) for css in STYLES), *(layered(page, css) for css in LAYERS)]:
            assert shows_the_pair(page, study)
            with change:
                page.wait_for_selector(ALTERED)
                assert page.is_disabled("[data-answer=same]")
                page.keyboard.press("j")  # must not count
                # Nor are the pictures anywhere under it.
                assert (
                    page.evaluate(
                        """new Set(new Uint32Array(document.getElementById("stage").getContext("2d")
                        .getImageData(0, 0, 1280, 600).data.buffer)).size"""
                    )
                    == 1
                )
            page.wait_for_selector(READY)
        page.keyboard.press("j")
        wait_for_trial(page, 2)
        page.keyboard.press("f")
        rows = stored_rows(page, study, 2)
    assert [(row["response"], row["page_altered"], row["hidden"]) for row in rows] == [
        ("different", True, True),
        ("same", False, False),
    ]


def test_what_changes_nothing_disturbs_nobody(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_trials(page)
        for css in HARMLESS:
            with layered(page, css, parent="document.body"):
                page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
                assert not page.is_visible(ALTERED)
                assert shows_the_pair(page, study)
        page.keyboard.press("j")
        (row,) = stored_rows(page, study, 1)
    assert (row["page_altered"], row["hidden"]) == (False, False)


@pytest.mark.parametrize("device", [{"forced_colors": "active"}, {"color_scheme": "dark"}, {"contrast": "more"}])
def test_a_browser_set_to_other_colours_leaves_the_pictures_alone(
    server: str, study: StudyFolder, device: dict[str, str]
) -> None:
    with open_browser(viewport={"width": 1280, "height": 800}, **device) as browser:
        page = browser.new_page()
        page.goto(server)
        go_to_trials(page)
        assert shows_the_pair(page, study)
