"""Runs that are over their time go in steps: from the first one on nobody finds them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("forgotten_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "forgotten_at")
