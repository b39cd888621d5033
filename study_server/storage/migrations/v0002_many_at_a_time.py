"""Slots that are given back, identities, visits, calibrations, an audit trail, states of a study, withdrawal."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

metadata = sa.MetaData()

_trial = sa.Table("trial", metadata, sa.Column("id", sa.Integer, primary_key=True))  # stays as it is

_study = sa.Table(
    "study",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
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

_participant = sa.Table(
    "participant",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("token", sa.String(64), nullable=False, unique=True),
    sa.Column("withdrawal_code", sa.String(16), nullable=False, unique=True),
    sa.Column("slot", sa.Integer),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("simulated", sa.Boolean, nullable=False),
    sa.Column("language", sa.String(16)),
    sa.Column("answered", sa.Integer, nullable=False),
    sa.Column("visits", sa.Integer, nullable=False),
    sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("completion_code", sa.String(64)),
    sa.Column("passed", sa.Boolean),
    sa.Column("excluded_reason", sa.String(200)),
    sa.Column("released_reason", sa.String(16)),
    sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("study_id", "number"),
    sa.UniqueConstraint("study_id", "slot"),
    sa.UniqueConstraint("id", "study_id"),
    sa.CheckConstraint("stage IN ('instructions', 'calibration', 'practice', 'trials', 'questions', 'finished')"),
    sa.CheckConstraint("(stage = 'finished') = (completion_code IS NOT NULL)"),
    sa.CheckConstraint("(stage = 'finished') = (finished_at IS NOT NULL)"),
    sa.CheckConstraint("withdrawn_at IS NULL OR slot IS NULL"),
    sa.Index("ix_participant_waiting", "study_id", "last_seen_at"),
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
    sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("response IN ('same', 'different')"),
    sa.CheckConstraint("reaction_time_ms >= 0"),
    sa.CheckConstraint("device_pixel_ratio > 0"),
    sa.CheckConstraint("pixel_scale >= 1"),
    sa.CheckConstraint("viewport_width >= 1 AND viewport_height >= 1"),
    sa.CheckConstraint("visit >= 1"),
    sa.CheckConstraint("window_changes >= 0"),
    sa.CheckConstraint("refresh_rate_hz > 0"),
    sa.CheckConstraint("sent_after_ms >= 0"),
)

_CHANGED = (_study, _participant, _response)

_free_slot = sa.Table(
    "free_slot",
    metadata,
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
)

_identity = sa.Table(
    "identity",
    metadata,
    sa.Column("participant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("study_id", sa.Integer, nullable=False),
    sa.Column("platform", sa.String(16), nullable=False),
    sa.Column("person", sa.String(128)),
    sa.Column("project", sa.String(128)),
    sa.Column("session", sa.String(128)),
    sa.Column("submit_to", sa.String(64)),
    sa.Column("repetition", sa.Integer, nullable=False),
    sa.UniqueConstraint("study_id", "platform", "person", "repetition"),
    sa.CheckConstraint("repetition >= 1"),
    sa.ForeignKeyConstraint(["participant_id", "study_id"], ["participant.id", "participant.study_id"]),
)

_invitation = sa.Table(
    "invitation",
    metadata,
    sa.Column("token", sa.String(64), primary_key=True),
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
    sa.Column("label", sa.String(100), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

_visit = sa.Table(
    "visit",
    metadata,
    sa.Column("participant_id", sa.Integer, sa.ForeignKey("participant.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("refresh_rate_hz", sa.Double),
    sa.Column("screen_width", sa.Integer, nullable=False),
    sa.Column("screen_height", sa.Integer, nullable=False),
    sa.Column("device_pixel_ratio", sa.Double, nullable=False),
    sa.Column("color_depth", sa.Integer, nullable=False),
    sa.Column("touch_points", sa.Integer, nullable=False),
    sa.Column("language", sa.String(35), nullable=False),
)

_calibration = sa.Table(
    "calibration",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("participant_id", sa.Integer, sa.ForeignKey("participant.id"), nullable=False, index=True),
    sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("device_pixels_per_cm", sa.Double, nullable=False),
    sa.Column("viewing_distance_cm", sa.Double, nullable=False),
    sa.CheckConstraint("device_pixels_per_cm > 0"),
    sa.CheckConstraint("viewing_distance_cm > 0"),
)

_event = sa.Table(
    "event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False, index=True),
    sa.Column("participant_id", sa.Integer, sa.ForeignKey("participant.id"), index=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("actor", sa.String(16), nullable=False),
    sa.Column("detail", sa.String(500), nullable=False),
)

_NEW = [_free_slot, _identity, _invitation, _visit, _calibration, _event]


def upgrade() -> None:
    """Add the columns, fill them, then the constraints; a column that must have a value has none at first."""
    _add_columns()
    metadata.create_all(op.get_bind(), tables=_NEW, checkfirst=False)
    _fill_studies()
    _fill_participants()
    if op.get_bind().dialect.name == "sqlite":
        for table in _CHANGED:  # SQLite cannot add a constraint: copy to a new table, which takes the old one's name
            with op.batch_alter_table(table.name, copy_from=table, recreate="always"):
                pass
    else:
        _add_constraints()
    op.drop_table("schema_version")  # from now on Alembic's table says it


def _add_columns() -> None:
    for table in _CHANGED:
        there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:  # the first databases have no simulation_key either
                op.add_column(table.name, sa.Column(column.name, column.type))


def _fill_studies() -> None:
    bind = op.get_bind()
    for study in bind.scalars(sa.select(_study.c.id)).all():
        held = set(
            bind.scalars(
                sa.select(_participant.c.slot).where(_participant.c.study_id == study, _participant.c.slot.is_not(None))
            )
        )
        next_slot = max(held, default=-1) + 1
        bind.execute(
            _study.update()
            .where(_study.c.id == study)
            .values(
                simulation_key=sa.func.coalesce(_study.c.simulation_key, secrets.token_urlsafe(16)),
                secret_key=secrets.token_urlsafe(32),
                state="open",
                next_slot=next_slot,
            )
        )
        for slot in range(next_slot):
            if slot not in held:  # its holder timed out, and nobody has arrived since
                bind.execute(_free_slot.insert().values(study_id=study, slot=slot))


def _fill_participants() -> None:
    bind = op.get_bind()
    passed = _passed()
    answered = sa.text(
        "SELECT trial.participant_id, count(*) FROM response JOIN trial ON trial.id = response.trial_id "
        "GROUP BY trial.participant_id"
    )
    answers = {row[0]: row[1] for row in bind.execute(answered)}
    for participant, slot in bind.execute(sa.select(_participant.c.id, _participant.c.slot)).all():
        bind.execute(
            _participant.update()
            .where(_participant.c.id == participant)
            .values(
                withdrawal_code="".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(10)),
                answered=answers.get(participant, 0),
                visits=0,
                passed=passed.get(participant),
                released_reason="timed_out" if slot is None else None,
            )
        )


def _passed() -> dict[int, bool]:
    """Whether who has answered everything passes the validation test (Ghildyal & Liu 2022, Section 3).

    Failed has who called over two thirds of the 0-pixel pairs different, or over two thirds of those with the largest
    shift the same.
    """
    rows = op.get_bind().execute(
        sa.text(
            "SELECT participant.id, "
            "sum(CASE WHEN shift_px = 0 THEN 1 ELSE 0 END), "
            "sum(CASE WHEN shift_px = 0 AND response = 'different' THEN 1 ELSE 0 END), "
            "sum(CASE WHEN shift_px = largest THEN 1 ELSE 0 END), "
            "sum(CASE WHEN shift_px = largest AND response = 'same' THEN 1 ELSE 0 END) "
            "FROM participant JOIN trial ON trial.participant_id = participant.id "
            "JOIN response ON response.trial_id = trial.id JOIN pair ON pair.id = trial.pair_id "
            "JOIN (SELECT study_id, max(shift_px) AS largest FROM pair GROUP BY study_id) AS shifts "
            "ON shifts.study_id = participant.study_id "
            "WHERE participant.stage IN ('questions', 'finished') GROUP BY participant.id"
        )
    )
    return {
        participant: 3 * zero_different <= 2 * zero and 3 * largest_same <= 2 * largest
        for participant, zero, zero_different, largest, largest_same in rows
    }


def _add_constraints() -> None:
    stages = next(
        check["name"]
        for check in sa.inspect(op.get_bind()).get_check_constraints("participant")
        if "'instructions'" in check["sqltext"]
    )
    op.execute(f'ALTER TABLE participant DROP CONSTRAINT "{stages}"')
    op.execute(
        "ALTER TABLE participant ALTER withdrawal_code SET NOT NULL, ALTER answered SET NOT NULL, "
        "ALTER visits SET NOT NULL, ADD UNIQUE (withdrawal_code), ADD CHECK (withdrawn_at IS NULL OR slot IS NULL), "
        "ADD CHECK (stage IN ('instructions', 'calibration', 'practice', 'trials', 'questions', 'finished'))"
    )
    op.create_index("ix_participant_waiting", "participant", ["study_id", "last_seen_at"])
    op.execute(
        "ALTER TABLE study ALTER simulation_key SET NOT NULL, ALTER secret_key SET NOT NULL, "
        "ALTER state SET NOT NULL, ALTER next_slot SET NOT NULL, ADD CHECK (state IN ('open', 'paused', 'closed')), "
        "ADD CHECK (next_slot >= 0)"
    )
    op.execute(
        "ALTER TABLE response ADD CHECK (visit >= 1), ADD CHECK (window_changes >= 0), "
        "ADD CHECK (refresh_rate_hz > 0), ADD CHECK (sent_after_ms >= 0)"
    )
