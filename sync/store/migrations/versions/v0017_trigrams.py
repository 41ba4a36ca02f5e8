"""Nothing any more: it made indexes by `pg_trgm`, where a server let it; 0019 has others in their place."""

from __future__ import annotations

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
