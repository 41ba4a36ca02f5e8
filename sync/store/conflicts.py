"""The conflict queue: rows for people, kept level with what the last look at each record found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update

from connectors.records import JSON
from sync.core import normalise
from sync.core.actions import Conflict, ConflictKind
from sync.errors import NotFoundError
from sync.store import bulk
from sync.store.baselines import unpack_fields, unpack_pairs
from sync.store.conflict_rows import identity, new_row, values_of
from sync.store.connections import FILES
from sync.store.jobs import CREATE, Wanted
from sync.store.query import Row, one_of, rows
from sync.store.schema import conflicts, connections
from sync.store.session import Tx

OPEN, RESOLVED, DISMISSED, SUPERSEDED = "open", "resolved", "dismissed", "superseded"


@dataclass(frozen=True, slots=True)
class StoredConflict:
    """A row of the queue."""

    row: Row

    @property
    def id(self) -> str:
        """The row's id."""
        return str(self.row["id"])

    @property
    def key(self) -> tuple[str, str, str]:
        """What is unique among open rows of a connection."""
        return (self.row["subject"], self.row["kind"], self.row["field"])

    def conflict(self) -> Conflict:
        """What it holds."""
        return Conflict(
            kind=ConflictKind(self.row["kind"]),
            subject=self.row["subject"],
            field=self.row["field"],
            ref=self.row["ref"],
            customer_id=self.row["customer_id"],
            local=unpack_fields(self.row["local"]),
            remote=unpack_fields(self.row["remote"]),
            baseline=unpack_pairs(self.row["baseline"]) or {},
            landed=unpack_fields(self.row["landed"]),
            reasons=tuple(self.row["reasons"]),
            sticky=self.row["sticky"],
        )


def open_rows(tx: Tx, connection_id: str, subjects: Iterable[str]) -> list[StoredConflict]:
    """Open rows about these subjects."""
    statement = select(conflicts).where(
        conflicts.c.connection_id == connection_id,
        conflicts.c.state == OPEN,
        one_of(conflicts.c.subject, subjects),
    )
    return [StoredConflict(row) for row in rows(tx, statement)]


def open_on_email(tx: Tx, organisation_id: str, connection_id: str | None = None) -> list[StoredConflict]:
    """Open rows that wait for an e-mail address to become free."""
    conditions: list[ColumnElement[bool]] = [
        conflicts.c.organisation_id == organisation_id,
        conflicts.c.state == OPEN,
        conflicts.c.kind == ConflictKind.EMAIL_TAKEN,
    ]
    if connection_id is not None:
        conditions.append(conflicts.c.connection_id == connection_id)
    return [StoredConflict(row) for row in rows(tx, select(conflicts).where(*conditions))]


def customers_asked(tx: Tx, connection_id: str, kind: ConflictKind) -> list[str]:
    """Ids of the customers about whom a connection has an open question of one kind."""
    mine = (conflicts.c.connection_id == connection_id, conflicts.c.state == OPEN)
    statement = select(conflicts.c.customer_id).where(
        *mine, conflicts.c.kind == kind.value, conflicts.c.customer_id.is_not(None)
    )
    return list(tx.execute(statement).scalars())


@dataclass(frozen=True, slots=True)
class QueueChange:
    """What bringing the queue level did: rows newly opened, by kind, and how many closed."""

    opened: Counter[str]
    closed: int


def bring_level(
    tx: Tx,
    *,
    organisation_id: str,
    connection_id: str,
    wanted: Sequence[Conflict],
    present: Sequence[StoredConflict],
    run_id: str,
    at: datetime,
) -> QueueChange:
    """Open what is wanted and not there, refresh what changed, close the rest as superseded.

    `present` are the open rows of every subject that was looked at. A row that is as it was is not
    touched: looking again writes nothing.
    """
    known = {row.key: row for row in present}
    scope = {"organisation_id": organisation_id, "connection_id": connection_id, "state": OPEN}
    fresh, changed, seen = [], [], set()
    for conflict in wanted:
        key = (conflict.subject, conflict.kind.value, conflict.field)
        if key in seen:
            continue
        seen.add(key)
        values = values_of(conflict)
        old = known.get(key)
        if old is None:
            fresh.append({**new_row(conflict, values, run_id=run_id, at=at), **scope})
        elif any(not normalise.equal(old.row[name], value) for name, value in values.items()):
            changed.append({"id": old.id, **values, "version": old.row["version"] + 1, "last_seen": at})
    gone = [row.id for key, row in known.items() if key not in seen]
    if fresh:
        let_be = _dismissed(tx, connection_id, [row["subject"] for row in fresh])
        fresh = [row for row in fresh if identity(row) not in let_be]
    bulk.insert(tx, conflicts, fresh)
    bulk.update(tx, conflicts, ("id",), changed)
    if gone:
        close(tx, gone, SUPERSEDED, at)
    return QueueChange(Counter(row["kind"] for row in fresh), len(gone))


def _dismissed(tx: Tx, connection_id: str, subjects: Iterable[str]) -> set[str]:
    """Rows that a person dismissed: they come back only when either side's values change."""
    statement = select(conflicts).where(
        conflicts.c.connection_id == connection_id,
        conflicts.c.state == DISMISSED,
        one_of(conflicts.c.subject, subjects),
    )
    return {identity(dict(row)) for row in rows(tx, statement)}


def open_more(
    tx: Tx, *, organisation_id: str, connection_id: str, wanted: Sequence[Conflict], run_id: str, at: datetime
) -> QueueChange:
    """Open or refresh rows and leave all others as they are."""
    keys = {(row.subject, row.kind.value, row.field) for row in wanted}
    present = open_rows(tx, connection_id, {row.subject for row in wanted}) if wanted else []
    return bring_level(
        tx,
        organisation_id=organisation_id,
        connection_id=connection_id,
        wanted=wanted,
        present=[row for row in present if row.key in keys],
        run_id=run_id,
        at=at,
    )


