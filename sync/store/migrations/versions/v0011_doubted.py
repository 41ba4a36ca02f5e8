"""Fields of which a restored backup may know less than the CRM."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import Json

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("links", sa.Column("doubted", Json(), nullable=True))


def downgrade() -> None:
    op.drop_column("links", "doubted")
