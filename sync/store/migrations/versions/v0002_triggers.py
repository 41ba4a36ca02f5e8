"""Inbox of webhooks, budgets of calls, tokens, cron and quiet hours, drift, progress of runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from sync.store.types import Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_inbox_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event", "connection_id", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"], unique=False)
    op.create_table(
        "budgets",
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("handed_out", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_budgets_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", "day", name=op.f("pk_budgets")),
    )
    op.create_table(
        "tokens",
        sa.Column("connection_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("renewing_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_tokens_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_tokens")),
    )
    op.add_column("schedules", sa.Column("cron", sa.Text(), nullable=True))
    op.add_column("schedules", sa.Column("quiet", sa.Text(), nullable=True))
    op.add_column("schedules", sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False))
    op.add_column("runs", sa.Column("progress", Json(), nullable=True))
    op.add_column("runs", sa.Column("selection", Json(), nullable=True))
    op.add_column("connections", sa.Column("drift", sa.Integer(), nullable=True))
    op.add_column("connections", sa.Column("compared_at", UtcDateTime(), nullable=True))
    op.add_column("sightings", sa.Column("stamp", sa.BigInteger(), server_default="0", nullable=False))
    _compare_daily()


def _compare_daily() -> None:
    """Connections that are there already are compared in full once a day, at minutes spread over the day."""
    schedules = sa.table(
        "schedules",
        sa.column("connection_id", sa.String()),
        sa.column("kind", sa.Text()),
        sa.column("every_seconds", sa.Integer()),
        sa.column("cron", sa.Text()),
        sa.column("next_run_at", UtcDateTime()),
    )
    now = datetime.now(UTC)
    made = []
    for identity in op.get_bind().execute(sa.text("SELECT id FROM connections")).scalars().all():
        hour, minute = divmod(int(identity[-8:], 16) % (24 * 60), 60)
        first = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        made.append(
            {
                "connection_id": identity,
                "kind": "full",
                "every_seconds": 86_400,
                "cron": f"{minute} {hour} * * *",
                "next_run_at": first if first > now else first + timedelta(days=1),
            }
        )
    op.bulk_insert(schedules, made)
