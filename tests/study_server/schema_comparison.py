"""Whether the tables of a database are those of the models, and those of another database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect
from sqlalchemy.engine import make_url

from study_server.storage.database import with_driver
from study_server.storage.models import Base


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = create_engine(make_url(with_driver(url)).update_query_dict({"application_name": "test"}))
    yield engine
    engine.dispose()


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata))


def constraints(connection: Connection) -> dict[str, Any]:
    """What Alembic does not compare: columns that may be empty, keys, and conditions in the database's own words."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)},
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": {tuple(u["column_names"]) for u in inspector.get_unique_constraints(table)},
            "foreign": {
                (tuple(f["constrained_columns"]), f["referred_table"], tuple(f["referred_columns"]), *f["options"])
                for f in inspector.get_foreign_keys(table)
            },
            "checks": {re.sub(r"\s+", " ", c["sqltext"]) for c in inspector.get_check_constraints(table)},
            "indices": {(i["name"], tuple(i["column_names"]), bool(i["unique"])) for i in inspector.get_indexes(table)
                        if "duplicates_constraint" not in i},
        }
        for table in inspector.get_table_names()
    }  # fmt: skip
