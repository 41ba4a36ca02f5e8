"""Channels: where people are told what waits for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import Json, UtcDateTime
from sync.store.walls import SETTING

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OWN = f"organisation_id = current_setting('{SETTING}', true)"


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("causes", Json(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("daily_at", sa.Text(), nullable=False),
        sa.Column("quiet", sa.Text()),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("told", Json(), nullable=False),
        sa.Column("digest_at", UtcDateTime()),
        sa.Column("look_at", UtcDateTime(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("sent_at", UtcDateTime()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_channels_organisation_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_channels"),
        sa.UniqueConstraint("organisation_id", "name", name="uq_channels_organisation_id_name"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE channels ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_organisation ON channels USING ({OWN})")


def downgrade() -> None:
    op.drop_table("channels")
