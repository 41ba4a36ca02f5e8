"""How an organisation stands, for people: its connections, what waits for a person, what moved in a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, literal_column, select

from sync.clock import id_at
from sync.core.timing import day_of, read_zone
from sync.store import connections
from sync.store.connections import StoredConnection
from sync.store.customers import StoredCustomer, page
from sync.store.query import Row, now, one_of, rows
from sync.store.schema import conflicts, customers
from sync.store.session import Tx
from sync.store.worktables import budgets, jobs, runs, schedules

HOURS = 24
LATE = timedelta(minutes=5)
"""What is due for so long is taken up by nobody."""
_TO_BILLING = ("created_local", "updated_local")
_DECIDED = ("resolved", "dismissed")
_TO_CRMS = ("created_remote", "updated_remote")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One connection.

    Args:
        connection: the connection.
        next_at: when it is looked at next; None if nothing is planned.
        calls: of today's budget that were handed out; `limit` of them there are, None for no limit.
        last_run: the latest run that had something to do.
        late: whether work that is due is taken up by nobody.
    """

    connection: StoredConnection
    next_at: datetime | None
    calls: int
    limit: int | None
    last_run: Row | None
    late: bool

    @property
    def failed(self) -> bool:
        """Whether the last run failed, and no look has gone well since."""
        run, looked = self.last_run, self.connection.row["looked_at"]
        if run is None or run["state"] != "failed":
            return False
        return looked is None or looked < (run["finished_at"] or run["started_at"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Questions of one kind: how many are open, and since when the oldest is."""

    kind: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Records changed in one hour, on either side."""

    begins: datetime
    to_billing: int
    to_crms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it. `waiting`: runs that wait for an approval, the oldest first; `hours`: the last 24."""

    at: datetime
    connections: Sequence[Standing]
    open: Sequence[Open]
    waiting: Sequence[Row]
    hours: Sequence[Hour]
    decided: int

    @property
    def to_billing(self) -> int:
        """Records changed here within the day."""
        return sum(each.to_billing for each in self.hours)

    @property
    def to_crms(self) -> int:
        """Records changed in CRMs within the day."""
        return sum(each.to_crms for each in self.hours)

    @property
    def questions(self) -> int:
        """How many are open."""
        return sum(each.count for each in self.open)


def read(tx: Tx, organisation_id: str) -> Overview:
    """Everything, in as many queries as there are connections and a few."""
    at = now(tx)
    found = connections.listing(tx, organisation_id)
    recent = _recent(tx, organisation_id, at)
    return Overview(
        at=at,
        connections=standings(tx, found, at),
        open=_open(tx, organisation_id),
        waiting=_waiting(tx, organisation_id),
        hours=_hours(recent, at),
        decided=sum(_sum(row["counts"], _DECIDED) for row in recent if row["kind"] == "resolve"),
    )


def standings(tx: Tx, found: Sequence[StoredConnection], at: datetime) -> list[Standing]:
    """How connections stand at a time, in their order."""
    ids = [each.id for each in found]
    planned = {
        row["connection_id"]: row["next_run_at"]
        for row in rows(
            tx, select(schedules).where(one_of(schedules.c.connection_id, ids), schedules.c.kind == "pull")
        )
    }
    handed = {
        (row["connection_id"], row["day"]): row["handed_out"]
        for row in rows(tx, select(budgets).where(one_of(budgets.c.connection_id, ids)))
    }
    waiting = select(jobs.c.connection_id).where(
        one_of(jobs.c.connection_id, ids), jobs.c.state == "open", jobs.c.not_before <= at - LATE
    )
    overdue = {row["connection_id"] for row in rows(tx, waiting.distinct())}
    made = []
    for each in found:
        active = each.state == connections.ConnectionState.ACTIVE
        next_at = planned.get(each.id) if active else None
        day, _ = day_of(at, read_zone(each.settings.timezone))
        made.append(
            Standing(
                connection=each,
                next_at=next_at,
                calls=handed.get((each.id, day), 0),
                limit=each.settings.daily_calls,
                last_run=_last_run(tx, each.id),
                late=active and (each.id in overdue or (next_at is not None and next_at <= at - LATE)),
            )
        )
    return made


def _last_run(tx: Tx, connection_id: str) -> Row | None:
    mine = (runs.c.connection_id == connection_id, runs.c.forgotten_at.is_(None))
    columns = (runs.c.id, runs.c.kind, runs.c.state, runs.c.started_at, runs.c.finished_at, runs.c.reason)
    found = rows(tx, select(*columns).where(*mine).order_by(runs.c.id.desc()).limit(1))
    return found[0] if found else None


def _open(tx: Tx, organisation_id: str) -> list[Open]:
    statement = (
        select(conflicts.c.kind, func.count().label("count"), func.min(conflicts.c.first_seen).label("since"))
        .where(conflicts.c.organisation_id == organisation_id, conflicts.c.state == "open")
        .group_by(conflicts.c.kind)
        .order_by(conflicts.c.kind)
    )
    return [Open(kind=row["kind"], count=row["count"], since=row["since"]) for row in rows(tx, statement)]


def _waiting(tx: Tx, organisation_id: str) -> list[Row]:
    statement = select(runs.c.id, runs.c.kind, runs.c.connection_id, runs.c.planned, runs.c.started_at).where(
        runs.c.organisation_id == organisation_id, runs.c.state == literal_column("'needs_approval'")
    )
    return rows(tx, statement.order_by(runs.c.id))


def _recent(tx: Tx, organisation_id: str, at: datetime) -> list[Row]:
    # Ids begin with the time at which they were made: an index leads to those of the day.
    columns = (runs.c.kind, runs.c.started_at, runs.c.counts, runs.c.ordered)
    statement = select(*columns).where(
        runs.c.organisation_id == organisation_id,
        runs.c.id >= id_at(at - timedelta(hours=HOURS)),
        runs.c.kind != "plan",
        runs.c.state != "needs_approval",
    )
    return [row for row in rows(tx, statement) if not (row["ordered"] or {}).get("dry")]


def _hours(recent: Sequence[Row], at: datetime) -> list[Hour]:
    first = at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    here, there = [0] * HOURS, [0] * HOURS
    for row in recent:
        place = int((row["started_at"] - first).total_seconds() // 3_600)
        if 0 <= place < HOURS:
            here[place] += _sum(row["counts"], _TO_BILLING)
            there[place] += _sum(row["counts"], _TO_CRMS)
    return [
        Hour(begins=first + timedelta(hours=place), to_billing=here[place], to_crms=there[place])
        for place in range(HOURS)
    ]


def _sum(counts: Mapping[str, object] | None, names: Sequence[str]) -> int:
    found = [(counts or {}).get(name) for name in names]
    return sum(each for each in found if isinstance(each, int))


def example(tx: Tx, organisation_id: str) -> StoredCustomer | None:
    """A customer that nobody is asked about, to try an edit on."""
    doubtful = select(conflicts.c.customer_id).where(conflicts.c.customer_id.is_not(None))
    known = and_(customers.c.external_id.is_not(None), customers.c.id.not_in(doubtful))
    return next(iter(page(tx, organisation_id, known, after="", limit=1)), None)
