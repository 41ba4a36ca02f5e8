"""The tables of imports: files that came in, their rows, and what is to become of each."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from sync.store.schema import ID, metadata
from sync.store.types import Json

# An import is a run; here stands what other runs have not.
imports = Table(
    "imports",
    metadata,
    Column("run_id", ID, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes
    Column("digest", Text, nullable=False),  # SHA-256 of the file
    Column("encoding", Text, nullable=False),
    Column("delimiter", Text, nullable=False),
    Column("header", Boolean, nullable=False),  # whether the first row holds names
    Column("columns", Json, nullable=False),  # [{column, field}]
    Column(
        "stage", Text, nullable=False
    ),  # coming | mapping | reading | planning | planned | applying | applied
    Column("position", BigInteger, nullable=False),  # the last line that this stage has done
    Column("counts", Json, nullable=False),  # rows by what is, or was, to become of them
    Index("ix_imports_digest", "digest", "organisation_id"),
)

# The file as it came, in pieces that are compressed, until its plan is approved or the import cancelled.
import_parts = Table(
    "import_parts",
    metadata,
    Column("run_id", ID, ForeignKey("imports.run_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

import_rows = Table(
    "import_rows",
    metadata,
    Column("run_id", ID, ForeignKey("imports.run_id", ondelete="CASCADE"), primary_key=True),
    Column("line", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),  # whose row it is; of one that does not say, what stands in it
    Column("email_fold", Text),
    Column("digest", LargeBinary, nullable=False),  # of the cells
    Column("cells", Json, nullable=False),
    Column("action", Text),  # create | update | conflict | unchanged | skipped | rejected; none: not planned
    Column("field", Text),
    Column("reason", Text),
    Column("customer_id", ID),
    Column("effect", LargeBinary),  # digest of what was planned: nothing else is carried out
    Column("done", Boolean, nullable=False),
    Index("ix_import_rows_key", "key", "run_id"),
    Index(
        "ix_import_rows_email_fold",
        "email_fold",
        "run_id",
        sqlite_where=text("email_fold IS NOT NULL"),
        postgresql_where=text("email_fold IS NOT NULL"),
    ),
    Index(
        "ix_import_rows_customer_id",
        "customer_id",
        "run_id",
        sqlite_where=text("customer_id IS NOT NULL"),
        postgresql_where=text("customer_id IS NOT NULL"),
    ),
    Index("ix_import_rows_action", "run_id", "action", "line"),
)
