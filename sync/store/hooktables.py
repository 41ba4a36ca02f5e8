"""The tables of those who are told: programs by webhooks, with what is still to be told; people by channels.

Rows of `hook_deliveries` are made by triggers (`hooktriggers.py`), in the transaction of what they tell of.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from sync.store.schema import ID, metadata
from sync.store.types import Json, UtcDateTime

hooks = Table(
    "hooks",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", Json, nullable=False),  # names of those that it is told of
    Column("secret", Text, nullable=False),  # sealed
    Column("state", Text, nullable=False),  # active | paused
    Column("reason", Text),  # why it was paused by itself
    Column("failures", Integer, nullable=False),  # in a row, of all its deliveries
    Column("failing_since", UtcDateTime),
    Column("problem", Text),  # of the last failure
    Column("not_before", UtcDateTime),  # it rests after a failure
    Column("held_until", UtcDateTime),  # a worker is at it
    Column("taken_at", UtcDateTime),  # by which worker it is held, and whose turn is next
    Column("delivered_at", UtcDateTime),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_hooks_organisation_id", "organisation_id"),
)

_WAITING = text("state = 'waiting'")
_ENDED = text("ended_at IS NOT NULL")

hook_deliveries = Table(
    "hook_deliveries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    # No foreign key: others write while a hook is removed. What is left of it goes with what is old.
    Column("hook_id", ID, nullable=False),
    Column("event", Text, nullable=False),
    Column("data", Json, nullable=False),  # ids, kinds and counts alone
    Column("created_at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),  # waiting | delivered | failed
    Column("attempts", Integer, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("status", Integer),  # of the last answer
    Column("problem", Text),
    Index("ix_hook_deliveries_hook_id", "hook_id", "id"),
    Index(
        "ix_hook_deliveries_waiting",
        "hook_id",
        "id",
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    Index("ix_hook_deliveries_ended_at", "ended_at", sqlite_where=_ENDED, postgresql_where=_ENDED),
)

# What a channel is told is looked for, not queued: `told` says what it knows by now.
channels = Table(
    "channels",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),  # mail | slack | teams | json
    Column("url", Text, nullable=False),  # sealed: it holds passwords and tokens
    Column("causes", Json, nullable=False),
    Column("digest", Text, nullable=False),  # at_once | hourly | daily
    Column("daily_at", Text, nullable=False),
    Column("quiet", Text),
    Column("timezone", Text, nullable=False),
    Column("state", Text, nullable=False),  # active | paused
    Column("told", Json, nullable=False),  # mark: the last question; said: what of connections
    Column("digest_at", UtcDateTime),
    Column("look_at", UtcDateTime, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("problem", Text),
    Column("sent_at", UtcDateTime),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("organisation_id", "name"),
)
