"""Stimuli, groups and arrangements in place of pairs, images and sides: what is asked is the task's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

metadata = sa.MetaData()

_study = sa.Table(
    "study",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("task", sa.String(64), nullable=False),
    sa.Column("settings", sa.String, nullable=False),
    sa.Column("manifest_sha256", sa.String(64), nullable=False),
    sa.Column("simulation_key", sa.String(64), nullable=False),
    sa.Column("secret_key", sa.String(64), nullable=False),
    sa.Column("password_hash", sa.String(256)),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("next_slot", sa.Integer, nullable=False),
    sa.Column("frozen_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("state IN ('open', 'paused', 'closed')"),
    sa.CheckConstraint("next_slot >= 0"),
)

# What the new tables refer to, and stays as it is.
_participant = sa.Table(
    "participant",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False),
    sa.UniqueConstraint("id", "study_id"),
)

_group = sa.Table(
    "stimulus_group",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("source_file", sa.String, nullable=False),
    sa.Column("source_sha256", sa.String(64)),
    sa.Column("selection", sa.String),
    sa.Column("licence", sa.String, nullable=False),
    sa.UniqueConstraint("study_id", "name"),
    sa.UniqueConstraint("id", "study_id"),
)

_stimulus = sa.Table(
    "stimulus",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False),
    sa.Column("group_id", sa.Integer, nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("stratum", sa.Integer, nullable=False),
    sa.UniqueConstraint("group_id", "stratum"),
    sa.UniqueConstraint("study_id", "name"),
    sa.UniqueConstraint("id", "study_id"),
    sa.ForeignKeyConstraint(["group_id", "study_id"], ["stimulus_group.id", "stimulus_group.study_id"]),
    sa.CheckConstraint("stratum >= 0"),
)

_value = sa.Table(
    "stimulus_value",
    metadata,
    sa.Column("stimulus_id", sa.Integer, sa.ForeignKey("stimulus.id"), primary_key=True),
    sa.Column("column", sa.String(64), primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)

_trial = sa.Table(
    "trial",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False),
    sa.Column("participant_id", sa.Integer, nullable=False),
    sa.Column("stimulus_id", sa.Integer, nullable=False),
    sa.Column("repetition", sa.Integer, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("arrangement", sa.String(100), nullable=False),
    sa.Column("token", sa.String(32), nullable=False, unique=True),
    sa.Column("images_token", sa.String(32), nullable=False, unique=True),
    sa.UniqueConstraint("participant_id", "position"),
    sa.UniqueConstraint("participant_id", "stimulus_id", "repetition"),
    sa.ForeignKeyConstraint(["participant_id", "study_id"], ["participant.id", "participant.study_id"]),
    sa.ForeignKeyConstraint(["stimulus_id", "study_id"], ["stimulus.id", "stimulus.study_id"]),
    sa.CheckConstraint("position >= 1"),
    sa.CheckConstraint("repetition >= 1"),
    sa.Index("ix_trial_stimulus", "stimulus_id"),
)

_response = sa.Table(
    "response",
    metadata,
    sa.Column("trial_id", sa.Integer, sa.ForeignKey("trial.id"), primary_key=True, autoincrement=False),
    sa.Column("idempotency_key", sa.String(64), nullable=False, unique=True),
    sa.Column("response", sa.String(16), nullable=False),
    sa.Column("reaction_time_ms", sa.Double, nullable=False),
    sa.Column("device_pixel_ratio", sa.Double, nullable=False),
    sa.Column("pixel_scale", sa.Integer, nullable=False),
    sa.Column("viewport_width", sa.Integer, nullable=False),
    sa.Column("viewport_height", sa.Integer, nullable=False),
    sa.Column("hidden", sa.Boolean, nullable=False),
    sa.Column("visit", sa.Integer),
    sa.Column("window_changes", sa.Integer),
    sa.Column("refresh_rate_hz", sa.Double),
    sa.Column("sent_after_ms", sa.Double),
    sa.Column("images_sent_at", sa.DateTime(timezone=True)),
    sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("reaction_time_ms >= 0"),
    sa.CheckConstraint("device_pixel_ratio > 0"),
    sa.CheckConstraint("pixel_scale >= 1"),
    sa.CheckConstraint("viewport_width >= 1 AND viewport_height >= 1"),
    sa.CheckConstraint("visit >= 1"),
    sa.CheckConstraint("window_changes >= 0"),
    sa.CheckConstraint("refresh_rate_hz > 0"),
    sa.CheckConstraint("sent_after_ms >= 0"),
)

_OLD = ("trial", "response")
_COPIES = {
    _group: "SELECT id, study_id, name, source_file, source_sha256, selection, licence FROM image",
    _stimulus: "SELECT id, study_id, image_id, name, shift_px FROM pair",
    _trial: (
        "SELECT id, study_id, participant_id, pair_id, 1, position, "
        "CASE reference_side WHEN 'left' THEN 'reference shifted' ELSE 'shifted reference' END, token, left_token "
        "FROM old_trial"
    ),
    _response: f"SELECT {', '.join(column.name for column in _response.columns)} FROM old_response",
}


def upgrade() -> None:
    """Every study so far asks whether pairs are the same or different.

    Images have other names from now on: a page that is open is told to reload, and what its visit has not sent yet is
    taken without receipts.
    """
    connection = op.get_bind()
    op.add_column("study", sa.Column("task", sa.String(64)))
    op.execute("UPDATE study SET task = 'same-different'")
    if connection.dialect.name == "sqlite":  # it cannot add a constraint: copy to a new table
        with op.batch_alter_table("study", copy_from=_study, recreate="always"):
            pass
    else:
        op.execute("ALTER TABLE study ALTER task SET NOT NULL")
    for table in _OLD:
        op.rename_table(table, f"old_{table}")
    if connection.dialect.name != "sqlite":
        _rename_constraints()
    else:
        op.execute("DROP INDEX ix_trial_pair")
    metadata.create_all(connection, tables=[_group, _stimulus, _value, _trial, _response], checkfirst=False)
    for new, rows in _COPIES.items():
        op.execute(f"INSERT INTO {new.name} ({', '.join(column.name for column in new.columns)}) {rows}")
    for column in ("shift_px", "direction"):
        op.execute(
            f'INSERT INTO stimulus_value (stimulus_id, "column", value) '
            f"SELECT id, '{column}', CAST({column} AS VARCHAR) FROM pair"
        )
    for old in ("old_response", "old_trial", "pair", "image"):
        op.drop_table(old)
    op.execute("UPDATE visit SET sends_images = NULL")
    if connection.dialect.name != "sqlite":
        for new in (_group, _stimulus, _trial):
            op.execute(
                f"SELECT setval(pg_get_serial_sequence('{new.name}', 'id'), coalesce(max(id), 0) + 1, false) "
                f"FROM {new.name}"
            )


def _rename_constraints() -> None:
    """A renamed table keeps the names of constraints, indices and counter in PostgreSQL; the new one needs them."""
    connection = op.get_bind()
    for table in _OLD:
        names = connection.scalars(
            sa.text("SELECT conname FROM pg_constraint WHERE conrelid = CAST(:name AS regclass)"),
            {"name": f"old_{table}"},
        ).all()
        for name in names:
            op.execute(f'ALTER TABLE old_{table} RENAME CONSTRAINT "{name}" TO "old_{name}"')
    op.execute("DROP INDEX IF EXISTS ix_trial_pair")
    op.execute("ALTER SEQUENCE trial_id_seq RENAME TO old_trial_id_seq")
