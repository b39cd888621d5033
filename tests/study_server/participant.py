"""A participant in a real browser: the steps that several tests take."""

from __future__ import annotations

import base64
import io
import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page
from sqlalchemy import select

from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder
from study_server.stimuli.photographs import Pixels, read_png
from study_server.storage.database import Database
from study_server.storage.models import Stimulus, Trial

READY = "[data-answer]:enabled"
_PATIENCE_S = 30


def change_settings(study: StudyFolder, **settings: object) -> None:
    """Change settings of the study, which must be in its study.toml once each, before it is served.

    One whose name stands in several sections has that of its own before it: `practice__shifts`.
    """
    path = study.path / "study.toml"
    text = path.read_text(encoding="utf-8")
    for name, value in settings.items():
        shown = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
        section, _, key = name.rpartition("__")
        before = rf"(^\[{section}\]\n(?:(?!\[).*\n)*?)" if section else "(^)"
        text, found = re.subn(rf"{before}{key} = .*$", rf"\g<1>{key} = {shown}", text, flags=re.MULTILINE)
        assert found == 1, name
    path.write_text(text, encoding="utf-8")


def go_to_trials(page: Page) -> None:
    """From the consent form to the first trial, with no more of the pages between than their forms."""
    base = page.url.rstrip("/")
    token = page.get_attribute("[name=csrf_token]", "value")
    for stage in ("consent", "instructions", "practice"):
        sent = page.request.post(f"{base}/{stage}", form={"csrf_token": token}, max_redirects=0)
        assert sent.status == 303, (stage, sent.status, sent.text())
    page.goto(f"{base}/trials")
    page.click("#start-button")
    page.wait_for_selector(READY)


def practise_and_go_to_trials(page: Page) -> None:
    """From the consent form to the first trial, by way of the practice."""
    page.click("text=I agree to take part")
    page.click("text=Go to the practice")
    page.click("#start-button")
    while True:
        page.wait_for_selector(READY)
        page.click("[data-answer]")
        page.wait_for_selector("#next:visible, #leave:visible")
        if page.is_visible("#leave"):
            break
        page.click("#next")
    page.click("#leave button")
    page.wait_for_url("**/trials")
    page.click("#start-button")
    page.wait_for_selector(READY)


def wait_for_trial(page: Page, position: int, total: int = 10) -> None:
    """Wait until the pair at this position can be answered."""
    page.wait_for_selector(f"#count:text-is('{position} of {total}')")
    page.wait_for_selector(READY)


def stored_rows(page: Page, study: StudyFolder, count: int) -> list[dict[str, Any]]:
    """The responses, once there are `count` of them: the page goes on before the server has an answer."""
    deadline = time.monotonic() + _PATIENCE_S
    while len(rows := response_rows(str(study.path))) < count:
        assert time.monotonic() < deadline, f"{len(rows)} answers have come, not {count}"
        page.wait_for_timeout(20)  # lets Playwright answer the requests that a test intercepts
    assert len(rows) == count
    return rows


def crops_of_trial(study: StudyFolder, position: int) -> list[Pixels]:
    """The crops, from the left, that the only participant's trial at this position should show."""
    database = Database(study.database_url)
    with database.reading() as session:
        of_trial = select(Stimulus.name, Trial.arrangement).join(Trial, Trial.stimulus_id == Stimulus.id)
        name, arrangement = session.execute(of_trial.where(Trial.position == position)).one()
    database.close()
    files = study.row(name).files
    return [read_png(study.path / files[role]) for role in arrangement.split()]


@dataclass(frozen=True)
class Found:
    """Where a crop stands in a screenshot, device pixels."""

    x: int
    y: int


def screenshot(page: Page) -> Pixels:
    """What the display shows, one value for each device pixel."""
    # Not page.screenshot: once the browser is zoomed it cuts the picture at the window's size in CSS pixels.
    session = page.context.new_cdp_session(page)
    data = base64.b64decode(session.send("Page.captureScreenshot", {"format": "png"})["data"])
    session.detach()
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def find_exactly(screen: Pixels, crop: Pixels, k: int) -> list[Found]:
    """All places where the crop stands in the screenshot bit for bit, each of its pixels k × k device pixels."""
    wanted = crop.repeat(k, axis=0).repeat(k, axis=1)
    height, width = wanted.shape[:2]
    if height > screen.shape[0] or width > screen.shape[1]:
        return []
    # Few places match in the corners and the middle, and only those are compared whole.
    window = screen[: screen.shape[0] - height + 1, : screen.shape[1] - width + 1]
    candidates = np.ones(window.shape[:2], dtype=bool)
    for row, column in [
        (0, 0),
        (0, width - 1),
        (height - 1, 0),
        (height - 1, width - 1),
        (height // 2, width // 2),
    ]:
        part = screen[row : row + window.shape[0], column : column + window.shape[1]]
        candidates &= (part == wanted[row, column]).all(axis=2)
    return [
        Found(int(x), int(y))
        for y, x in zip(*np.nonzero(candidates), strict=True)
        if np.array_equal(screen[y : y + height, x : x + width], wanted)
    ]
