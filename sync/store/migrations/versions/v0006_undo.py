"""What an undo needs to know: what a change did beside fields, who undid which run, what is one thing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import Json

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("changes", sa.Column("details", Json(), nullable=True))
    op.add_column("runs", sa.Column("undoes", sa.String(length=32), nullable=True))
    op.add_column("runs", sa.Column("part_of", sa.String(length=32), nullable=True))
    op.create_index("ix_runs_undoes", "runs", ["undoes"], unique=False)
    op.create_index("ix_runs_part_of", "runs", ["part_of"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_runs_part_of", table_name="runs")
    op.drop_index("ix_runs_undoes", table_name="runs")
    op.drop_column("runs", "part_of")
    op.drop_column("runs", "undoes")
    op.drop_column("changes", "details")
