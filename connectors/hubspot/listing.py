"""Full listings: every live record, whole or in ranges of ids, and every archived one.

The plain listing goes by HubSpot's own pages, 100 records each, in the order of ids. A range goes by
searches above the last id seen: 200 records each, at most five a second in an account, and blind to what
the index does not have yet; `list_changes` finds that from the cursor with which each listing ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors.errors import Unavailable
from connectors.hubspot.changes import first_look
from connectors.hubspot.mapping import OBJECT_ID, Records
from connectors.hubspot.schema import Schema
from connectors.hubspot.search import Search, where
from connectors.hubspot.wire import Wire
from connectors.port import Cursor, Page

LIST_PAGE = 100
_PROBES = 12


class _Next(msgspec.Struct):
    after: str


class _Paging(msgspec.Struct):
    next: _Next | None = None


class _Listing(msgspec.Struct):
    results: list[msgspec.Raw]
    paging: _Paging | None = None


_LISTING = msgspec.json.Decoder(_Listing)


class Lister:
    """Lists records from the first to the last.

    Args:
        wire: the account.
        records: the field map.
        schema: checks that the account has the map's properties.
        search: for ranges.
    """

    def __init__(self, wire: Wire, records: Records, schema: Schema, search: Search) -> None:
        self._wire = wire
        self._records = records
        self._schema = schema
        self._search = search

    def page(self, cursor: Cursor | None) -> Page:
        """The next page of live records."""
        state = cursor or {}
        if "above" in state:
            return self._range(state)
        listing, at = self._read(state.get("after"), archived=False)
        started = _number(state, "started", at)
        records = [self._records.read(raw) for raw in listing.results]
        if records:
            self._schema.check(records[0])
        following: Cursor = first_look(started)
        if after := _after(listing, state):
            following = {"after": after, "started": started}
        return Page(self._records.observations(records), following, more=bool(after))

    def archived(self, cursor: Cursor | None) -> Page:
        """The next page of the recycle bin, which HubSpot empties after 90 days."""
        state = cursor or {}
        listing, _ = self._read(state.get("after"), archived=True)
        records = [self._records.read(raw) for raw in listing.results]
        after = _after(listing, state)
        return Page([each.observation for each in records], {"after": after} if after else {}, bool(after))

    def partitions(self, count: int) -> Sequence[Cursor]:
        """Ranges of ids with about as many records each; the last one has no end."""
        if count < 2:
            return [{}]
        lowest = self._search.page([], limit=1, brief=True)
        highest = self._search.page([], down=True, limit=1, brief=True)
        if not lowest.places or not highest.places:
            return [{}]
        low, high = int(lowest.places[0].ref), int(highest.places[0].ref)
        edges = [self._edge(low, high, lowest.total * part // count) for part in range(1, count)]
        bounds = [0, *sorted(set(edges))]
        ends: list[int | None] = [*bounds[1:], None]
        return [
            {"above": above, "to": to, "started": lowest.at} for above, to in zip(bounds, ends, strict=True)
        ]

    def _edge(self, low: int, high: int, goal: int) -> int:
        """An id that has about `goal` records at or below it."""
        for _ in range(_PROBES):
            middle = (low + high) // 2
            total = self._search.page([where(OBJECT_ID, "LTE", middle)], limit=1, brief=True).total
            if total == goal or middle == low:
                return middle
            low, high = (middle, high) if total < goal else (low, middle)
        return (low + high) // 2

    def _range(self, state: Cursor) -> Page:
        above, to = _number(state, "above", 0), state.get("to")
        filters = [where(OBJECT_ID, "GT", above)]
        if to is not None:
            filters.append(where(OBJECT_ID, "LTE", _number(state, "to", 0)))
        found = self._search.page(filters)
        if found.records:
            self._schema.check(found.records[0])
        started = _number(state, "started", found.at)
        following: Cursor = first_look(started)
        if found.more:
            following = {"above": int(found.places[-1].ref), "to": to, "started": started}
        return Page(self._records.observations(found.records), following, found.more)

    def _read(self, after: object, *, archived: bool) -> tuple[_Listing, int]:
        answer = self._wire.ask(
            "list",
            self._wire.companies.get_page,
            _LISTING,
            limit=LIST_PAGE,
            properties=list(self._records.properties),
            archived=archived,
            after=after,
        )
        return answer.value, answer.at


def _after(listing: _Listing, state: Cursor) -> str | None:
    """Where the next page starts.

    Raises:
        Unavailable: it is where this one did; the listing would go in circles.
    """
    following = listing.paging.next.after if listing.paging and listing.paging.next else None
    if following is not None and following == state.get("after"):
        raise Unavailable("HubSpot's listing names the same page again.")
    return following


def _number(state: Cursor, name: str, default: int) -> int:
    value = state.get(name)
    return value if isinstance(value, int) else default
