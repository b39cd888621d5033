"""Log-ins, later ids of a participation, uses of ids, addresses of who is under way, and what the server saw.

Also which images are of one photograph, and shifts on a diagonal.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

metadata = sa.MetaData()

_study = sa.Table("study", metadata, sa.Column("id", sa.Integer, primary_key=True))
_image = sa.Table(
    "image",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False),
    sa.UniqueConstraint("id", "study_id"),
)
_identity = sa.Table("identity", metadata, sa.Column("participant_id", sa.Integer, primary_key=True))

_login = sa.Table(
    "login",
    metadata,
    sa.Column("id_sha256", sa.String(64), primary_key=True),
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False, index=True),
    sa.Column("proof", sa.String(64), nullable=False),
    sa.Column("address", sa.String(32), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
)

_later_ids = sa.Table(
    "later_ids",
    metadata,
    sa.Column("participant_id", sa.Integer, sa.ForeignKey("identity.participant_id"), primary_key=True),
    sa.Column("session", sa.String(128), primary_key=True),
    sa.Column("project", sa.String(128)),
    sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
)

_id_use = sa.Table(
    "id_use",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, sa.ForeignKey("study.id"), nullable=False),
    sa.Column("address", sa.String(32), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_id_use_address", "study_id", "address", "at"),
)

_DIRECTIONS = "direction IN ('right', 'left', 'up', 'down', 'up-right', 'up-left', 'down-right', 'down-left')"

_pair = sa.Table(
    "pair",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False),
    sa.Column("image_id", sa.Integer, nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("shift_px", sa.Integer, nullable=False),
    sa.Column("direction", sa.String(10), nullable=False),
    sa.Column("reference_file", sa.String, nullable=False),
    sa.Column("stimulus_file", sa.String, nullable=False),
    sa.UniqueConstraint("image_id", "shift_px"),
    sa.UniqueConstraint("study_id", "name"),
    sa.UniqueConstraint("id", "study_id"),
    sa.ForeignKeyConstraint(["image_id", "study_id"], ["image.id", "image.study_id"]),
    sa.CheckConstraint("shift_px >= 0"),
    sa.CheckConstraint(_DIRECTIONS),
)

_NEW = [_login, _later_ids, _id_use]


def upgrade() -> None:
    """Nothing is known of the past but when each participant answered last."""
    op.add_column("participant", sa.Column("last_answer_at", sa.DateTime(timezone=True)))
    op.add_column("participant", sa.Column("address", sa.String(32)))
    op.add_column("participant", sa.Column("failed_rules", sa.String(200)))
    op.create_index("ix_participant_address", "participant", ["study_id", "address"])
    op.add_column("visit", sa.Column("sends_images", sa.Boolean))
    op.add_column("response", sa.Column("images_sent_at", sa.DateTime(timezone=True)))
    op.add_column("image", sa.Column("source_sha256", sa.String(64)))  # the server knows it from the manifest
    op.add_column("image", sa.Column("selection", sa.String))
    _allow_diagonals()
    op.drop_column("identity", "submit_to")  # the link says it whenever it is needed
    metadata.create_all(op.get_bind(), tables=_NEW, checkfirst=False)
    op.execute(
        "UPDATE participant SET last_answer_at = (SELECT max(response.answered_at) FROM response "
        "JOIN trial ON trial.id = response.trial_id WHERE trial.participant_id = participant.id)"
    )
    op.execute("UPDATE participant SET failed_rules = '' WHERE stage IN ('questions', 'finished')")


def _allow_diagonals() -> None:
    if op.get_bind().dialect.name == "sqlite":  # it cannot change a constraint: copy to a new table
        with op.batch_alter_table("pair", copy_from=_pair, recreate="always"):
            pass
        return
    four = next(
        check["name"]
        for check in sa.inspect(op.get_bind()).get_check_constraints("pair")
        if "'right'" in check["sqltext"]
    )
    op.execute(f'ALTER TABLE pair DROP CONSTRAINT "{four}"')
    op.execute(f"ALTER TABLE pair ALTER direction TYPE VARCHAR(10), ADD CHECK ({_DIRECTIONS})")
