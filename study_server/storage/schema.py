"""Which version of the tables a database has. The migrations between versions are in `migrations`."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

HEAD = "0006"
"""The version that this package works with; the newest of the migrations."""


def schema_version(connection: Connection) -> str | None:
    """Version of the tables of a study in this database; None where there are none."""
    inspector = inspect(connection)
    if inspector.has_table("alembic_version"):
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    if inspector.has_table("schema_version"):  # before there were migrations
        return f"{connection.scalar(text('SELECT version FROM schema_version')):04d}"
    return None


def stamp(connection: Connection) -> None:
    """Note that the tables, just made, are of version HEAD, as Alembic does."""
    connection.execute(
        text(
            "CREATE TABLE alembic_version "
            "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
