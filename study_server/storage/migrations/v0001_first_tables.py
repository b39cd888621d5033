"""The first tables. Databases of that time say their version in a table of their own, `schema_version`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

metadata = sa.MetaData()

sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))

sa.Table(
    "study",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("settings", sa.String, nullable=False),
    sa.Column("manifest_sha256", sa.String(64), nullable=False),
    sa.Column("simulation_key", sa.String(64), nullable=False),
    sa.Column("frozen_at", sa.DateTime(timezone=True)),
)

sa.Table(
    "image",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
    sa.Column("name", sa.String(32), nullable=False),
    sa.Column("source_file", sa.String, nullable=False),
    sa.Column("licence", sa.String, nullable=False),
    sa.UniqueConstraint("study_id", "name"),
    sa.UniqueConstraint("id", "study_id"),
)

sa.Table(
    "pair",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False),
    sa.Column("image_id", sa.Integer, nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("shift_px", sa.Integer, nullable=False),
    sa.Column("direction", sa.String(5), nullable=False),
    sa.Column("reference_file", sa.String, nullable=False),
    sa.Column("stimulus_file", sa.String, nullable=False),
    sa.UniqueConstraint("image_id", "shift_px"),
    sa.UniqueConstraint("study_id", "name"),
    sa.UniqueConstraint("id", "study_id"),
    sa.ForeignKeyConstraint(["image_id", "study_id"], ["image.id", "image.study_id"]),
    sa.CheckConstraint("shift_px >= 0"),
    sa.CheckConstraint("direction IN ('right', 'left', 'up', 'down')"),
)

sa.Table(
    "participant",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("token", sa.String(64), nullable=False, unique=True),
    sa.Column("slot", sa.Integer),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("simulated", sa.Boolean, nullable=False),
    sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("completion_code", sa.String(64)),
    sa.UniqueConstraint("study_id", "number"),
    sa.UniqueConstraint("study_id", "slot"),
    sa.UniqueConstraint("id", "study_id"),
    sa.CheckConstraint("stage IN ('instructions', 'practice', 'trials', 'questions', 'finished')"),
    sa.CheckConstraint("(stage = 'finished') = (completion_code IS NOT NULL)"),
    sa.CheckConstraint("(stage = 'finished') = (finished_at IS NOT NULL)"),
)

sa.Table(
    "trial",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False),
    sa.Column("participant_id", sa.Integer, nullable=False),
    sa.Column("pair_id", sa.Integer, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("reference_side", sa.String(5), nullable=False),
    sa.Column("token", sa.String(32), nullable=False, unique=True),
    sa.Column("left_token", sa.String(32), nullable=False, unique=True),
    sa.Column("right_token", sa.String(32), nullable=False, unique=True),
    sa.UniqueConstraint("participant_id", "position"),
    sa.UniqueConstraint("participant_id", "pair_id"),
    sa.ForeignKeyConstraint(["participant_id", "study_id"], ["participant.id", "participant.study_id"]),
    sa.ForeignKeyConstraint(["pair_id", "study_id"], ["pair.id", "pair.study_id"]),
    sa.CheckConstraint("position >= 1"),
    sa.CheckConstraint("reference_side IN ('left', 'right')"),
    sa.CheckConstraint("left_token <> right_token"),
    sa.Index("ix_trial_pair", "pair_id"),
)

sa.Table(
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
    sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("response IN ('same', 'different')"),
    sa.CheckConstraint("reaction_time_ms >= 0"),
    sa.CheckConstraint("device_pixel_ratio > 0"),
    sa.CheckConstraint("pixel_scale >= 1"),
    sa.CheckConstraint("viewport_width >= 1 AND viewport_height >= 1"),
)

sa.Table(
    "question_answer",
    metadata,
    sa.Column("participant_id", sa.Integer, sa.ForeignKey("participant.id"), primary_key=True),
    sa.Column("question", sa.String(40), primary_key=True),
    sa.Column("answer", sa.String(500), nullable=False),
)


def upgrade() -> None:
    """Make the tables."""
    metadata.create_all(op.get_bind(), checkfirst=False)
    op.execute("INSERT INTO schema_version VALUES (1)")
