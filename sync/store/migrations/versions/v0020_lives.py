"""The state that a link had when its customer was deleted: a customer that is restored gets it back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("links", sa.Column("state_before", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("links", "state_before")
