"""Outgoing webhooks: who is to be told of what, what is to be told, and the triggers that note it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.hooktriggers import statements
from sync.store.types import Json, UtcDateTime
from sync.store.walls import SETTING

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OWN = f"organisation_id = current_setting('{SETTING}', true)"
WAITING = sa.text("state = 'waiting'")
ENDED = sa.text("ended_at IS NOT NULL")
TRIGGERS = {
    "hook_conflict_added": "conflicts",
    "hook_conflict_reopened": "conflicts",
    "hook_run_finished": "runs",
    "hook_customer_added": "customers",
    "hook_customer_changed": "customers",
}


def upgrade() -> None:
    op.create_table(
        "hooks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", Json(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime()),
        sa.Column("problem", sa.Text()),
        sa.Column("not_before", UtcDateTime()),
        sa.Column("held_until", UtcDateTime()),
        sa.Column("taken_at", UtcDateTime()),
        sa.Column("delivered_at", UtcDateTime()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="fk_hooks_organisation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_hooks"),
    )
    op.create_index("ix_hooks_organisation_id", "hooks", ["organisation_id"])
    op.create_table(
        "hook_deliveries",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("hook_id", sa.String(32), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("data", Json(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("status", sa.Integer()),
        sa.Column("problem", sa.Text()),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_hook_deliveries_organisation_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_hook_deliveries"),
    )
    op.create_index("ix_hook_deliveries_hook_id", "hook_deliveries", ["hook_id", "id"])
    op.create_index(
        "ix_hook_deliveries_waiting",
        "hook_deliveries",
        ["hook_id", "id"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index(
        "ix_hook_deliveries_ended_at",
        "hook_deliveries",
        ["ended_at"],
        sqlite_where=ENDED,
        postgresql_where=ENDED,
    )
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        for table in ("hooks", "hook_deliveries"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY own_organisation ON {table} USING ({OWN})")
    for statement in statements(dialect):
        op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for name, table in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {table}" if postgresql else f"DROP TRIGGER {name}")
        if postgresql:
            op.execute(f"DROP FUNCTION {name}()")
    for table in ("hook_deliveries", "hooks"):
        op.drop_table(table)
