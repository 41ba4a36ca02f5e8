"""Runs a search on the index.

A group that only bounds the time of the last change (and the id, where that time is one moment) is a
slice of the order by time, a group that only bounds the id one of the order by id. A search of such
groups, sorted by that order, is answered from the slices alone. Any other takes its candidates from
the values, times or ids that it names, and tries them one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import Any

from connectors.hubspot.sandbox.index import HASHED, Document, SearchIndex
from connectors.hubspot.sandbox.query import Filter, Operator, Search, key_of

_SEARCHED = ("name", "domain", "phone", "website")
"""What `query` looks at. Source: HubSpot docs, default searchable properties of companies."""

_TIME, _ID = "hs_lastmodifieddate", "hs_object_id"


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search; `total` counts all that match."""

    total: int
    documents: Sequence[Document]


def run(index: SearchIndex, search: Search) -> Found:
    """The page that the search asks for."""
    index.settle()
    ordered = _by_order(index, search)
    if ordered is not None:
        return ordered
    documents = [
        document
        for document in map(index.documents.__getitem__, sorted(_candidates(index, search)))
        if _matches(search, document)
    ]
    documents = _sorted(documents, search)
    return Found(len(documents), documents[search.after : search.after + search.limit])


@dataclass(slots=True)
class _Bounds:
    """The whole numbers that the filters of one property let through."""

    low: float = -inf
    high: float = inf

    def narrow(self, operator: Operator, operands: Sequence[Any]) -> bool:
        """Take in a filter; False for one that is no bound."""
        first = operands[0] if operands else 0
        match operator:
            case Operator.EQ | Operator.BETWEEN:
                self._within(ceil(first), floor(operands[-1]))
            case Operator.GT:
                self._within(floor(first) + 1, inf)
            case Operator.GTE:
                self._within(ceil(first), inf)
            case Operator.LT:
                self._within(-inf, ceil(first) - 1)
            case Operator.LTE:
                self._within(-inf, floor(first))
            case _:
                return False
        return True

    def _within(self, low: float, high: float) -> None:
        self.low, self.high = max(self.low, low), min(self.high, high)

    @property
    def given(self) -> bool:
        return self.low > -inf or self.high < inf


def _bounds(group: Iterable[Filter]) -> tuple[_Bounds, _Bounds, bool]:
    """The bounds of a group on time and on id, and whether that is all that it asks."""
    times, ids, pure = _Bounds(), _Bounds(), True
    for each in group:
        target = {_TIME: times, _ID: ids}.get(each.definition.name)
        if target is None or not target.narrow(each.operator, each.operands):
            pure = False
    return times, ids, pure


def _by_order(index: SearchIndex, search: Search) -> Found | None:
    name = search.sort.name if search.sort else _ID
    if search.words or name not in (_TIME, _ID):
        return None
    order = index.by_time if name == _TIME else index.by_id
    spans = []
    for group in search.groups or ((),):
        times, ids, pure = _bounds(group)
        span = _time_span(index, times, ids) if name == _TIME else _id_span(index, times, ids)
        if not pure or span is None:
            return None
        spans.append(span)
    places = _union(spans)
    total = sum(len(each) for each in places)
    if search.descending:
        places = [each[::-1] for each in reversed(places)]
    picked = []
    start, left = search.after, search.limit
    for each in places:
        part = each[start : start + left]
        start = max(0, start - len(each))
        left -= len(part)
        picked += [order[place] for place in part]
    ids_found = [place[1] for place in picked] if name == _TIME else picked
    return Found(total, [index.documents[each] for each in ids_found])


def _time_span(index: SearchIndex, times: _Bounds, ids: _Bounds) -> tuple[int, int] | None:
    if ids.given and times.low != times.high:
        return None
    low = index.by_time.bisect_left((times.low, ids.low))
    return low, max(low, index.by_time.bisect_right((times.high, ids.high)))


def _id_span(index: SearchIndex, times: _Bounds, ids: _Bounds) -> tuple[int, int] | None:
    if times.given:
        return None
    low = index.by_id.bisect_left(ids.low)
    return low, max(low, index.by_id.bisect_right(ids.high))


def _union(spans: Iterable[tuple[int, int]]) -> list[range]:
    joined: list[range] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, high))
        else:
            joined.append(range(low, high))
    return joined


def _candidates(index: SearchIndex, search: Search) -> set[int]:
    found: set[int] = set()
    for group in search.groups or ((),):
        found.update(_group_candidates(index, group))
    return found


def _group_candidates(index: SearchIndex, group: Sequence[Filter]) -> Iterable[int]:
    for each in group:
        if each.definition.name in HASHED and each.operator in (Operator.EQ, Operator.IN):
            return index.having(each.definition.name, map(str, each.operands))
        if each.definition.name == _ID and each.operator is Operator.IN:
            return {int(operand) for operand in each.operands} & index.documents.keys()
    times, ids, _ = _bounds(group)
    if times.given and (span := _time_span(index, times, _Bounds())):
        return (record for _, record in index.by_time[slice(*span)])
    span = _id_span(index, _Bounds(), ids)
    return index.by_id[slice(*span)] if span else ()


def _matches(search: Search, document: Document) -> bool:
    text = " ".join(document.values.get(name, "") for name in _SEARCHED).lower() if search.words else ""
    if not all(word in text for word in search.words):
        return False
    groups = search.groups or ((),)
    return any(all(each.holds(document) for each in group) for group in groups)


def _sorted(documents: list[Document], search: Search) -> list[Document]:
    """By the sort's property, then by id; those without a value come last."""
    sort = search.sort
    if sort is None:
        return documents
    keyed = [(key_of(sort, each), each) for each in documents]
    valued: list[tuple[Any, Document]] = [(key, each) for key, each in keyed if key is not None]
    valued.sort(key=lambda pair: pair[0], reverse=search.descending)
    return [each for _, each in valued] + [each for key, each in keyed if key is None]
