"""People who use the pages, their roles in organisations, and where they are signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import UtcDateTime
from sync.store.walls import ROLE

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The role would have them by its rights on tables to come.
REVOKE = f"""
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        REVOKE ALL ON users, user_roles, web_sessions FROM {ROLE};
    END IF;
END $$
"""  # noqa: S608 - our own names


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_fold", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", UtcDateTime()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("signed_in_at", UtcDateTime()),
        sa.Column("disabled_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_fold", name="uq_users_email_fold"),
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_roles_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_user_roles_organisation_id"
        ),
        sa.PrimaryKeyConstraint("user_id", "organisation_id", name="pk_user_roles"),
    )
    op.create_index("ix_user_roles_organisation_id", "user_roles", ["organisation_id"])
    op.create_table(
        "web_sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_web_sessions_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_web_sessions_organisation_id"
        ),
        sa.PrimaryKeyConstraint("digest", name="pk_web_sessions"),
    )
    op.create_index("ix_web_sessions_user_id", "web_sessions", ["user_id"])
    op.create_index("ix_web_sessions_expires_at", "web_sessions", ["expires_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(REVOKE)


def downgrade() -> None:
    for table in ("web_sessions", "user_roles", "users"):
        op.drop_table(table)
