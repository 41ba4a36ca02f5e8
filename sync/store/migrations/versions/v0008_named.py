"""Indexes for whom a customer names: its parent and its business entity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = ("parent_customer_id", "business_entity_id")


def upgrade() -> None:
    for column in COLUMNS:
        named = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_customers_{column}",
            "customers",
            [column, "organisation_id"],
            sqlite_where=named,
            postgresql_where=named,
        )


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_index(f"ix_customers_{column}", "customers")
