"""Jobs that wait for the calls of a new day; until then nothing else of their connection is due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from sync.store.query import rows
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import jobs

QUOTA = "QuotaExhausted"
"""Error of a job that waits for calls."""

PAUSE = 900.0


def wait(tx: Tx, connection_id: str, until: datetime | None) -> None:
    """Put everything off that is asked of a connection: it has no calls until then, or some time."""
    tx.execute(
        update(jobs)
        .where(jobs.c.connection_id == connection_id, jobs.c.state == "open")
        .values(not_before=later(PAUSE) if until is None else until, last_error=QUOTA)
    )


def wake(tx: Tx, connection_id: str) -> None:
    """Let what waits for the calls of a new day be tried at once: their number was changed."""
    tx.execute(
        update(jobs)
        .where(jobs.c.connection_id == connection_id, jobs.c.state == "open", jobs.c.last_error == QUOTA)
        .values(not_before=db_now())
    )


def waiting_until(tx: Tx) -> dict[str, datetime]:
    """Connections that wait for the calls of a new day → when that begins."""
    statement = (
        select(jobs.c.connection_id, func.max(jobs.c.not_before).label("until"))
        .where(jobs.c.state == "open", jobs.c.last_error == QUOTA, jobs.c.not_before > db_now())
        .group_by(jobs.c.connection_id)
    )
    return {row["connection_id"]: row["until"] for row in rows(tx, statement)}


def waits(connection_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Condition: this connection waits. Not correlated: it is looked up once, not for every job."""
    spent = jobs.alias("spent")
    waiting = select(spent.c.connection_id).where(
        spent.c.state == "open", spent.c.last_error == QUOTA, spent.c.not_before > db_now()
    )
    return connection_id.in_(waiting)
