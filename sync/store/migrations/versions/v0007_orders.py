"""What a run that waits for a worker is to do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import Json

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("ordered", Json(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "ordered")
