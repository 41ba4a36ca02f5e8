"""Where people are signed in: one row for each browser, found by the digest of the token that it holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from sync.store.query import Row, rows
from sync.store.schema import organisations
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.usertables import user_roles, users, web_sessions

NOTED_EVERY = 60.0
"""Seconds between two notes that a session is in use."""


def add(tx: Tx, *, digest: bytes, user_id: str, at: datetime, expires_at: datetime) -> None:
    """Insert a session."""
    values = {"digest": digest, "user_id": user_id, "created_at": at, "used_at": at}
    tx.execute(insert(web_sessions).values(**values, expires_at=expires_at))


def in_force(tx: Tx, digest: bytes, *, idle: float) -> list[Row]:
    """A session that has not ended, of a person who is not disabled, once per organisation with a role.

    Args:
        tx: a transaction.
        digest: of the token.
        idle: seconds without use after which it has ended.

    Returns:
        `user_id`, `email`, `organisation_id`, `organisation`, `role`, `chosen` (the organisation that is
        looked at), and `rested`: its use is to be noted.
    """
    statement = (
        select(
            users.c.id.label("user_id"),
            users.c.email,
            user_roles.c.role,
            organisations.c.id.label("organisation_id"),
            organisations.c.name.label("organisation"),
            web_sessions.c.organisation_id.label("chosen"),
            (web_sessions.c.used_at <= later(-NOTED_EVERY)).label("rested"),
        )
        .join(users, users.c.id == web_sessions.c.user_id)
        .join(user_roles, user_roles.c.user_id == users.c.id)
        .join(organisations, organisations.c.id == user_roles.c.organisation_id)
        .where(
            web_sessions.c.digest == digest,
            web_sessions.c.expires_at > db_now(),
            web_sessions.c.used_at > later(-idle),
            users.c.disabled_at.is_(None),
        )
        .order_by(organisations.c.name)
    )
    return rows(tx, statement)


def note_use(tx: Tx, digest: bytes) -> None:
    """Note that a session is in use."""
    tx.execute(update(web_sessions).where(web_sessions.c.digest == digest).values(used_at=db_now()))


def choose(tx: Tx, digest: bytes, organisation_id: str) -> None:
    """Look at another organisation from now on."""
    mine = web_sessions.c.digest == digest
    tx.execute(update(web_sessions).where(mine).values(organisation_id=organisation_id))


def end(tx: Tx, digest: bytes) -> None:
    """End one session; harmless if it has ended."""
    tx.execute(delete(web_sessions).where(web_sessions.c.digest == digest))


def end_all(tx: Tx, user_id: str) -> int:
    """End every session of a person; how many there were."""
    return tx.execute(delete(web_sessions).where(web_sessions.c.user_id == user_id)).rowcount
