"""The list of customers: the latest first, or those that a text finds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi.responses import Response

from sync.core import normalise
from sync.store import customers, searching, texts
from sync.store.customers import StoredCustomer
from sync.store.schema import customers as table
from sync.store.session import Tx
from sync.store.texts import Reached
from web.api.paging import Order, Paging, read_cursor
from web.pages.finding import text_of
from web.pages.render import render
from web.pages.visit import Visit

PAGE = 50
ORDER = Order.LATEST_CREATED


def show(asked: Visit) -> Response:
    """The page: whoever has exactly this number or e-mail address first, then by name."""
    text, cursor = text_of(asked, "q"), text_of(asked, "after")
    paging = Paging(ORDER, PAGE, read_cursor(cursor, ORDER) if cursor else None)
    mine = asked.caller.organisation_id
    with asked.database.reading() as tx:
        exact = _exact(tx, mine, text) if text else []
        reached = _named(tx, mine, text, paging)
    page, more = paging.cut([each.row for each in reached.found], reached.edge)
    known = {each.id for each in exact}
    named = [each for each in reached.found[: len(page)] if each.id not in known]
    following = urlencode({name: value for name, value in (("q", text), ("after", more or "")) if value})
    return render(
        asked,
        "customers.html",
        text=text,
        page=[*([] if cursor else exact), *named],
        first=not cursor,
        said=asked.query.get("said", ""),
        following=following if more else "",
        partial=reached.edge,
    )


def _exact(tx: Tx, organisation_id: str, text: str) -> list[StoredCustomer]:
    """By the keys, each of which has an index."""
    keys: list[Any] = [table.c.external_fold == normalise.fold(normalise.text(text))]
    if "@" in text:
        keys = [*keys, table.c.email_fold == normalise.email(text)]
    found: dict[str, StoredCustomer] = {}
    for key in keys:
        few = Paging(ORDER, PAGE, None).slice
        found |= {each.id: each for each in customers.search(tx, organisation_id, [key], few)}
    return list(found.values())


def _named(tx: Tx, organisation_id: str, text: str, paging: Paging) -> Reached[StoredCustomer]:
    if "@" in text:
        return Reached([])  # an e-mail address, and no part of a name
    if not text:
        return Reached(customers.search(tx, organisation_id, [], paging.slice))
    return texts.customers_like(tx, organisation_id, searching.pattern(text), paging.slice)
