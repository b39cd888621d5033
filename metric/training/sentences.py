"""How a configuration is refused: in one sentence that says where, what, and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

from metric.errors import MetricError

_SHOWN = 60


def refuse(where: str, what: str, allowed: str, hint: str = "") -> NoReturn:
    """Raises `MetricError`: what is wrong at a place, a hint if there is one, and what is allowed there."""
    raise MetricError(f"{where}: {what}; {hint}allowed is {allowed}.")


def meant(name: str, known: Iterable[str]) -> str:
    """The most alike of the known names as a question, or nothing."""
    alike = get_close_matches(name, list(known), n=1)
    return f"do you mean {alike[0]}? " if alike else ""


def shown(value: Any) -> str:
    """A value of a document, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
