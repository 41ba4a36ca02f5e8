"""What happened to a customer: what runs changed, and what people did, as one list, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, null, select, tuple_

from sync.store.query import Row, one_of, rows
from sync.store.session import Tx
from sync.store.worktables import audit, changes, runs

OF_PEOPLE = -1
"""`seq` of what people did: it has no number in a run."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list: behind the entry of this time, of this run or deed, and of this number in it."""

    at: datetime
    source: str
    seq: int


def of_customer(
    tx: Tx,
    organisation_id: str,
    customer_id: str,
    *,
    also: Iterable[str] = (),
    after: Place | None,
    limit: int,
) -> list[Row]:
    """A page of what happened to a customer.

    Each row has `at`, `source` (the run, or the deed), `seq`, `actor`, `kind` (of the run; None for a deed),
    `connection_id` (None for a deed), `side`, `action`, `fields` and `details`.

    Args:
        tx: in which it is read.
        organisation_id: whose customer it is.
        customer_id: which.
        also: ids of its contacts, contracts and wallets, whose changes belong to it.
        after: the last entry that is known; None for the newest.
        limit: rows at most.
    """
    found = [*_by_runs(tx, organisation_id, customer_id, after, limit)]
    found += _by_people(tx, organisation_id, [customer_id, *also], after, limit)
    return sorted(found, key=lambda row: (row["at"], row["source"], row["seq"]), reverse=True)[:limit]


def place_of(row: Row) -> Place:
    """Where a row stands."""
    return Place(row["at"], row["source"], row["seq"])


def _by_runs(tx: Tx, organisation_id: str, customer_id: str, after: Place | None, limit: int) -> list[Row]:
    order = (changes.c.at, changes.c.run_id, changes.c.seq)
    columns = (changes.c.connection_id, changes.c.side, changes.c.action, changes.c.fields, changes.c.details)
    statement = (
        select(
            changes.c.at, changes.c.run_id.label("source"), changes.c.seq, runs.c.actor, runs.c.kind, *columns
        )
        .join(runs, runs.c.id == changes.c.run_id)
        .where(
            changes.c.customer_id == customer_id,
            runs.c.organisation_id == organisation_id,
            runs.c.forgotten_at.is_(None),
        )
    )
    if after is not None:
        known = (literal(after.at, changes.c.at.type), literal(after.source), literal(after.seq))
        statement = statement.where(tuple_(*order) < tuple_(*known))
    return rows(tx, statement.order_by(*(column.desc() for column in order)).limit(limit))


def _by_people(
    tx: Tx, organisation_id: str, subjects: list[str], after: Place | None, limit: int
) -> list[Row]:
    nothing = {name: null().label(name) for name in ("kind", "connection_id", "side", "fields")}
    seq = literal(OF_PEOPLE)
    statement = select(
        audit.c.at,
        audit.c.id.label("source"),
        seq.label("seq"),
        audit.c.actor,
        audit.c.action,
        audit.c.details,
        *nothing.values(),
    ).where(audit.c.organisation_id == organisation_id, one_of(audit.c.subject, subjects))
    if after is not None:
        known = (literal(after.at, audit.c.at.type), literal(after.source), literal(after.seq))
        statement = statement.where(tuple_(audit.c.at, audit.c.id, seq) < tuple_(*known))
    found = rows(tx, statement.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit))
    return [{**row, "fields": (row["details"] or {}).get("fields")} for row in found]
