"""What an undo reads: a run's changes backwards, what happened since, and what hangs on its customers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal_column, or_, select, update

from sync.store.billtables import contracts
from sync.store.links import StoredLink
from sync.store.query import Row, one_of, rows
from sync.store.schema import conflicts, customers, links
from sync.store.session import Tx
from sync.store.worktables import changes, planned_records, runs

SETTLEMENTS = ("settle", "unsettle")
"""Actions of decisions that are not about values, and of their undo: each is undone by itself, and whole."""


# Constants, not parameters: whoever plans for any two actions takes a run to have hardly another one, and
# sorts all of it for each page.
_VALUES = changes.c.action.not_in([literal_column(f"'{each}'") for each in SETTLEMENTS])


def parts(tx: Tx, run: Row) -> list[Row]:
    """A run with those that belong to it, first of all itself."""
    mine = (runs.c.part_of == run["id"], runs.c.forgotten_at.is_(None))
    statement = select(runs).where(*mine).order_by(runs.c.id)
    return [run, *rows(tx, statement)]


def undone_by(tx: Tx, run_id: str) -> set[str]:
    """The runs that undid a run, wholly or in part."""
    return set(tx.execute(select(runs.c.id).where(runs.c.undoes == run_id)).scalars())


def _of(run_id: str, customer_ids: Collection[str] | None) -> list[ColumnElement[bool]]:
    mine: list[ColumnElement[bool]] = [changes.c.run_id == run_id]
    return mine if customer_ids is None else [*mine, one_of(changes.c.customer_id, customer_ids)]


def count(tx: Tx, run_id: str, customer_ids: Collection[str] | None) -> int:
    """How many changes a run has, of all customers or of some."""
    statement = select(func.count()).select_from(changes).where(*_of(run_id, customer_ids))
    return int(tx.execute(statement).scalar_one())


def page(
    tx: Tx, run_id: str, customer_ids: Collection[str] | None, *, before: int | None, limit: int
) -> list[Row]:
    """Changes of a run, the last one first, those before a number."""
    statement = select(changes).where(*_of(run_id, customer_ids), _VALUES)
    if before is not None:
        statement = statement.where(changes.c.seq < before)
    return rows(tx, statement.order_by(changes.c.seq.desc()).limit(limit))


def of_customers(tx: Tx, run_id: str, customer_ids: Collection[str]) -> list[Row]:
    """All changes of a run to some customers, the last one first."""
    mine = (*_of(run_id, customer_ids), _VALUES)
    return rows(tx, select(changes).where(*mine).order_by(changes.c.seq.desc()))


def settlements(tx: Tx, run_id: str, *, before: int | None, limit: int) -> list[list[Row]]:
    """Decisions of a run that are not about values, the last one first, each with all its changes.

    Args:
        tx: in which they are read.
        run_id: the run.
        before: only those before this number.
        limit: changes to be read at once; a decision that they cut in two comes with the next page.
    """
    statement = select(changes).where(changes.c.run_id == run_id, changes.c.action.in_(SETTLEMENTS))
    if before is not None:
        statement = statement.where(changes.c.seq < before)
    found = rows(tx, statement.order_by(changes.c.seq.desc()).limit(limit))
    groups = [list(each) for _, each in groupby(found, key=lambda row: row["details"]["conflict"])]
    return groups[:-1] if len(found) == limit and len(groups) > 1 else groups


def written_since(tx: Tx, link_ids: Collection[str], at: datetime) -> set[str]:
    """Runs that wrote values over these links since a time, and were not undone."""
    undone, back = runs.alias(), changes.alias()
    statement = select(changes.c.run_id).where(
        one_of(changes.c.link_id, link_ids),
        changes.c.action.in_(("update_customer", "update_crm")),
        changes.c.at >= at,
        ~exists().where(undone.c.undoes == changes.c.run_id, back.c.run_id == undone.c.id),
    )
    return set(tx.execute(statement).scalars()) if link_ids else set()


def asked_anew(tx: Tx, row: Row) -> bool:
    """Whether another row of the queue asks what this one asked."""
    twin = conflicts.alias()
    statement = select(twin.c.id).where(*_twin(twin, row))
    return tx.execute(statement.limit(1)).first() is not None


def _twin(twin: Any, row: Row) -> list[ColumnElement[bool]]:
    same = [twin.c[name] == row[name] for name in ("subject", "kind", "field", "connection_id")]
    return [twin.c.state == "open", twin.c.id != row["id"], *same]


def history(tx: Tx, customer_ids: Iterable[str]) -> list[Row]:
    """All changes that runs made to these customers and their records, oldest first."""
    statement = (
        select(changes)
        .where(one_of(changes.c.customer_id, customer_ids), changes.c.side != "link")
        .order_by(changes.c.at, changes.c.run_id, changes.c.seq)
    )
    return rows(tx, statement)


def find_customers(tx: Tx, organisation_id: str, name: str) -> set[str]:
    """Customers that a person may mean: by external id, id, or ref of a record; deleted ones too."""
    named = customers.c.external_id == name
    if len(name) >= 8:
        named = or_(named, customers.c.id.startswith(name, autoescape=True))
    mine = select(customers.c.id).where(customers.c.organisation_id == organisation_id, named)
    joined = select(links.c.customer_id).where(
        links.c.organisation_id == organisation_id, links.c.ref == name
    )
    return {*tx.execute(mine).scalars(), *tx.execute(joined).scalars()}


def keys_of(tx: Tx, organisation_id: str, customer_ids: Iterable[str]) -> dict[str, str]:
    """Customer id → external id, of those that have one."""
    statement = select(customers.c.id, customers.c.external_id).where(
        customers.c.organisation_id == organisation_id,
        customers.c.external_id.is_not(None),
        one_of(customers.c.id, customer_ids),
    )
    return {row["id"]: row["external_id"] for row in rows(tx, statement)}


def all_links(tx: Tx, customer_ids: Iterable[str]) -> list[StoredLink]:
    """All links of customers, on every connection, locked in id order."""
    statement = select(links).where(one_of(links.c.customer_id, customer_ids)).order_by(links.c.id)
    return [StoredLink(row) for row in rows(tx, statement.with_for_update(key_share=True))]


def with_contracts(tx: Tx, customer_ids: Collection[str]) -> set[str]:
    """Those of some customers whom contracts name, running or not."""
    found: set[str] = set()
    for column in (contracts.c.customer_id, contracts.c.invoice_payer_customer_id):
        found.update(tx.execute(select(column).where(one_of(column, customer_ids)).distinct()).scalars())
    return found


def key_owners(tx: Tx, organisation_id: str, external_ids: Iterable[str]) -> dict[str, str]:
    """External id → the living customer that has it."""
    statement = select(customers.c.external_id, customers.c.id).where(
        customers.c.organisation_id == organisation_id,
        customers.c.deleted_at.is_(None),
        one_of(customers.c.external_id, external_ids),
    )
    return {row["external_id"]: row["id"] for row in rows(tx, statement)}


def undelete(tx: Tx, customer_ids: Sequence[str], at: datetime) -> None:
    """Bring soft-deleted customers back."""
    tx.execute(
        update(customers)
        .where(one_of(customers.c.id, customer_ids))
        .values(deleted_at=None, updated_at=at, version=customers.c.version + 1)
    )


def open_about(tx: Tx, *, customer_ids: Iterable[str], refs: Iterable[str]) -> list[Row]:
    """Open rows of the queue about customers, on any connection, or about records."""
    about = [one_of(conflicts.c.customer_id, customer_ids)]
    if named := list(refs):  # no index has them: not to be looked for where there are none
        about.append(one_of(conflicts.c.ref, named))
    return rows(tx, select(conflicts).where(conflicts.c.state == "open", or_(*about)))


def questions(tx: Tx, ids: Iterable[str]) -> dict[str, Row]:
    """Rows of the queue by id, whatever became of them; locked."""
    statement = select(conflicts).where(one_of(conflicts.c.id, ids)).order_by(conflicts.c.id)
    return {row["id"]: row for row in rows(tx, statement.with_for_update(key_share=True))}


def put_question(tx: Tx, row: Row, state: str, actor: str | None, at: datetime) -> None:
    """Open a row of the queue again, unless it has been asked anew, or close it as it was decided before."""
    columns: dict[str, Any] = {"state": state, "last_seen": at, "version": row["version"] + 1}
    columns |= {"decided_by": None, "decided_at": None} if state == "open" else {"decided_at": at}
    if state != "open":
        columns["decided_by"] = actor
    twin = conflicts.alias()
    asked = exists().where(*_twin(twin, row))
    statement = update(conflicts).where(conflicts.c.id == row["id"], ~asked)
    tx.execute(statement.values(columns))


def plans(tx: Tx, run_id: str, subjects: Iterable[str]) -> dict[str, list[Any]]:
    """Actions of planned records by subject."""
    statement = select(planned_records.c.subject, planned_records.c.actions).where(
        planned_records.c.run_id == run_id, one_of(planned_records.c.subject, subjects)
    )
    return {row["subject"]: list(row["actions"]) for row in rows(tx, statement)}
