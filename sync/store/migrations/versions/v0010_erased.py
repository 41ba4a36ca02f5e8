"""When a customer was erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("erased_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("customers", "erased_at")
