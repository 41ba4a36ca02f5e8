"""What the load of `bench.api` asks for, and the SELECTs behind it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import event, func, select

from bench.api_load import Statement
from sync.store import customers
from sync.store.query import Row, rows
from sync.store.schema import customers as table
from sync.store.session import Database
from web.api.paging import Order, Paging
from web.api.types import shown_id

LIMIT = 50


@dataclass(frozen=True)
class Asked:
    """A request, and what it asks the store for; without paging it is one customer."""

    kind: str
    path: str
    conditions: Sequence[Any] = ()
    paging: Paging | None = None
    customer_id: str = ""


def plan(database: Database, organisation_id: str, count: int) -> list[Asked]:
    """Requests in random order: four for a single customer to one for a list, of five kinds."""
    chosen = random.Random(1)
    statement = select(table).where(table.c.organisation_id == organisation_id)
    with database.reading() as tx:
        sample = rows(tx, statement.order_by(func.random()).limit(count))
    known = [chosen.choice(sample) for _ in range(count)]
    asked = [_list(row, number // 5) if number % 5 == 0 else _get(row) for number, row in enumerate(known)]
    chosen.shuffle(asked)
    return asked


def statements(database: Database, organisation_id: str, asked: Sequence[Asked]) -> list[list[Statement]]:
    """The SELECTs of each request, as the store sends them."""
    found: list[list[Statement]] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool) -> None:
        found[-1].append((text, parameters))

    with database.reading() as tx:
        event.listen(tx, "before_cursor_execute", note)
        for each in asked:
            found.append([])
            if each.paging is None:
                customers.one(tx, organisation_id, each.customer_id)
            else:
                customers.search(tx, organisation_id, each.conditions, each.paging.slice)
    return found


def _get(row: Row) -> Asked:
    return Asked("get", f"/customers/{shown_id(row['id'])}", customer_id=row["id"])


def _list(row: Row, turn: int) -> Asked:
    first = Paging(Order.CREATED, LIMIT, None)
    cursor = Paging(Order.CREATED, 1, None).cut([row, row])[1]
    after = Paging(Order.CREATED, LIMIT, (row["created_at"], row["id"]))
    changed = Paging(Order.UPDATED, LIMIT, None)
    since = row["updated_at"]
    return (
        Asked("list, first page", "/customers", [], first),
        Asked("list, further page", f"/customers?{urlencode({'cursor': cursor})}", [], after),
        Asked(
            "list, updated_at__gte",
            f"/customers?{urlencode({'updated_at__gte': since.isoformat(), 'order': 'updated_at'})}",
            [table.c.updated_at >= since],
            changed,
        ),
        Asked(
            "list, external_id",
            f"/customers?{urlencode({'external_id': row['external_id']})}",
            [table.c.external_id == row["external_id"]],
            first,
        ),
        Asked(
            "list, email",
            f"/customers?{urlencode({'email': row['email']})}",
            [table.c.email_fold == row["email_fold"]],
            first,
        ),
    )[turn % 5]
