"""Parts of names and values are found by an index of n-grams in PostgreSQL; SQLite looks at every row.

PostgreSQL uses no index for a comparison that could tell of rows behind the walls, so ids are looked up as
the owner of the tables, by statements that name the organisation themselves; what is shown is read behind the
walls again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select, true, union_all
from sqlalchemy import type_coerce as as_type
from sqlalchemy.types import Text

from sync.core import normalise
from sync.store import walls
from sync.store.query import one_of
from sync.store.schema import conflicts, customers
from sync.store.session import Tx

MOST = 2_000
"""Rows that the index may name for a text, before they are looked at themselves; more are not waited for."""

GRAM = 3
"""Letters of an n-gram. A text that is shorter is found by the grams that begin with it, which are many."""

_PREPARED = "concord_prepared"


def customers_like(tx: Tx, organisation_id: str, wanted: str) -> list[str] | None:
    """Ids of the customers, deleted or not, whose name is like a pattern; None where too many may be.

    SQLite has no index for it: None.
    """
    parts = _parts(wanted)
    if tx.dialect.name != "postgresql" or not parts:
        return None
    name = customers.c.customer_name
    mine = (customers.c.organisation_id == organisation_id, _grams(name, parts))
    return _few(tx, select(customers.c.id, name.ilike(wanted, escape="\\").label("holds")).where(*mine))


def conflicts_with(tx: Tx, organisation_id: str, text: str) -> list[str] | None:
    """Ids of the open questions that hold a text, as `queue.Filter` has it; None as above."""
    wanted = normalise.text(text)
    named = customers_like(tx, organisation_id, pattern(wanted))
    if named is None:
        return None
    table = conflicts.c
    mine = (table.organisation_id == organisation_id, table.state == literal_column("'open'"))
    local, remote = as_type(table.local, Text), as_type(table.remote, Text)
    sides = (side.ilike(pattern(wanted), escape="\\") for side in (local, remote))
    words = local.concat(literal_column("' '", Text)).concat(remote)  # letter by letter as the index has it
    keys = (customers.c.external_fold == normalise.fold(wanted), owns_email(wanted))
    # Each part by its own index: with "or" between them all rows would be looked at.
    certain = (
        table.ref == wanted,
        one_of(table.customer_id, named),
        *(table.customer_id.in_(_keyed(organisation_id, key)) for key in keys),
    )
    parts = (
        select(table.id, or_(*sides).label("holds")).where(*mine, _grams(words, [wanted])),
        *(select(table.id, true()).where(*mine, each) for each in certain),
    )
    return _few(tx, select(union_all(*parts).subquery()))


def owns_email(text: str) -> ColumnElement[bool]:
    """Condition: the customer has this e-mail address; one that is deleted has none any more."""
    mine = (customers.c.email_fold == normalise.email(text), customers.c.deleted_at.is_(None))
    return and_(*mine)


def _keyed(organisation_id: str, key: ColumnElement[bool]) -> Select[Any]:
    return select(customers.c.id).where(customers.c.organisation_id == organisation_id, key)


def prepare(tx: Tx) -> None:
    """Let this transaction of PostgreSQL search: plans for the very text, and nothing that costs a start.

    A plan for any text knows nothing of how many rows hold this one; compiling a plan and starting helpers
    take longer than what they are to speed up.
    """
    if tx.get_execution_options().get(_PREPARED):
        return
    settings = (
        ("plan_cache_mode", "force_custom_plan"),
        ("jit", "off"),
        ("max_parallel_workers_per_gather", "0"),
    )
    tx.execute(select(*(func.set_config(name, value, True) for name, value in settings)))
    tx.execution_options(**{_PREPARED: True})


def _few(tx: Tx, statement: Select[Any]) -> list[str] | None:
    """Ids of the rows of a select of ids and of whether they are meant; None where it has too many rows."""
    prepare(tx)
    with walls.lowered(tx):
        found = tx.execute(statement.limit(MOST + 1)).all()
    return None if len(found) > MOST else list({str(each) for each, holds in found if holds})


def _grams(value: ColumnElement[Any], parts: Sequence[str]) -> ColumnElement[bool]:
    """`value` may hold all of these texts; an index answers it."""
    queries = [func.concord_ngram_query(part) for part in parts]
    every: ColumnElement[Any] = reduce(lambda some, more: some.op("&&")(more), queries)
    return func.concord_ngrams(value).bool_op("@@")(every)


def _parts(wanted: str) -> list[str]:
    """The texts that a pattern asks for; those without a gram of their own only where there are no others."""
    found = [re.sub(r"\\(.)", r"\1", each, flags=re.DOTALL) for each in _PART.findall(wanted)]
    return [each for each in found if len(each) >= GRAM] or found


_PART = re.compile(r"(?:[^%_\\]|\\.)+", re.DOTALL)


def pattern(text: str) -> str:
    """A pattern of what holds the text, which means nothing but itself."""
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"
