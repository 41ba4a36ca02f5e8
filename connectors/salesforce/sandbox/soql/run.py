"""Finds the rows of a checked query, by an index where one serves, and counts or orders them.

An index on Id or on (SystemModstamp, Id) gives a page without a sort or a scan of the rest; equality on
an indexed field names its rows; anything else reads every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from connectors.salesforce.sandbox.schema import Row
from connectors.salesforce.sandbox.soql.bounds import STAMP, named, span
from connectors.salesforce.sandbox.soql.predicate import folds, predicate
from connectors.salesforce.sandbox.soql.syntax import Order, Query, Selected
from connectors.salesforce.sandbox.view import View


@dataclass(frozen=True, slots=True)
class Result:
    """What a query found: rows, or the one row of its aggregates, or for COUNT() a number alone."""

    rows: Sequence[Row] = ()
    aggregate: dict[str, Any] | None = None
    count: int | None = None


def run(query: Query, view: View, *, deleted: bool) -> Result:
    """Answer a query.

    Args:
        query: the query, checked.
        view: the rows.
        deleted: whether rows in the recycle bin belong to the answer.
    """
    if query.selected[0].function is None:
        return Result(rows=list(_window(query, _ordered(query, view, deleted=deleted))))
    rows = _matching(query, view, _source(query, view), deleted=deleted)
    first = query.selected[0]
    if first.function == "count" and not first.name:
        count = sum(1 for _ in rows)
        return Result(count=count if query.limit is None else min(count, query.limit))
    everything = list(rows)
    return Result(aggregate=_aggregated(query.selected, everything, view))


def _window(query: Query, rows: Iterable[Row]) -> Iterator[Row]:
    stop = None if query.limit is None else query.offset + query.limit
    return islice(rows, query.offset, stop)


def _ordered(query: Query, view: View, *, deleted: bool) -> Iterable[Row]:
    """The matching rows in the order asked for; lazily where an index has that order."""
    order = query.order
    names = [item.field for item in order]
    reverse = bool(order) and order[0].descending
    ids = named(query.where, view)
    if ids is None:
        bounds = span(query.where)
        same_way = len({item.descending for item in order}) == 1
        if names[:1] == [STAMP] and (names == [STAMP] or (names[:2] == [STAMP, "Id"] and same_way)):
            source = view.by_stamp(bounds.low, bounds.high, reverse=reverse)
            return _matching(query, view, source, deleted=deleted)
        if names[:1] == ["Id"]:
            source = view.by_id(bounds.first, bounds.last, reverse=reverse)
            return _matching(query, view, source, deleted=deleted)
    source = _source(query, view) if ids is None else iter([view.rows[each] for each in sorted(ids)])
    rows = list(_matching(query, view, source, deleted=deleted))
    # A sort keeps the order of equals, so the last key goes first.
    for item in reversed(order):
        _sort(rows, item, folded=folds(view.schema, item.field))
    return rows


def _source(query: Query, view: View) -> Iterator[Row]:
    """Rows among which all matching ones are: named ones, those of a span of stamps or ids, or all."""
    ids = named(query.where, view)
    if ids is not None:
        return (view.rows[each] for each in ids)
    bounds = span(query.where)
    if bounds.low is not None or bounds.high is not None:
        return view.by_stamp(bounds.low, bounds.high)
    return view.by_id(bounds.first, bounds.last)


def _matching(query: Query, view: View, rows: Iterator[Row], *, deleted: bool) -> Iterator[Row]:
    if query.where is not None:
        rows = filter(predicate(query.where, view.schema), rows)
    return rows if deleted else (row for row in rows if not row["IsDeleted"])


def _sort(rows: list[Row], item: Order, *, folded: bool) -> None:
    name = item.field
    blank = [row for row in rows if row.get(name) is None]
    filled = [row for row in rows if row.get(name) is not None]
    filled.sort(
        key=(lambda row: row[name].casefold()) if folded else (lambda row: row[name]),
        reverse=item.descending,
    )
    rows[:] = [*filled, *blank] if item.nulls_last else [*blank, *filled]


def _aggregated(selected: Sequence[Selected], rows: Sequence[Row], view: View) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    unnamed = 0
    for item in selected:
        label = item.alias
        if label is None:
            label, unnamed = f"expr{unnamed}", unnamed + 1
        values = [row[item.name] for row in rows if row.get(item.name) is not None]
        if item.function == "count":
            answer[label] = len(values)
        elif not values:
            answer[label] = None
        else:
            folded = folds(view.schema, item.name)
            pick = min if item.function == "min" else max
            answer[label] = pick(values, key=str.casefold) if folded else pick(values)
    return answer
