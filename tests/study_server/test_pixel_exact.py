"""What a participant's display shows is exactly the pixels of the manifest, whatever its scale and zoom."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Launch, open_browser
from participant import READY, crops_of_trial, find_exactly, go_to_trials, screenshot
from playwright.sync_api import Page
from study_server.study_folder import StudyFolder

pytestmark = pytest.mark.slow


def assert_pair_is_exact(page: Page, study: StudyFolder, k: int, position: int = 1) -> None:
    screen = screenshot(page)
    left, right = crops_of_trial(study, position)
    found_left, found_right = find_exactly(screen, left, k), find_exactly(screen, right, k)
    gap = (256 + 20) * k
    # A 0-pixel pair is found twice for either crop; the two places are the same.
    assert any(b.x - a.x == gap and b.y == a.y for a in found_left for b in found_right), (found_left, found_right)


@pytest.mark.parametrize(
    ("scale", "k"), [(1, 1), (1.1, 1), (1.25, 1), (1.5, 1), (1.75, 1), (2, 2), (2.625, 2), (3, 3)]
)
def test_both_crops_stand_in_the_screenshot_bit_for_bit(
    browse: Launch, study: StudyFolder, scale: float, k: int
) -> None:
    with browse(scale=scale) as page:
        go_to_trials(page)
        assert page.evaluate("devicePixelRatio") == pytest.approx(scale)
        assert_pair_is_exact(page, study, k)
