"""Every sealed value of the database, page by page, whatever it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Column, Table, bindparam, select, update

from sync.store.hooktables import channels, hooks
from sync.store.schema import connections
from sync.store.session import Tx
from sync.store.worktables import tokens


class Kind(StrEnum):
    """What is sealed."""

    CREDENTIALS = "credentials"
    TOKEN = "token"  # noqa: S105 - no password
    HOOK = "hook"
    CHANNEL = "channel"


_PLACES: Mapping[Kind, tuple[Table, Column[str], Column[str]]] = {
    Kind.CREDENTIALS: (connections, connections.c.id, connections.c.credentials),
    Kind.TOKEN: (tokens, tokens.c.connection_id, tokens.c.sealed),
    Kind.HOOK: (hooks, hooks.c.id, hooks.c.secret),
    Kind.CHANNEL: (channels, channels.c.id, channels.c.url),
}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed value and what it belongs to: a connection, a hook or a channel."""

    owner_id: str
    value: str


def page(tx: Tx, kind: Kind, *, after: str, limit: int) -> list[Sealed]:
    """Sealed values by what they belong to, from behind `after`."""
    _, key, value = _PLACES[kind]
    statement = select(key, value).where(key > after, value != "").order_by(key).limit(limit)
    return [Sealed(*row) for row in tx.execute(statement)]


def replace(tx: Tx, kind: Kind, changes: Sequence[tuple[Sealed, str]]) -> None:
    """Put new values in the place of those that are still as they were read."""
    table, key, value = _PLACES[kind]
    statement = (
        update(table)
        .where(key == bindparam("at"), value == bindparam("old"))
        .values({value.name: bindparam("new")})
    )
    given = [{"at": was.owner_id, "old": was.value, "new": new} for was, new in changes]
    if given:
        tx.execute(statement, given)
