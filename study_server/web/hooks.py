"""What recruitment platforms tell the server by themselves: Prolific's webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import Annotated

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, Field, ValidationError

from study_server.access.sessions import current_study
from study_server.participants import returned

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")  # exempt from CSRF tokens: its requests are signed

FRESH_S = 300
"""How far the time in a signed request may be from now, seconds: nobody can send an old one again later."""


_Text = Annotated[str, Field(max_length=128, pattern=r"^[^\x00]*$")]


class _Event(BaseModel):
    """A change of a submission's status (docs.prolific.com/api-reference/webhooks/receiving); the rest is ignored."""

    event_type: _Text
    resource_id: _Text = ""
    participant_id: _Text = ""
    status: _Text = ""


@blueprint.post("/prolific")
def prolific() -> tuple[Response, int]:
    """A submission was returned or timed out at Prolific: its participant's pairs go to the next one.

    What concerns nobody here is acknowledged too: Prolific tells one address of all studies of a workspace.
    """
    study = current_study()
    secret = study.settings.recruitment.prolific_webhook_secret
    if not secret:
        return jsonify(error="there is no webhook: set recruitment.prolific_webhook_secret in study.toml"), 404
    body = request.get_data()
    if not _is_signed(secret, body):
        return jsonify(error="the request is not signed with the webhook's secret, or its time is not now"), 403
    try:
        event = _Event.model_validate_json(body)
    except ValidationError:
        return jsonify(error="the body is no event of Prolific"), 400
    released = []
    if event.event_type == "submission.status.change" and returned.is_return(event.status):
        released = returned.release_submissions(
            study, [returned.Submission(event.resource_id, event.participant_id)], "platform"
        )
    return jsonify(released=[participant.label for participant in released]), 200


def _is_signed(secret: str, body: bytes) -> bool:
    timestamp = request.headers.get("X-Prolific-Request-Timestamp", "")
    signature = request.headers.get("X-Prolific-Request-Signature", "")
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", timestamp, re.ASCII):
        return False
    expected = base64.b64encode(hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest())
    is_fresh = abs(time.time() - float(timestamp)) <= FRESH_S
    return hmac.compare_digest(expected, signature.encode()) and is_fresh
