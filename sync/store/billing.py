"""Billing records that no CRM knows: rows of one organisation, each with an id, a version and its times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, delete, insert, select, update

from sync.clock import new_id
from sync.store.query import Row, first, now, rows
from sync.store.session import Tx


def load(tx: Tx, table: Table, organisation_id: str, row_id: str, *, lock: bool = False) -> Row | None:
    """One row of the organisation; locked against every other change if asked."""
    statement = select(table).where(table.c.id == row_id, table.c.organisation_id == organisation_id)
    return first(tx, statement.with_for_update() if lock else statement)


def page(
    tx: Tx, table: Table, organisation_id: str, conditions: Sequence[Any] = (), *, after: str = "", limit: int
) -> list[Row]:
    """A page of the organisation's rows in id order, those that meet all conditions."""
    statement = select(table).where(
        table.c.organisation_id == organisation_id, table.c.id > after, *conditions
    )
    return rows(tx, statement.order_by(table.c.id).limit(limit))


def add(tx: Tx, table: Table, organisation_id: str, values: Mapping[str, Any]) -> Row:
    """Insert a row of version 1; the whole row."""
    at = now(tx)
    kept = {"id": new_id(), "organisation_id": organisation_id, **values}
    row = {**kept, "version": 1, "created_at": at, "updated_at": at}
    tx.execute(insert(table).values(row))
    return row


def change(tx: Tx, table: Table, row: Row, values: Mapping[str, Any]) -> Row:
    """Set columns of a locked row, whose version moves by one; the whole row."""
    news = {**values, "version": row["version"] + 1, "updated_at": now(tx)}
    tx.execute(update(table).where(table.c.id == row["id"]).values(news))
    return {**row, **news}


def remove(tx: Tx, table: Table, row: Row) -> None:
    """Delete a locked row."""
    tx.execute(delete(table).where(table.c.id == row["id"]))
