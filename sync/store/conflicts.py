"""The conflict queue: rows for people, kept level with what the last look at each record found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, func, or_, select, update

from connectors.records import JSON
from sync.clock import new_id
from sync.core.actions import Conflict, ConflictKind, key_subject
from sync.store import bulk
from sync.store.baselines import pack_fields, pack_pairs, unpack_fields, unpack_pairs
from sync.store.query import Row, first, one_of, rows
from sync.store.schema import conflicts
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
    scope = {"organisation_id": organisation_id, "connection_id": connection_id}
    fresh, changed, seen = [], [], set()
    for conflict in wanted:
        key = (conflict.subject, conflict.kind.value, conflict.field)
        if key in seen:
            continue
        seen.add(key)
        values = _values(conflict)
        old = known.get(key)
        if old is None:
            fresh.append({**_row(conflict, values, run_id=run_id, at=at), **scope})
        elif any(old.row[name] != value for name, value in values.items()):
            changed.append({"id": old.id, **values, "version": old.row["version"] + 1, "last_seen": at})
    gone = [row.id for key, row in known.items() if key not in seen]
    if fresh:
        let_be = _dismissed(tx, connection_id, [row["subject"] for row in fresh])
        fresh = [row for row in fresh if _identity(row) not in let_be]
    bulk.insert(tx, conflicts, fresh)
    bulk.update(tx, conflicts, ("id",), changed)
    if gone:
        close(tx, gone, SUPERSEDED, at)
    return QueueChange(Counter(row["kind"] for row in fresh), len(gone))


def _identity(row: Mapping[str, Any]) -> str:
    """What a dismissal speaks of: the row's key and both sides' values."""
    parts = [row[name] for name in ("subject", "kind", "field", "local", "remote")]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()


def _dismissed(tx: Tx, connection_id: str, subjects: Iterable[str]) -> set[str]:
    """Rows that a person dismissed: they come back only when either side's values change."""
    statement = select(conflicts).where(
        conflicts.c.connection_id == connection_id,
        conflicts.c.state == DISMISSED,
        one_of(conflicts.c.subject, subjects),
    )
    return {_identity(dict(row)) for row in rows(tx, statement)}


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


def supersede(tx: Tx, subjects: Iterable[str], kind: ConflictKind, at: datetime) -> None:
    """Close rows of one kind about these subjects, on every connection; dismissals are forgotten too."""
    tx.execute(
        update(conflicts)
        .where(
            conflicts.c.state.in_([OPEN, DISMISSED]),
            conflicts.c.kind == kind.value,
            one_of(conflicts.c.subject, subjects),
        )
        .values(state=SUPERSEDED, decided_at=at, last_seen=at)
    )


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


def find(tx: Tx, organisation_id: str, conflict_id: str, *, lock: bool = False) -> StoredConflict | None:
    """One row by its id, or by the beginning of it that a person typed."""
    statement = select(conflicts).where(
        conflicts.c.organisation_id == organisation_id,
        conflicts.c.id.startswith(conflict_id, autoescape=True),
    )
    row = first(tx, statement.with_for_update() if lock else statement)
    return None if row is None else StoredConflict(row)


def listing(
    tx: Tx,
    organisation_id: str,
    *,
    connection_id: str | None = None,
    kind: str | None = None,
    state: str | None = OPEN,
    customer_id: str | None = None,
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
    ):
        if value is not None:
            statement = statement.where(column == value)
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


def customers_with_doubts(connection_id: str) -> Any:
    """Subquery: customers for which nothing is created, as a row of this connection speaks of them.

    Either the row is open, or a person dismissed a creation that the CRM had refused.
    """
    refused = and_(conflicts.c.state == DISMISSED, conflicts.c.kind == ConflictKind.PUSH_REJECTED)
    return select(conflicts.c.customer_id).where(
        conflicts.c.connection_id == connection_id,
        or_(conflicts.c.state == OPEN, refused),
        conflicts.c.customer_id.is_not(None),
    )


def doubtful_keys(connection_id: str) -> Any:
    """Subquery: folded external ids that several records of this connection share."""
    prefix = key_subject("")
    return select(func.substr(conflicts.c.subject, len(prefix) + 1)).where(
        conflicts.c.connection_id == connection_id,
        conflicts.c.state == OPEN,
        conflicts.c.subject.startswith(prefix),
    )


def _values(conflict: Conflict) -> dict[str, Any]:
    return {
        "ref": conflict.ref,
        "customer_id": conflict.customer_id,
        "local": pack_fields(conflict.local),
        "remote": pack_fields(conflict.remote),
        "baseline": pack_pairs(conflict.baseline),
        "landed": pack_fields(conflict.landed),
        "reasons": [dict(reason) for reason in conflict.reasons],
        "sticky": conflict.sticky,
    }


def _row(conflict: Conflict, values: Mapping[str, Any], *, run_id: str, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": conflict.kind.value,
        "subject": conflict.subject,
        "field": conflict.field,
        **values,
        "state": OPEN,
        "version": 1,
        "first_seen": at,
        "last_seen": at,
        "run_id": run_id,
        "assignee": None,
        "notes": None,
        "decision": None,
        "decided_by": None,
        "decided_at": None,
    }
