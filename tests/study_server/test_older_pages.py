"""Pages that were loaded, and answers that were given, before a study could have other than two images a trial."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page

from browser import Launch
from participant import READY, go_to_trials, stored_rows
from requests_of_a_participant import ANSWER, begin, receipts_of
from study_server.export.responses import response_rows
from study_server.folder.study_folder import StudyFolder


def as_then(receipts: dict[str, str]) -> dict[str, str]:
    return {f"{place}_sent": text for place, text in receipts.items()}


def test_an_answer_in_the_older_form_is_stored_like_one_in_the_present_form(
    configure: Callable[..., Flask], study: StudyFolder
) -> None:
    app = configure(platforms=["open"])
    client = app.test_client()
    older, present = (trial["id"] for trial in begin(client)[:2])
    bodies = {
        older: {"idempotency_key": "key-of-older"} | as_then(receipts_of(app, older, minutes_ago=5)["sent"]),
        present: {"idempotency_key": "key-of-present"} | receipts_of(app, present, minutes_ago=5),
    }
    for trial, body in bodies.items():
        for _ in range(2):  # an outbox may send it twice
            assert client.put(f"/api/trials/{trial}/response", json=ANSWER | {"visit": 1} | body).status_code == 200
    rows = response_rows(str(study.path))
    assert len(rows) == 2
    assert all(row["images_sent_at"] is not None for row in rows)
    for name in ("response", "reaction_time_ms", "pixel_scale", "viewport_width", "visit"):
        assert (rows[0][name] == rows[1][name]) and rows[0][name] is not None


def test_an_answer_in_the_older_form_needs_the_receipts_all_the_same(
    configure: Callable[..., Flask], study: StudyFolder
) -> None:
    app = configure(platforms=["open"])
    client = app.test_client()
    first, second = (trial["id"] for trial in begin(client)[:2])
    good = as_then(receipts_of(app, first)["sent"])
    for receipts in (
        {"left_sent": good["left_sent"]}, good | {"right_sent": None}, as_then(receipts_of(app, second)["sent"]),
        {"left_sent": good["right_sent"], "right_sent": good["left_sent"]},
    ):  # fmt: skip
        refused = client.put(f"/api/trials/{first}/response", json=ANSWER | {"visit": 1} | receipts)
        assert refused.status_code == 409, receipts
    assert response_rows(str(study.path)) == []


# Puts an answer to the next trial into the outbox, as the page did then.
_GIVE = """async (answer) => {
  const session = await (await fetch('/api/trials')).json();
  const { id, images } = session.trials[0];
  const sent = async (url) => (await fetch(url)).headers.get('X-Shift-Study-Sent');
  const body = { ...answer, left_sent: await sent(images.left), right_sent: await sent(images.right) };
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const database = await settled(indexedDB.open('shift-study /', 1));
  const given = { key: '00112233445566778899aabbccddeeff', outbox: session.outbox, sequence: 1, trial: id,
    answeredAt: Date.now() - 60000, body };
  await settled(database.transaction('answers', 'readwrite').objectStore('answers').put(given));
  database.close();
  return id;
}"""

# What the page of then gave to its outbox.
_GIVEN_THEN = {
    "response": "different", "reaction_time_ms": 1234.5, "device_pixel_ratio": 1, "pixel_scale": 1,
    "viewport_width": 1280, "viewport_height": 720, "hidden": False, "window_changes": 0, "refresh_rate_hz": 60,
    "visit": 1,
}  # fmt: skip


@pytest.mark.slow
def test_what_waits_in_a_browser_from_before_an_upgrade_is_delivered(browse: Launch, study: StudyFolder) -> None:
    with browse() as page:
        go_to_trials(page)
        trial = page.evaluate(_GIVE, _GIVEN_THEN)
        page.reload()
        page.wait_for_selector("text=Welcome back: 9 of 10 pairs are left.")
        (row,) = stored_rows(page, study, 1)
        assert (row["response"], row["reaction_time_ms"], row["visit"]) == ("different", 1234.5, 1)
        assert row["images_sent_at"] is not None
        assert row["sent_after_ms"] >= 60_000
        page.click("#start-button")
        page.wait_for_selector(READY)
        body = answered_with(page, "f")
        rows = stored_rows(page, study, 2)
    assert trial not in json.dumps(body)
    assert set(body["sent"]) == {"left", "right"}  # and the page of now has the present form
    assert "left_sent" not in body
    assert rows[1]["images_sent_at"] is not None


def answered_with(page: Page, key: str) -> dict[str, object]:
    """Answer the trial that is shown; the body that is sent."""
    with page.expect_request("**/response") as request:
        page.keyboard.press(key)
    body: dict[str, object] = request.value.post_data_json
    return body