def supersede(tx: Tx, subjects: Iterable[str], kind: ConflictKind, at: datetime) -> set[Wanted]:
    """Close rows of one kind about these subjects, on every connection; dismissals are forgotten too.

    Returns:
        The pushes that follow from it: nothing keeps their customers from being created any more.
    """
    closed = tx.execute(
        update(conflicts)
        .where(
            conflicts.c.state.in_([OPEN, DISMISSED]),
            conflicts.c.kind == kind.value,
            one_of(conflicts.c.subject, subjects),
        )
        .values(state=SUPERSEDED, decided_at=at, last_seen=at)
        .returning(conflicts.c.connection_id, conflicts.c.organisation_id)
    )
    return {Wanted(row[0], "push", CREATE, organisation_id=row[1]) for row in closed}


def _asked_by(connection_id: str, run_id: str) -> list[ColumnElement[bool]]:
    """The open questions that an import asked; those of other runs are CRMs', and to be answered."""
    files = select(connections.c.id).where(connections.c.connector == FILES)
    mine = (conflicts.c.connection_id == connection_id, conflicts.c.run_id == run_id)
    return [*mine, conflicts.c.connection_id.in_(files), conflicts.c.state == OPEN]


def asked_by(tx: Tx, connection_id: str, run_id: str) -> int:
    """How many open questions an import asked."""
    statement = select(func.count()).select_from(conflicts).where(*_asked_by(connection_id, run_id))
    return int(tx.execute(statement).scalar_one())


def close_asked_by(tx: Tx, connection_id: str, run_id: str, at: datetime) -> None:
    """Close the open questions that an import asked."""
    closed = update(conflicts).where(*_asked_by(connection_id, run_id))
    tx.execute(closed.values(state=SUPERSEDED, decided_at=at, last_seen=at))


def own(tx: Tx, connection_id: str, run_id: str, subjects: Iterable[str]) -> None:
    """Open questions about these are this run's: it asked them last."""
    mine = (conflicts.c.connection_id == connection_id, conflicts.c.state == OPEN)
    tx.execute(update(conflicts).where(*mine, one_of(conflicts.c.subject, subjects)).values(run_id=run_id))


def close(tx: Tx, ids: Sequence[str], state: str, at: datetime) -> None:
    """Close rows without a decision."""
    tx.execute(
        update(conflicts).where(one_of(conflicts.c.id, ids)).values(state=state, decided_at=at, last_seen=at)
    )


def decide(
    tx: Tx, conflict_id: str, *, state: str, decision: Mapping[str, JSON], actor: str, at: datetime
) -> None:
    """Close a row by a person's decision."""
    tx.execute(
        update(conflicts)
        .where(conflicts.c.id == conflict_id)
        .values(state=state, decision=dict(decision), decided_by=actor, decided_at=at)
    )


def mark(tx: Tx, conflict_id: str, **columns: str | None) -> None:
    """Write what is beside the question itself: who is to decide it, and the notes on it."""
    tx.execute(update(conflicts).where(conflicts.c.id == conflict_id).values(**columns))


def find(tx: Tx, organisation_id: str, conflict_id: str, *, lock: bool = False) -> StoredConflict | None:
    """One row by its id, or by the beginning of it that a person typed.

    Raises:
        NotFoundError: several begin so.
    """
    mine = (
        conflicts.c.organisation_id == organisation_id,
        conflicts.c.id.startswith(conflict_id, autoescape=True),
    )
    statement = select(conflicts).where(*mine).limit(2)
    found = rows(tx, statement.with_for_update(key_share=True) if lock else statement)
    if len(found) > 1:
        raise NotFoundError(f"There are several rows {conflict_id}.", cure="Give more of the id.")
    return StoredConflict(found[0]) if found else None


def listing(
    tx: Tx,
    organisation_id: str,
    *,
    connection_id: str | None = None,
    kind: str | None = None,
    state: str | None = OPEN,
    customer_id: str | None = None,
    assignee: str | None = None,
    ids: Iterable[str] | None = None,
    after: str = "",
    limit: int = 100,
) -> list[StoredConflict]:
    """A page of the queue in id order, oldest first."""
    statement = select(conflicts).where(
        conflicts.c.organisation_id == organisation_id, conflicts.c.id > after
    )
    for column, value in (
        (conflicts.c.connection_id, connection_id),
        (conflicts.c.kind, kind),
        (conflicts.c.state, state),
        (conflicts.c.customer_id, customer_id),
        (conflicts.c.assignee, assignee),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if ids is not None:
        statement = statement.where(one_of(conflicts.c.id, ids))
    return [StoredConflict(row) for row in rows(tx, statement.order_by(conflicts.c.id).limit(limit))]


def count_open(tx: Tx, *conditions: ColumnElement[bool]) -> dict[str, int]:
    """Open rows by kind."""
    statement = (
        select(conflicts.c.kind, func.count().label("n"))
        .where(conflicts.c.state == OPEN, *conditions)
        .group_by(conflicts.c.kind)
        .order_by(conflicts.c.kind)
    )
    return {row["kind"]: row["n"] for row in rows(tx, statement)}


def of_organisation(organisation_id: str) -> ColumnElement[bool]:
    """Condition: rows of one organisation."""
    return conflicts.c.organisation_id == organisation_id


def of_connection(connection_id: str) -> ColumnElement[bool]:
    """Condition: rows of one connection."""
    return conflicts.c.connection_id == connection_id
