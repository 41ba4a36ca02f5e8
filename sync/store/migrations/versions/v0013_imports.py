"""Files of customers that are imported, and their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import Json
from sync.store.walls import SETTING

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OWN = f"organisation_id = current_setting('{SETTING}', true)"
POLICIES = {
    "imports": OWN,
    **{
        child: f"EXISTS (SELECT FROM runs AS parent WHERE parent.id = {child}.run_id AND parent.{OWN})"
        for child in ("import_parts", "import_rows")
    },
}


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("delimiter", sa.Text(), nullable=False),
        sa.Column("header", sa.Boolean(), nullable=False),
        sa.Column("columns", Json(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("counts", Json(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_imports_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_imports_organisation_id")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_digest", "imports", ["digest", "organisation_id"], unique=False)
    op.create_table(
        "import_parts",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["imports.run_id"], name=op.f("fk_import_parts_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_import_parts")),
    )
    op.create_table(
        "import_rows",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("line", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("email_fold", sa.Text(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("cells", Json(), nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("effect", sa.LargeBinary(), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["imports.run_id"], name=op.f("fk_import_rows_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "line", name=op.f("pk_import_rows")),
    )
    op.create_index("ix_import_rows_key", "import_rows", ["key", "run_id"], unique=False)
    for name, columns in (
        ("email_fold", ["email_fold", "run_id"]),
        ("customer_id", ["customer_id", "run_id"]),
    ):
        there = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_import_rows_{name}",
            "import_rows",
            columns,
            unique=False,
            sqlite_where=there,
            postgresql_where=there,
        )
    op.create_index("ix_import_rows_action", "import_rows", ["run_id", "action", "line"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table, condition in POLICIES.items():
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY own_organisation ON {table} USING ({condition})")


def downgrade() -> None:
    for table in ("import_rows", "import_parts", "imports"):
        op.drop_table(table)
