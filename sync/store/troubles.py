"""What went wrong: records that could not be taken, and runs that failed and that nothing made good since."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import exists, func, select

from sync.clock import id_at
from sync.store.query import Row, now, rows
from sync.store.schema import conflicts
from sync.store.session import Tx
from sync.store.worktables import runs

MOST = 5_000
"""Records that are looked at: more than anybody reads, and few enough to be grouped here."""
WEEK = timedelta(days=7)


def quarantined(
    tx: Tx, organisation_id: str, kinds: Iterable[str], *, run_id: str | None = None
) -> list[Row]:
    """Open questions of these kinds, oldest first: id, kind, connection_id and reasons."""
    table = conflicts.c
    statement = select(table.id, table.kind, table.connection_id, table.reasons).where(
        table.organisation_id == organisation_id, table.state == "open", table.kind.in_([*kinds])
    )
    if run_id is not None:
        statement = statement.where(table.run_id == run_id)
    return rows(tx, statement.order_by(table.id).limit(MOST))


def failed(tx: Tx, organisation_id: str) -> list[Row]:
    """Failed runs by connection and reason: `n`, the `latest` and when `at` that began; the newest first."""
    well = runs.alias()
    made_good = exists().where(
        well.c.connection_id == runs.c.connection_id,
        well.c.kind == runs.c.kind,
        well.c.state == "done",
        well.c.id > runs.c.id,
    )
    latest = func.max(runs.c.id)
    statement = (
        select(
            runs.c.connection_id,
            runs.c.reason,
            func.count().label("n"),
            latest.label("latest"),
            func.max(runs.c.started_at).label("at"),
        )
        .where(
            runs.c.organisation_id == organisation_id,
            runs.c.state == "failed",
            runs.c.forgotten_at.is_(None),
            runs.c.id >= id_at(now(tx) - WEEK),
            ~made_good,
        )
        .group_by(runs.c.connection_id, runs.c.reason)
        .order_by(latest.desc())
        .limit(50)
    )
    return rows(tx, statement)
