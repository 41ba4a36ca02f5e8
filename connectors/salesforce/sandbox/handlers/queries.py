"""Query, QueryAll and the pages of a result.

Source: REST API developer guide, Query and QueryAll; query options header: 200 to 2,000 rows a page,
2,000 by default, "not guaranteed".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from connectors.salesforce.sandbox.cursors import Cursor
from connectors.salesforce.sandbox.errors import ApiError
from connectors.salesforce.sandbox.render import render
from connectors.salesforce.sandbox.schema import Row
from connectors.salesforce.sandbox.soql.check import checked
from connectors.salesforce.sandbox.soql.parser import parse
from connectors.salesforce.sandbox.soql.run import run
from connectors.salesforce.sandbox.soql.syntax import Query, refused
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.salesforce.sandbox.view import View
from connectors.salesforce.sandbox.wire import Answer, Call

LEAST, MOST = 200, 2_000
_BATCH = re.compile(r"batchSize\s*=\s*(\d{1,9})", re.IGNORECASE)


def query(state: SalesforceState, call: Call) -> Answer:
    """GET query/?q=: live records."""
    return _query(state, call, deleted=False)


def query_all(state: SalesforceState, call: Call) -> Answer:
    """GET queryAll/?q=: records in the recycle bin too."""
    return _query(state, call, deleted=True)


def query_more(state: SalesforceState, call: Call) -> Answer:
    """GET query/{locator}: a further page."""
    cursor, start = state.cursors.find(call.path[1], state.clock.now(), state.knobs.cursor_seconds)
    view = _view(state, cursor.entity)
    if view is None or start >= len(cursor.ids):
        raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator")
    rows = view.rows
    size = _batch(state, call, cursor.batch)
    page = [rows[each] for each in cursor.ids[start : start + size]]
    names = [name for name in cursor.names if name in view.schema.by_name]
    records = render(page, names, view.schema, call.base)
    return Answer(200, _page(call, records, cursor, start + size))


def _query(state: SalesforceState, call: Call, *, deleted: bool) -> Answer:
    text = call.query.get("q", "")
    if not text.strip():
        raise ApiError("MALFORMED_QUERY", "A query string has to be specified")
    parsed = parse(text)
    view = _view(state, parsed.entity)
    if view is None:
        raise _unknown_entity(parsed)
    question = checked(parsed, view.schema)
    result = run(question, view, deleted=deleted)
    if result.count is not None:
        return Answer(200, {"totalSize": result.count, "done": True, "records": []})
    if result.aggregate is not None:
        record = {"attributes": {"type": "AggregateResult"}, **result.aggregate}
        return Answer(200, {"totalSize": 1, "done": True, "records": [record]})
    names = tuple(item.name for item in question.selected)
    return Answer(200, _first_page(state, call, view, names, result.rows))


def _first_page(
    state: SalesforceState, call: Call, view: View, names: tuple[str, ...], rows: Sequence[Row]
) -> dict[str, Any]:
    asked = _batch(state, call, MOST, cut=False)
    size = _batch(state, call, MOST)
    records = render(rows[:size], names, view.schema, call.base)
    if len(rows) <= size:
        return {"totalSize": len(rows), "done": True, "records": records}
    ids = [row["Id"] for row in rows]
    cursor = state.cursors.open(ids, names, view.schema.name, asked, state.clock.now())
    return _page(call, records, cursor, size)


def _page(call: Call, records: list[dict[str, Any]], cursor: Cursor, end: int) -> dict[str, Any]:
    page: dict[str, Any] = {"totalSize": len(cursor.ids), "done": end >= len(cursor.ids)}
    if not page["done"]:
        page["nextRecordsUrl"] = f"{call.base}/query/{cursor.locator}-{end}"
    return {**page, "records": records}


def _batch(state: SalesforceState, call: Call, default: int, *, cut: bool = True) -> int:
    match = _BATCH.search(call.headers.get("sforce-query-options", ""))
    size = min(max(int(match.group(1)), LEAST), MOST) if match else default
    return min(size, state.knobs.page_rows) if cut and state.knobs.page_rows else size


def _view(state: SalesforceState, entity: str) -> View | None:
    if entity.lower() == "account":
        return state.visible()
    return state.organisations if entity.lower() == "organization" else None


def _unknown_entity(parsed: Query) -> ApiError:
    reason = (
        f"sObject type '{parsed.entity}' is not supported. If you are attempting to use a custom object, "
        "be sure to append the '__c' after the entity name. Please reference your WSDL or the describe "
        "call for the appropriate names."
    )
    return refused(parsed.text, parsed.entity_at, reason, code="INVALID_TYPE")
