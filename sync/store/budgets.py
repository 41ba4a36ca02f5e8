"""Budgets: the calls of a day that were handed out to whoever works on a connection, in blocks."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite

from sync.store.session import Tx
from sync.store.worktables import budgets


def take(tx: Tx, connection_id: str, day: str, *, calls: int, most: int) -> bool:
    """Hand out calls of a day, all of them or none; one statement, so that no two get the last ones.

    Args:
        tx: a transaction of its own.
        connection_id: the connection.
        day: YYYY-MM-DD.
        calls: how many, at least 1.
        most: how many may have been handed out after that.
    """
    if calls > most:
        return False
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    made = insert(budgets).values(connection_id=connection_id, day=day, handed_out=calls)
    statement = made.on_conflict_do_update(
        index_elements=[budgets.c.connection_id, budgets.c.day],
        set_={"handed_out": budgets.c.handed_out + calls},
        where=budgets.c.handed_out + calls <= most,
    )
    return tx.execute(statement.returning(budgets.c.handed_out)).first() is not None


def give_back(tx: Tx, connection_id: str, day: str, calls: int) -> None:
    """Take back calls that were handed out and not made."""
    tx.execute(
        update(budgets)
        .where(budgets.c.connection_id == connection_id, budgets.c.day == day)
        .values(handed_out=budgets.c.handed_out - calls)
    )
