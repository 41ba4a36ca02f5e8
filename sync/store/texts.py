"""Pages of the rows that hold a text: in PostgreSQL the same few milliseconds, however many rows there are.

What many rows hold is found by going through the next rows of the list; what few hold, by the index. Neither
is short where thousands of rows hold it and none of those that come next: then so many more are gone through,
and the page says where the next one goes on. SQLite goes through all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as having
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, literal, select, tuple_

from sync.store import customers, queue, searching
from sync.store.conflicts import StoredConflict
from sync.store.customers import StoredCustomer
from sync.store.query import After, Row, one_of, rows, sliced
from sync.store.queue import Filter
from sync.store.schema import conflicts
from sync.store.schema import customers as table
from sync.store.session import Tx

T = TypeVar("T")
NEAR, NEAR_QUESTIONS = 2_500, 500
"""Customers and questions that are gone through before the index is asked."""

FAR, FAR_QUESTIONS = 20_000, 3_000
"""As many are gone through for a page that the index does not give."""


@dataclass(frozen=True, slots=True)
class Reached(Generic[T]):
    """What was found for a page, and, if it is not full, the row behind which there may be more.

    Args:
        edge: its `id`, and the time that the list is sorted by; None if nothing is left.
    """

    found: Sequence[T]
    edge: Row | None = None


def customers_like(
    tx: Tx, organisation_id: str, pattern: str, after: After, conditions: Sequence[Any] = ()
) -> Reached[StoredCustomer]:
    """A slice of the living customers whose name is like a pattern, and who meet the conditions."""
    holds = table.c.customer_name.ilike(pattern, escape="\\")
    if tx.dialect.name != "postgresql":
        return Reached(customers.search(tx, organisation_id, [*conditions, holds], after))

    def near(count: int) -> Reached[StoredCustomer]:
        edge = _customers_edge(tx, organisation_id, conditions, after, count)
        within = [] if edge is None else [_not_behind(edge, after)]
        found = customers.search(tx, organisation_id, [*conditions, holds, *within], after)
        return Reached(found, None if len(found) >= after.limit else edge)

    searching.prepare(tx)
    reached = near(NEAR)
    if reached.edge is None:
        return reached
    ids = searching.customers_like(tx, organisation_id, pattern)
    if ids is None:
        return near(FAR)
    chosen = [*conditions, customers.by_ids(ids)]
    return Reached(customers.search(tx, organisation_id, chosen, after))


def _customers_edge(
    tx: Tx, organisation_id: str, conditions: Sequence[Any], after: After, count: int
) -> Row | None:
    mine = select(table.c.id, table.c[after.by]).where(
        table.c.organisation_id == organisation_id, *conditions
    )
    return _first(tx, sliced(mine, table, having(after, limit=1)).offset(count - 1))


def _not_behind(edge: Row, after: After) -> Any:
    time, key = table.c[after.by], table.c.id
    place = tuple_(time, key)
    last = tuple_(literal(edge[after.by], time.type), literal(edge["id"], key.type))
    return place >= last if after.descending else place <= last


def conflicts_with(
    tx: Tx, organisation_id: str, chosen: Filter, *, after: str, limit: int
) -> Reached[StoredConflict]:
    """Open questions behind one of them, in the order of their ids, that meet a filter with a text."""
    text = chosen.text or ""
    rest = having(chosen, text=None)
    mine = [*rest.conditions(tx, organisation_id), conflicts.c.id > after]
    if tx.dialect.name != "postgresql":
        return Reached(_questions(tx, [*mine, queue.holds(text)], limit))

    def near(count: int) -> Reached[StoredConflict]:
        ordered = select(conflicts.c.id).where(*mine).order_by(conflicts.c.id)
        edge = _first(tx, ordered.offset(count - 1).limit(1))
        within = [] if edge is None else [conflicts.c.id <= edge["id"]]
        found = _questions(tx, [*mine, queue.holds(text), *within], limit)
        return Reached(found, None if len(found) >= limit else edge)

    searching.prepare(tx)
    reached = near(NEAR_QUESTIONS)
    if reached.edge is None:
        return reached
    ids = searching.conflicts_with(tx, organisation_id, text)
    if ids is None:
        return near(FAR_QUESTIONS)
    return Reached(_questions(tx, [*mine, one_of(conflicts.c.id, ids)], limit))


def _questions(tx: Tx, conditions: Sequence[Any], limit: int) -> list[StoredConflict]:
    statement = select(conflicts).where(*conditions).order_by(conflicts.c.id).limit(limit)
    return [StoredConflict(row) for row in rows(tx, statement)]


def _first(tx: Tx, statement: Select[Any]) -> Row | None:
    found = rows(tx, statement)
    return found[0] if found else None
