"""Nothing that the browser receives tells the answer."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from requests_of_a_participant import answer, begin, database, pixels, sign_in
from study_server.folder.study_folder import StudyFolder
from study_server.participants.enrolment import enrol
from study_server.participants.progress import remaining_trials
from study_server.participants.receipts import HEADER
from study_server.storage.models import Stimulus, Trial


def chunks(image: bytes) -> list[str]:
    """Names of the chunks of a PNG or a WebP, in order."""
    names = []
    if image.startswith(b"\x89PNG"):
        at = 8
        while at < len(image):
            names.append(image[at + 4 : at + 8].decode())
            at += 12 + int.from_bytes(image[at : at + 4], "big")
    else:
        at = 12
        while at < len(image):
            names.append(image[at : at + 4].decode())
            length = int.from_bytes(image[at + 4 : at + 8], "little")
            at += 8 + length + length % 2
    assert at == len(image)
    return names


def zero_pixel_trial(app: Flask) -> Trial:
    with database(app).reading() as session:
        return session.scalars(
            select(Trial).join(Stimulus, Stimulus.id == Trial.stimulus_id).where(Stimulus.stratum == 0)
        ).one()


def test_nothing_that_the_browser_receives_tells_the_answer(
    app: Flask, client: FlaskClient, study: StudyFolder
) -> None:
    received = [client.get("/")]
    sign_in(client)
    client.post("/consent")
    received += [client.get("/instructions"), client.post("/instructions"), client.get("/practice")]
    client.post("/practice")
    trials = client.get("/api/trials").json["trials"]
    received += [client.get("/trials"), client.get("/api/trials"), answer(client, trials[0]["id"])]
    received += [client.get(image) for trial in trials for image in trial["images"].values()]
    received += [client.get(image, headers={"Accept": "image/png"}) for image in trials[0]["images"].values()]
    assert {response.mimetype for response in received} >= {"image/webp", "image/png"}
    scripts = set(re.findall(r"/static/\w+\.(?:js|css)", client.get("/trials").text))
    assert len(scripts) > 10
    received += [client.get(path, buffered=True) for path in sorted(scripts)]
    secrets = {row.pair for row in study.rows} | {Path(row.stimulus_file).name for row in study.rows}
    secrets |= {row.source_file for row in study.rows} | {row.stimulus_sha256 for row in study.rows}
    for response in received:
        head = f"{response.request.url}\n{response.headers}"
        assert not any(secret in head for secret in secrets)
        assert "ETag" not in response.headers or response.request.path.startswith("/static/")
        if response.mimetype == "image/webp":
            assert chunks(response.data) == ["VP8X", "VP8L", "paDd"]
        elif response.mimetype == "image/png":
            assert [name for name in chunks(response.data) if name != "IDAT"] == ["IHDR", "paDd", "IEND"]
        else:
            assert not any(secret in response.text for secret in secrets)
            assert not re.search(r"shift_px|reference_side|arrangement|stimulus", response.text)


def test_responses_for_the_two_images_of_any_pair_differ_in_nothing_but_pixels(app: Flask, client: FlaskClient) -> None:
    trials = begin(client)
    alike = zero_pixel_trial(app)
    for trial in trials:
        assert trial["images"]["left"] != trial["images"]["right"]
        for accept in ("*/*", "image/png"):
            left, right = (client.get(trial["images"][side], headers={"Accept": accept}) for side in ("left", "right"))
            assert (pixels(left.data) == pixels(right.data)).all() == (trial["id"] == alike.token)
            own = ("Date", HEADER)  # the receipt is of the moment and of the image's random name
            heads = [[item for item in response.headers if item[0] not in own] for response in (left, right)]
            assert heads[0] == heads[1]  # lengths included
            assert [len(response.headers[HEADER]) for response in (left, right)] == [36, 36]
            assert len(left.data) == int(left.headers["Content-Length"])
            assert {"ETag", "Last-Modified"}.isdisjoint(left.headers.keys())
            assert left.headers["Cache-Control"] == "private, no-store"


def test_names_of_images_are_random_and_never_used_twice(app: Flask) -> None:
    names: list[str] = []
    for _ in range(5):
        names += [name for trial in begin(app.test_client()) for name in (trial["id"], *trial["images"].values())]
    assert len(set(names)) == len(names) == 150
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{28}|/images/[A-Za-z0-9_-]{28}[01]", name) for name in names)


def test_both_sides_carry_the_reference_about_equally_often(app: Flask) -> None:
    study = app.extensions["study"]
    for _ in range(40):
        remaining_trials(study, enrol(study, secrets.token_urlsafe(16)).token)
    with database(app).reading() as session:
        arrangements = session.scalars(select(Trial.arrangement)).all()
    assert set(arrangements) == {"reference shifted", "shifted reference"}
    assert 150 < arrangements.count("reference shifted") < 250  # of 400; outside with probability below 1e-6


def test_pages_carry_a_strict_content_security_policy_and_no_foreign_address(client: FlaskClient) -> None:
    response = client.get("/")
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert not re.search(r'(src|href)="(https?:)?//', response.text)
