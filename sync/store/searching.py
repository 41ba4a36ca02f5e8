"""Parts of names and values are found by an index of their trigrams, where PostgreSQL has `pg_trgm`.

Where it has not, and in SQLite, every row is looked at: slower, never different. PostgreSQL uses no index for
a comparison that could tell of rows behind the walls, so ids are looked up as the owner of the tables, by
statements that name the organisation themselves; what is shown is read behind the walls again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select, union
from sqlalchemy import type_coerce as as_type
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import Text

from sync.core import normalise
from sync.store import walls
from sync.store.query import one_of
from sync.store.schema import conflicts, customers
from sync.store.session import Tx

MOST = 5_000
"""Rows that are looked up by the index; of more, the first that are wanted are soon found without it."""

SHORTEST = 3
"""Characters from which on a text has a trigram."""

_INDEXES = {
    "ix_customers_trigrams": "customers USING gin (customer_name gin_trgm_ops)",
    "ix_conflicts_trigrams": (
        "conflicts USING gin (local gin_trgm_ops, remote gin_trgm_ops, ref gin_trgm_ops) WHERE state = 'open'"
    ),
}
_READY = (
    "SELECT count(*) FROM pg_catalog.pg_indexes "
    "WHERE schemaname = current_schema() AND indexname = ANY(%(names)s)"
)


def ready(tx: Tx) -> bool:
    """Whether the indexes are there."""
    if tx.dialect.name != "postgresql":
        return False
    found = tx.exec_driver_sql(_READY, {"names": list(_INDEXES)}).scalar_one()
    return bool(found == len(_INDEXES))


def ensure(tx: Tx) -> bool:
    """Make the indexes, where the database has or lets us have `pg_trgm`; whether they are there."""
    if tx.dialect.name != "postgresql" or ready(tx):
        return tx.dialect.name == "postgresql"
    try:
        with tx.begin_nested():
            tx.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            for name, place in _INDEXES.items():
                tx.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name} ON {place}")
    except DBAPIError:
        return False
    return True


def drop(tx: Tx) -> None:
    """Take the indexes away; the extension stays, others may use it."""
    for name in _INDEXES:
        tx.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")


def customers_named(tx: Tx, organisation_id: str, text: str) -> list[str] | None:
    """Ids of the customers, deleted or not, whose name holds a text; None where too many or no index do."""
    mine = (
        customers.c.organisation_id == organisation_id,
        customers.c.customer_name.ilike(f"%{_plain(text)}%", escape="\\"),
    )
    return _few(tx, text, select(customers.c.id).where(*mine))


def conflicts_with(tx: Tx, organisation_id: str, text: str) -> list[str] | None:
    """Ids of the open questions that hold a text, as `queue.Filter` has it; None as above."""
    wanted = normalise.text(text)
    named = customers_named(tx, organisation_id, wanted)
    if named is None:
        return None
    table = conflicts.c
    mine = (table.organisation_id == organisation_id, table.state == literal_column("'open'"))
    pattern = f"%{_plain(wanted)}%"
    sides: Sequence[ColumnElement[bool]] = [
        as_type(side, Text).ilike(pattern, escape="\\") for side in (table.local, table.remote)
    ]
    keys = select(customers.c.id).where(
        customers.c.organisation_id == organisation_id,
        or_(
            customers.c.external_fold == normalise.fold(wanted),
            customers.c.email_fold == normalise.email(wanted),
        ),
    )
    # Each part by its own index: with "or" between them all rows would be looked at.
    parts = (
        *(select(table.id).where(*mine, side) for side in (*sides, table.ref == wanted)),
        select(table.id).where(*mine, one_of(table.customer_id, named)),
        select(table.id).where(*mine, table.customer_id.in_(keys)),
    )
    return _few(tx, wanted, select(union(*parts).subquery().c.id))


def _few(tx: Tx, text: str, statement: Select[Any]) -> list[str] | None:
    if len(text) < SHORTEST or not ready(tx):
        return None
    with walls.lowered(tx):
        # A plan for any text would take the index for texts that half of all rows hold, too.
        tx.execute(select(func.set_config("plan_cache_mode", "force_custom_plan", True)))
        found = [str(each) for each in tx.execute(statement.limit(MOST + 1)).scalars()]
    return None if len(found) > MOST else found


def _plain(text: str) -> str:
    """The text as a pattern that means nothing but itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
