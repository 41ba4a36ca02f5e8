"""Indexes for people who go through the queue: what is open, on which connection, whose; what waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OPEN = sa.text("state = 'open'")
OWNED = sa.text("state = 'open' AND assignee IS NOT NULL")
WAITING = sa.text("state = 'needs_approval'")
INDEXES = (
    ("ix_conflicts_open", "conflicts", ["organisation_id", "id"], OPEN),
    ("ix_conflicts_open_connection_id", "conflicts", ["connection_id", "id"], OPEN),
    ("ix_conflicts_open_assignee", "conflicts", ["organisation_id", "assignee", "id"], OWNED),
    ("ix_runs_waiting", "runs", ["organisation_id", "id"], WAITING),
)


def upgrade() -> None:
    for name, table, columns, only in INDEXES:
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
