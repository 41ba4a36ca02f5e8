"""Schedules: rows with the time of the next run, taken by compare-and-set: many tickers do no harm."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from sync.core.timing import Rhythm, read_quiet, read_zone
from sync.store import bulk
from sync.store.connections import ConnectionState
from sync.store.query import Row, now, rows
from sync.store.schema import connections
from sync.store.session import Tx
from sync.store.types import db_now
from sync.store.worktables import schedules

KINDS = ("pull", "full")


def put(
    tx: Tx,
    connection_id: str,
    kind: str,
    every_seconds: int,
    *,
    cron: str | None = None,
    quiet: str | None = None,
    timezone: str = "UTC",
) -> None:
    """Set when a connection is looked at.

    What has an interval is looked at now for the first time; what has a cron line, or is a full compare,
    when its time comes.

    Args:
        tx: a transaction.
        connection_id: the connection.
        kind: `pull` or `full`.
        every_seconds: the interval; it rests while there is a cron line.
        cron: five fields that were checked.
        quiet: `HH:MM-HH:MM` that was checked.
        timezone: the name of one, that was checked.
    """
    row = {
        "connection_id": connection_id,
        "kind": kind,
        "every_seconds": every_seconds,
        "cron": cron,
        "quiet": quiet,
        "timezone": timezone,
    }
    at = now(tx)
    each = rhythm(row)
    first = at if kind == "pull" and cron is None else each.after(at)
    bulk.upsert(tx, schedules, ("connection_id", "kind"), [{**row, "next_run_at": each.loud(first)}])


def rhythm(row: Row) -> Rhythm:
    """A schedule's row as the core takes it."""
    return Rhythm(
        every=row["every_seconds"],
        cron=row["cron"],
        quiet=read_quiet(row["quiet"]) if row["quiet"] else None,
        zone=read_zone(row["timezone"]),
    )


def of(tx: Tx, connection_id: str) -> list[Row]:
    """The schedules of a connection, by kind."""
    mine = schedules.c.connection_id == connection_id
    return rows(tx, select(schedules).where(mine).order_by(schedules.c.kind))


def take_due(tx: Tx) -> list[Row]:
    """Take every slot that is due; of several tickers exactly one gets each.

    Slots that were missed while nothing ran fire once, and not in quiet hours. Only active connections are
    scheduled.
    """
    due = (
        select(schedules, connections.c.organisation_id)
        .join(connections, connections.c.id == schedules.c.connection_id)
        .where(schedules.c.next_run_at <= db_now(), connections.c.state == ConnectionState.ACTIVE)
        .order_by(schedules.c.connection_id, schedules.c.kind)
    )
    found = rows(tx, due)
    at = now(tx) if found else None
    return [row for row in found if at is not None and _taken(tx, row, at)]


def _taken(tx: Tx, row: Row, at: datetime) -> bool:
    each = rhythm(row)
    loud = each.loud(at)
    result = tx.execute(
        update(schedules)
        .where(
            schedules.c.connection_id == row["connection_id"],
            schedules.c.kind == row["kind"],
            schedules.c.next_run_at == row["next_run_at"],
        )
        .values(next_run_at=each.after(at) if loud == at else loud)
    )
    return result.rowcount == 1 and loud == at
