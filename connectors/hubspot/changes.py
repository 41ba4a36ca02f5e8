"""Changes since a moment, page by page: never stuck, and nothing skipped.

HubSpot can be asked for the records changed since a millisecond, in the order of their changes. A page
shows the 200 oldest; the next one asks from the last one's millisecond on. If more than 200 records share
one (batch writes and imports do that), they are gone through by id. So a record that changes between two
pages only moves ahead of them, and no query comes near the 10,000 results that one can have.

The index shows a change only after a moment, and changes out of order. So a pass begins ten minutes before
the last change that the pass before it saw, and every half an hour 75 minutes before the last pass that did
so: what the index shows within an hour is seen, stamped by a clock that is ten minutes behind, too. Seeing a
record again costs nothing downstream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from connectors.hubspot.mapping import MODIFIED, OBJECT_ID, Record, Records
from connectors.hubspot.schema import Schema
from connectors.hubspot.search import Found, Search, where
from connectors.port import Cursor, Page

MINUTE = 60_000
LOOK_BACK = 10 * MINUTE
TRAIL_BACK = 75 * MINUTE
TRAIL_EVERY = 30 * MINUTE
LONGEST_BACK = 6 * 60 * MINUTE
"""How far back a pass may begin for want of later changes; else an old import would be read for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """Where a pass stands; all times in milliseconds of HubSpot's clock.

    Args:
        low: the next page shows changes from here on.
        tie: if records are gone through that changed exactly at `low`, the last id seen.
        since: where the pass would have begun without looking that far back.
        trailing: it began that far back.
        trailed: when the last pass that did so started.
        started: when it started; None before its first page.
        high: the last change seen.
    """

    low: int
    tie: int | None = None
    since: int
    trailing: bool = False
    trailed: int
    started: int | None = None
    high: int | None = None


def first_look(started: int) -> Cursor:
    """The cursor for what changed since a listing that started then."""
    return {"since": started - LOOK_BACK, "trailed": started}


class Changes:
    """Reads passes.

    Args:
        search: the account's index.
        records: the field map.
        schema: checks that the account has the map's properties.
        now: this machine's clock, milliseconds; says only when the next look far back is due.
    """

    def __init__(self, search: Search, records: Records, schema: Schema, now: Callable[[], int]) -> None:
        self._search = search
        self._records = records
        self._schema = schema
        self._now = now

    def page(self, cursor: Cursor | None) -> Page:
        """The next page, of a pass that goes on or of a new one."""
        if cursor is None:
            found = self._search.page([], limit=1, brief=True)
            return Page((), first_look(found.at), more=False)
        state = _Pass(**cursor) if "low" in cursor else self._begin(cursor)  # type: ignore[arg-type]
        filters = [where(MODIFIED, "GTE", state.low)]
        if state.tie is not None:
            filters = [where(MODIFIED, "EQ", state.low), where(OBJECT_ID, "GT", state.tie)]
        found = self._search.page(filters, sort=MODIFIED if state.tie is None else OBJECT_ID)
        if found.records:
            self._schema.check(found.records[0])
        if state.started is None:
            state = replace(state, started=found.at)
        shown, following = _step(state, found)
        if following is None:
            return Page(self._records.observations(shown), _end(_seen(state, found)), more=False)
        return Page(self._records.observations(shown), asdict(_seen(following, found)), more=True)

    def _begin(self, cursor: Cursor) -> _Pass:
        since, trailed = int(str(cursor["since"])), int(str(cursor["trailed"]))
        trailing = abs(self._now() - trailed) >= TRAIL_EVERY
        low = min(since, trailed - TRAIL_BACK) if trailing else since
        return _Pass(low=low, since=since, trailing=trailing, trailed=trailed)


def _step(state: _Pass, found: Found) -> tuple[list[Record], _Pass | None]:
    """What to show of a page, and how to go on."""
    shown = list(found.records)
    if state.tie is not None:
        if found.more:
            return shown, replace(state, tie=int(found.places[-1].ref))
        return shown, replace(state, tie=None, low=state.low + 1)
    if not found.more:
        return shown, None
    stamps = [each.stamp for each in found.places]
    last = next((stamp for stamp in reversed(stamps) if stamp > state.low), state.low)
    if last == state.low or min(stamps) == last:
        return [], replace(state, low=last, tie=0)
    # Others may share the last one's moment: it is left to the next page, with all of them.
    return [each for each in shown if each.stamp < last], replace(state, low=last)


def _seen(state: _Pass, found: Found) -> _Pass:
    stamps = [each.stamp for each in found.places]
    return replace(state, high=max([*stamps, *([] if state.high is None else [state.high])], default=None))


def _end(state: _Pass) -> Cursor:
    """Where the next pass begins: never before the one that ends here did."""
    started = state.started or 0
    high = state.since if state.high is None else min(state.high, started) - LOOK_BACK
    since = max(state.since, high, started - LONGEST_BACK)
    return {"since": since, "trailed": started if state.trailing else state.trailed}
