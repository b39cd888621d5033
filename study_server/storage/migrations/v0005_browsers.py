"""How device pixels were known in a trial, and whether anything changed how the page looked."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Two columns beside those of each answer, unknown of the answers that are there."""
    op.execute("ALTER TABLE response ADD COLUMN exactness VARCHAR(8) CHECK (exactness IN ('reported', 'derived'))")
    op.execute("ALTER TABLE response ADD COLUMN page_altered BOOLEAN")
