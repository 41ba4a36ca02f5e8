"""The tables of people who use the pages: who they are, where they may do what, and where they are signed in.

They are read before anybody knows which organisation is meant: the walls keep them from the API's role.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from sync.store.schema import ID, metadata
from sync.store.types import UtcDateTime

users = Table(
    "users",
    metadata,
    Column("id", ID, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_fold", Text, nullable=False, unique=True),
    Column("password", Text, nullable=False),  # Argon2id, with its salt and costs
    Column("failures", Integer, nullable=False),  # wrong passwords since the last right one
    Column("locked_until", UtcDateTime),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("signed_in_at", UtcDateTime),
    Column("disabled_at", UtcDateTime),
)

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", ID, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), primary_key=True),
    Column("role", Text, nullable=False),  # viewer | reviewer | admin
    Index("ix_user_roles_organisation_id", "organisation_id"),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # SHA-256 of the token, which the browser alone has
    Column("user_id", ID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("organisation_id", ID, ForeignKey("organisations.id")),  # the one that is looked at
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),  # to the minute
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_web_sessions_user_id", "user_id"),
    Index("ix_web_sessions_expires_at", "expires_at"),
)
