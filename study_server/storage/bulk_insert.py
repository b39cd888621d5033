"""Thousands of rows into a table at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, FromClause, insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


def insert_rows(session: Session, table: FromClause, rows: Sequence[Mapping[str, int | str]]) -> None:
    """Insert rows that all have the same columns, of whole numbers and text: such values need nothing done to them.

    PostgreSQL gets them by COPY: row by row each would be parsed, started and answered.
    Raises what an INSERT raises.
    """
    if not rows:
        return
    connection, names = session.connection(), [column.name for column in table.c if column.name in rows[0]]
    values = [tuple(row[name] for name in names) for row in rows]
    if connection.dialect.name == "postgresql":
        _copy(connection, f"COPY {table} ({', '.join(names)}) FROM STDIN", values)
    else:
        statement = insert(table).compile(dialect=connection.dialect, column_keys=names)  # type: ignore[arg-type]
        connection.exec_driver_sql(str(statement), values)  # its columns are in the table's order


def insert_any(connection: Connection, table: FromClause, rows: Sequence[Mapping[str, Any]]) -> None:
    """As `insert_rows`, a few rows of any values; those of each row stand in the same order."""
    if connection.dialect.name == "postgresql":
        _copy(connection, f"COPY {table} ({', '.join(rows[0])}) FROM STDIN", [tuple(row.values()) for row in rows])
    else:
        connection.execute(insert(table), rows)  # type: ignore[arg-type]


def _copy(connection: Connection, command: str, values: Sequence[tuple[Any, ...]]) -> None:
    driver: Any = connection.dialect.dbapi
    try:
        with connection.connection.cursor() as cursor, cursor.copy(command) as copy:  # type: ignore[attr-defined]
            for row in values:
                copy.write_row(row)
    except driver.Error as error:
        raise DBAPIError.instance(command, None, error, driver.Error, dialect=connection.dialect) from error


def refresh_statistics(session: Session, table: FromClause) -> None:
    """Let PostgreSQL look at what a table contains, as it does by itself within a minute or so.

    Until then it knows nothing of a table that has just been filled, and may look for a participant by going through
    all of the study's, for each trial that refers to one.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(text(f"ANALYZE {table}"))
