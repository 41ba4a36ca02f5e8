"""Keys of the API as they are stored: what tells that a secret is right, never the secret."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, insert, or_, select, update

from sync.store.keytables import api_key_organisations, api_keys
from sync.store.query import Row, rows
from sync.store.schema import organisations
from sync.store.session import Tx
from sync.store.types import db_now, later

NOTED_EVERY = 60.0
"""Seconds between two notes that a key is in use."""

_SHOWN = [column for column in api_keys.columns if column.name != "digest"]


def add(
    tx: Tx,
    *,
    key_id: str,
    name: str,
    digest: bytes,
    scope: str,
    rate: int | None,
    actor: str,
    created_at: datetime,
    expires_at: datetime | None,
    organisation_ids: Iterable[str],
) -> None:
    """Insert a key that may be used for some organisations."""
    tx.execute(
        insert(api_keys).values(
            id=key_id,
            name=name,
            digest=digest,
            scope=scope,
            rate=rate,
            created_by=actor,
            created_at=created_at,
            expires_at=expires_at,
        )
    )
    places = [{"key_id": key_id, "organisation_id": each} for each in organisation_ids]
    tx.execute(insert(api_key_organisations), places)


@cache
def _in_force() -> Select[Any]:
    return (
        select(
            api_keys,
            _idle().label("idle"),
            organisations.c.id.label("organisation_id"),
            organisations.c.name.label("organisation"),
        )
        .join(api_key_organisations, api_key_organisations.c.key_id == api_keys.c.id)
        .join(organisations, organisations.c.id == api_key_organisations.c.organisation_id)
        .where(
            api_keys.c.id == bindparam("key"),
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > db_now()),
        )
        .order_by(organisations.c.name)
    )


def in_force(tx: Tx, key_id: str) -> list[Row]:
    """A key that is neither revoked nor expired, once per `organisation`; `idle`: its use is to be noted."""
    return rows(tx, _in_force(), {"key": key_id})


def note_use(tx: Tx, key_id: str) -> None:
    """Note that a key is in use, unless that was noted just now."""
    tx.execute(update(api_keys).where(api_keys.c.id == key_id, _idle()).values(last_used_at=db_now()))


def _idle() -> ColumnElement[bool]:
    return or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= later(-NOTED_EVERY))


def load(tx: Tx, *conditions: ColumnElement[bool]) -> list[Row]:
    """Keys by what they are, oldest first, without their digests; `organisations`: id → name."""
    statement = select(*_SHOWN).where(*conditions).order_by(api_keys.c.id)
    found = {row["id"]: {**row, "organisations": {}} for row in rows(tx, statement)}
    places = (
        select(api_key_organisations.c.key_id, organisations.c.id, organisations.c.name)
        .join(organisations, organisations.c.id == api_key_organisations.c.organisation_id)
        .join(api_keys, api_keys.c.id == api_key_organisations.c.key_id)
        .where(*conditions)
        .order_by(organisations.c.name)
    )
    for key_id, organisation_id, name in tx.execute(places):
        found[key_id]["organisations"][organisation_id] = name
    return list(found.values())


def revoke(tx: Tx, key_id: str) -> bool:
    """Put a key out of force; False if it is so already."""
    statement = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
    return tx.execute(statement.values(revoked_at=db_now())).rowcount == 1
