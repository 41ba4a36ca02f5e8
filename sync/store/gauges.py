"""How an installation stands, in a few set-wise queries: for health checks, metrics and progress.

Nothing here names a customer or a record. Connections go by the pair (organisation, connection): a name is
unique in its organisation only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement, and_, case, func, select

from sync.store.connections import OF_CRMS, ConnectionState
from sync.store.query import Row, first, now, rows
from sync.store.runs import DAY
from sync.store.schema import conflicts, connections, links, organisations
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import budgets, jobs, runs

_OF = (organisations.c.name.label("organisation"), connections.c.name.label("connection"))


@dataclass(frozen=True, slots=True)
class Backlog:
    """Jobs of one kind. `due` and `oldest` (seconds) count active connections alone: no other may write."""

    kind: str
    open: int
    due: int
    dead: int
    oldest: float


@dataclass(frozen=True, slots=True)
class ConnectionGauge:
    """One connection. Times are seconds ago; None where it has not happened yet."""

    organisation: str
    connection: str
    state: str
    looked: float | None
    compared: float | None
    drift: int | None
    calls_today: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows share some labels, named as the columns are."""

    labels: Sequence[str]
    count: int


@dataclass(frozen=True, slots=True)
class Gauges:
    """All of it. Labels: links (organisation, connection, state), conflicts (…, kind), runs (kind, state)."""

    jobs: Sequence[Backlog]
    connections: Sequence[ConnectionGauge]
    links: Sequence[Count]
    conflicts: Sequence[Count]
    runs: Sequence[Count]


def backlog(tx: Tx) -> list[Backlog]:
    """Jobs by kind, those that are done left out."""
    is_open = jobs.c.state == "open"
    due = and_(is_open, jobs.c.not_before <= db_now(), connections.c.state == ConnectionState.ACTIVE)
    statement = (
        select(
            jobs.c.kind,
            db_now().label("now"),
            _count(is_open).label("open"),
            _count(due).label("due"),
            _count(jobs.c.state == "dead").label("dead"),
            func.min(case((due, jobs.c.not_before))).label("since"),
        )
        .join(connections, connections.c.id == jobs.c.connection_id)
        .where(jobs.c.state.in_(("open", "dead")))
        .group_by(jobs.c.kind)
        .order_by(jobs.c.kind)
    )
    return [
        Backlog(row["kind"], row["open"], row["due"], row["dead"], _ago(row["now"], row["since"]) or 0.0)
        for row in rows(tx, statement)
    ]


def states(tx: Tx) -> dict[str, int]:
    """How many connections are in each state, of those that there are."""
    statement = select(connections.c.state, func.count()).where(OF_CRMS).group_by(connections.c.state)
    return {str(row[0]): int(row[1]) for row in tx.execute(statement)}


def read(tx: Tx) -> Gauges:
    """Everything, in six queries however many records there are."""
    return Gauges(
        jobs=backlog(tx),
        connections=_connections(tx),
        links=_counts(tx, links, links.c.state),
        conflicts=_counts(tx, conflicts, conflicts.c.kind, conflicts.c.state == "open"),
        runs=_runs(tx),
    )


def standing(tx: Tx, run_id: str) -> Row | None:
    """State, progress and counts of a run of any organisation; None if there is none of this id."""
    columns = (runs.c.id, runs.c.state, runs.c.progress, runs.c.counts)
    return first(tx, select(*columns).where(runs.c.id == run_id))


def _connections(tx: Tx) -> list[ConnectionGauge]:
    at = now(tx)
    # A day begins up to 14 hours before, and ends up to 12 hours after, that of UTC.
    recent = select(budgets).where(budgets.c.day >= f"{at - timedelta(days=1):%Y-%m-%d}").subquery()
    statement = (
        select(*_OF, connections, recent.c.day, recent.c.handed_out)
        .join(organisations, organisations.c.id == connections.c.organisation_id)
        .outerjoin(recent, recent.c.connection_id == connections.c.id)
        .where(OF_CRMS)
        .order_by(*_OF)
    )
    found: dict[str, ConnectionGauge] = {}
    for row in rows(tx, statement):
        today = row["day"] == _day(at, row["settings"].get("timezone"))
        known = found.get(row["id"])
        if known is None or today:
            found[row["id"]] = ConnectionGauge(
                row["organisation"],
                row["connection"],
                row["state"],
                _ago(at, row["looked_at"]),
                _ago(at, row["compared_at"]),
                row["drift"],
                row["handed_out"] if today else 0,
            )
    return list(found.values())


def _day(at: datetime, timezone: Any) -> str:
    try:
        return f"{at.astimezone(ZoneInfo(timezone or 'UTC')):%Y-%m-%d}"
    except (ZoneInfoNotFoundError, ValueError):
        return f"{at:%Y-%m-%d}"


def _counts(
    tx: Tx, table: Any, label: ColumnElement[str], condition: ColumnElement[bool] | None = None
) -> list[Count]:
    counted = select(table.c.connection_id, label.label("label"), func.count().label("count"))
    if condition is not None:
        counted = counted.where(condition)
    inner = counted.group_by(table.c.connection_id, label).subquery()
    statement = (
        select(*_OF, inner.c.label, inner.c.count)
        .join(connections, connections.c.id == inner.c.connection_id)
        .join(organisations, organisations.c.id == connections.c.organisation_id)
        .order_by(*_OF, inner.c.label)
    )
    return [Count(row[:3], row[3]) for row in map(tuple, tx.execute(statement))]


def _runs(tx: Tx) -> list[Count]:
    statement = (
        select(runs.c.kind, runs.c.state, func.count())
        .where(runs.c.started_at >= later(-DAY))
        .group_by(runs.c.kind, runs.c.state)
        .order_by(runs.c.kind, runs.c.state)
    )
    return [Count((kind, state), count) for kind, state, count in tx.execute(statement)]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _ago(at: datetime, then: datetime | None) -> float | None:
    return None if then is None else max(0.0, (at - then).total_seconds())
