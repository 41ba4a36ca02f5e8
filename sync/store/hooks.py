"""Hooks and what they are to be told: taken by one worker at a time, one after the other, by their ids."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, insert, literal, or_, select, update

from sync.clock import id_at
from sync.store.hooktables import hook_deliveries, hooks
from sync.store.query import Row, first, now, one_of, rows
from sync.store.session import Tx
from sync.store.types import db_now, later

ACTIVE, PAUSED = "active", "paused"
WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
MANY = 1_000
"""Waiting deliveries are counted so far; one more stands for all beyond."""


def add(tx: Tx, **columns: Any) -> None:
    """Insert a hook."""
    tx.execute(insert(hooks).values(**columns))


def save(tx: Tx, hook_id: str, **columns: Any) -> None:
    """Write columns of a hook."""
    tx.execute(update(hooks).where(hooks.c.id == hook_id).values(**columns))


def remove(tx: Tx, hook_id: str) -> None:
    """Remove a hook; its deliveries go with what is old, since they may be very many."""
    tx.execute(hooks.delete().where(hooks.c.id == hook_id))


def find(tx: Tx, organisation_id: str, hook_id: str, *, lock: bool = False) -> Row | None:
    """A hook by its id, with how many deliveries are `waiting`; without that if it is locked."""
    statement = select(hooks).with_for_update(key_share=True) if lock else _shown()
    return first(tx, statement.where(hooks.c.organisation_id == organisation_id, hooks.c.id == hook_id))


def keep_others_out(tx: Tx, organisation_id: str) -> None:
    """Let nobody else add a hook to an organisation until this transaction ends."""
    # SQLite has one writer at a time; and behind the walls the row of an organisation cannot be locked.
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(int(organisation_id[-15:], 16))))


def _shown() -> Select[Any]:
    ours = hook_deliveries.c.hook_id == hooks.c.id, hook_deliveries.c.state == WAITING
    some = select(literal(1).label("one")).where(*ours).correlate(hooks).limit(MANY + 1).subquery()
    waiting = select(func.count()).select_from(some).scalar_subquery()
    return select(hooks, waiting.label("waiting"))


def listing(tx: Tx, organisation_id: str, *, after: str = "", limit: int = 100) -> list[Row]:
    """Hooks in the order in which they were made, each with how many deliveries are `waiting`."""
    statement = (
        _shown()
        .where(hooks.c.organisation_id == organisation_id, hooks.c.id > after)
        .order_by(hooks.c.id)
        .limit(limit)
    )
    return rows(tx, statement)


def deliveries(tx: Tx, hook_id: str, *, before: str = "", limit: int = 50) -> list[Row]:
    """Deliveries of a hook, the latest first; those made before another one if it is named."""
    statement = select(hook_deliveries).where(hook_deliveries.c.hook_id == hook_id)
    if before:
        statement = statement.where(hook_deliveries.c.id < before)
    return rows(tx, statement.order_by(hook_deliveries.c.id.desc()).limit(limit))


def owed(tx: Tx) -> bool:
    """Whether some hook is to be told something now, and no worker holds any."""
    other = hooks.alias()
    held = exists().where(other.c.held_until > db_now())
    return first(tx, select(hooks.c.id).where(*_due(), ~held).limit(1)) is not None


def others_wait(tx: Tx, hook_id: str, delivery_id: str) -> bool:
    """Whether something else than this delivery waits for a hook."""
    ours = hook_deliveries.c.hook_id == hook_id, hook_deliveries.c.state == WAITING
    statement = select(hook_deliveries.c.id).where(*ours, hook_deliveries.c.id != delivery_id)
    return first(tx, statement.limit(1)) is not None


def take(tx: Tx, *, seconds: float) -> Row | None:
    """Hold a hook that is to be told something now, and that no other worker holds.

    The one whose last turn is longest ago comes first. Its `taken_at` names this hold.
    """
    statement = (
        select(hooks)
        .where(*_due())
        .order_by(hooks.c.taken_at.asc().nulls_first(), hooks.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = first(tx, statement)
    if found is None:
        return None
    at = now(tx)
    save(tx, found["id"], taken_at=at, held_until=later(seconds))
    return {**found, "taken_at": at}


def hold(tx: Tx, hook: Row, seconds: float | None) -> None:
    """Keep others from a hook for so long, or no longer; nothing if by now another worker holds it."""
    ours = hooks.c.id == hook["id"], hooks.c.taken_at == hook["taken_at"]
    tx.execute(update(hooks).where(*ours).values(held_until=None if seconds is None else later(seconds)))


def due(tx: Tx, hook_id: str, *, limit: int) -> list[Row]:
    """What a hook is to be told now, by the time at which it came about."""
    statement = select(hook_deliveries).where(hook_deliveries.c.hook_id == hook_id, *_waiting())
    return rows(tx, statement.order_by(hook_deliveries.c.id).limit(limit))


def note(tx: Tx, delivery_id: str, *, state: str, again: float | None, **columns: Any) -> None:
    """Write how a delivery went; it is tried again after so many seconds, or it has ended."""
    when = {"ended_at": db_now()} if again is None else {"not_before": later(again)}
    attempts = hook_deliveries.c.attempts + 1
    tx.execute(
        update(hook_deliveries)
        .where(hook_deliveries.c.id == delivery_id)
        .values(state=state, attempts=attempts, **when, **columns)
    )


def give_up(tx: Tx, *, before: datetime, limit: int, why: str) -> list[tuple[Row, int]]:
    """End some deliveries that have waited since before; their hooks, and how many of each."""
    at = id_at(before)
    old = (
        select(hook_deliveries.c.id, hook_deliveries.c.hook_id)
        .where(hook_deliveries.c.state == WAITING, hook_deliveries.c.id < at)
        .order_by(hook_deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = rows(tx, old)
    ended = {"state": FAILED, "ended_at": db_now(), "problem": why}
    mine = one_of(hook_deliveries.c.id, [each["id"] for each in found])
    tx.execute(update(hook_deliveries).where(mine).values(**ended))
    counts = Counter(str(each["hook_id"]) for each in found)
    theirs = select(hooks).where(one_of(hooks.c.id, counts)).order_by(hooks.c.id)
    return [(hook, counts[hook["id"]]) for hook in rows(tx, theirs)]


def of_none() -> ColumnElement[bool]:
    """Deliveries whose hook was removed."""
    return hook_deliveries.c.hook_id.not_in(select(hooks.c.id))


def _waiting() -> tuple[ColumnElement[bool], ...]:
    return hook_deliveries.c.state == WAITING, hook_deliveries.c.not_before <= db_now()


def _due() -> tuple[ColumnElement[bool], ...]:
    return (
        hooks.c.state == ACTIVE,
        or_(hooks.c.not_before.is_(None), hooks.c.not_before <= db_now()),
        or_(hooks.c.held_until.is_(None), hooks.c.held_until <= db_now()),
        exists().where(hook_deliveries.c.hook_id == hooks.c.id, *_waiting()),
    )
