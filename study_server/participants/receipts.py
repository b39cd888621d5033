"""Receipts: the server says with each image when it sent it, and answers bring that back.

A receipt is the moment and a signature, so that any process on any host knows its own word again, and nothing has to be
stored for an image. Answers to a trial whose images were never asked for have none.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime

HEADER = "X-Shift-Study-Sent"
"""Of responses with images."""

_FORM = re.compile(r"([0-9]{1,16})\.([A-Za-z0-9_-]{22})")


def receipt(secret_key: str, image_token: str, moment: datetime) -> str:
    """Says that the image with this name was sent at this moment: milliseconds since 1970, and the signature."""
    ms = str(round(moment.timestamp() * 1000))
    return f"{ms}.{_signature(secret_key, image_token, ms)}"


def sent_at(secret_key: str, image_token: str, given: str | None) -> datetime | None:
    """When the image was sent, as a receipt says that this server gave for it; None where there is no such receipt."""
    found = _FORM.fullmatch(given or "")
    if found is None:
        return None
    ms, signature = found.groups()
    if not hmac.compare_digest(_signature(secret_key, image_token, ms), signature):
        return None
    return datetime.fromtimestamp(int(ms) / 1000, UTC)


def all_sent_at(secret_key: str, image_tokens: Iterable[str], given: Iterable[str | None]) -> datetime | None:
    """When the last of a trial's images was sent; None without receipts of all."""
    moments = [sent_at(secret_key, token, text) for token, text in zip(image_tokens, given, strict=True)]
    return None if None in moments else max(moment for moment in moments if moment is not None)


def _signature(secret_key: str, image_token: str, ms: str) -> str:
    digest = hmac.digest(secret_key.encode(), f"image\0{image_token}\0{ms}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
