"""The tables of work: inbox, jobs, intents, schedules, budgets, tokens, runs and changes, the audit."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sync.store.schema import ID, metadata
from sync.store.types import Json, UtcDateTime

# Who works in which lane of a connection. Whoever lost a lease can finish nothing under its number.
lanes = Table(
    "lanes",
    metadata,
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("lane", Text, primary_key=True),  # pull | push
    Column("owner", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("lease_no", Integer, nullable=False),
)

# Every event that a CRM announced, once. The row says only that a record may have changed.
inbox = Table(
    "inbox",
    metadata,
    Column("event", Text, primary_key=True),
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("ref", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Index("ix_inbox_received_at", "received_at"),
)

# Where the process that listens to a connection's stream of changes goes on.
captures = Table(
    "captures",
    metadata,
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("position", LargeBinary),  # as the CRM gave it; none: from now on
    Column("heard_at", UtcDateTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),  # pull | full | fetch | push | resync | rescope | order
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False),  # open | done | dead
    Column("asked", Integer, nullable=False),  # how often it was asked for; it is done only as of then
    Column("not_before", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lost", Integer, nullable=False),  # attempts in a row of which nothing was heard again
    Column("last_error", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index(
        "uq_jobs_open",
        "connection_id",
        "kind",
        "key",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index(
        "ix_jobs_due",
        "not_before",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

intents = Table(
    "intents",
    metadata,
    Column("id", ID, primary_key=True),
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    Column("customer_id", ID, ForeignKey("customers.id"), nullable=False),
    Column("link_id", ID),
    Column("kind", Text, nullable=False),  # update | create
    Column("ref", Text),
    Column("external_id", Text),
    Column("fields", Json, nullable=False),
    Column("before", Json, nullable=False),
    Column("version_read", Text),
    Column("run_id", ID),
    Column("lease_no", Integer, nullable=False),  # of the push lane: says whether the writer is still at it
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("connection_id", "customer_id"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("every_seconds", Integer, nullable=False),
    Column("cron", Text),  # five fields; goes before every_seconds
    Column("quiet", Text),  # HH:MM-HH:MM, in which no slot begins
    Column("timezone", Text, nullable=False, server_default="UTC"),  # of cron and quiet
    Column("next_run_at", UtcDateTime, nullable=False),
)

# Calls of a day that were handed out, in blocks, to whoever works on the connection.
budgets = Table(
    "budgets",
    metadata,
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Text, primary_key=True),  # YYYY-MM-DD, in the timezone of the budget
    Column("handed_out", Integer, nullable=False),
)

# The access token of a connection. Who renews it holds the row until `renewing_until`.
tokens = Table(
    "tokens",
    metadata,
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", Text),
    Column("expires_at", UtcDateTime),
    Column("number", Integer, nullable=False),  # +1 with each token
    Column("renewing_until", UtcDateTime),
)

runs = Table(
    "runs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("counts", Json, nullable=False),
    Column("calls", Json, nullable=False),
    Column("reason", Text),
    Column("planned", Json),  # counts per action of a plan that waits for approval
    Column("progress", Json),  # of a run that is at work: records done, of how many
    Column("selection", Json),  # which records a resync was asked for
    Column("approved", Boolean, nullable=False),
    Column("owner", Text),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("ordered", Json),  # what a worker is to do with it: how to run it, or who approved its plan
    Column("undoes", ID),  # the run that this one undoes
    Column("part_of", ID),  # the first run of those that did one thing on several connections
    Column("forgotten_at", UtcDateTime),  # over its time: nobody finds it, and its changes are being removed
    Index("ix_runs_connection_id", "connection_id", "id"),
    Index("ix_runs_organisation_id", "organisation_id", "id"),
    Index("ix_runs_undoes", "undoes"),
    Index(
        "ix_runs_waiting",
        "organisation_id",
        "id",
        sqlite_where=text("state = 'needs_approval'"),
        postgresql_where=text("state = 'needs_approval'"),
    ),
    Index("ix_runs_part_of", "part_of"),
)

planned_records = Table(
    "planned_records",
    metadata,
    Column("run_id", ID, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("customer_id", ID),
    Column("digest", LargeBinary, nullable=False),
    Column("actions", Json, nullable=False),
    Index("ix_planned_records_customer_id", "run_id", "customer_id"),
)

changes = Table(
    "changes",
    metadata,
    Column("run_id", ID, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("connection_id", ID, nullable=False),
    Column("side", Text, nullable=False),  # local | crm | link
    Column("action", Text, nullable=False),
    Column("customer_id", ID),
    Column("link_id", ID),
    Column("ref", Text),
    Column("fields", Json),  # path -> [before, after]
    Column("before_baseline", Json),
    Column("at", UtcDateTime, nullable=False),
    Column("details", Json),  # what an undo has to know beside the fields
    CheckConstraint("side IN ('local', 'crm', 'link')", name="side"),
    Index("ix_changes_connection_id_at", "connection_id", "at"),
    Index("ix_changes_customer_id", "customer_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Json, nullable=False),
    Index("ix_audit_organisation_id", "organisation_id", "id"),
    Index("ix_audit_subject", "subject", "at"),
)
