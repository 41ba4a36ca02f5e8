"""The tables of programs that call the API: their keys, and the answers that a repeated call gets again."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from sync.store.schema import ID, metadata
from sync.store.types import Json, UtcDateTime

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the secret, which is kept nowhere
    Column("scope", Text, nullable=False),  # read | write | review | admin
    Column("rate", Integer),  # requests a second; none: the site's
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

api_key_organisations = Table(
    "api_key_organisations",
    metadata,
    Column("key_id", ID, ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), primary_key=True),
    Index("ix_api_key_organisations_organisation_id", "organisation_id"),
)

# Written in the transaction of the effect: the row is there if and only if the effect is.
idempotency = Table(
    "idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), primary_key=True),
    Column("request", LargeBinary, nullable=False),  # digest of method, path and body
    Column("status", Integer, nullable=False),
    Column("headers", Json, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_idempotency_created_at", "created_at"),
)
