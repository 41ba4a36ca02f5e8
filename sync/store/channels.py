"""Channels, and what there is to be told: what stands still, and which questions are new."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, select, update

from sync.store.connections import FILES, ConnectionState
from sync.store.hooktables import channels
from sync.store.query import Row, first, rows
from sync.store.schema import conflicts, connections
from sync.store.session import Tx
from sync.store.types import db_now, later

ACTIVE, PAUSED = "active", "paused"
_STILL = (ConnectionState.HALTED, ConnectionState.NEEDS_APPROVAL, ConnectionState.AUTH_FAILED)


def add(tx: Tx, **columns: Any) -> None:
    """Insert a channel."""
    tx.execute(insert(channels).values(**columns))


def save(tx: Tx, channel_id: str, **columns: Any) -> None:
    """Write columns of a channel."""
    tx.execute(update(channels).where(channels.c.id == channel_id).values(**columns))


def remove(tx: Tx, channel_id: str) -> None:
    """Remove a channel."""
    tx.execute(channels.delete().where(channels.c.id == channel_id))


def find(tx: Tx, organisation_id: str, channel_id: str, *, lock: bool = False) -> Row | None:
    """A channel by its id."""
    mine = (channels.c.organisation_id == organisation_id, channels.c.id == channel_id)
    statement = select(channels).where(*mine)
    return first(tx, statement.with_for_update(key_share=True) if lock else statement)


def listing(tx: Tx, organisation_id: str, *, after: str = "", limit: int = 100) -> list[Row]:
    """Channels in the order in which they were made."""
    statement = select(channels).where(channels.c.organisation_id == organisation_id, channels.c.id > after)
    return rows(tx, statement.order_by(channels.c.id).limit(limit))


def owed(tx: Tx) -> bool:
    """Whether some channel is to be looked at now."""
    return first(tx, select(channels.c.id).where(*_due()).limit(1)) is not None


def take(tx: Tx, *, seconds: float) -> Row | None:
    """A channel that is to be looked at now; for so many seconds nobody else looks at it."""
    statement = select(channels).where(*_due()).order_by(channels.c.look_at, channels.c.id).limit(1)
    found = first(tx, statement.with_for_update(skip_locked=True))
    if found is not None:
        look_again(tx, found["id"], seconds)
    return found


def look_again(tx: Tx, channel_id: str, seconds: float) -> None:
    """Let a channel be looked at after so many seconds."""
    tx.execute(update(channels).where(channels.c.id == channel_id).values(look_at=later(seconds)))


def standing_still(tx: Tx, organisation_id: str) -> list[Row]:
    """Connections that nothing moves on before a person acts: id, name, state, state_reason."""
    columns = [connections.c[name] for name in ("id", "name", "state", "state_reason")]
    statement = select(*columns).where(
        connections.c.organisation_id == organisation_id,
        connections.c.connector != FILES,
        connections.c.state.in_([each.value for each in _STILL]),
    )
    return rows(tx, statement.order_by(connections.c.name))


def open_questions(tx: Tx, organisation_id: str, *, after: str, upto: str) -> list[Row]:
    """Open questions by kind: `count` of all, and `fresh`, of those that came about in between."""
    between = (conflicts.c.id > after, conflicts.c.id <= upto)
    statement = (
        select(
            conflicts.c.kind,
            func.count().label("count"),
            func.count().filter(*between).label("fresh"),
        )
        .where(conflicts.c.organisation_id == organisation_id, conflicts.c.state == "open")
        .group_by(conflicts.c.kind)
        .order_by(conflicts.c.kind)
    )
    return rows(tx, statement)


def _due() -> tuple[Any, ...]:
    return channels.c.state == ACTIVE, channels.c.look_at <= db_now()
