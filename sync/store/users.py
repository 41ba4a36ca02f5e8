"""People who use the pages, as they are stored: never a password, only what tells that one is right."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update

from sync.store import bulk
from sync.store.query import Row, first, rows
from sync.store.schema import organisations
from sync.store.session import Tx
from sync.store.usertables import user_roles, users

_SHOWN = [column for column in users.columns if column.name not in ("password", "email_fold")]


def add(tx: Tx, row: Row) -> None:
    """Insert a person, who has no role anywhere yet."""
    tx.execute(insert(users).values(dict(row)))


def find(tx: Tx, email_fold: str, *, lock: bool = False) -> Row | None:
    """A person by folded e-mail address, with the digest of the password; None if there is none."""
    statement = select(users).where(users.c.email_fold == email_fold)
    return first(tx, statement.with_for_update(key_share=True) if lock else statement)


def save(tx: Tx, user_id: str, **columns: Any) -> None:
    """Write columns such as the password, the failures, or when they were disabled."""
    tx.execute(update(users).where(users.c.id == user_id).values(**columns))


def set_role(tx: Tx, user_id: str, organisation_id: str, role: str | None) -> None:
    """Give a person a role in an organisation; None takes it away."""
    if role is None:
        mine = (user_roles.c.user_id == user_id, user_roles.c.organisation_id == organisation_id)
        tx.execute(delete(user_roles).where(*mine))
        return
    row = {"user_id": user_id, "organisation_id": organisation_id, "role": role}
    bulk.upsert(tx, user_roles, ("user_id", "organisation_id"), [row])


def roles(tx: Tx, user_id: str) -> dict[str, str]:
    """Organisation's id → role of one person."""
    found = rows(tx, select(user_roles).where(user_roles.c.user_id == user_id))
    return {row["organisation_id"]: row["role"] for row in found}


def listing(tx: Tx, *conditions: ColumnElement[bool]) -> list[Row]:
    """People by e-mail address, without their passwords; `roles`: name of the organisation → role."""
    statement = select(*_SHOWN).where(*conditions).order_by(users.c.email_fold)
    found = {row["id"]: {**row, "roles": {}} for row in rows(tx, statement)}
    places = (
        select(user_roles.c.user_id, organisations.c.name, user_roles.c.role)
        .join(organisations, organisations.c.id == user_roles.c.organisation_id)
        .join(users, users.c.id == user_roles.c.user_id)
        .where(*conditions)
        .order_by(organisations.c.name)
    )
    for user_id, name, role in tx.execute(places):
        found[user_id]["roles"][name] = role
    return list(found.values())


def of_organisation(tx: Tx, organisation_id: str) -> list[str]:
    """The e-mail addresses of the people who have a role in an organisation and are not disabled."""
    statement = (
        select(users.c.email)
        .join(user_roles, user_roles.c.user_id == users.c.id)
        .where(user_roles.c.organisation_id == organisation_id, users.c.disabled_at.is_(None))
        .order_by(users.c.email_fold)
    )
    return [str(each) for each in tx.execute(statement).scalars()]


def locked(row: Row, at: datetime) -> bool:
    """Whether no password of this person is taken at that time, be it right or wrong."""
    return row["locked_until"] is not None and row["locked_until"] > at
