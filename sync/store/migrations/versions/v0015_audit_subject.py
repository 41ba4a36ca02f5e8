"""An index of the audit by what it is about, for the history of a customer."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_subject", "audit", ["subject", "at"])


def downgrade() -> None:
    op.drop_index("ix_audit_subject", "audit")
