"""Indexes by which parts of names and values are found, where PostgreSQL lets us have `pg_trgm`."""

from __future__ import annotations

from alembic import op

from sync.store import searching

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    searching.ensure(op.get_bind())


def downgrade() -> None:
    searching.drop(op.get_bind())
