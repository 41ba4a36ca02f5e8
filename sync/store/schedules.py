"""Schedules: rows with the time of the next run, taken by compare-and-set: many tickers do no harm."""

from __future__ import annotations

from sqlalchemy import select, update

from sync.store import bulk
from sync.store.connections import ConnectionState
from sync.store.query import Row, now, rows
from sync.store.schema import connections
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import schedules


def put(tx: Tx, connection_id: str, kind: str, every_seconds: int) -> None:
    """Set how often a connection is looked at; the first time is now."""
    row = {
        "connection_id": connection_id,
        "kind": kind,
        "every_seconds": every_seconds,
        "next_run_at": now(tx),
    }
    bulk.upsert(tx, schedules, ("connection_id", "kind"), [row])


def of(tx: Tx, connection_id: str) -> list[Row]:
    """The schedules of a connection."""
    return rows(tx, select(schedules).where(schedules.c.connection_id == connection_id))


def take_due(tx: Tx) -> list[Row]:
    """Take every slot that is due; of several tickers exactly one gets each.

    Slots that were missed while nothing ran fire once. Only active connections are scheduled.
    """
    due = (
        select(schedules, connections.c.organisation_id)
        .join(connections, connections.c.id == schedules.c.connection_id)
        .where(schedules.c.next_run_at <= db_now(), connections.c.state == ConnectionState.ACTIVE)
    )
    taken = []
    for row in rows(tx, due):
        result = tx.execute(
            update(schedules)
            .where(
                schedules.c.connection_id == row["connection_id"],
                schedules.c.kind == row["kind"],
                schedules.c.next_run_at == row["next_run_at"],
            )
            .values(next_run_at=later(row["every_seconds"]))
        )
        if result.rowcount == 1:
            taken.append(row)
    return taken
