"""Functions that SQLite and PostgreSQL call by different names."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, cast, func
from sqlalchemy.orm import Session

Step = Literal["minute", "hour", "day"]

_SQLITE = {"minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d 00:00"}
_POSTGRESQL = {"minute": "YYYY-MM-DD HH24:MI", "hour": "YYYY-MM-DD HH24:00", "day": "YYYY-MM-DD 00:00"}


def begin_of(session: Session, moment: Any, step: Step) -> ColumnElement[str]:
    """The minute, hour or day in UTC in which a moment lies, as text."""
    if _is_sqlite(session):
        return func.strftime(_SQLITE[step], moment)
    return func.to_char(func.timezone("UTC", moment), _POSTGRESQL[step])


def rounded_down(session: Session, number: Any) -> ColumnElement[int]:
    """The largest whole number that is not above a number ≥ 0."""
    # SQLite need not have floor, and its cast cuts off; PostgreSQL's rounds.
    return cast(number if _is_sqlite(session) else func.floor(number), Integer)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
