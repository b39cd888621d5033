"""What a participant's browser asks of the server, by way of Flask's test client."""

from __future__ import annotations

import io
import re
from typing import Any
from urllib.parse import urljoin

import numpy as np
import requests
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from participation import receipts
from study_server.participants.receipts import HEADER

ANSWER: dict[str, Any] = {
    "idempotency_key": "0123456789abcdef", "response": "same", "reaction_time_ms": 812.5, "device_pixel_ratio": 1.25,
    "pixel_scale": 1, "viewport_width": 1280, "viewport_height": 720, "hidden": False,
}  # fmt: skip


def sign_in(client: FlaskClient, link: str = "/") -> None:
    """Open the first page; forms are then sent with its CSRF token."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(link, follow_redirects=True).text)
    client.environ_base["HTTP_X_CSRFTOKEN"] = found.group(1) if found else ""


def sign_in_at(session: requests.Session, url: str) -> None:
    """As `sign_in`, at a real server."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', session.get(url, timeout=30).text)
    session.headers["X-CSRFToken"] = found.group(1) if found else ""


def begin(client: FlaskClient) -> list[dict[str, Any]]:
    """Consent, skip instructions and practice; the trials."""
    sign_in(client)
    for path in ("/consent", "/instructions", "/practice"):
        assert client.post(path).status_code == 303
    return client.get("/api/trials").json["trials"]


def answer(client: FlaskClient, trial: str, **changes: Any):  # type: ignore[no-untyped-def]
    """Answer a trial whose images were asked for a while ago."""
    key = {"idempotency_key": f"key-of-{trial}"[:60].replace("_", "x")}
    return client.put(
        f"/api/trials/{trial}/response", json=ANSWER | key | receipts_of(client.application, trial) | changes
    )


def receipts_of(app: Flask, trial: str, minutes_ago: float = 10) -> dict[str, dict[str, str]]:
    """What came with the images of a trial when they were sent; nothing for a trial that there is not."""
    return {"sent": receipts(app.extensions["study"], trial, minutes_ago)}


def receipts_from(session: requests.Session, url: str, trial: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Ask a real server for the images of a trial; what came with them."""
    images = trial["images"].items()
    return {"sent": {place: session.get(urljoin(url, path), timeout=30).headers[HEADER] for place, path in images}}


def database(app: Flask):  # type: ignore[no-untyped-def]
    return app.extensions["study"].database


def pixels(png: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(png)))
