"""Trials are made when a participant asks for them, which can be after their slot was given back."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """A column beside the slot; who is there already has trials, and needs none."""
    op.execute("ALTER TABLE participant ADD COLUMN given_back INTEGER")
