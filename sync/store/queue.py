"""The open questions of an organisation as people go through them: filtered, page by page, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, literal_column, or_, select
from sqlalchemy import type_coerce as as_type

from sync.clock import id_at
from sync.core import normalise
from sync.store import searching
from sync.store.conflicts import OPEN, StoredConflict
from sync.store.query import Row, one_of, rows
from sync.store.schema import conflicts, customers
from sync.store.session import Tx
from sync.store.worktables import changes, runs

_IS_OPEN = conflicts.c.state == literal_column(f"'{OPEN}'")
"""Spelled out, so that a planner knows which index holds nothing else."""
NOBODY = ""
"""As an assignee: questions that are nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which questions are meant; all conditions hold.

    Args:
        assignee: whose; `NOBODY` for those of nobody in particular.
        field: the one field that they are about.
        opened_from: opened then or later, `opened_before` earlier than that.
        text: stands in the customer's name or in a value of either side, or is its number, its e-mail address
            or the record's id.
    """

    kind: str | None = None
    connection_id: str | None = None
    assignee: str | None = None
    field: str | None = None
    opened_from: datetime | None = None
    opened_before: datetime | None = None
    text: str | None = None

    def conditions(self, tx: Tx, organisation_id: str) -> list[ColumnElement[bool]]:
        """As the database takes them; a text is looked up for it."""
        table = conflicts.c
        found = [table.organisation_id == organisation_id, _IS_OPEN]
        if self.kind is not None:
            found.append(table.kind == self.kind)
        if self.connection_id is not None:
            found.append(table.connection_id == self.connection_id)
        if self.field is not None:
            found.append(table.field == self.field)
        if self.assignee is not None:
            nobodys = self.assignee == NOBODY
            found.append(table.assignee.is_(None) if nobodys else table.assignee == self.assignee)
        # Ids begin with the time at which they were made: the order of the queue is that of age.
        if self.opened_from is not None:
            found.append(table.id >= id_at(self.opened_from))
        if self.opened_before is not None:
            found.append(table.id < id_at(self.opened_before))
        if self.text:
            held = searching.conflicts_with(tx, organisation_id, self.text)
            found.append(holds(self.text) if held is None else one_of(table.id, held))
        return found


def holds(text: str) -> ColumnElement[bool]:
    """Condition: a question holds a text."""
    table = conflicts.c
    wanted = normalise.text(text)
    # Asked row by row: an "exists" may be answered for all customers at once, for the sake of a page.
    named = (
        select(
            or_(
                customers.c.customer_name.icontains(wanted, autoescape=True),
                customers.c.external_fold == normalise.fold(wanted),
                searching.owns_email(wanted),
            )
        )
        .where(customers.c.id == table.customer_id)
        .scalar_subquery()
    )
    sides = [as_type(side, Text).icontains(wanted, autoescape=True) for side in (table.local, table.remote)]
    return or_(table.ref == wanted, *sides, named)


def page(
    tx: Tx, organisation_id: str, chosen: Filter, *, after: str = "", limit: int = 50
) -> list[StoredConflict]:
    """Open questions behind one of them, in the order of their ids."""
    statement = select(conflicts).where(*chosen.conditions(tx, organisation_id))
    if after:
        statement = statement.where(conflicts.c.id > after)
    return [StoredConflict(row) for row in rows(tx, statement.order_by(conflicts.c.id).limit(limit))]


def count(tx: Tx, organisation_id: str, chosen: Filter) -> int:
    """How many there are, exactly."""
    statement = select(func.count()).select_from(conflicts).where(*chosen.conditions(tx, organisation_id))
    return int(tx.execute(statement).scalar_one())


def neighbours(
    tx: Tx, organisation_id: str, chosen: Filter, conflict_id: str
) -> tuple[str | None, str | None]:
    """Ids of the questions before and behind one."""
    mine = select(conflicts.c.id).where(*chosen.conditions(tx, organisation_id)).limit(1)
    before = mine.where(conflicts.c.id < conflict_id).order_by(conflicts.c.id.desc())
    behind = mine.where(conflicts.c.id > conflict_id).order_by(conflicts.c.id)
    return _first(tx, before), _first(tx, behind)


def _first(tx: Tx, statement: Select[Any]) -> str | None:
    found = tx.execute(statement).scalar_one_or_none()
    return None if found is None else str(found)


def assignees(tx: Tx, organisation_id: str) -> list[str]:
    """Whose questions are open."""
    statement = (
        select(conflicts.c.assignee)
        .where(
            conflicts.c.organisation_id == organisation_id,
            _IS_OPEN,
            conflicts.c.assignee.is_not(None),
        )
        .distinct()
        .order_by(conflicts.c.assignee)
    )
    return [str(each) for each in tx.execute(statement).scalars()]


def names(tx: Tx, organisation_id: str, customer_ids: Sequence[str]) -> dict[str, Row]:
    """`id`, `customer_name` and `external_id` of customers, by id."""
    columns = (customers.c.id, customers.c.customer_name, customers.c.external_id)
    mine = (customers.c.organisation_id == organisation_id, one_of(customers.c.id, customer_ids))
    return {row["id"]: row for row in rows(tx, select(*columns).where(*mine))}


def history(tx: Tx, organisation_id: str, customer_id: str, *, limit: int = 10) -> list[Row]:
    """The latest changes of a customer, newest first, each with the `kind` and the `actor` of its run."""
    statement = (
        select(changes, runs.c.kind, runs.c.actor, runs.c.trigger)
        .join(runs, runs.c.id == changes.c.run_id)
        .where(
            changes.c.customer_id == customer_id,
            runs.c.organisation_id == organisation_id,
            runs.c.forgotten_at.is_(None),
        )
        .order_by(changes.c.at.desc(), changes.c.seq.desc())
        .limit(limit)
    )
    return rows(tx, statement)
